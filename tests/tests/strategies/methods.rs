//! Cached methods: the body borrows, so who renews its answer waits for it.

use std::sync::atomic::Ordering;

use cache_runtime::{Level, Step};
use tests::{eventually, in_time};

use crate::renewals::{HOUR, soften};
use crate::world::{World, city};

async fn softened() -> World {
    let world = World::with(|builder| builder.stale_while_revalidate(HOUR)).await;
    assert_eq!(largest(&world).await, "rome");
    world.here.cache.drain().await;
    soften(&world, &world.largest(1)).await;
    world
}

async fn largest(world: &World) -> String {
    in_time("an answer", world.here.largest(1)).await.unwrap()[0].slug.clone()
}

fn runs(world: &World) -> usize {
    world.here.runs.load(Ordering::SeqCst)
}

#[tokio::test]
async fn the_caller_that_renews_an_answer_waits_and_all_others_are_served() {
    let world = softened().await;
    let mut lock = world.fixture.pool().begin().await.unwrap();
    sqlx::query("LOCK TABLE cities IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.unwrap();
    sqlx::query("UPDATE cities SET population = 9000 WHERE id = 2")
        .execute(&mut *lock)
        .await
        .unwrap();
    let chosen = tokio::spawn({
        let here = world.here.clone();
        async move { here.largest(1).await }
    });
    eventually("its body runs", || async { runs(&world) == 2 }).await;
    for _ in 0..10 {
        assert_eq!(largest(&world).await, "rome");
    }
    assert!(!chosen.is_finished());
    lock.commit().await.unwrap();
    assert_eq!(in_time("the chosen", chosen).await.unwrap().unwrap()[0].slug, "lyon");
    world.here.cache.drain().await;
    assert_eq!(largest(&world).await, "lyon");
    assert_eq!((runs(&world), world.here.stats().renewals), (2, 1));
}

#[tokio::test]
async fn an_answer_whose_renewal_fails_is_served_as_it_was() {
    let world = softened().await;
    world.sql("ALTER TABLE cities RENAME TO elsewhere").await;
    for _ in 0..3 {
        assert_eq!(largest(&world).await, "rome");
    }
    assert_eq!((runs(&world), world.here.stats().failed_renewals), (2, 1));
}

/// What is put in its place bears the stamps that the value bore, and they are gone.
#[tokio::test]
async fn a_renewed_answer_whose_tag_was_invalidated_meanwhile_is_a_miss() {
    let world = softened().await;
    let fill = world.stepper.park(Step::Fill, &world.largest(1));
    assert_eq!(largest(&world).await, "rome");
    fill.arrived().await;
    world.elsewhere.update(&city(2, "lyon", "FR", 9000)).await.unwrap();
    fill.open();
    world.here.cache.drain().await;
    assert_eq!(world.here.stats().renewals, 1, "the write has left the answer's own key alone");
    assert_eq!(largest(&world).await, "lyon");
}

#[tokio::test]
async fn an_answer_under_a_tag_that_was_invalidated_is_not_served() {
    let world = softened().await;
    world.elsewhere.update(&city(2, "lyon", "FR", 9000)).await.unwrap();
    assert_eq!(largest(&world).await, "lyon");
}

#[tokio::test]
async fn an_answer_in_the_tier_is_renewed_by_the_call_that_is_chosen() {
    let bound = Level::Bounded(std::time::Duration::from_secs(5));
    let world = World::with(|builder| builder.refresh_ahead(1e12).level(bound)).await;
    eventually("the tier has the answer", || async {
        let before = world.here.stats().tier_hits;
        largest(&world).await;
        world.here.stats().tier_hits > before
    })
    .await;
    world.sql("UPDATE cities SET population = 9000 WHERE id = 2").await;
    eventually("it is renewed", || async { largest(&world).await == "lyon" }).await;
    assert!(world.here.stats().renewals > 0);
}
