//! Writes that pass the repositories by.

use cache_runtime::CachedRepository;

use super::world::World;

async fn watched() -> World {
    let world = World::new().await;
    world.cities.repository().watch().await.unwrap();
    world
}

/// What one statement leaves in the outbox.
async fn left(statement: &str) -> Vec<String> {
    let world = watched().await;
    world.sql(statement).await;
    world.outbox().await
}

#[tokio::test]
async fn an_insert_names_every_key_of_the_new_row() {
    assert_eq!(
        left("INSERT INTO cities VALUES (4, 'new york', 'US', 8300)").await,
        [
            "cities:by:slug:=new%20york",
            "cities:id:=4",
            "cities:list:country:=US",
            "tag:=cities",
            "tag:=country%3AUS"
        ]
    );
}

#[tokio::test]
async fn a_deletion_names_every_key_of_the_old_row() {
    assert_eq!(
        left("DELETE FROM cities WHERE id = 3").await,
        [
            "cities:by:slug:=rome",
            "cities:id:=3",
            "cities:list:country:=IT",
            "tag:=cities",
            "tag:=country%3AIT"
        ]
    );
}

#[tokio::test]
async fn an_update_names_look_ups_and_lists_where_they_have_changed() {
    assert_eq!(
        left("UPDATE cities SET population = 1 WHERE id = 1").await,
        ["cities:id:=1", "tag:=cities", "tag:=country%3AFR"]
    );
    assert_eq!(
        left("UPDATE cities SET slug = 'paname' WHERE id = 1").await,
        [
            "cities:by:slug:=paname",
            "cities:by:slug:=paris",
            "cities:id:=1",
            "tag:=cities",
            "tag:=country%3AFR"
        ]
    );
    assert_eq!(
        left("UPDATE cities SET country = 'BE' WHERE id = 1").await,
        [
            "cities:id:=1",
            "cities:list:country:=BE",
            "cities:list:country:=FR",
            "tag:=cities",
            "tag:=country%3ABE",
            "tag:=country%3AFR"
        ]
    );
    // A column that the entity does not have: cached methods may read it.
    assert_eq!(
        left("UPDATE cities SET note = 'x' WHERE id = 1").await,
        ["cities:id:=1", "tag:=cities", "tag:=country%3AFR"]
    );
}

#[tokio::test]
async fn a_row_that_changes_its_id_is_two_rows() {
    assert_eq!(
        left("UPDATE cities SET id = 9 WHERE id = 1").await,
        [
            "cities:by:slug:=paris",
            "cities:id:=1",
            "cities:id:=9",
            "cities:list:country:=FR",
            "tag:=cities",
            "tag:=country%3AFR"
        ]
    );
    // Two rows that change places.
    let swapped = left(
        "UPDATE cities SET slug = CASE id WHEN 1 THEN 'lyon' ELSE 'paris' END || '-' WHERE id IN (1, 2)",
    );
    assert_eq!(
        swapped.await,
        [
            "cities:by:slug:=lyon",
            "cities:by:slug:=lyon-",
            "cities:by:slug:=paris",
            "cities:by:slug:=paris-",
            "cities:id:=1",
            "cities:id:=2",
            "tag:=cities",
            "tag:=country%3AFR"
        ]
    );
}

#[tokio::test]
async fn a_column_that_is_null_makes_no_key() {
    assert_eq!(
        left("INSERT INTO cities VALUES (4, 'atlantis', NULL, 0)").await,
        ["cities:by:slug:=atlantis", "cities:id:=4", "tag:=cities"]
    );
    assert_eq!(
        left("UPDATE cities SET country = NULL WHERE id = 3").await,
        ["cities:id:=3", "cities:list:country:=IT", "tag:=cities", "tag:=country%3AIT"]
    );
}

#[tokio::test]
async fn a_statement_that_changes_nothing_leaves_nothing() {
    let nothing: [&str; 0] = [];
    assert_eq!(left("UPDATE cities SET population = 1 WHERE id = 77").await, nothing);
    assert_eq!(left("UPDATE cities SET population = population").await, nothing);
    assert_eq!(left("DELETE FROM cities WHERE id = 77").await, nothing);
    assert_eq!(left("INSERT INTO cities SELECT * FROM cities WHERE false").await, nothing);
    assert_eq!(left("BEGIN; DELETE FROM cities; ROLLBACK").await, nothing);
}

#[tokio::test]
async fn an_upsert_names_what_it_did() {
    assert_eq!(
        left(
            "INSERT INTO cities VALUES (1, 'paris', 'FR', 7), (4, 'bonn', 'DE', 330) \
             ON CONFLICT (id) DO UPDATE SET population = excluded.population"
        )
        .await,
        [
            "cities:by:slug:=bonn",
            "cities:id:=1",
            "cities:id:=4",
            "cities:list:country:=DE",
            "tag:=cities",
            "tag:=country%3ADE",
            "tag:=country%3AFR"
        ]
    );
    assert_eq!(
        left(
            "MERGE INTO cities c USING (VALUES (1), (2)) AS v (id) ON c.id = v.id \
             WHEN MATCHED AND v.id = 1 THEN DELETE WHEN MATCHED THEN UPDATE SET population = 0"
        )
        .await,
        [
            "cities:by:slug:=paris",
            "cities:id:=1",
            "cities:id:=2",
            "cities:list:country:=FR",
            "tag:=cities",
            "tag:=country%3AFR"
        ]
    );
}

