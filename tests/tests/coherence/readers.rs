use std::sync::atomic::Ordering;
use std::time::Duration;

use cache_runtime::{Key, Origin, Remaining, State, Step};
use tests::{eventually, in_time};

use super::world::{World, city};

/// Hazard 1.
#[tokio::test]
async fn a_fill_that_a_writer_overtook_is_rejected() {
    let world = World::new().await;
    let fill = world.stepper.park(Step::Fill, &world.row(1));
    let read = world.here.get(1).await.unwrap().unwrap();
    assert_eq!(read.population, 2100);
    fill.arrived().await;

    world.elsewhere.update(&city(1, "paris", "FR", 1)).await.unwrap();
    world.released(1).await;
    fill.open();

    eventually("the fill is decided", || async { world.here.stats().rejected_fills == 1 }).await;
    assert_eq!(world.here.stats().fills, 0);
    assert_eq!(world.here.get(1).await.unwrap().unwrap().population, 1);
}

/// Hazard 8.
#[tokio::test]
async fn a_fill_whose_lease_the_server_lost_is_rejected() {
    let world = World::new().await;
    let fill = world.stepper.park(Step::Fill, &world.row(1));
    world.here.get(1).await.unwrap();
    fill.arrived().await;

    world.expire(&world.row(1)).await;
    // While nothing stands at the key, a plain SQL writer could have come and gone.
    fill.open();

    eventually("the fill is decided", || async { world.here.stats().rejected_fills == 1 }).await;
    assert_eq!(world.elsewhere.explain(1).await.state, State::Absent);
}

/// Hazard 8, where another reader has the key by now.
#[tokio::test]
async fn a_fill_under_another_readers_lease_is_rejected() {
    let world = World::new().await;
    let fill = world.stepper.park(Step::Fill, &world.row(1));
    world.here.get(1).await.unwrap();
    fill.arrived().await;
    world.expire(&world.row(1)).await;
    world.sql("UPDATE cities SET population = 7 WHERE id = 1").await;
    world.elsewhere.get(1).await.unwrap();
    eventually("the other reader has filled", || async { world.elsewhere.stats().fills == 1 })
        .await;

    fill.open();
    eventually("the fill is decided", || async { world.here.stats().rejected_fills == 1 }).await;
    assert_eq!(world.here.get(1).await.unwrap().unwrap().population, 7);
}

/// Hazard 17: who joins after a write must not get what was loaded before it.
#[tokio::test]
async fn a_joiner_does_not_take_a_load_that_a_writer_overtook() {
    let world = World::new().await;
    let fill = world.stepper.park(Step::Fill, &world.row(1));
    world.here.get(1).await.unwrap();
    fill.arrived().await;
    world.elsewhere.update(&city(1, "paris", "FR", 1)).await.unwrap();
    world.released(1).await;

    // The load of before the write has landed, and its fill is not decided.
    let joiner = tokio::spawn({
        let here = world.here.clone();
        async move { here.get(1).await }
    });
    eventually("the joiner has looked", || async { world.here.stats().misses == 2 }).await;
    fill.open();

    let joined = in_time("the joiner's answer", joiner).await.unwrap().unwrap().unwrap();
    assert_eq!(joined.population, 1, "the joiner began after the write");
    assert_eq!(world.here.stats().coalesced, 0);
}

/// Hazard 17: an accepted fill proves that no writer came between.
#[tokio::test]
async fn a_joiner_takes_a_load_whose_fill_was_accepted() {
    let world = World::new().await;
    let fill = world.stepper.park(Step::Fill, &world.row(1));
    world.here.get(1).await.unwrap();
    fill.arrived().await;
    let joiner = tokio::spawn({
        let here = world.here.clone();
        async move { here.get(1).await }
    });
    eventually("the joiner has looked", || async { world.here.stats().misses == 2 }).await;
    fill.open();
    let joined = in_time("the joiner's answer", joiner).await.unwrap().unwrap().unwrap();
    assert_eq!(joined.population, 2100);
    assert_eq!(world.here.stats().loads, 1);
}

#[tokio::test]
async fn a_thousand_callers_of_a_cold_key_cost_one_query() {
    let world = World::new().await;
    let load = world.stepper.park(Step::Load, &world.row(1));
    let callers: Vec<_> = (0..1000)
        .map(|_| {
            let here = world.here.clone();
            tokio::spawn(async move { here.get(1).await })
        })
        .collect();
    load.arrived().await;
    eventually("all have looked", || async { world.here.stats().misses == 1000 }).await;
    load.open();
    for caller in callers {
        let row = in_time("an answer", caller).await.unwrap().unwrap().unwrap();
        assert_eq!(row.slug, "paris");
    }
    assert_eq!(world.here.stats().loads, 1);
}

