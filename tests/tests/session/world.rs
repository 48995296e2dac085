//! Logins, and processes that share them.

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::backend::RedisCache;
use cache_runtime::session::{Client, SessionId, SessionRepository, Sessions};
use cache_runtime::{CacheManager, CoherentCache, cached_repository};
use redis::aio::MultiplexedConnection;
use serde::{Deserialize, Serialize};
use tests::Servers;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Login {
    pub(crate) user_id: Option<i64>,
    pub(crate) is_admin: bool,
    pub(crate) views: u64,
    pub(crate) theme: String,
}

#[cached_repository(session(
    data = Login,
    idle = "30m",
    absolute = "12h",
    user = user_id,
    per_user = 50,
    fields(theme: String),
))]
pub(crate) struct Logins {
    pub(crate) cache: CacheManager,
}

pub(crate) struct World {
    pub(crate) url: String,
    pub(crate) namespace: String,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::at(&Servers::shared().redis_url())
    }

    pub(crate) fn at(url: &str) -> Self {
        Self { url: url.to_owned(), namespace: format!("session-{:016x}", fastrand::u64(..)) }
    }

    /// The logins of one more process: a connection of their own.
    pub(crate) fn process(&self) -> Logins {
        Logins { cache: manager(&self.namespace, Arc::new(redis(&self.url))) }
    }

    /// The same sessions, whose changes do not wait for those of [`process`](Self::process) as they would in one process.
    pub(crate) fn apart(&self) -> Sessions<Login> {
        let cache = self.process().cache;
        Sessions::new(cache.backend(), cache.namespace(), &Logins::CONFIG).unwrap()
    }

    pub(crate) async fn raw(&self) -> MultiplexedConnection {
        let client = redis::Client::open(&*self.url).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    /// Makes everything that these sessions did look as if it had been so much earlier, to the server's own clock.
    pub(crate) async fn pass(&self, time: Duration) {
        let script = "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
            if not string.find(key, ':user:=', 1, true) then
                for _, field in ipairs({'c', 's', 'a'}) do redis.call('HINCRBY', key, field, -ARGV[2]) end
            end
        end";
        let () = redis::cmd("EVAL")
            .arg(script)
            .arg(0)
            .arg(format!("{{{}:session:=Logins}}:*", self.namespace))
            .arg(u64::try_from(time.as_millis()).unwrap())
            .query_async(&mut self.raw().await)
            .await
            .unwrap();
    }

    /// Keys of these sessions that match.
    pub(crate) async fn keys(&self, glob: &str) -> Vec<String> {
        let pattern = format!("{{{}:session:=Logins}}{glob}", self.namespace);
        redis::cmd("KEYS").arg(pattern).query_async(&mut self.raw().await).await.unwrap()
    }
}

pub(crate) fn manager(namespace: &str, backend: Arc<dyn CoherentCache>) -> CacheManager {
    CacheManager::builder(namespace).backend(backend).build().unwrap()
}

/// On a busy machine a call may take its time; what a server that hangs costs is tested elsewhere.
pub(crate) fn redis(url: &str) -> RedisCache {
    let five = Duration::from_secs(5);
    RedisCache::builder(url).operation_timeout(five).hang_after(five).build().unwrap()
}

pub(crate) fn user(user_id: i64) -> Login {
    Login { user_id: Some(user_id), ..Login::default() }
}

pub(crate) async fn login(logins: &Logins, user_id: i64) -> SessionId {
    logins.create(&user(user_id), &Client::new()).await.unwrap()
}
