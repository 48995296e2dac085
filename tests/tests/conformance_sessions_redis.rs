//! Sessions on Redis keep the contract of the port, on a real server.
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

use bytes::Bytes;
use cache_runtime::backend::RedisCache;
use cache_runtime::testing::sessions::SessionsBackend;
use cache_runtime::{
    CoherentCache, Key, Namespace, NewSession, SessionDigest, SessionSpace, UserDigest,
};
use redis::aio::MultiplexedConnection;
use tests::Servers;

struct Redis {
    namespace: String,
}

impl Redis {
    fn new() -> Self {
        drop(Servers::shared().redis_url());
        Self { namespace: format!("session-{:016x}", fastrand::u64(..)) }
    }

    async fn raw(&self) -> MultiplexedConnection {
        let client = redis::Client::open(Servers::shared().redis_url()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }
}

/// Sets the times in every session of a space back, and brings every lifetime nearer.
const PASS: &str = "
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  if not string.find(key, ':user:=', 1, true) then
    for _, field in ipairs({'c', 's', 'a'}) do redis.call('HINCRBY', key, field, -ARGV[2]) end
  end
  local left = redis.call('PTTL', key)
  redis.call('PEXPIRE', key, math.max(left - ARGV[2], 0))
end";

impl SessionsBackend for Redis {
    async fn fresh(&self) -> Arc<dyn CoherentCache> {
        // Batches on a busy machine take their time; the default timeout is tested elsewhere.
        let cache = RedisCache::builder(&Servers::shared().redis_url())
            .operation_timeout(Duration::from_secs(5))
            .hang_after(Duration::from_secs(5))
            .build();
        Arc::new(cache.unwrap())
    }

    fn head(&self) -> Key {
        let namespace = Namespace::new(&self.namespace).unwrap();
        namespace.key().text("session").value("logins").finish().unwrap()
    }

    async fn pass(&self, space: &SessionSpace, time: Duration) {
        let () = redis::cmd("EVAL")
            .arg(PASS)
            .arg(0)
            .arg(format!("{{{}}}:*", space.head()))
            .arg(u64::try_from(time.as_millis()).unwrap())
            .query_async(&mut self.raw().await)
            .await
            .unwrap();
    }
}

cache_runtime::session_suite!(Redis::new());

/// One session of a user, in a space with the limits of the examples.
async fn one_session(redis: &Redis) -> (Arc<dyn CoherentCache>, SessionSpace) {
    let cache = redis.fresh().await;
    let (idle, absolute) = (Duration::from_secs(1800), Duration::from_secs(43_200));
    let space = SessionSpace::new(redis.head(), idle, absolute, 5);
    let new = NewSession {
        data: Bytes::from_static(b"data"),
        about: Bytes::new(),
        user: Some(UserDigest::from_bytes([2; 32])),
        lives: absolute,
    };
    let id = SessionDigest::from_bytes([1; 32]);
    assert!(cache.sessions().unwrap().session_create(&space, &id, &new).await.unwrap());
    (cache, space)
}

#[test]
fn all_keys_stand_in_one_slot_outside_the_namespace_and_have_a_lifetime() {
    cache_runtime::testing::conformance::run(async {
        let redis = Redis::new();
        let (_cache, space) = one_session(&redis).await;
        let mut raw = redis.raw().await;
        let mut keys: Vec<String> = redis::cmd("KEYS")
            .arg(format!("*{}*", redis.namespace))
            .query_async(&mut raw)
            .await
            .unwrap();
        keys.sort_unstable();
        let head = format!("{{{}}}", space.head());
        let expected =
            [format!("{head}:={}", "01".repeat(32)), format!("{head}:user:={}", "02".repeat(32))];
        assert_eq!(keys, expected);
        let namespace = Namespace::new(&redis.namespace).unwrap();
        for (key, most) in keys.iter().zip([1_800_000, 43_200_000]) {
            assert!(!namespace.owns(key), "a clear leaves it alone: {key}");
            let ttl: i64 = redis::cmd("PTTL").arg(key).query_async(&mut raw).await.unwrap();
            assert!(ttl > most - 60_000 && ttl <= most, "{key} lives for {ttl} ms");
        }
    });
}

#[test]
fn a_user_s_record_that_is_lost_ends_its_sessions_and_none_lives_again() {
    cache_runtime::testing::conformance::run(async {
        let redis = Redis::new();
        let (cache, space) = one_session(&redis).await;
        let port = cache.sessions().unwrap();
        let (id, user) = (SessionDigest::from_bytes([1; 32]), UserDigest::from_bytes([2; 32]));
        // As an eviction would.
        let record = format!("{{{}}}:user:={user}", space.head());
        let () = redis::cmd("DEL").arg(&record).query_async(&mut redis.raw().await).await.unwrap();
        assert_eq!(port.session_read(&space, &id).await.unwrap(), None);
        // Another login makes the record anew.
        let new = NewSession {
            data: Bytes::new(),
            about: Bytes::new(),
            user: Some(user),
            lives: space.absolute(),
        };
        let other = SessionDigest::from_bytes([3; 32]);
        assert!(port.session_create(&space, &other, &new).await.unwrap());
        assert_eq!(port.session_read(&space, &id).await.unwrap(), None);
        assert!(port.session_read(&space, &other).await.unwrap().is_some());
    });
}

#[test]
fn a_server_that_has_forgotten_the_scripts_gets_them_again() {
    cache_runtime::testing::conformance::run(async {
        let redis = Redis::new();
        let (cache, space) = one_session(&redis).await;
        let () =
            redis::cmd("SCRIPT").arg("FLUSH").query_async(&mut redis.raw().await).await.unwrap();
        let id = SessionDigest::from_bytes([1; 32]);
        let port = cache.sessions().unwrap();
        assert!(port.session_read(&space, &id).await.unwrap().is_some());
        assert!(port.session_destroy(&space, &id).await.unwrap());
        cache.close().await.unwrap();
        assert!(port.session_read(&space, &id).await.is_err());
    });
}
