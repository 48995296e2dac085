//! Events that are published inside a transaction.

use cache_runtime::{Error, ErrorKind, Step};
use tests::in_time;

use super::world::{Counted, Moved, Unknown, World, bus};

async fn move_rome(tx: &mut cache_runtime::CacheTransaction) {
    sqlx::query("UPDATE cities SET country = 'FR' WHERE id = 3")
        .execute(tx.connection())
        .await
        .unwrap();
    sqlx::query("DELETE FROM cities WHERE id = 2").execute(tx.connection()).await.unwrap();
}

#[tokio::test]
async fn an_event_in_a_transaction_is_handled_with_its_commit() {
    let world = World::new().await;
    let events = bus(&world.elsewhere).build().unwrap();
    let italian = async || world.here.list_by_country("IT", ..).await.unwrap().len();
    assert_eq!(
        (world.here.count().await.unwrap(), world.french().await, italian().await),
        (3, (2, 2), 1)
    );
    world.here.cache.drain().await;
    let mut tx = world.elsewhere.begin().await.unwrap();
    move_rome(&mut tx).await;
    events.publish_in(&mut tx, &Moved { ids: vec![2, 3] }).await.unwrap();
    events.publish_in(&mut tx, &Counted).await.unwrap();
    let loads = world.here.stats().loads;
    assert_eq!((world.here.count().await.unwrap(), world.french().await), (3, (2, 2)));
    assert_eq!(world.here.stats().loads, loads, "nothing was invalidated yet");
    tx.commit().await.unwrap();
    // Rome is in other lists than it was.
    assert_eq!(
        (world.here.count().await.unwrap(), world.french().await, italian().await),
        (2, (2, 2), 0)
    );
    let french = world.here.list_french(..).await.unwrap();
    assert!(french.iter().any(|city| city.id == 3), "{french:?}");
}

/// Which lists a row was in that is gone, is known to those alone who do not see the transaction.
#[tokio::test]
async fn the_lists_of_the_state_before_are_known_where_nothing_that_is_cached_tells_them() {
    let world = World::new().await;
    let events = bus(&world.elsewhere).build().unwrap();
    assert_eq!(world.french().await, (2, 2));
    let lyon = world.here.cache.key().text("cities:id").value(&2).finish().unwrap();
    assert!(world.here.cache.backend().delete(&lyon).await.unwrap());
    let mut tx = world.elsewhere.begin().await.unwrap();
    sqlx::query("DELETE FROM cities WHERE id = 2").execute(tx.connection()).await.unwrap();
    events.publish_in(&mut tx, &Moved { ids: vec![2] }).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.french().await, (1, 1));
}

#[tokio::test]
async fn an_event_in_a_transaction_holds_its_keys_between_hold_and_release() {
    let world = World::new().await;
    let events = bus(&world.here).build().unwrap();
    assert_eq!(world.french().await, (2, 2));
    let list = world.key("cities:list:country", "FR");
    let release = world.stepper.park(Step::Release, &list);
    let mut tx = world.here.begin().await.unwrap();
    move_rome(&mut tx).await;
    events.publish_in(&mut tx, &Moved { ids: vec![2] }).await.unwrap();
    let committing = tokio::spawn(tx.commit());
    release.arrived().await;
    let there = world.elsewhere.list_by_country("FR", ..).await.unwrap();
    assert!(there.iter().all(|city| city.id != 2), "committed, and not released: {there:?}");
    release.open();
    in_time("the commit", committing).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_event_in_a_transaction_that_is_rolled_back_never_happened() {
    let world = World::new().await;
    let events = bus(&world.here).build().unwrap();
    assert_eq!(world.here.count().await.unwrap(), 3);
    world.here.cache.drain().await;
    let holds = || world.stepper.seen().into_iter().filter(|(step, _)| *step == Step::Hold).count();

    let mut tx = world.here.begin().await.unwrap();
    events.publish_in(&mut tx, &Counted).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(holds(), 0);

    let mut tx = world.here.begin().await.unwrap();
    let mut part = tx.savepoint().await.unwrap();
    events.publish_in(&mut part, &Counted).await.unwrap();
    part.rollback().await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(holds(), 0, "with the savepoint");
    let loads = world.here.stats().loads;
    assert_eq!(world.here.count().await.unwrap(), 3);
    assert_eq!(world.here.stats().loads, loads, "it is cached as it was");
}

/// What an event makes wrong would not be held: the change must not be committed as if it were.
#[tokio::test]
async fn a_transaction_whose_event_could_not_be_handled_is_not_committed() {
    let world = World::new().await;
    let cities = world.here.clone();
    let events = world
        .here
        .cache
        .events()
        .on::<Counted>(move |_, it| it.matching(&cities, "*"))
        .build()
        .unwrap();
    let mut tx = world.here.begin().await.unwrap();
    let error = events.publish_in(&mut tx, &Counted).await.unwrap_err();
    assert_eq!(Error::of(&error).unwrap().kind(), ErrorKind::Config);
    assert!(error.to_string().contains("cannot be held"), "{error}");
    let refused = tx.commit().await.unwrap_err();
    assert!(refused.to_string().contains(&error.to_string()), "{refused}");

    let mut tx = world.here.begin().await.unwrap();
    let error = events.publish_in(&mut tx, &Unknown).await.unwrap_err();
    assert!(error.to_string().contains("city.twinned"), "{error}");
    let refused = tx.commit().await.unwrap_err();
    assert!(refused.to_string().contains(&error.to_string()), "{refused}");

    // Rolled back with its savepoint, the refusal is no concern of the transaction any more.
    let mut tx = world.here.begin().await.unwrap();
    let mut part = tx.savepoint().await.unwrap();
    events.publish_in(&mut part, &Unknown).await.unwrap_err();
    part.rollback().await.unwrap();
    tx.commit().await.unwrap();
}
