//! The tier in the process, beside everything else that happens to a value.

use std::time::Duration;

use cache_runtime::testing::ManualClock;
use cache_runtime::{
    CacheManager, CachedRepository, CallSpec, Entity, Level, ReadAt, State, Step, Whole,
    cached_repository,
};
use tests::{eventually, in_time};

use crate::world::{World, near, population};

const BOUND: Duration = Duration::from_secs(1);

/// The first process has a tier and a clock that stands still.
async fn world() -> (World, ManualClock) {
    World::bounded(BOUND).await
}

/// Hazards 13 and 23 for what is renewed: the server has evicted the value, so renewing it replaces nothing there.
#[tokio::test]
async fn a_refresh_reaches_a_tier_that_keeps_what_the_server_has_evicted() {
    let (world, _) = world().await;
    near(&world.here, 1).await;
    world.elsewhere.cache.backend().delete(&world.row(1)).await.unwrap();
    world.sql("UPDATE cities SET population = 7 WHERE id = 1").await;
    assert_eq!(population(&world.here, 1).await, 2100, "nobody knows of it");
    world.elsewhere.refresh(1).await.unwrap();
    eventually("the refresh is heard", || async { population(&world.here, 1).await == 7 }).await;
}

/// Hazard 23: the time that a value is on its way counts.
#[tokio::test]
async fn a_value_that_was_long_on_its_way_into_the_tier_lives_there_no_longer_for_it() {
    let (world, clock) = world().await;
    near(&world.here, 2).await;
    world.elsewhere.get(1).await.unwrap();
    eventually("Redis has the row", || async {
        world.elsewhere.explain(1).await.state == State::Value
    })
    .await;
    let admit = world.stepper.park(Step::Admit, &world.row(1));
    let here = world.here.clone();
    let reader = tokio::spawn(async move { here.get(1).await });
    admit.arrived().await;
    // The process stands still for longer than the value lives.
    clock.advance(Duration::from_secs(20 * 60));
    world.sql("UPDATE cities SET population = 7 WHERE id = 1").await;
    world.expire(&world.row(1)).await;
    admit.open();
    in_time("the reader", reader).await.unwrap().unwrap();
    // A beat has proven the stream since.
    near(&world.here, 2).await;
    assert_eq!(population(&world.here, 1).await, 7);
}

/// An id whose hash says nothing: all of them share every place that goes by the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, sqlx::Type)]
#[sqlx(transparent)]
struct Blind(i64);

impl std::hash::Hash for Blind {
    fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
}

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize, sqlx::FromRow, Entity)]
#[entity(table = "cities")]
struct BlindCity {
    #[entity(id)]
    id: Blind,
    population: i64,
}

#[cached_repository(entity = BlindCity, ttl = "1h")]
struct BlindCities {
    db: sqlx::PgPool,
    cache: CacheManager,
}

/// What a thread remembers goes by a hash, and ids may share one, by chance or because somebody chose them.
#[tokio::test]
async fn ids_that_share_a_hash_get_their_own_rows() {
    let (world, _) = world().await;
    let (db, cache) = (world.fixture.pool().clone(), world.here.cache.clone());
    let cities = BlindCities { db, cache };
    let expected = [1_i64, 2].map(|id| (id, Blind(id)));
    eventually("both are in the tier", || async {
        for (_, id) in expected {
            cities.get(&id).await.unwrap();
        }
        cities.stats().tier_hits >= 2
    })
    .await;
    let before = cities.stats();
    for _ in 0..100 {
        for (id, blind) in expected {
            let row = cities.get(&blind).await.unwrap().unwrap();
            assert_eq!(row.id, blind, "{row:?}");
            let stored: i64 = sqlx::query_scalar("SELECT population FROM cities WHERE id = $1")
                .bind(id)
                .fetch_one(world.fixture.pool())
                .await
                .unwrap();
            assert_eq!(row.population, stored);
        }
    }
    let since = cities.stats() - before;
    assert!(since.tier_hits > 100, "{since}");
}

/// A call that is made by hand, and awaited inside a level that it was made outside of.
#[tokio::test]
async fn a_level_holds_for_a_call_that_was_made_before_it() {
    static COUNT: CallSpec = CallSpec::new("i64");
    let (world, _) = world().await;
    let call = || {
        let repository = world.here.repository();
        repository.call::<Whole<i64>>(&COUNT).key(|key| key.text("count"))
    };
    let count = || async {
        sqlx::query_scalar("SELECT count(*) FROM cities").fetch_one(world.fixture.pool()).await
    };
    eventually("the tier has the answer", || async {
        let before = world.here.stats().tier_hits;
        assert_eq!(call().cached(count).await.unwrap(), 3);
        world.here.stats().tier_hits > before
    })
    .await;
    world.sql("DELETE FROM cities WHERE id = 3").await;
    let key = world.here.cache.key().text("cities:call:count").finish().unwrap();
    world.here.cache.backend().delete(&key).await.unwrap();
    assert_eq!(call().cached(count).await.unwrap(), 3, "nobody knows of it");
    for level in [Level::Database, Level::Strong] {
        assert_eq!(call().cached(count).at(level).await.unwrap(), 2, "{level:?}");
    }
}

/// Below what clocks can tell nothing is near, and above what they can count nothing overflows.
#[tokio::test]
async fn bounds_of_no_time_and_of_all_time_do_no_harm() {
    let (world, _) = world().await;
    near(&world.here, 1).await;
    for (nanos, near) in [(0, 0), (1, 0), (5_000_000, 0), (10_000_000, 0), (u64::MAX, 1)] {
        let before = world.here.stats();
        let bound = Duration::from_nanos(nanos);
        let row = world.here.get(1).at(Level::Bounded(bound)).await.unwrap();
        assert_eq!(row.unwrap().population, 2100);
        let rows = world.here.get_many(&[1]).at(Level::Bounded(bound)).await.unwrap();
        assert_eq!(rows.len(), 1);
        let since = world.here.stats() - before;
        assert_eq!((since.tier_hits, since.hits), (2 * near, 2 - 2 * near), "{bound:?}");
    }
    let row = world.here.get(1).at(Level::Bounded(Duration::MAX)).await.unwrap();
    assert_eq!(row.unwrap().population, 2100);
}
