//! A full tier in the process: what it takes in of that which Redis has, and what that costs.

use std::sync::Arc;

use cache_runtime::backend::RedisCache;
use cache_runtime::testing::{FaultyCache, Op};
use cache_runtime::{CacheManager, Level, Origin, State};
use tests::eventually;

use crate::world::{Cities, World, city, near, population};

/// Room for some twenty rows, and for what far more have asked: none passes for another there.
const ROOM: (usize, usize) = (1 << 16, 4 << 10);

/// A process whose tier is full, what it asks of Redis, and the rows of all cities there.
async fn full() -> (World, Cities, FaultyCache) {
    let world = World::new().await;
    let redis = RedisCache::open(world.fixture.redis_url()).unwrap();
    let faulty = FaultyCache::over(Arc::new(redis));
    let cache = CacheManager::builder(world.fixture.namespace())
        .backend(Arc::new(faulty.clone()))
        .level(Level::default())
        .tier(ROOM.0, ROOM.1)
        .build()
        .unwrap();
    let here = Cities { cache, ..world.here.clone() };
    near(&here, 1000).await;
    for id in 1001..1100 {
        here.get(id).await.unwrap();
    }
    here.cache.drain().await;
    for id in 1..=3 {
        world.elsewhere.get(id).await.unwrap();
        eventually("Redis has the row", || async {
            world.elsewhere.explain(id).await.state == State::Value
        })
        .await;
    }
    (world, here, faulty)
}

#[tokio::test]
async fn a_full_tier_takes_a_row_in_that_is_asked_for_again() {
    let (_world, here, redis) = full().await;
    let (before, asked) = (here.stats(), redis.calls(Op::GetLive));
    here.get(1).await.unwrap();
    let once = here.stats() - before;
    assert_eq!((once.hits, once.admitted, once.refused_admits), (1, 0, 0));
    assert_eq!(redis.calls(Op::GetLive), asked, "how long it lives is not asked");
    here.get(1).await.unwrap();
    let twice = here.stats() - before;
    assert_eq!((twice.hits, twice.admitted), (2, 1));
    assert_eq!(redis.calls(Op::GetLive), asked + 1);
    eventually("the tier has the row", || async {
        here.explain(1).await.origin == Origin::Process
    })
    .await;
}

#[tokio::test]
async fn a_full_tier_takes_those_rows_of_a_batch_in_that_are_asked_for_again() {
    let (_world, here, redis) = full().await;
    let (before, asked) = (here.stats(), redis.calls(Op::GetLive));
    here.get_many(&[1, 2]).await.unwrap();
    assert_eq!(((here.stats() - before).admitted, redis.calls(Op::GetLive)), (0, asked));
    here.get_many(&[2, 3]).await.unwrap();
    assert_eq!(((here.stats() - before).admitted, redis.calls(Op::GetLive)), (1, asked + 1));
    eventually("the tier has the row", || async {
        here.explain(2).await.origin == Origin::Process
    })
    .await;
    assert_ne!(here.explain(3).await.origin, Origin::Process);
}

#[tokio::test]
async fn what_was_kept_out_of_a_full_tier_is_as_new_as_anything_else() {
    let (world, here, _) = full().await;
    assert_eq!(population(&here, 1).await, 2100);
    world.elsewhere.update(&city(1, "paris", "FR", 7)).await.unwrap();
    assert_eq!(population(&here, 1).await, 7);
    near(&here, 1).await;
    world.elsewhere.update(&city(1, "paris", "FR", 8)).await.unwrap();
    eventually("the tier has heard of it", || async { population(&here, 1).await == 8 }).await;
}
