//! The Redis hand keeps the contract of the ports, on a real server.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the cases carry their own names; what fails here fails the test"
)]

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cache_runtime::backend::RedisCache;
use cache_runtime::testing::conformance::Backend;
use cache_runtime::{CoherentCache, Key, Namespace};
use redis::aio::MultiplexedConnection;
use tests::{Proxy, Servers};

struct Redis {
    namespace: String,
    /// In front of the cache of this case.
    proxy: OnceLock<Proxy>,
}

impl Redis {
    fn new() -> Self {
        Servers::shared().start();
        let namespace = format!("conformance-{:016x}", fastrand::u64(..));
        Self { namespace, proxy: OnceLock::new() }
    }

    async fn raw(&self) -> MultiplexedConnection {
        let client = redis::Client::open(Servers::shared().redis_url()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }
}

impl Backend for Redis {
    async fn fresh(&self) -> Arc<dyn CoherentCache> {
        let url = Servers::shared().redis_url();
        let (_, address) = url.rsplit_once('@').or_else(|| url.split_once("://")).unwrap();
        let proxy = Proxy::start(address.split('/').next().unwrap()).await;
        // Batches of thousands on a busy machine take their time; the default timeout is tested elsewhere.
        let cache = RedisCache::builder(&proxy.url(&url))
            .operation_timeout(Duration::from_secs(5))
            .hang_after(Duration::from_secs(5))
            .build()
            .unwrap();
        assert!(self.proxy.set(proxy).is_ok(), "a case has one cache");
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

    async fn break_streams(&self) -> bool {
        self.proxy.get().unwrap().cut();
        true
    }
}

cache_runtime::conformance_suite!(Redis::new());
