//! What the lists answer.

use cache_runtime::{Origin, State};

use super::world::{World, oslo, slugs, town};

#[tokio::test]
async fn a_list_has_the_rows_that_meet_its_condition_in_its_order_and_no_more_than_its_limit() {
    let world = World::new().await;
    let here = &world.here;
    for _ in 0..2 {
        assert_eq!(slugs(&here.list_big(..).await.unwrap()), ["lahti", "turku"]);
        assert_eq!(slugs(&here.list_ports("NO", ..).await.unwrap()), ["bergen", "oslo"]);
        assert_eq!(slugs(&here.list_ports("SE", ..).await.unwrap()), Vec::<&str>::new());
        assert_eq!(slugs(&here.list_above(300, "NO", ..).await.unwrap()), ["oslo", "bergen"]);
        assert_eq!(slugs(&here.list_around(300, ..).await.unwrap()), ["oslo", "turku", "lahti"]);
        assert_eq!(slugs(&here.list_unknown(..).await.unwrap()), Vec::<&str>::new());
        here.cache.drain().await;
    }
    assert_eq!(here.stats().loads, 6, "the second time they came from the cache");

    for (id, slug) in [(6, "pori"), (7, "vaasa")] {
        here.insert(&town(id, slug, "FI", 5000, true)).await.unwrap();
    }
    // Equal ones come in the order of their ids.
    assert_eq!(slugs(&here.list_big(..).await.unwrap()), ["pori", "vaasa", "lahti"]);
}

#[tokio::test]
async fn a_page_of_a_list_is_the_same_from_the_cache_and_in_a_transaction() {
    let world = World::new().await;
    for (id, slug) in [(6, "pori"), (7, "vaasa")] {
        world.here.insert(&town(id, slug, "FI", 5000, true)).await.unwrap();
    }
    for _ in 0..2 {
        assert_eq!(slugs(&world.here.list_big(1..2).await.unwrap()), ["vaasa"]);
        assert_eq!(slugs(&world.here.list_big(2..9).await.unwrap()), ["lahti"]);
        assert_eq!(slugs(&world.here.list_big(3..9).await.unwrap()), Vec::<&str>::new());
        world.here.cache.drain().await;
    }
    let mut tx = world.here.begin().await.unwrap();
    let mut inside = world.here.within(&mut tx);
    assert_eq!(slugs(&inside.list_big(..).await.unwrap()), ["pori", "vaasa", "lahti"]);
    assert_eq!(slugs(&inside.list_big(1..2).await.unwrap()), ["vaasa"]);
    assert_eq!(slugs(&inside.list_big(2..9).await.unwrap()), ["lahti"]);
    assert_eq!(slugs(&inside.list_big(3..9).await.unwrap()), Vec::<&str>::new());
    inside.delete(6).await.unwrap();
    assert_eq!(slugs(&inside.list_big(..).await.unwrap()), ["vaasa", "lahti", "turku"]);
    tx.rollback().await.unwrap();
    assert_eq!(slugs(&world.here.list_big(..).await.unwrap()), ["pori", "vaasa", "lahti"]);
}

#[tokio::test]
async fn an_explanation_knows_a_list_and_its_tags() {
    let world = World::new().await;
    let absent = world.here.explain_list_above(300, "NO").await;
    assert_eq!((absent.state, absent.origin), (State::Absent, Origin::Database));
    world.here.list_above(300, "NO", ..).await.unwrap();
    world.filled(1).await;
    let there = world.here.explain_list_above(300, "NO").await;
    assert_eq!((there.state, there.origin), (State::Value, Origin::Cache));
    assert!(there.key.ends_with("towns:where:above:=300:=NO"), "{}", there.key);
    world.here.update(&town(1, "oslo", "NO", 701, true)).await.unwrap();
    world.released(1).await;
    let old = world.here.explain_list_above(300, "NO").await;
    assert_eq!((old.state, old.origin), (State::Value, Origin::Database), "its tag has no stamp");
}

#[tokio::test]
async fn a_row_that_is_invalidated_or_refreshed_takes_its_lists_along() {
    let world = World::new().await;
    for round in 0..2 {
        world.here.upsert(&oslo()).await.unwrap();
        world.released(1).await;
        let fills = world.here.stats().fills;
        world.here.get(1).await.unwrap();
        assert_eq!(world.here.list_above(500, "NO", ..).await.unwrap().len(), 1);
        world.filled(fills + 2).await;
        world.sql("UPDATE towns SET population = 1 WHERE id = 1").await;
        assert_eq!(
            world.here.list_above(500, "NO", ..).await.unwrap().len(),
            1,
            "nobody said a word"
        );
        if round == 0 {
            world.elsewhere.invalidate(1).await.unwrap();
        } else {
            world.elsewhere.refresh(1).await.unwrap();
        }
        assert_eq!(world.here.list_above(500, "NO", ..).await.unwrap().len(), 0);
    }
}

/// A condition compares texts as keys do, so a column where Postgres takes different texts for equal is refused.
#[tokio::test]
async fn a_column_of_a_loose_type_is_refused_where_a_condition_compares_it() {
    let world = World::new().await;
    world.sql("ALTER TABLE towns ALTER country TYPE char(2)").await;
    let error = world.here.verify_schema().await.unwrap_err();
    assert!(error.to_string().contains("column country is"), "{error}");
}
