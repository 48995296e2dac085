//! Lifetimes and sizes at their ends: zero, below a millisecond, without end, too large.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cache_runtime::{
    CacheManager, CacheManagerBuilder, ErrorKind, Remaining, State, Ttl, cached_repository,
};
use sqlx::PgPool;
use tests::{eventually, in_time};

use super::places::{cached_in_the_end, every_read_is_right};
use super::world::{City, World, city};

const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

#[cached_repository(entity = City, ttl = "0s", unique(slug), list(country))]
struct NoValues {
    db: PgPool,
    cache: CacheManager,
    runs: AtomicUsize,
}

#[cached_repository]
impl NoValues {
    #[cached(key = "zero", ttl = "0s")]
    async fn zero(&self) -> sqlx::Result<i64> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        Ok(7)
    }

    #[cached(key = "nothing", ttl = "1m", negative_ttl = "0s")]
    async fn nothing(&self) -> sqlx::Result<Option<i64>> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        Ok(None)
    }
}

/// As its manager says.
#[cached_repository(entity = City, unique(slug), list(country))]
struct Plain {
    db: PgPool,
    cache: CacheManager,
}

fn plain(world: &World) -> Plain {
    Plain { db: world.here.db.clone(), cache: world.here.cache.clone() }
}

async fn cached(cities: &Plain, id: i64) {
    cities.get(id).await.unwrap();
    eventually("the row is cached", || async {
        matches!(cities.explain(id).await.state, State::Value | State::Negative)
    })
    .await;
}

#[cached_repository(entity = City, negative_ttl = "0s", unique(slug), list(country))]
struct NoNegatives {
    db: PgPool,
    cache: CacheManager,
}

#[tokio::test]
async fn a_repository_with_a_lifetime_of_zero_caches_no_value() {
    let world = World::new().await;
    let (db, cache) = (world.here.db.clone(), world.here.cache.clone());
    let repository = NoValues { db, cache, runs: AtomicUsize::new(0) };
    for _ in 0..3 {
        assert_eq!(repository.get(1).await.unwrap().unwrap().slug, "paris");
        assert_eq!(repository.find_by_slug("rome").await.unwrap().unwrap().id, 3);
        assert_eq!(repository.list_by_country("FR", ..).await.unwrap().len(), 2);
        assert!(repository.get_many(&[1, 2, 9]).await.unwrap()[2].is_none());
        assert_eq!(repository.zero().await.unwrap(), 7);
    }
    assert_eq!(repository.runs.load(Ordering::SeqCst), 3);
    assert_eq!(repository.stats().hits, 0, "{}", repository.stats());
    eventually("no lease stays", || async { repository.explain(1).await.state == State::Absent })
        .await;
    repository.update(&city(1, "paris", "FR", 7)).await.unwrap();
    assert_eq!(repository.get(1).await.unwrap().unwrap().population, 7);
    for _ in 0..3 {
        repository.nothing().await.unwrap();
    }
    assert_eq!(repository.runs.load(Ordering::SeqCst), 6);
}

#[tokio::test]
async fn a_repository_with_a_negative_lifetime_of_zero_caches_no_absence() {
    let world = World::new().await;
    let repository = NoNegatives { db: world.here.db.clone(), cache: world.here.cache.clone() };
    for _ in 0..3 {
        assert_eq!(repository.get(9).await.unwrap(), None);
        assert_eq!(repository.find_by_slug("nowhere").await.unwrap(), None);
    }
    assert_eq!(repository.stats().negative_hits, 0, "{}", repository.stats());
    eventually("no lease stays", || async { repository.explain(9).await.state == State::Absent })
        .await;
    cached_in_the_end(&world, 1).await;
    assert!(repository.get(1).await.unwrap().is_some());
    assert_eq!(repository.explain(1).await.state, State::Value);
}

#[tokio::test]
async fn a_manager_with_lifetimes_of_zero_caches_nothing() {
    let world =
        World::with(|builder| builder.ttl(Duration::ZERO).negative_ttl(Duration::ZERO)).await;
    let cities = plain(&world);
    for _ in 0..3 {
        assert_eq!(cities.get(1).await.unwrap().unwrap().slug, "paris");
        assert_eq!(cities.get(9).await.unwrap(), None);
        assert_eq!(cities.find_by_slug("rome").await.unwrap().unwrap().id, 3);
        assert_eq!(cities.list_by_country("FR", ..).await.unwrap().len(), 2);
    }
    let stats = cities.stats();
    assert_eq!((stats.hits, stats.negative_hits, stats.fills), (0, 0, 0), "{stats}");
    assert_eq!(cities.explain(1).await.state, State::Absent);
    cities.update(&city(1, "paris", "FR", 7)).await.unwrap();
    assert_eq!(world.elsewhere.get(1).await.unwrap().unwrap().population, 7);
}

#[tokio::test]
async fn lifetimes_without_measure_are_cut_to_ten_years() {
    let world = World::with(|builder| builder.ttl(Duration::MAX).negative_ttl(Duration::MAX)).await;
    let cities = plain(&world);
    for id in [1, 9] {
        cached(&cities, id).await;
        let Remaining::Left(left) = cities.explain(id).await.remaining else {
            panic!("{}", cities.explain(id).await);
        };
        assert!(left > 8 * YEAR && left < 12 * YEAR, "{left:?}");
    }
    world.here.update(&city(1, "paris", "FR", 7)).await.unwrap();
    assert_eq!(world.elsewhere.get(1).await.unwrap().unwrap().population, 7);
}

