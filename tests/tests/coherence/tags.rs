use std::sync::atomic::Ordering;

use cache_runtime::Step;
use tests::{eventually, in_time};

use super::world::{Cities, World, city};

#[tokio::test]
async fn a_tagged_answer_is_cached_until_a_row_of_its_table_changes() {
    let world = World::new().await;
    assert_eq!(world.here.largest(1).await.unwrap()[0].slug, "rome");
    world.filled(1).await;
    assert_eq!(world.here.largest(1).await.unwrap()[0].slug, "rome");
    assert_eq!(world.elsewhere.largest(1).await.unwrap()[0].slug, "rome");
    assert_eq!(world.here.runs.load(Ordering::SeqCst), 1);
    assert_eq!(world.elsewhere.runs.load(Ordering::SeqCst), 0);

    world.elsewhere.update(&city(2, "lyon", "FR", 9000)).await.unwrap();
    assert_eq!(world.here.largest(1).await.unwrap()[0].slug, "lyon");
}

/// Hazard 21: the tag has a stamp again, and it is not the one that the answer was loaded under.
#[tokio::test]
async fn an_answer_under_an_older_stamp_of_its_tag_is_a_miss() {
    let world = World::new().await;
    assert_eq!(world.here.largest(1).await.unwrap()[0].slug, "rome");
    world.filled(1).await;
    world.elsewhere.update(&city(2, "lyon", "FR", 9000)).await.unwrap();
    world.released(2).await;
    assert_eq!(world.elsewhere.largest(2).await.unwrap().len(), 2);
    eventually("the other answer has stamped the tag", || async {
        world.elsewhere.stats().fills == 1
    })
    .await;
    assert_eq!(world.here.largest(1).await.unwrap()[0].slug, "lyon");
}

/// Hazard 21: a row comes in while the answer is being loaded.
#[tokio::test]
async fn a_tagged_answer_that_a_writer_overtook_is_a_miss() {
    let world = World::new().await;
    let fill = world.stepper.park(Step::Fill, &world.largest(1));
    assert_eq!(world.here.largest(1).await.unwrap()[0].slug, "rome");
    fill.arrived().await;
    world.elsewhere.insert(&city(9, "tokyo", "JP", 37_000)).await.unwrap();
    world.released(9).await;
    fill.open();
    eventually("the fill is decided", || async {
        world.here.stats().fills + world.here.stats().rejected_fills == 1
    })
    .await;
    assert_eq!(world.here.largest(1).await.unwrap()[0].slug, "tokyo");
}

#[tokio::test]
async fn a_tagged_answer_is_not_served_while_a_writer_is_about_to_commit() {
    let world = World::new().await;
    world.here.largest(1).await.unwrap();
    world.filled(1).await;
    let release = world.unreleased(city(2, "lyon", "FR", 9000)).await;
    assert_eq!(world.elsewhere.largest(1).await.unwrap()[0].slug, "lyon");
    release.open();
    assert_eq!(world.elsewhere.largest(1).await.unwrap()[0].slug, "lyon");
}

/// Hazard 17 for a tagged answer: the lease of the answer outlives a write that changes only the tag.
#[tokio::test]
async fn a_joiner_does_not_take_a_tagged_load_that_a_writer_overtook() {
    let world = World::new().await;
    let fill = world.stepper.park(Step::Fill, &world.largest(1));
    world.here.largest(1).await.unwrap();
    fill.arrived().await;
    world.elsewhere.update(&city(2, "lyon", "FR", 9000)).await.unwrap();
    world.released(2).await;
    let joiner = tokio::spawn({
        let here = world.here.clone();
        async move { here.largest(1).await }
    });
    eventually("the joiner has looked", || async { world.here.stats().misses == 2 }).await;
    fill.open();
    let joined = in_time("the joiner's answer", joiner).await.unwrap().unwrap();
    assert_eq!(joined[0].slug, "lyon", "the joiner began after the write");
}

#[tokio::test]
async fn a_write_invalidates_the_tags_of_its_old_and_new_row_and_no_other() {
    let world = World::new().await;
    for country in ["FR", "IT", "DE"] {
        world.here.population_of(country).await.unwrap();
    }
    world.filled(3).await;
    world.elsewhere.update(&city(2, "lyon", "IT", 500)).await.unwrap();
    assert_eq!(world.here.population_of("FR").await.unwrap(), Some(2100));
    assert_eq!(world.here.population_of("IT").await.unwrap(), Some(3300));
    let loads = world.here.stats().loads;
    assert_eq!(world.here.population_of("DE").await.unwrap(), None);
    assert_eq!(world.here.stats().loads, loads, "its tag is untouched");
}

#[tokio::test]
async fn a_tag_can_be_invalidated_by_name() {
    let world = World::new().await;
    world.here.population_of("FR").await.unwrap();
    world.filled(1).await;
    world.sql("UPDATE cities SET population = 1 WHERE country = 'FR'").await;
    assert_eq!(world.here.population_of("FR").await.unwrap(), Some(2600));
    world.elsewhere.cache.invalidate_tags(&["country:FR"]).await.unwrap();
    assert_eq!(world.here.population_of("FR").await.unwrap(), Some(2));
}

/// A column that the entity does not have may be what a cached answer reads.
#[tokio::test]
async fn a_change_of_a_column_outside_the_entity_invalidates_the_tags_of_its_row() {
    let world = World::new().await;
    world.sql("ALTER TABLE cities ADD COLUMN area int8 NOT NULL DEFAULT 1").await;
    assert_eq!(world.here.areas().await.unwrap(), 3);
    world.filled(1).await;
    let mut tx = world.here.begin().await.unwrap();
    world.here.widen(&mut tx, 1).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.here.areas().await.unwrap(), 13);
}

/// Nobody can lock a row that is not there: it comes after a method has looked for it, and the method changes it.
#[tokio::test]
async fn a_method_invalidates_what_came_between_its_look_and_its_statement() {
    for connections in [1, 8] {
        for (to, expected) in [(Some("PT"), None), (None, None)] {
            let world = World::new().await;
            let narrow = world.fixture.database().connect(connections).await;
            let here = Cities { db: narrow, ..world.here.clone() };
            let meanwhile = async {
                world.elsewhere.insert(&city(9, "tokyo", "JP", 37_000)).await.unwrap();
                world.released(9).await;
                let known = world.elsewhere.population_of("JP").await.unwrap();
                assert_eq!(known, Some(37_000));
                world.elsewhere.get(9).await.unwrap();
                world.elsewhere.cache.drain().await;
            };
            let mut tx = here.begin().await.unwrap();
            let moved = here.move_after(&mut tx, 9, to, meanwhile).await.unwrap();
            assert_eq!(moved, 1, "the statement has found the row");
            tx.commit().await.unwrap();
            assert_eq!(world.elsewhere.population_of("JP").await.unwrap(), expected, "{to:?}");
            let country = world.elsewhere.get(9).await.unwrap().map(|city| city.country.clone());
            assert_eq!(country.flatten().as_deref(), to);
        }
    }
}
