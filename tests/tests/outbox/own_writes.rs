//! What the repository writes itself is held, and not written down as well.

use cache_runtime::{CachedRepository, Within, migrate};

use super::world::{City, World, city};

async fn watched() -> World {
    let world = World::new().await;
    world.cities.repository().watch().await.unwrap();
    world
}

const NOTHING: [&str; 0] = [];

#[tokio::test]
async fn a_repository_s_own_writes_leave_nothing() {
    let world = watched().await;
    let cities = &world.cities;
    cities.insert(&city(4, "ulm", "DE", 126)).await.unwrap();
    cities.insert_many(&[city(5, "bonn", "DE", 330), city(6, "kiel", "DE", 246)]).await.unwrap();
    cities.update(&city(4, "ulm", "DE", 127)).await.unwrap();
    cities.upsert(&city(4, "ulm", "DE", 128)).await.unwrap();
    cities.upsert(&city(7, "jena", "DE", 110)).await.unwrap();
    cities.delete(7).await.unwrap();
    cities.delete_many(&[5, 6, 77]).await.unwrap();
    assert_eq!(world.outbox().await, NOTHING);
}

#[tokio::test]
async fn plain_sql_beside_them_in_one_transaction_is_written() {
    let world = watched().await;
    let mut tx = world.cities.begin().await.unwrap();
    Within::new(&world.cities, &mut tx).update(&city(1, "paris", "FR", 1)).await.unwrap();
    sqlx::query("UPDATE cities SET population = 2 WHERE id = 2").execute(&mut *tx).await.unwrap();
    Within::new(&world.cities, &mut tx).update(&city(3, "rome", "IT", 3)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.outbox().await, ["cities:id:=2", "tag:=cities", "tag:=country%3AFR"]);
}

#[tokio::test]
async fn what_a_trigger_changes_elsewhere_in_the_table_is_written() {
    let world = watched().await;
    world
        .sql(
            "CREATE FUNCTION shrink() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 UPDATE cities SET population = 0 WHERE id = 2; RETURN NULL; END $$; \
             CREATE TRIGGER shrink AFTER UPDATE OF slug ON cities FOR EACH ROW EXECUTE FUNCTION shrink()",
        )
        .await;
    world.cities.update(&city(1, "paname", "FR", 2100)).await.unwrap();
    assert_eq!(world.outbox().await, ["cities:id:=2", "tag:=cities", "tag:=country%3AFR"]);
}

/// The repository sees the same row before and after, and holds nothing.
#[tokio::test]
async fn what_a_trigger_changes_unseen_by_the_repository_is_written() {
    let world = World::new().await;
    world
        .sql(
            "CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 NEW.note := coalesce(NEW.note, '') || '.'; RETURN NEW; END $$; \
             CREATE TRIGGER stamp BEFORE UPDATE ON cities FOR EACH ROW EXECUTE FUNCTION stamp()",
        )
        .await;
    world.cities.repository().watch().await.unwrap();
    // Before all in a session that has never written through a repository, and so has no setting.
    let fresh = world.fixture.database().connect(1).await;
    sqlx::query("UPDATE cities SET population = 2 WHERE id = 3").execute(&fresh).await.unwrap();
    assert_eq!(world.outbox().await, ["cities:id:=3", "tag:=cities", "tag:=country%3AIT"]);
    world.sql("DELETE FROM cache_runtime.outbox").await;
    world.cities.update(&city(1, "paris", "FR", 2100)).await.unwrap();
    assert_eq!(world.outbox().await, ["cities:id:=1", "tag:=cities", "tag:=country%3AFR"]);
    world.sql("DELETE FROM cache_runtime.outbox").await;
    world.cities.update(&city(1, "paris", "FR", 1)).await.unwrap();
    world.cities.insert(&city(4, "ulm", "DE", 126)).await.unwrap();
    world.cities.delete(4).await.unwrap();
    assert_eq!(world.outbox().await, NOTHING, "these it has seen");
    world.sql("UPDATE cities SET population = 2 WHERE id = 1").await;
    assert_eq!(world.outbox().await, ["cities:id:=1", "tag:=cities", "tag:=country%3AFR"]);
}

/// A foreign key may change more rows than the statement says.
#[tokio::test]
async fn a_table_that_cascades_into_itself_writes_everything() {
    for ring in [
        "ALTER TABLE cities ADD COLUMN twin int8 REFERENCES cities ON DELETE CASCADE",
        "CREATE TABLE twins (city int8 REFERENCES cities ON DELETE CASCADE, id int8 PRIMARY KEY); \
         ALTER TABLE cities ADD COLUMN twin int8 REFERENCES twins ON DELETE CASCADE",
    ] {
        let world = World::new().await;
        world.sql(ring).await;
        world.cities.repository().watch().await.unwrap();
        if ring.contains("twins") {
            world
                .sql("INSERT INTO twins VALUES (1, 1); UPDATE cities SET twin = 1 WHERE id = 3")
                .await;
        } else {
            world.sql("UPDATE cities SET twin = 1 WHERE id = 3").await;
        }
        world.sql("DELETE FROM cache_runtime.outbox").await;
        world.cities.delete(1).await.unwrap();
        let left = world.outbox().await;
        assert!(left.contains(&"cities:id:=3".to_owned()), "{left:?}");
    }
}

/// One table, watched for two namespaces: who writes in the one is from elsewhere for the other.
#[tokio::test]
async fn each_namespace_has_its_own_triggers() {
    let world = watched().await;
    let other = cache_runtime::CacheManager::builder("other").memory().build().unwrap();
    let other = super::world::Cities { db: world.pool().clone(), cache: other };
    other.repository().watch().await.unwrap();
    let written = async || -> Vec<String> {
        sqlx::query_scalar("DELETE FROM cache_runtime.outbox RETURNING namespace")
            .fetch_all(world.pool())
            .await
            .unwrap()
    };
    world.cities.update(&city(1, "paris", "FR", 1)).await.unwrap();
    assert_eq!(written().await, ["other"]);
    other.update(&city(1, "paris", "FR", 2)).await.unwrap();
    assert_eq!(written().await, [world.fixture.namespace()]);
    world.sql("UPDATE cities SET population = 3 WHERE id = 1").await;
    assert_eq!(written().await.len(), 2);
    other.repository().unwatch().await.unwrap();
    world.sql("UPDATE cities SET population = 4 WHERE id = 1").await;
    assert_eq!(written().await, [world.fixture.namespace()]);
}

/// Its writes invalidate nothing, so they are from elsewhere.
#[tokio::test]
async fn a_plain_data_source_counts_as_elsewhere() {
    use cache_runtime::{DataSource, PgSource};
    let world = watched().await;
    migrate(world.pool()).await.unwrap();
    let source = PgSource::<City>::new(world.pool());
    source.store(&city(1, "paris", "FR", 1)).await.unwrap();
    assert_eq!(world.outbox().await, ["cities:id:=1", "tag:=cities", "tag:=country%3AFR"]);
}
