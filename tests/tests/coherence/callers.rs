use cache_runtime::{State, Step};
use tests::{eventually, in_time};

use super::world::World;

/// Hazard 18.
#[tokio::test]
async fn who_waits_for_a_cancelled_load_is_served_all_the_same() {
    let world = World::new().await;
    let key = world.largest(1);
    let load = world.stepper.park(Step::Load, &key);
    let call = || {
        let here = world.here.clone();
        tokio::spawn(async move { here.largest(1).await })
    };
    let leader = call();
    load.arrived().await;
    let waiters: Vec<_> = (0..20).map(|_| call()).collect();
    eventually("all have looked", || async { world.here.stats().misses == 21 }).await;
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    for waiter in waiters {
        let rows = in_time("an answer", waiter).await.unwrap().unwrap();
        assert_eq!(rows[0].slug, "rome");
    }
    assert!(world.here.stats().loads <= 2, "{}", world.here.stats());
    drop(load);
}

/// Hazard 18: the lease of a reader that went away does not stand in the way of others.
#[tokio::test]
async fn a_cancelled_reader_gives_its_lease_back() {
    let world = World::new().await;
    let load = world.stepper.park(Step::Load, &world.row(1));
    let reader = tokio::spawn({
        let here = world.here.clone();
        async move { here.get(1).await }
    });
    load.arrived().await;
    assert_eq!(world.elsewhere.explain(1).await.state, State::Lease);
    reader.abort();
    world.released(1).await;
    drop(load);
    assert!(world.elsewhere.get(1).await.unwrap().is_some());
}

/// Hazard 18.
#[tokio::test]
async fn who_waits_for_a_load_that_panics_is_served_all_the_same() {
    use cache_runtime::{CachedRepository, CallSpec, Whole};
    let world = World::new().await;
    static CALL: CallSpec = CallSpec::new("i64");
    let key = world.here.cache.key().text("cities:call:panics").finish().unwrap();
    let load = world.stepper.park(Step::Load, &key);
    let call = |panics: bool| {
        let here = world.here.clone();
        tokio::spawn(async move {
            here.repository()
                .call::<Whole<i64>>(&CALL)
                .key(|key| key.text("panics"))
                .cached(|| async move {
                    assert!(!panics, "the load panics");
                    Ok::<i64, sqlx::Error>(7)
                })
                .await
        })
    };
    let leader = call(true);
    load.arrived().await;
    let waiter = call(false);
    eventually("both have looked", || async { world.here.stats().misses == 2 }).await;
    load.open();
    assert!(leader.await.unwrap_err().is_panic());
    assert_eq!(in_time("an answer", waiter).await.unwrap().unwrap(), 7);
}
