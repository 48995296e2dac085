//! Writes that pass the repository by.

use std::collections::BTreeSet;

use cache_runtime::CachedRepository;
use tests::eventually;

use super::world::World;

async fn watched() -> World {
    let world = World::new().await;
    world.here.watch().await.unwrap();
    world
}

/// What one statement leaves in the outbox for lists by condition.
async fn left(statement: &'static str) -> BTreeSet<String> {
    let world = watched().await;
    world.sql(statement).await;
    let keys: Vec<Vec<String>> = sqlx::query_scalar("SELECT keys FROM cache_runtime.outbox")
        .fetch_all(world.fixture.pool())
        .await
        .unwrap();
    let head = format!("{}:towns:where:", world.here.cache.namespace().as_str());
    let keys = keys.into_iter().flatten();
    keys.filter_map(|key| key.strip_prefix(&head).map(str::to_owned)).collect()
}

fn set<const N: usize>(keys: [&str; N]) -> BTreeSet<String> {
    keys.into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn the_triggers_name_the_lists_that_the_old_or_the_new_row_may_stand_in() {
    let within = ["ports:=NO", "above:any:=NO", "around:any:0", "around:any:1"];
    assert_eq!(left("UPDATE towns SET slug = 'x' WHERE id = 1").await, set(within));
    // A column that the entity does not have changes no list, and nobody can tell.
    assert_eq!(left("UPDATE towns SET note = 'x' WHERE id = 1").await, set(within));
    assert_eq!(
        left("UPDATE towns SET population = 1000 WHERE id = 1").await,
        set(["big", "ports:=NO", "above:any:=NO", "around:any:0", "around:any:1"])
    );
    assert_eq!(
        left("UPDATE towns SET population = NULL, country = 'a:b' WHERE id = 1").await,
        set([
            "ports:=NO",
            "ports:=a%3Ab",
            "above:any:=NO",
            "around:any:0",
            "around:any:1",
            "unknown"
        ])
    );
    assert_eq!(
        left("INSERT INTO towns VALUES (9, 'hanko', 'FI', 8, false)").await,
        set(["above:any:=FI", "around:any:0"])
    );
    assert_eq!(
        left("DELETE FROM towns WHERE id = 5").await,
        set(["big", "above:any:=FI", "around:any:0", "around:any:1", "around:any:2"])
    );
}

#[tokio::test]
async fn lists_hear_of_plain_sql_of_a_bulk_load_and_of_an_emptied_table() {
    let world = watched().await;
    let relay = world.here.cache.relay(world.fixture.pool()).spawn().unwrap();
    let lists = async || {
        let here = &world.here;
        (
            here.list_big(..).await.unwrap().len(),
            here.list_ports("NO", ..).await.unwrap().len(),
            here.list_above(500, "NO", ..).await.unwrap().len(),
            here.list_around(500, ..).await.unwrap().len(),
            here.list_unknown(..).await.unwrap().len(),
        )
    };
    let after = async |statement: &'static str, expected| {
        lists().await;
        world.here.cache.drain().await;
        world.sql(statement).await;
        eventually(statement, || async { lists().await == expected }).await;
        // And they stay so once they are cached again.
        world.here.cache.drain().await;
        assert_eq!(lists().await, expected, "{statement}");
    };
    after("UPDATE towns SET population = population + 500", (3, 2, 3, 5, 0)).await;
    after(
        "INSERT INTO towns SELECT n, 'n' || n, 'NO', n, n % 2 = 0 FROM generate_series(100, 1100) n",
        (3, 503, 604, 605, 0),
    )
    .await;
    after("UPDATE towns SET country = NULL WHERE id = 1", (3, 502, 603, 605, 1)).await;
    after("DELETE FROM towns WHERE id >= 100", (3, 1, 2, 5, 1)).await;
    after("TRUNCATE towns", (0, 0, 0, 0, 0)).await;
    relay.stop().await;
}

/// What the repository writes is held by it, and the triggers write nothing of it.
#[tokio::test]
async fn a_repositorys_own_writes_leave_nothing_in_the_outbox() {
    let world = watched().await;
    world.here.update(&super::world::town(1, "oslo", "SE", 5000, false)).await.unwrap();
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM cache_runtime.outbox")
        .fetch_one(world.fixture.pool())
        .await
        .unwrap();
    assert_eq!(left, 0);
}

/// A condition that has changed is installed anew.
#[tokio::test]
async fn the_triggers_say_the_conditions() {
    let world = World::new().await;
    let sql = world.here.repository().watch_sql().await.unwrap();
    assert!(sql.contains(r#"CASE WHEN (row_after."population" >= (1000)) IS TRUE THEN"#), "{sql}");
}
