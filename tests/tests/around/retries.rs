//! Reads that are sent again, and everything that is not.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cache_runtime::backend::RedisCache;
use cache_runtime::entry::Token;
use cache_runtime::{
    Cache, CoherentCache, ErrorKind, Key, LeaseRequest, Namespace, Remaining, Retry, Ttl,
};
use tests::{Proxy, RedisServer, eventually, in_time};

struct World {
    server: RedisServer,
    proxy: Arc<Proxy>,
    cache: RedisCache,
    key: Key,
}

impl World {
    /// How many commands on keys the server was sent so far.
    async fn calls(&self) -> u64 {
        let client = redis::Client::open(self.server.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let stats: String =
            redis::cmd("INFO").arg("commandstats").query_async(&mut connection).await.unwrap();
        let counted = ["get", "mget", "exists", "pttl", "set", "unlink", "persist", "evalsha"];
        let calls = stats.lines().filter_map(|line| {
            let (command, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            let calls = rest.split(',').next()?.parse::<u64>().ok()?;
            counted.contains(&command).then_some(calls)
        });
        calls.sum()
    }

    /// With a value at the key, and a connection that is up.
    async fn new(retry: Retry) -> Self {
        let server = RedisServer::start();
        let proxy = Arc::new(Proxy::start(server.address()).await);
        let cache = RedisCache::builder(&proxy.url(&server.url()))
            .operation_timeout(Duration::from_secs(2))
            .hang_after(Duration::from_secs(5))
            .retry(retry)
            .build()
            .unwrap();
        let key = Namespace::new("retries").unwrap().key().text("a").finish().unwrap();
        cache.set(&key, Bytes::from_static(b"value"), Ttl::Forever).await.unwrap();
        Self { server, proxy, cache, key }
    }

    /// Breaks the connection while a call waits for its answer, which the server has sent. Says also how often the
    /// server was asked in all.
    async fn broken_under<T, F>(&self, call: impl FnOnce(RedisCache, Key) -> F) -> (T, u64)
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let calls = self.calls().await;
        self.proxy.hold_replies();
        let call = tokio::spawn(call(self.cache.clone(), self.key.clone()));
        eventually("the server has answered", || async { self.calls().await > calls }).await;
        assert!(!call.is_finished());
        let connections = self.proxy.connections();
        self.proxy.cut();
        // Before the answers are let through: the held one must have gone with its connection.
        eventually("another connection is sought", || async {
            self.proxy.connections() > connections
        })
        .await;
        self.proxy.forward();
        let answer = in_time("the call ends", call).await.unwrap();
        (answer, self.calls().await - calls)
    }
}

#[tokio::test]
async fn a_read_is_sent_again_over_the_next_connection() {
    let world = World::new(Retry::default()).await;
    let value = Bytes::from_static(b"value");
    let (got, calls) = world.broken_under(|cache, key| async move { cache.get(&key).await }).await;
    assert_eq!((got.unwrap(), calls), (Some(value.clone()), 2));
    assert_eq!(world.cache.health().retried, 1);
    let many = |cache: RedisCache, key| async move { cache.get_many(&[key]).await };
    let (got, calls) = world.broken_under(many).await;
    assert_eq!((got.unwrap(), calls), (vec![Some(value.clone())], 2));
    let exists = |cache: RedisCache, key| async move { cache.exists(&key).await };
    let (got, calls) = world.broken_under(exists).await;
    assert_eq!((got.unwrap(), calls), (true, 2));
    let ttl = |cache: RedisCache, key| async move { cache.ttl(&key).await };
    let (got, calls) = world.broken_under(ttl).await;
    assert_eq!((got.unwrap(), calls), (Remaining::Forever, 2));
    let live = |cache: RedisCache, key| async move { cache.get_live(&[key]).await };
    let (got, calls) = world.broken_under(live).await;
    // The value and its lifetime, twice.
    assert_eq!((got.unwrap(), calls), (vec![Some((value, Remaining::Forever))], 4));
}

#[tokio::test]
async fn without_retries_a_read_fails_with_its_connection() {
    let world = World::new(Retry::NEVER).await;
    let (got, calls) = world.broken_under(|cache, key| async move { cache.get(&key).await }).await;
    assert_eq!((got.unwrap_err().kind(), calls), (ErrorKind::Unreachable, 1));
}

#[tokio::test]
async fn what_writes_or_takes_a_step_is_sent_once() {
    let world = World::new(Retry::new(5)).await;
    let set =
        |cache: RedisCache, key| async move { cache.set(&key, Bytes::new(), Ttl::Forever).await };
    let (got, calls) = world.broken_under(set).await;
    assert_eq!((got.unwrap_err().kind(), calls), (ErrorKind::Unreachable, 1));
    let delete = |cache: RedisCache, key| async move { cache.delete(&key).await };
    let (got, calls) = world.broken_under(delete).await;
    assert_eq!((got.unwrap_err().kind(), calls), (ErrorKind::Unreachable, 1));
    let lease = |cache: RedisCache, key| async move {
        let request = LeaseRequest { key, token: Token::new(), over: None };
        cache.lease(&[request], Duration::from_secs(1)).await
    };
    let (got, calls) = world.broken_under(lease).await;
    assert_eq!((got.unwrap_err().kind(), calls), (ErrorKind::Unreachable, 1));
}

#[tokio::test]
async fn a_hang_is_not_waited_for_twice() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address()).await;
    let timeout = Duration::from_millis(400);
    let cache = RedisCache::builder(&proxy.url(&server.url()))
        .operation_timeout(timeout)
        .retry(Retry::new(5))
        .build()
        .unwrap();
    let key = Namespace::new("retries").unwrap().key().text("a").finish().unwrap();
    assert_eq!(cache.get(&key).await.unwrap(), None);
    proxy.black_hole();
    let began = Instant::now();
    let error = cache.get(&key).await.unwrap_err();
    let took = began.elapsed();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(took < timeout * 3 / 2, "{took:?}");
    // And the breaker has learnt of it by that one call.
    let began = Instant::now();
    assert_eq!(cache.get(&key).await.unwrap_err().kind(), ErrorKind::Timeout);
    assert!(began.elapsed() < timeout / 4, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_server_that_is_gone_is_no_reason_to_wait() {
    let mut server = RedisServer::start();
    let cache = RedisCache::builder(&server.url()).retry(Retry::new(5)).build().unwrap();
    let key = Namespace::new("retries").unwrap().key().text("a").finish().unwrap();
    assert_eq!(cache.get(&key).await.unwrap(), None);
    server.kill();
    let began = Instant::now();
    let error = cache.get(&key).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    assert!(began.elapsed() < Duration::from_millis(250), "{:?}", began.elapsed());
}
