//! The Redis hand keeps the contract of the ports, on a real server.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the cases carry their own names; what fails here fails the test"
)]

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::backend::RedisCache;
use cache_runtime::testing::conformance::Backend;
use cache_runtime::{CoherentCache, Key, Namespace};
use redis::aio::MultiplexedConnection;
use tests::Servers;

struct Redis {
    namespace: String,
}

impl Redis {
    fn new() -> Self {
        Servers::shared().start();
        Self { namespace: format!("conformance-{:016x}", fastrand::u64(..)) }
    }

    async fn raw(&self) -> MultiplexedConnection {
        let client = redis::Client::open(Servers::shared().redis_url()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }
}

impl Backend for Redis {
    async fn fresh(&self) -> Arc<dyn CoherentCache> {
        // Batches of thousands on a busy machine take their time; the default timeout is tested elsewhere.
        let cache = RedisCache::builder(&Servers::shared().redis_url())
            .operation_timeout(Duration::from_secs(5))
            .build()
            .unwrap();
        Arc::new(cache)
    }

    fn namespace(&self) -> Namespace {
        Namespace::new(&self.namespace).unwrap()
    }

    async fn expire_now(&self, _: &dyn CoherentCache, key: &Key) {
        let mut raw = self.raw().await;
        let () =
            redis::cmd("PEXPIREAT").arg(key.as_str()).arg(1).query_async(&mut raw).await.unwrap();
    }

    async fn put_another_type(&self, key: &Key) -> bool {
        let mut raw = self.raw().await;
        let () = redis::cmd("DEL").arg(key.as_str()).query_async(&mut raw).await.unwrap();
        let () =
            redis::cmd("RPUSH").arg(key.as_str()).arg("x").query_async(&mut raw).await.unwrap();
        true
    }
}

cache_runtime::conformance_suite!(Redis::new());
