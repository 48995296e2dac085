//! The tier in the process: what it may answer, and when.

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::backend::RedisCache;
use cache_runtime::testing::{FaultyCache, ManualClock, Op};
use cache_runtime::{CacheManager, Level, Origin, ReadAt, State, Step};
use tests::{RedisServer, eventually, in_time};

use crate::world::{Cities, World, city, near, population};

const BOUND: Duration = Duration::from_secs(1);

/// The first process has a tier and a clock that stands still.
async fn world() -> (World, ManualClock) {
    World::bounded(BOUND).await
}

#[tokio::test]
async fn a_hit_in_the_process_asks_nobody() {
    let (world, _) = world().await;
    near(&world.here, 1).await;
    let reads = || world.stepper.seen().iter().filter(|(step, _)| *step == Step::Read).count();
    let (before, hits) = (reads(), world.here.stats().tier_hits);
    let row = world.here.get(1).await.unwrap().unwrap();
    assert_eq!((reads(), world.here.stats().tier_hits), (before, hits + 1));
    let again = world.here.get(1).await.unwrap().unwrap();
    assert!(std::sync::Arc::ptr_eq(&row, &again), "the value itself is handed out");
}

#[tokio::test]
async fn look_ups_lists_answers_and_nothing_are_kept_too() {
    let (world, _) = world().await;
    let all = || async {
        assert_eq!(world.here.find_by_slug("paris").await.unwrap().unwrap().id, 1);
        assert_eq!(world.here.list_by_country("FR", ..).await.unwrap().len(), 2);
        assert_eq!(world.here.largest(1).await.unwrap()[0].id, 3);
        assert_eq!(world.here.get(99).await.unwrap(), None);
        assert_eq!(world.here.get_many(&[1, 99, 2, 1]).await.unwrap().len(), 4);
    };
    eventually("everything comes from the tier", || async {
        let before = world.here.stats();
        all().await;
        let since = world.here.stats() - before;
        since.misses == 0 && since.hits == 0 && since.negative_hits == 0
    })
    .await;
}

#[tokio::test]
async fn the_level_of_a_call_passes_the_tiers_over() {
    let (world, _) = world().await;
    near(&world.here, 1).await;
    world.sql("UPDATE cities SET population = 7 WHERE id = 1").await;
    assert_eq!(population(&world.here, 1).await, 2100);
    assert_eq!(world.here.get(1).at(Level::Strong).await.unwrap().unwrap().population, 2100);
    assert_eq!(world.here.get(1).at(Level::Database).await.unwrap().unwrap().population, 7);
    assert_eq!(population(&world.here, 1).await, 2100, "a read of the database caches nothing");
    let both = async { (population(&world.here, 1).await, world.here.get_many(&[1]).await) };
    let (one, many) = both.at(Level::Database).await;
    assert_eq!((one, many.unwrap()[0].as_ref().unwrap().population), (7, 7));
}

/// Hazard 13 is about a store that announces only what it had: here the key is absent in Redis, and kept in the tier.
#[tokio::test]
async fn a_write_to_a_key_that_the_server_no_longer_has_reaches_the_tier() {
    let (world, _) = world().await;
    near(&world.here, 1).await;
    world.elsewhere.cache.backend().delete(&world.row(1)).await.unwrap();
    world.elsewhere.update(&city(1, "paris", "FR", 7)).await.unwrap();
    eventually("the tier has heard of it", || async { population(&world.here, 1).await == 7 })
        .await;
}

