//! Who needs which rights.

use std::sync::atomic::{AtomicU32, Ordering};

use cache_runtime::{CachedRepository, ErrorKind, migrate};
use sqlx::{AssertSqlSafe, PgPool};
use tests::eventually;

use super::world::{Cities, World, city};

/// What docs/outbox.md gives to the role of an application.
const RIGHTS: &str = "GRANT USAGE ON SCHEMA cache_runtime TO $role; \
     GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA cache_runtime TO $role";

/// A role of a test's own; dropped with [`gone`](Self::gone).
struct Role {
    name: String,
    pool: PgPool,
}

impl Role {
    async fn new(world: &World, rights: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("role_{}_{next}", world.fixture.database().name());
        world
            .sql(&format!(
                "CREATE ROLE {name} LOGIN PASSWORD 'secret'; {}",
                rights.replace("$role", &name)
            ))
            .await;
        let options = world.pool().connect_options();
        let options = (*options).clone().username(&name).password("secret");
        Self { pool: PgPool::connect_with(options).await.unwrap(), name }
    }

    fn cities(&self, world: &World) -> Cities {
        Cities { db: self.pool.clone(), cache: world.cities.cache.clone() }
    }

    async fn gone(self, world: &World) {
        self.pool.close().await;
        world.sql(&format!("DROP OWNED BY {0}; DROP ROLE {0}", self.name)).await;
    }
}

#[tokio::test]
async fn who_may_change_the_table_needs_no_right_on_the_outbox() {
    let world = World::new().await;
    world.cities.repository().watch().await.unwrap();
    let role = Role::new(&world, "GRANT SELECT, UPDATE ON cities TO $role").await;
    sqlx::query("UPDATE cities SET population = 1 WHERE id = 1").execute(&role.pool).await.unwrap();
    assert_eq!(world.outbox().await, ["cities:id:=1", "tag:=cities", "tag:=country%3AFR"]);
    let refused = sqlx::query("DELETE FROM cache_runtime.outbox").execute(&role.pool).await;
    assert_eq!(refused.unwrap_err().as_database_error().unwrap().code().unwrap(), "42501");
    role.gone(&world).await;
}

#[tokio::test]
async fn an_application_that_owns_nothing_runs_with_the_documented_rights() {
    let world = World::new().await;
    let rights = format!("{RIGHTS}; GRANT SELECT, INSERT, UPDATE, DELETE ON cities TO $role");
    let role = Role::new(&world, &rights).await;
    let cities = role.cities(&world);
    migrate(&role.pool).await.expect("there is nothing to do");
    let error = cities.repository().watch().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Outbox);
    let said = error.to_string();
    assert!(said.contains("own the table") && said.contains("CREATE OR REPLACE TRIGGER"), "{said}");

    // What an administrator does with psql.
    let sql = cities.repository().watch_sql().await.unwrap();
    world.sql(&sql).await;
    cities.repository().watch().await.expect("the triggers are there");

    let relay = cities.cache.relay(&role.pool).spawn().unwrap();
    world.caught_up(&relay).await;
    world.cached(1).await;
    cities.update(&city(1, "paris", "FR", 1)).await.unwrap();
    assert_eq!(world.waiting().await.rows, 0);
    world.cached(1).await;
    sqlx::query("UPDATE cities SET population = 2 WHERE id = 1").execute(&role.pool).await.unwrap();
    eventually("it is delivered", || async { relay.stats().rows == 1 }).await;
    assert_eq!(relay.backlog().await.unwrap().rows, 0);
    assert_eq!(cities.get(1).await.unwrap().unwrap().population, 2);
    relay.stop().await;
    role.gone(&world).await;
}

#[tokio::test]
async fn a_relay_without_the_rights_says_which() {
    let world = World::new().await;
    let role = Role::new(&world, "GRANT SELECT ON cities TO $role").await;
    let relay = world.cities.cache.relay(&role.pool).spawn().unwrap();
    let error = relay.backlog().await.unwrap_err();
    assert!(error.to_string().contains("GRANT USAGE ON SCHEMA cache_runtime"), "{error}");
    eventually("it fails", || async { relay.stats().failures > 0 }).await;
    relay.stop().await;
    role.gone(&world).await;
}

/// The owner of the table makes the triggers, which then write as the owner.
#[tokio::test]
async fn the_owner_of_a_table_watches_it_with_the_right_to_create() {
    let world = World::new().await;
    let rights = format!(
        "{RIGHTS}; GRANT CREATE ON SCHEMA cache_runtime TO $role; ALTER TABLE cities OWNER TO $role"
    );
    let role = Role::new(&world, &rights).await;
    role.cities(&world).repository().watch().await.unwrap();
    world.sql("UPDATE cities SET population = 1 WHERE id = 1").await;
    assert_eq!(world.waiting().await.rows, 1);
    role.cities(&world).repository().unwatch().await.unwrap();
    let left: i64 = sqlx::query_scalar(AssertSqlSafe(
        "SELECT (SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'cache%') + \
         (SELECT count(*) FROM pg_proc WHERE proname LIKE 'watch%')"
            .to_owned(),
    ))
    .fetch_one(world.pool())
    .await
    .unwrap();
    assert_eq!(left, 0);
    role.gone(&world).await;
}

/// A managed server may keep its timeline to itself: then only another database is noticed.
#[tokio::test]
async fn a_server_that_withholds_its_timeline_is_served_all_the_same() {
    let world = World::new().await;
    let role = Role::new(&world, RIGHTS).await;
    world.sql("REVOKE EXECUTE ON FUNCTION pg_walfile_name(pg_lsn) FROM PUBLIC").await;
    let relay = world.cities.cache.relay(&role.pool).spawn().unwrap();
    world.cached(1).await;
    world.post(&[world.row(1)]).await;
    eventually("it is delivered", || async { relay.stats().rows == 1 }).await;
    assert_eq!(relay.stats().emptied, 1);
    world.sql("UPDATE cache_runtime.state SET database = 42").await;
    eventually("another database is noticed", || async { relay.stats().emptied == 2 }).await;
    relay.stop().await;
    // One that sees the timeline notes it, and one that does not leaves that alone.
    let sighted = world.elsewhere().cache.relay(world.pool()).spawn().unwrap();
    eventually("the timeline is noted", || async { sighted.stats().emptied == 1 }).await;
    sighted.stop().await;
    let relay = world.cities.cache.relay(&role.pool).spawn().unwrap();
    world.post(&[world.row(1)]).await;
    eventually("the row is delivered", || async { relay.stats().rows == 1 }).await;
    assert_eq!(relay.stats().emptied, 0);
    relay.stop().await;
    role.gone(&world).await;
}