#[tokio::test]
async fn a_copy_names_its_rows() {
    let world = watched().await;
    let mut connection = world.pool().acquire().await.unwrap();
    let mut copy = connection
        .copy_in_raw("COPY cities (id, slug, country, population) FROM STDIN")
        .await
        .unwrap();
    copy.send(&b"7\tulm\tDE\t126\n8\tbari\tIT\t320\n"[..]).await.unwrap();
    copy.finish().await.unwrap();
    let left = world.outbox().await;
    for key in ["cities:id:=7", "cities:id:=8", "cities:by:slug:=ulm", "tag:=country%3AIT"] {
        assert!(left.iter().any(|left| left == key), "{key} is not in {left:?}");
    }
}

#[tokio::test]
async fn a_cascade_from_another_table_is_seen() {
    let world = World::new().await;
    world
        .sql(
            "CREATE TABLE countries (code text PRIMARY KEY); INSERT INTO countries VALUES ('FR'), ('IT'); \
             ALTER TABLE cities ADD FOREIGN KEY (country) REFERENCES countries ON DELETE CASCADE ON UPDATE CASCADE",
        )
        .await;
    world.cities.repository().watch().await.unwrap();
    world.sql("DELETE FROM countries WHERE code = 'IT'").await;
    assert!(world.outbox().await.contains(&"cities:id:=3".to_owned()));
    world.sql("UPDATE countries SET code = 'GA' WHERE code = 'FR'").await;
    let left = world.outbox().await;
    for key in ["cities:id:=1", "cities:list:country:=FR", "cities:list:country:=GA"] {
        assert!(left.iter().any(|left| left == key), "{key} is not in {left:?}");
    }
}

/// Which rows there were nobody can tell any more: everything under the table's name, and every tag of the template.
#[tokio::test]
async fn a_truncation_names_everything_that_may_have_been_there() {
    assert_eq!(left("TRUNCATE cities").await, ["cities:*", "tag:=cities", "tag:=country%3A*"]);
}

#[tokio::test]
async fn a_replica_role_fires_the_triggers_too() {
    assert_eq!(
        left("SET session_replication_role = replica; DELETE FROM cities WHERE id = 3; RESET session_replication_role")
            .await
            .len(),
        5
    );
}

#[tokio::test]
async fn a_bulk_statement_names_each_key_once_in_rows_of_some() {
    let world = watched().await;
    world
        .sql("INSERT INTO cities SELECT n, 'c' || n, 'C' || n % 3, n FROM generate_series(1000, 1999) n")
        .await;
    let rows: Vec<i32> = sqlx::query_scalar("SELECT cardinality(keys) FROM cache_runtime.outbox")
        .fetch_all(world.pool())
        .await
        .unwrap();
    // The rows, their slugs, three countries with a list and a tag each, and the table.
    assert_eq!(rows.iter().sum::<i32>(), 2007);
    assert!(rows.len() > 20 && rows.iter().all(|keys| *keys <= 64), "{rows:?}");
}

#[tokio::test]
async fn a_watched_table_is_as_fresh_as_its_relay() {
    let world = watched().await;
    let relay = world.ready_relay().await;
    let reader = world.elsewhere();
    for id in 1..=3 {
        world.cached(id).await;
    }
    reader.find_by_slug("paris").await.unwrap();
    reader.list_by_country("FR", ..).await.unwrap();
    reader.population_of("FR").await.unwrap();
    reader.count().await.unwrap();
    reader.cache.drain().await;

    world
        .sql("UPDATE cities SET slug = 'paname', country = 'BE', population = 1 WHERE id = 1")
        .await;
    world.caught_up(&relay).await;
    assert_eq!(reader.get(1).await.unwrap().unwrap().population, 1);
    assert_eq!(reader.find_by_slug("paris").await.unwrap(), None);
    assert_eq!(reader.find_by_slug("paname").await.unwrap().unwrap().id, 1);
    assert_eq!(reader.list_by_country("FR", ..).await.unwrap().len(), 1);
    assert_eq!(reader.population_of("FR").await.unwrap(), Some(500));
    reader.cache.drain().await;

    world.sql("TRUNCATE cities").await;
    world.caught_up(&relay).await;
    assert_eq!(reader.get(3).await.unwrap(), None);
    assert_eq!(reader.list_by_country("IT", ..).await.unwrap(), []);
    assert_eq!(reader.population_of("FR").await.unwrap(), None);
    assert_eq!(reader.count().await.unwrap(), 0);
}