#[tokio::test]
async fn two_processes_with_one_cold_key_cost_one_query() {
    let world = World::new().await;
    let load = world.stepper.park(Step::Load, &world.row(1));
    let here = tokio::spawn({
        let here = world.here.clone();
        async move { here.get(1).await }
    });
    load.arrived().await;
    let elsewhere = tokio::spawn({
        let elsewhere = world.elsewhere.clone();
        async move { elsewhere.get(1).await }
    });
    eventually("the other has looked", || async { world.elsewhere.stats().misses == 1 }).await;
    load.open();
    assert!(in_time("an answer", here).await.unwrap().unwrap().is_some());
    assert!(in_time("an answer", elsewhere).await.unwrap().unwrap().is_some());
    assert_eq!(world.here.stats().loads + world.elsewhere.stats().loads, 1);
}

#[tokio::test]
async fn a_reader_waits_for_another_processes_lease_only_so_long_and_only_once() {
    let world = World::with(|builder| builder.lease_wait(Duration::from_millis(20))).await;
    let load = world.stepper.park(Step::Load, &world.row(1));
    let stuck = tokio::spawn({
        let here = world.here.clone();
        async move { here.get(1).await }
    });
    load.arrived().await;
    let row = in_time("an answer", world.elsewhere.get(1)).await.unwrap().unwrap();
    assert_eq!(row.slug, "paris");
    assert_eq!(world.elsewhere.stats().fills, 0, "it had no lease");
    assert_eq!(world.elsewhere.explain(1).await.state, State::Lease);
    load.open();
    stuck.await.unwrap().unwrap();
}

/// Hazard 19.
#[tokio::test]
async fn a_cached_nothing_ends_when_the_row_is_inserted() {
    let world = World::new().await;
    world.cached(9).await;
    assert_eq!(world.here.get(9).await.unwrap(), None);
    assert_eq!(world.here.find_by_slug("nice").await.unwrap(), None);
    assert_eq!(world.here.explain(9).await.state, State::Negative);

    world.elsewhere.insert(&city(9, "nice", "FR", 340)).await.unwrap();
    assert_eq!(world.here.get(9).await.unwrap().unwrap().slug, "nice");
    assert_eq!(world.here.find_by_slug("nice").await.unwrap().unwrap().id, 9);
}

/// Hazard 19, where the load of the nothing is under way.
#[tokio::test]
async fn a_nothing_that_an_insert_overtook_is_not_cached() {
    let world = World::new().await;
    let fill = world.stepper.park(Step::Fill, &world.slug("nice"));
    assert_eq!(world.here.find_by_slug("nice").await.unwrap(), None);
    fill.arrived().await;
    world.elsewhere.insert(&city(9, "nice", "FR", 340)).await.unwrap();
    world.released(9).await;
    fill.open();
    eventually("the fill is decided", || async { world.here.stats().rejected_fills == 1 }).await;
    assert_eq!(world.here.find_by_slug("nice").await.unwrap().unwrap().id, 9);
}

/// Hazard 27.
#[tokio::test]
async fn entries_that_are_filled_together_expire_apart() {
    let world = World::new().await;
    let ids: Vec<i64> = (100..300).collect();
    let rows: Vec<_> = ids.iter().map(|id| city(*id, &format!("city-{id}"), "FR", 1)).collect();
    world.here.insert_many(&rows).await.unwrap();
    world.released(299).await;
    world.here.warm(&ids).await.unwrap();
    eventually("all are cached", || async { world.here.stats().fills >= 200 }).await;
    let mut left = Vec::new();
    for id in &ids {
        match world.here.cache.backend().ttl(&world.row(*id)).await.unwrap() {
            Remaining::Left(time) => left.push(time),
            other => panic!("{other:?}"),
        }
    }
    let (least, most) = (left.iter().min().unwrap(), left.iter().max().unwrap());
    assert!(*most - *least > Duration::from_secs(60), "from {least:?} to {most:?} of 15 minutes");
    assert!(*least > Duration::from_secs(15 * 60 * 9 / 10 - 60), "{least:?}");
    assert!(*most <= Duration::from_secs(15 * 60 * 11 / 10), "{most:?}");
}

#[tokio::test]
async fn a_refresh_replaces_what_is_cached() {
    let world = World::new().await;
    world.cached(1).await;
    world.sql("UPDATE cities SET population = 7 WHERE id = 1").await;
    assert_eq!(world.here.get(1).await.unwrap().unwrap().population, 2100, "plain SQL is not seen");
    assert_eq!(world.here.refresh(1).await.unwrap().unwrap().population, 7);
    assert_eq!(world.here.get(1).await.unwrap().unwrap().population, 7);
    assert_eq!(world.here.stats().loads, 2);
}

