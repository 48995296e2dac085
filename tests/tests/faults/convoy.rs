//! Many readers of one row that cannot be cached: they must not be served one after another.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use cache_runtime::{CacheManager, cached_repository};
use sqlx::PgPool;
use tests::in_time;

use super::places::{Fault, Place};
use super::world::{City, World, city};

const READERS: usize = 16;
const LOAD: Duration = Duration::from_millis(150);

#[cached_repository(entity = City)]
#[derive(Clone)]
struct Slow {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository]
impl Slow {
    #[cached(key = "slow", tags("cities"))]
    async fn slow(&self) -> sqlx::Result<i64> {
        sqlx::query_scalar("SELECT count(*) FROM cities, pg_sleep(0.15)").fetch_one(&self.db).await
    }

    #[cached(key = "never", ttl = "0s")]
    async fn never(&self) -> sqlx::Result<i64> {
        sqlx::query_scalar("SELECT count(*) FROM cities, pg_sleep(0.15)").fetch_one(&self.db).await
    }
}

async fn readers_wait_for_few_loads<F, Fut>(what: &str, call: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = sqlx::Result<i64>> + Send + 'static,
{
    let began = Instant::now();
    let readers: Vec<_> = (0..READERS).map(|_| tokio::spawn(call())).collect();
    for reader in readers {
        assert_eq!(in_time(what, reader).await.unwrap().unwrap(), 3);
    }
    // One that is under way, one that all others share, and time for a busy machine.
    assert!(began.elapsed() < 6 * LOAD, "{what}: {READERS} readers took {:?}", began.elapsed());
}

#[tokio::test]
async fn readers_of_one_row_are_not_queued_where_redis_is_away() {
    let place = Place::with(Fault::NobodyListens).await;
    let slow = Slow { db: place.world.here.db.clone(), cache: place.world.here.cache.clone() };
    readers_wait_for_few_loads("Redis is away", || {
        let slow = slow.clone();
        async move { slow.slow().await }
    })
    .await;
}

#[tokio::test]
async fn readers_of_one_row_are_not_queued_behind_a_hold() {
    let world = World::new().await;
    let slow = Slow { db: world.here.db.clone(), cache: world.elsewhere.cache.clone() };
    let _release = world.unreleased(city(1, "paris", "FR", 7)).await;
    readers_wait_for_few_loads("a hold stands", || {
        let slow = slow.clone();
        async move { slow.slow().await }
    })
    .await;
    assert_eq!(world.here.runs.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn readers_of_what_is_never_cached_are_not_queued() {
    let world = World::new().await;
    let slow = Slow { db: world.here.db.clone(), cache: world.elsewhere.cache.clone() };
    readers_wait_for_few_loads("a lifetime of zero", || {
        let slow = slow.clone();
        async move { slow.never().await }
    })
    .await;
}