/// Hazard 14: the invalidation is here before the answer that it makes old.
#[tokio::test]
async fn a_value_that_an_invalidation_overtook_is_not_kept() {
    let (world, _) = world().await;
    near(&world.here, 2).await;
    world.elsewhere.get(1).await.unwrap();
    eventually("Redis has the row", || async {
        world.elsewhere.explain(1).await.state == State::Value
    })
    .await;
    let admit = world.stepper.park(Step::Admit, &world.row(1));
    let reader = tokio::spawn({
        let here = world.here.clone();
        async move { here.get(1).await }
    });
    admit.arrived().await;
    world.elsewhere.update(&city(1, "paris", "FR", 7)).await.unwrap();
    eventually("the invalidation is here", || async {
        world.stepper.seen().contains(&(Step::Evict, world.row(1)))
    })
    .await;
    admit.open();
    in_time("the reader", reader).await.unwrap().unwrap();
    assert_eq!(world.here.stats().refused_admits, 1);
    assert_eq!(population(&world.here, 1).await, 7);
}

/// The same for a value that this process has loaded and filled itself.
#[tokio::test]
async fn a_fill_that_an_invalidation_overtook_is_not_kept() {
    let (world, _) = world().await;
    near(&world.here, 2).await;
    let admit = world.stepper.park(Step::Admit, &world.row(1));
    world.here.get(1).await.unwrap();
    admit.arrived().await;
    world.elsewhere.update(&city(1, "paris", "FR", 7)).await.unwrap();
    eventually("the invalidation is here", || async {
        world.stepper.seen().contains(&(Step::Evict, world.row(1)))
    })
    .await;
    admit.open();
    eventually("it was refused", || async { world.here.stats().refused_admits == 1 }).await;
    assert_eq!(population(&world.here, 1).await, 7);
}

/// Hazard 15.
#[tokio::test]
async fn a_writer_sees_its_own_write_while_the_stream_is_slow() {
    let (world, _) = world().await;
    near(&world.here, 1).await;
    near(&world.here, 2).await;
    let evict = world.stepper.park(Step::Evict, &world.row(1));
    world.here.update(&city(1, "paname", "FR", 7)).await.unwrap();
    evict.arrived().await;
    assert_eq!(population(&world.here, 1).await, 7);
    assert_eq!(world.here.find_by_slug("paname").await.unwrap().unwrap().id, 1);
    assert_eq!(world.here.find_by_slug("paris").await.unwrap(), None);
}

/// Hazard 15, in a transaction with statements of one's own.
#[tokio::test]
async fn a_transaction_is_seen_by_its_own_process_when_it_returns() {
    let (world, _) = world().await;
    near(&world.here, 1).await;
    let _evict = world.stepper.park(Step::Evict, &world.row(1));
    let mut tx = world.here.begin().await.unwrap();
    world.here.rename(&mut tx, 1, "paname").await.unwrap();
    assert_eq!(world.here.get(1).await.unwrap().unwrap().slug, "paris", "not committed yet");
    tx.commit().await.unwrap();
    assert_eq!(world.here.get(1).await.unwrap().unwrap().slug, "paname");
}

/// Hazard 16: the stream is silent, because the connection is half open or the process was paused.
#[tokio::test]
async fn a_silent_stream_is_believed_for_the_bound_and_no_longer() {
    let (world, clock) = world().await;
    near(&world.here, 1).await;
    let evict = world.stepper.park(Step::Evict, &world.row(1));
    world.elsewhere.update(&city(1, "paris", "FR", 7)).await.unwrap();
    evict.arrived().await;
    assert_eq!(population(&world.here, 1).await, 2100, "the write is not a second old");
    clock.advance(BOUND);
    assert_eq!(population(&world.here, 1).await, 7);
    evict.open();
    near(&world.here, 1).await;
    assert_eq!(population(&world.here, 1).await, 7);
}

