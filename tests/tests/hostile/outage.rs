//! What an outage leaves behind.

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::backend::RedisCache;
use cache_runtime::testing::{FaultyCache, Op};
use cache_runtime::{ErrorKind, OnUnreachable, State};
use tests::eventually;

use crate::world::{World, city};

/// A task for each write of an outage, for as long as it lasts, would fill the memory, and knock at the server all at once.
#[tokio::test]
async fn what_writes_leave_behind_in_an_outage_is_done_in_one_go() {
    let fixture = tests::Fixture::new().await;
    let faulty = FaultyCache::over(Arc::new(RedisCache::open(fixture.redis_url()).unwrap()));
    let world = World::with(|builder| {
        builder
            .backend(Arc::new(faulty.clone()))
            .on_unreachable(OnUnreachable::Proceed)
            // An attempt to release is not repeated for longer than a hold lives.
            .hold_ttl(Duration::from_millis(1))
    })
    .await;
    world.cached(1).await;
    faulty.fail(Op::Hold, ErrorKind::Unreachable);
    faulty.fail(Op::Release, ErrorKind::Unreachable);
    for population in 1..=30 {
        world.here.update(&city(1, "paris", "FR", population)).await.unwrap();
    }
    // Nothing is done by those who may be waited for any more.
    world.here.cache.drain().await;
    assert_eq!(world.elsewhere.explain(1).await.state, State::Value, "it is old");
    let before = faulty.calls(Op::Release);
    faulty.heal();
    let state = || async { world.elsewhere.explain(1).await.state };
    eventually("it is gone", || async { state().await != State::Value }).await;
    eventually("the cache is believed", || async {
        let before = world.here.stats();
        assert_eq!(world.here.get(1).await.unwrap().unwrap().population, 30);
        (world.here.stats() - before).hits > 0
    })
    .await;
    assert!(faulty.calls(Op::Release) - before <= 2, "{}", faulty.calls(Op::Release) - before);
}
