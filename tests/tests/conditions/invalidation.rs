//! What a write invalidates, and what it leaves alone.

use std::collections::BTreeSet;

use super::world::{Town, World, oslo, town};

fn set<const N: usize>(keys: [&str; N]) -> BTreeSet<String> {
    keys.into_iter().map(str::to_owned).collect()
}

/// What a change of Oslo to this row holds.
async fn held(to: Town) -> BTreeSet<String> {
    let world = World::new().await;
    world.here.update(&to).await.unwrap();
    world.held(0)
}

#[tokio::test]
async fn a_write_holds_the_lists_that_its_old_or_new_row_may_stand_in_and_no_other() {
    let within = ["ports:=NO", "above:any:=NO", "around:any:0", "around:any:1"];
    assert_eq!(held(Town { slug: "christiania".to_owned(), ..oslo() }).await, set(within));
    assert_eq!(held(town(1, "oslo", "NO", 699, true)).await, set(within), "in the same lists");
    assert_eq!(
        held(town(1, "oslo", "NO", 1000, true)).await,
        set(["big", "ports:=NO", "above:any:=NO", "around:any:0", "around:any:1"])
    );
    assert_eq!(
        held(town(1, "oslo", "SE", 700, true)).await,
        set([
            "ports:=NO",
            "ports:=SE",
            "above:any:=NO",
            "above:any:=SE",
            "around:any:0",
            "around:any:1"
        ])
    );
    assert_eq!(held(town(1, "oslo", "NO", 700, false)).await, set(within));
    assert_eq!(
        held(Town { population: None, ..oslo() }).await,
        set(["ports:=NO", "above:any:=NO", "around:any:0", "around:any:1", "unknown"])
    );
    assert_eq!(
        held(town(1, "oslo", "NO", 2001, true)).await,
        set(["big", "ports:=NO", "above:any:=NO", "around:any:0", "around:any:1", "around:any:2"])
    );
    assert_eq!(held(oslo()).await, set([]), "a row that stays as it is");
}

#[tokio::test]
async fn inserts_and_deletes_hold_the_lists_of_their_row() {
    let world = World::new().await;
    world.here.insert(&town(9, "hanko", "FI", 8, false)).await.unwrap();
    assert_eq!(world.held(0), set(["above:any:=FI", "around:any:0"]));
    let before = world.stepper.seen().len();
    world.here.delete(5).await.unwrap();
    assert_eq!(
        world.held(before),
        set(["big", "above:any:=FI", "around:any:0", "around:any:1", "around:any:2"])
    );
    let before = world.stepper.seen().len();
    world.here.insert(&Town { country: None, ..town(10, "x", "", 1, true) }).await.unwrap();
    assert_eq!(world.held(before), set(["around:any:0", "unknown"]), "NULL is equal to nothing");
}

/// The same by what is loaded again.
#[tokio::test]
async fn lists_that_a_write_cannot_have_changed_stay_cached() {
    let world = World::new().await;
    let here = &world.here;
    let read = async || {
        here.list_big(..).await.unwrap();
        here.list_ports("FI", ..).await.unwrap();
        here.list_above(1, "FI", ..).await.unwrap();
        here.list_around(2500, ..).await.unwrap();
        here.list_unknown(..).await.unwrap();
        here.cache.drain().await;
    };
    read().await;
    let loads = here.stats().loads;
    assert_eq!(loads, 5);
    // Oslo stays in Norway, below a thousand, and in the first two buckets.
    world.elsewhere.update(&town(1, "oslo", "NO", 999, false)).await.unwrap();
    world.released(1).await;
    read().await;
    assert_eq!(here.stats().loads, loads);
    world.elsewhere.update(&town(1, "oslo", "FI", 2001, true)).await.unwrap();
    world.released(1).await;
    read().await;
    assert_eq!(here.stats().loads, loads + 4, "all but that of unknowns");
}

/// Nobody can lock a row that is not there: it comes after a method has looked for it, and the method changes it.
#[tokio::test]
async fn a_method_invalidates_the_lists_of_what_came_between_its_look_and_its_statement() {
    let world = World::new().await;
    let meanwhile = async {
        world.elsewhere.insert(&town(9, "hanko", "FI", 5000, false)).await.unwrap();
        world.released(9).await;
        assert_eq!(world.elsewhere.list_big(..).await.unwrap().len(), 3);
        world.elsewhere.cache.drain().await;
    };
    let mut tx = world.here.begin().await.unwrap();
    assert_eq!(world.here.grow_after(&mut tx, 9, 8, meanwhile).await.unwrap(), 1);
    tx.commit().await.unwrap();
    assert_eq!(world.elsewhere.list_big(..).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_method_invalidates_the_lists_of_the_old_and_the_new_row() {
    let world = World::new().await;
    for (population, expected) in [(1500, 3), (1600, 3), (9, 2)] {
        world.elsewhere.list_big(..).await.unwrap();
        world.elsewhere.cache.drain().await;
        let mut tx = world.here.begin().await.unwrap();
        world.here.grow_after(&mut tx, 1, population, async {}).await.unwrap();
        tx.commit().await.unwrap();
        let big = world.elsewhere.list_big(..).await.unwrap();
        assert_eq!(big.len(), expected);
        let oslo = big.iter().find(|town| town.id == 1).and_then(|town| town.population);
        assert_eq!(oslo, (population > 9).then_some(population));
    }
}

#[tokio::test]
async fn a_transaction_that_is_rolled_back_invalidates_no_list() {
    let world = World::new().await;
    world.here.list_big(..).await.unwrap();
    world.here.cache.drain().await;
    let mut tx = world.here.begin().await.unwrap();
    world.here.within(&mut tx).delete(5).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(world.held(0), set([]));
    assert_eq!(world.here.list_big(..).await.unwrap().len(), 2);
    assert_eq!(world.here.stats().loads, 1);
}