#[tokio::test]
async fn an_invalidated_row_is_loaded_anew_by_every_way_to_it() {
    let world = World::new().await;
    world.cached(1).await;
    world.here.find_by_slug("paris").await.unwrap();
    world.here.list_by_country("FR", ..).await.unwrap();
    assert_eq!(world.here.find_by_slug("paname").await.unwrap(), None);
    world.sql("UPDATE cities SET slug = 'paname', country = 'XX' WHERE id = 1").await;
    world.here.invalidate(1).await.unwrap();
    assert_eq!(world.here.get(1).await.unwrap().unwrap().slug, "paname");
    assert_eq!(world.here.find_by_slug("paris").await.unwrap(), None);
    assert_eq!(world.here.find_by_slug("paname").await.unwrap().unwrap().id, 1);
    assert_eq!(world.here.list_by_country("FR", ..).await.unwrap().len(), 1);
    assert_eq!(world.here.list_by_country("XX", ..).await.unwrap().len(), 1);
}

#[tokio::test]
async fn one_failure_is_given_to_all_who_wait() {
    let world = World::new().await;
    let key: Key = world.here.cache.key().text("cities:call:fails").finish().unwrap();
    let load = world.stepper.park(Step::Load, &key);
    let callers: Vec<_> = (0..20)
        .map(|_| {
            let here = world.here.clone();
            tokio::spawn(async move { here.fails().await })
        })
        .collect();
    load.arrived().await;
    eventually("all have looked", || async { world.here.stats().misses == 20 }).await;
    load.open();
    for caller in callers {
        let error = in_time("an answer", caller).await.unwrap().unwrap_err();
        let code = error.as_database_error().unwrap().code().unwrap().into_owned();
        assert_eq!(code, "22012", "every caller gets the database's own error: {error}");
    }
    assert_eq!(world.here.runs.load(Ordering::SeqCst), 1);
}

/// Hazard 17: the fill was accepted before the write, and its answer came after it.
#[tokio::test]
async fn a_joiner_does_not_take_a_proof_that_is_older_than_itself() {
    use std::sync::Arc;

    use cache_runtime::backend::RedisCache;
    use cache_runtime::testing::{FaultyCache, Op};
    let world = World::new().await;
    let redis = RedisCache::open(world.fixture.redis_url()).unwrap();
    let faulty = FaultyCache::over(Arc::new(redis));
    let cache = cache_runtime::CacheManager::builder(world.fixture.namespace())
        .backend(Arc::new(faulty.clone()))
        .build()
        .unwrap();
    let slow = super::world::Cities { cache, ..world.here.clone() };
    faulty.stall_reply(Op::Fill);
    slow.get(1).await.unwrap();
    faulty.until_stalled(Op::Fill).await;
    world.elsewhere.update(&city(1, "paris", "FR", 1)).await.unwrap();
    world.released(1).await;
    let joiner = tokio::spawn({
        let slow = slow.clone();
        async move { slow.get(1).await }
    });
    eventually("the joiner has looked", || async { slow.stats().misses == 2 }).await;
    faulty.resume(Op::Fill);
    let joined = in_time("the joiner's answer", joiner).await.unwrap().unwrap().unwrap();
    assert_eq!(joined.population, 1, "the joiner began after the write");
}

#[tokio::test]
async fn a_refreshed_row_is_found_by_its_new_look_ups_and_lists() {
    let world = World::new().await;
    world.cached(1).await;
    assert!(world.here.find_by_slug("paname").await.unwrap().is_none());
    assert_eq!(world.here.list_by_country("IT", ..).await.unwrap().len(), 1);
    world.here.cache.drain().await;
    world.sql("UPDATE cities SET slug = 'paname', country = 'IT' WHERE id = 1").await;
    assert_eq!(world.here.refresh(1).await.unwrap().unwrap().slug, "paname");
    assert_eq!(world.here.find_by_slug("paname").await.unwrap().unwrap().id, 1);
    assert!(world.here.find_by_slug("paris").await.unwrap().is_none());
    assert_eq!(world.here.list_by_country("IT", ..).await.unwrap().len(), 2);
}

#[tokio::test]
async fn explain_says_where_a_read_would_go_and_counts_as_none() {
    let hour = Duration::from_secs(3600);
    let world = World::with(|builder| builder.stale_on_error(hour)).await;
    world.cached(1).await;
    let before = world.here.stats();
    assert_eq!(world.here.explain(1).await.origin, Origin::Cache);
    // It stands there for the case that the database fails.
    let halfway = cache_runtime::Ttl::After(hour / 2);
    assert!(world.here.cache.backend().expire(&world.row(1), halfway).await.unwrap());
    let expired = world.here.explain(1).await;
    assert_eq!((expired.origin, expired.state), (Origin::Database, State::Value));
    assert_eq!(world.here.stats(), before);

    // A relay that has never drained the outbox, because there is none.
    world.cached(2).await;
    assert_eq!(world.here.explain(2).await.origin, Origin::Cache);
    let _relay = world.here.cache.relay(world.fixture.pool()).spawn().unwrap();
    assert_eq!(world.here.explain(2).await.origin, Origin::Database);
}
