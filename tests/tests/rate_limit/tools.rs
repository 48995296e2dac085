//! What the tests of this file have in common.

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::backend::RedisCache;
use cache_runtime::{Algorithm, CacheManager, LimitKey, Namespace, OnError, Quota, RateLimit};
use redis::FromRedisValue;
use redis::aio::MultiplexedConnection;
use tests::RedisServer;

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const ALGORITHMS: [Algorithm; 5] = [
    Algorithm::Gcra,
    Algorithm::TokenBucket,
    Algorithm::FixedWindow,
    Algorithm::SlidingCounter,
    Algorithm::SlidingLog,
];

/// A cache that gives a busy machine time; who tests the time says otherwise.
pub(crate) fn patient(url: &str) -> RedisCache {
    let long = Duration::from_secs(5);
    RedisCache::builder(url).operation_timeout(long).hang_after(long).build().unwrap()
}

pub(crate) fn manager(url: &str) -> CacheManager {
    CacheManager::builder("shop").backend(Arc::new(patient(url))).build().unwrap()
}

pub(crate) fn limit(manager: &CacheManager, quota: Quota, on_error: OnError) -> RateLimit {
    manager.rate_limit("login").quota(quota).on_error(on_error).build().unwrap()
}

pub(crate) fn key(name: &str, algorithm: Algorithm) -> LimitKey {
    let shop = Namespace::new("shop").unwrap();
    LimitKey::new(&shop, name, "9f86", algorithm.name()).unwrap()
}

/// A connection of the test's own, past the cache.
pub(crate) async fn raw(url: &str) -> MultiplexedConnection {
    redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap()
}

/// One command, written as one would type it.
pub(crate) async fn tell<T: FromRedisValue>(server: &RedisServer, words: &str) -> T {
    let mut words = words.split_whitespace();
    let mut command = redis::cmd(words.next().unwrap());
    for word in words {
        command.arg(word);
    }
    command.query_async(&mut raw(&server.url()).await).await.unwrap()
}
