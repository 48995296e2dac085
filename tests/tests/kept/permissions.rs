//! Users of Redis and of Postgres who may do what the documentation asks for, and nothing else.

use cache_runtime::ErrorKind;
use cache_runtime::session::Client;
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;
use tests::RedisServer;

use crate::world::{Logins, World, user};

/// As it stands in docs/sessions.md.
const REDIS: &str = "~shop:session:* &shop:* +get +mget +set +del +unlink +pttl +evalsha +script|load +publish +multi +exec \
     +ping +info +role +time";
const POSTGRES: &str = "GRANT USAGE ON SCHEMA cache_runtime TO app; \
     GRANT SELECT ON cache_runtime.migrations TO app; \
     GRANT SELECT, INSERT, UPDATE, DELETE ON cache_runtime.sessions TO app";

async fn logins(world: &World, server: &RedisServer, role: &str) -> Logins {
    let () = redis::cmd("ACL")
        .arg("SETUSER")
        .arg("app")
        .arg(&["reset", "on", ">secret"])
        .arg(REDIS.split(' ').collect::<Vec<_>>())
        .query_async(&mut world.raw().await)
        .await
        .unwrap();
    let options: PgConnectOptions = world.database.url().parse().unwrap();
    let db = PgPool::connect_with(options.username(role)).await.unwrap();
    let url = format!("redis://app:secret@{}", server.address());
    let cache = world.builder().redis(&url).build().unwrap();
    Logins { db, cache }
}

async fn world(server: &RedisServer, role: &str, grants: &str) -> World {
    let mut world = World::at(&server.url()).await;
    world.namespace = "shop".to_owned();
    let sql = format!("DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN; {grants}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.replace("app", role)))
        .execute(world.database.pool())
        .await
        .unwrap();
    world
}

#[tokio::test]
async fn the_documented_permissions_are_enough() {
    let server = RedisServer::start();
    let role = format!("kept_{:08x}", fastrand::u32(..));
    let world = world(&server, &role, POSTGRES).await;
    let logins = logins(&world, &server, &role).await;
    let mut ids = Vec::new();
    for _ in 0..7 {
        ids.push(logins.create(&user(7), &Client::new()).await.unwrap());
    }
    let id = ids.pop().unwrap();
    world.cached(&logins, &id).await;
    logins.update(&id, |login| login.views += 1).await.unwrap().unwrap();
    let id = logins.rotate(&id, |login| login.user_id = Some(8)).await.unwrap().unwrap();
    world.cached(&logins, &id).await;
    assert_eq!(logins.list(&8).await.unwrap().len(), 1);
    assert_eq!(logins.destroy_others(&id).await.unwrap(), 0);
    assert!(logins.destroy_listed(&8, id.digest()).await.unwrap());
    assert_eq!(logins.destroy_all(&7).await.unwrap(), 4);
    logins.destroy_everyone().await.unwrap();
    logins.remove_ended().await.unwrap();
    let stats = logins.cache.stats();
    assert_eq!((stats.errors, stats.refused), (0, 0), "{stats:?}");
    assert!(stats.fills >= 2, "{stats:?}");
    drop(logins);
    drop_role(&world, &role).await;
}

#[tokio::test]
async fn a_role_that_may_not_use_the_table_is_told_what_it_needs() {
    let server = RedisServer::start();
    let role = format!("kept_{:08x}", fastrand::u32(..));
    let world = world(&server, &role, "").await;
    let logins = logins(&world, &server, &role).await;
    let error = logins.create(&user(7), &Client::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    assert!(error.to_string().contains("GRANT"), "{error}");
    drop(logins);
    drop_role(&world, &role).await;
}

async fn drop_role(world: &World, role: &str) {
    let sql = format!("DROP OWNED BY {role}; DROP ROLE {role}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(world.database.pool()).await.unwrap();
}