#[tokio::test]
async fn a_lost_stream_empties_the_tier_and_the_next_one_opens_it() {
    // Of its own: everybody's streams are cut.
    let server = RedisServer::start();
    let url = server.url();
    let level = Level::Bounded(Duration::from_secs(60));
    let world = World::with(|builder| builder.redis(&url).level(level)).await;
    near(&world.here, 1).await;
    let evict = world.stepper.park(Step::Evict, &world.row(1));
    world.elsewhere.update(&city(1, "paris", "FR", 7)).await.unwrap();
    evict.arrived().await;
    // The stream breaks with the invalidation unheard.
    let mut connection =
        redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
    let cut: i64 = redis::cmd("CLIENT")
        .arg(&["KILL", "TYPE", "pubsub"])
        .query_async(&mut connection)
        .await
        .unwrap();
    assert!(cut > 0);
    evict.open();
    near(&world.here, 1).await;
    assert_eq!(population(&world.here, 1).await, 7);
    near(&world.here, 1).await;
}

/// Hazard 17.
#[tokio::test]
async fn an_invalidation_detaches_the_load_that_it_makes_old() {
    let (world, _) = world().await;
    near(&world.here, 2).await;
    let fill = world.stepper.park(Step::Fill, &world.row(1));
    world.here.get(1).await.unwrap();
    fill.arrived().await;
    world.elsewhere.update(&city(1, "paris", "FR", 7)).await.unwrap();
    eventually("the invalidation is here", || async {
        world.stepper.seen().contains(&(Step::Evict, world.row(1)))
    })
    .await;
    // The flight is still under way, and nobody boards it any more.
    let answer = in_time("a reader that comes after it", world.here.get(1)).await;
    assert_eq!(answer.unwrap().unwrap().population, 7);
    fill.open();
}

/// Hazard 23.
#[tokio::test]
async fn a_value_lives_no_longer_in_the_tier_than_in_the_cache() {
    let (world, clock) = world().await;
    near(&world.here, 1).await;
    let left = match world.elsewhere.explain(1).await.remaining {
        cache_runtime::Remaining::Left(left) => left,
        other => panic!("a row expires: {other:?}"),
    };
    world.sql("UPDATE cities SET population = 7 WHERE id = 1").await;
    world.expire(&world.row(1)).await;
    clock.advance(left + Duration::from_secs(1));
    eventually("beats go on", || async { world.here.explain(2).await.origin != Origin::Process })
        .await;
    assert_eq!(population(&world.here, 1).await, 7);
}

#[tokio::test]
async fn a_tag_that_is_invalidated_elsewhere_reaches_the_tier() {
    let (world, _) = world().await;
    let near = || async {
        let before = world.here.stats().tier_hits;
        world.here.largest(1).await.unwrap();
        world.here.stats().tier_hits > before
    };
    eventually("the tier has the answer", near).await;
    world.elsewhere.update(&city(2, "lyon", "FR", 9000)).await.unwrap();
    eventually("the tier has heard of it", || async {
        world.here.largest(1).await.unwrap()[0].slug == "lyon"
    })
    .await;
    // By name, and here at once.
    eventually("the tier has the new answer", near).await;
    world.sql("UPDATE cities SET population = 10000 WHERE id = 1").await;
    world.here.cache.invalidate_tags(&["cities"]).await.unwrap();
    assert_eq!(world.here.largest(1).await.unwrap()[0].slug, "paris");
}

#[tokio::test]
async fn what_is_cleared_or_refreshed_elsewhere_leaves_the_tier() {
    let (world, _) = world().await;
    near(&world.here, 1).await;
    world.sql("UPDATE cities SET population = 7 WHERE id = 1").await;
    world.elsewhere.refresh(1).await.unwrap();
    eventually("the refresh is heard", || async { population(&world.here, 1).await == 7 }).await;
    near(&world.here, 1).await;
    world.sql("UPDATE cities SET population = 8 WHERE id = 1").await;
    world.elsewhere.cache.clear().await.unwrap();
    eventually("the clear is heard", || async { population(&world.here, 1).await == 8 }).await;
}

