//! The queue of a write-behind on Redis keeps the contract of the port, on a real server.
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
use cache_runtime::testing::write_queue::QueueBackend;
use cache_runtime::{CoherentCache, Key, Namespace, WriteQueue};
use redis::aio::MultiplexedConnection;
use tests::Servers;

struct Redis {
    namespace: String,
}

impl Redis {
    fn new() -> Self {
        Servers::shared().start();
        Self { namespace: format!("queue-{:016x}", fastrand::u64(..)) }
    }

    fn name(&self) -> Key {
        let namespace = Namespace::new(&self.namespace).unwrap();
        namespace.key().text("behind").value("orders").finish().unwrap()
    }

    async fn raw(&self) -> MultiplexedConnection {
        let client = redis::Client::open(Servers::shared().redis_url()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }
}

impl QueueBackend for Redis {
    async fn fresh(&self) -> Arc<dyn WriteQueue> {
        // Batches on a busy machine take their time; the default timeout is tested elsewhere.
        let cache = RedisCache::builder(&Servers::shared().redis_url())
            .operation_timeout(Duration::from_secs(5))
            .hang_after(Duration::from_secs(5))
            .build()
            .unwrap();
        cache.write_queue(&self.name()).unwrap()
    }

    async fn pass(&self, _: &dyn WriteQueue, time: Duration) {
        let stream = format!("{{{}}}:writes", self.name());
        let mut raw = self.raw().await;
        let pending: Vec<(String, String, u64, u64)> = redis::cmd("XPENDING")
            .arg(&stream)
            .arg("workers")
            .arg(&["-", "+", "1000"])
            .query_async(&mut raw)
            .await
            .unwrap();
        for (id, consumer, idle, _) in pending {
            let idle = idle + u64::try_from(time.as_millis()).unwrap();
            let () = redis::cmd("XCLAIM")
                .arg(&[&*stream, "workers", &consumer, "0", &id, "IDLE", &idle.to_string()])
                .arg("JUSTID")
                .query_async(&mut raw)
                .await
                .unwrap();
        }
    }
}

cache_runtime::write_queue_suite!(Redis::new());

#[test]
fn all_keys_of_a_queue_stand_in_one_slot_outside_the_namespace() {
    cache_runtime::testing::conformance::run(async {
        let redis = Redis::new();
        let queue = redis.fresh().await;
        let write = |name: &str| cache_runtime::NewWrite {
            key: Namespace::new(&redis.namespace).unwrap().key().value(name).finish().unwrap(),
            id: "1".into(),
            value: Some("1".into()),
        };
        for name in ["a", "b"] {
            queue.enqueue(&write(name), 10).await.unwrap();
        }
        let taken = queue.take("one", 10, Duration::from_secs(1)).await.unwrap();
        queue.fail(&taken[0], 1, "no").await.unwrap();
        queue.fail(&taken[1], 2, "no").await.unwrap();
        let mut raw = redis.raw().await;
        let keys: Vec<String> = redis::cmd("KEYS")
            .arg(format!("*{}*", redis.namespace))
            .query_async(&mut raw)
            .await
            .unwrap();
        let head = format!("{{{}}}:", redis.name());
        let mut ends: Vec<&str> =
            keys.iter().map(|key| key.strip_prefix(&*head).unwrap()).collect();
        ends.sort_unstable();
        assert_eq!(ends, ["dead", "pending", "tries", "writes"]);
        let namespace = Namespace::new(&redis.namespace).unwrap();
        assert!(keys.iter().all(|key| !namespace.owns(key)), "a clear leaves them alone: {keys:?}");
        for key in &keys {
            let ttl: i64 = redis::cmd("PTTL").arg(key).query_async(&mut raw).await.unwrap();
            assert_eq!(ttl, -1, "{key} has a lifetime");
        }
    });
}