#[tokio::test]
async fn a_value_may_live_for_ever() {
    let world = World::with(|builder| builder.ttl(Ttl::Forever).negative_ttl(Ttl::Forever)).await;
    let cities = plain(&world);
    for id in [1, 9] {
        cached(&cities, id).await;
        assert_eq!(cities.explain(id).await.remaining, Remaining::Forever);
    }
}

#[tokio::test]
async fn lifetimes_below_a_millisecond_are_one() {
    let nano = Duration::from_nanos(1);
    let world = World::with(|builder| builder.ttl(nano).negative_ttl(nano).jitter(1.0)).await;
    for _ in 0..20 {
        every_read_is_right(&world).await;
        assert_eq!(plain(&world).get(1).await.unwrap().unwrap().slug, "paris");
    }
    world.here.update(&city(1, "paris", "FR", 7)).await.unwrap();
    assert_eq!(plain(&world).get(1).await.unwrap().unwrap().population, 7);
}

#[tokio::test]
async fn leases_and_holds_below_a_millisecond_are_one() {
    let nano = Duration::from_nanos(1);
    let world =
        World::with(|builder| builder.lease_ttl(nano).hold_ttl(nano).lease_wait(nano)).await;
    for _ in 0..5 {
        every_read_is_right(&world).await;
    }
    world.here.update(&city(1, "paris", "FR", 7)).await.unwrap();
}

#[tokio::test]
async fn patience_without_measure_does_no_harm() {
    let most = Duration::MAX;
    let world = World::with(|builder| {
        builder
            .lease_ttl(most)
            .hold_ttl(most)
            .lease_wait(most)
            .operation_timeout(most)
            .connect_timeout(most)
    })
    .await;
    in_time("the reads", every_read_is_right(&world)).await;
    let readers: Vec<_> = (0..10)
        .map(|_| {
            let here = world.here.clone();
            tokio::spawn(async move { here.largest(2).await })
        })
        .collect();
    for reader in readers {
        in_time("a read", reader).await.unwrap().unwrap();
    }
    world.here.update(&city(1, "paris", "FR", 7)).await.unwrap();
    assert_eq!(world.elsewhere.get(1).await.unwrap().unwrap().population, 7);
    cached_in_the_end(&world, 1).await;
}

#[tokio::test]
async fn patience_of_zero_does_no_harm() {
    let none = Duration::ZERO;
    let world = World::with(|builder| builder.lease_wait(none)).await;
    every_read_is_right(&world).await;
}

type Setting = fn(CacheManagerBuilder, Duration) -> CacheManagerBuilder;

#[test]
fn a_timeout_that_could_never_be_met_or_means_nothing_is_refused() {
    let options: [(&str, Setting); 3] = [
        ("connect_timeout", CacheManagerBuilder::connect_timeout),
        ("operation_timeout", CacheManagerBuilder::operation_timeout),
        ("hang_after", CacheManagerBuilder::hang_after),
    ];
    for (name, set) in options {
        let redis = || CacheManager::builder("refused").redis("redis://127.0.0.1:1");
        let second = Duration::from_secs(1);
        assert!(set(redis(), second).build().is_ok(), "{name}");
        // Another backend takes the place of Redis and of what was said of it before; not of what is said after.
        assert!(set(redis(), second).memory().build().is_ok(), "{name}");
        for wrong in [set(redis(), Duration::ZERO), set(redis().memory(), second)] {
            let error = wrong.build().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{name}");
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let builder = || CacheManager::builder("refused").memory();
    for jitter in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        let error = builder().jitter(jitter).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{jitter}");
    }
    assert_eq!(builder().lease_ttl(Duration::ZERO).build().unwrap_err().kind(), ErrorKind::Config);
    assert_eq!(builder().hold_ttl(Duration::ZERO).build().unwrap_err().kind(), ErrorKind::Config);
    assert!(builder().jitter(0.0).build().is_ok() && builder().jitter(1.0).build().is_ok());
}

#[tokio::test]
async fn a_value_above_the_size_limit_is_returned_and_counted_and_not_cached() {
    let world = World::with(|builder| builder.max_value_bytes(200)).await;
    let long = "x".repeat(300);
    world.here.insert(&city(9, &long, "FR", 1)).await.unwrap();
    let before = world.here.stats().too_large;
    for count in 1..=3 {
        assert_eq!(world.here.get(9).await.unwrap().unwrap().slug, long);
        assert_eq!(world.here.stats().too_large, before + count);
    }
    for _ in 0..3 {
        assert_eq!(world.here.get_many(&[9, 1]).await.unwrap()[0].as_ref().unwrap().slug, long);
    }
    // A lease that is being given back from the read before is not waited for in a batch.
    assert!(world.here.stats().too_large > before + 3);
    assert_eq!(world.here.find_by_slug(&long).await.unwrap().unwrap().id, 9);
    assert_eq!(world.here.list_by_country("FR", ..).await.unwrap().len(), 3);
    assert_eq!(world.here.largest(9).await.unwrap().len(), 4);
    eventually("no lease stays", || async {
        world.elsewhere.explain(9).await.state == State::Absent
    })
    .await;
    world.cached(1).await;
    world.here.update(&city(9, "short", "FR", 2)).await.unwrap();
    cached_in_the_end(&world, 9).await;
}