#[tokio::test]
async fn what_a_load_reads_comes_from_no_tier() {
    let (world, _) = world().await;
    near(&world.here, 1).await;
    let _evict = world.stepper.park(Step::Evict, &world.row(1));
    world.elsewhere.update(&city(1, "paris", "FR", 7)).await.unwrap();
    assert_eq!(population(&world.here, 1).await, 2100, "the stream is held up");
    // Its body reads the row through the repository, and its answer will be cached for readers of every level.
    assert_eq!(world.here.population_by_row(1).await.unwrap(), Some(7));
}

#[tokio::test]
async fn without_room_there_is_no_tier() {
    let world = World::with(|builder| builder.level(Level::Bounded(BOUND)).tier(0, 0)).await;
    world.cached(1).await;
    world.here.get(1).await.unwrap();
    assert_eq!(world.here.stats().admitted, 0);
    assert_eq!(world.here.explain(1).await.origin, Origin::Cache);
}

#[tokio::test]
async fn managers_over_one_memory_hear_each_other() {
    use std::sync::Arc;

    let world = World::new().await;
    let memory = Arc::new(cache_runtime::backend::MemoryCache::new());
    let cities = || Cities {
        db: world.here.db.clone(),
        cache: CacheManager::builder("geo").backend(memory.clone()).build().unwrap(),
        runs: Arc::default(),
    };
    let (here, elsewhere) = (cities(), cities());
    near(&here, 1).await;
    elsewhere.update(&city(1, "paris", "FR", 7)).await.unwrap();
    eventually("it is heard", || async { population(&here, 1).await == 7 }).await;
}

/// Nothing but the call says so: the manager's beats are further apart.
#[tokio::test]
async fn the_level_of_a_call_brings_the_beats_that_it_needs() {
    let world = World::new().await;
    let redis = RedisCache::open(world.fixture.redis_url()).unwrap();
    let faulty = FaultyCache::over(Arc::new(redis));
    let cache = CacheManager::builder(world.fixture.namespace())
        .backend(Arc::new(faulty.clone()))
        .level(Level::Bounded(BOUND))
        .build()
        .unwrap();
    let cities = Cities { cache, ..world.here.clone() };
    cities.get(1).at(Level::Bounded(Duration::from_millis(40))).await.unwrap();
    // Four a second would take far longer than this waits.
    eventually("beats follow each other", || async { faulty.calls(Op::Beat) > 100 }).await;
}

/// A row by an id that is no number.
#[derive(
    Clone,
    Debug,
    PartialEq,
    serde::Serialize,
    serde::Deserialize,
    sqlx::FromRow,
    cache_runtime::Entity,
)]
#[entity(table = "parts")]
struct Part {
    #[entity(id)]
    sku: String,
    maker: String,
}

#[cache_runtime::cached_repository(entity = Part)]
struct Parts {
    db: sqlx::PgPool,
    cache: CacheManager,
}

/// `char(8)` is padded: the row that an id finds bears another one.
#[tokio::test]
async fn a_row_that_bears_another_id_than_it_was_asked_for_is_kept_too() {
    let (world, _) = world().await;
    world.sql("CREATE TABLE parts (sku char(8) PRIMARY KEY, maker text NOT NULL)").await;
    world.sql("INSERT INTO parts VALUES ('bolt', 'Acme'), ('nut', 'Bolt & Co')").await;
    let parts = Parts { db: world.here.db.clone(), cache: world.here.cache.clone() };
    let asked = ["bolt", "nut", "screw"];
    let makers = || async {
        let mut makers = Vec::new();
        for sku in asked {
            makers.push(parts.get(sku).await.unwrap().map(|part| part.maker.clone()));
        }
        makers
    };
    let right = [Some("Acme"), Some("Bolt & Co"), None].map(|maker| maker.map(str::to_owned));
    assert_eq!(makers().await, right);
    eventually("everything comes from the tier", || async {
        let before = parts.stats().tier_hits;
        assert_eq!(makers().await, right);
        parts.stats().tier_hits - before == asked.len() as u64
    })
    .await;
}
