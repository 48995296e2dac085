//! Logins that are kept, and processes that share them.

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::session::{Client, SessionId, SessionRepository, Sessions};
use cache_runtime::testing::Stepper;
use cache_runtime::{CacheManager, CacheManagerBuilder, Key, cached_repository, migrate};
use redis::aio::MultiplexedConnection;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use tests::{Servers, TestDatabase, eventually};

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
    per_user = 5,
    keep = db,
    fields(theme: String),
))]
pub(crate) struct Logins {
    pub(crate) db: PgPool,
    pub(crate) cache: CacheManager,
}

impl Logins {
    /// The same sessions, whose changes do not wait for others of this test process.
    pub(crate) fn apart(&self) -> Sessions<Login> {
        let sessions = self.cache.kept_sessions(&self.db);
        Sessions::over(sessions, self.cache.namespace(), &Self::CONFIG).unwrap()
    }
}

pub(crate) struct World {
    pub(crate) database: TestDatabase,
    pub(crate) redis: String,
    pub(crate) namespace: String,
    pub(crate) stepper: Stepper,
}

impl World {
    pub(crate) async fn new() -> Self {
        Servers::shared().start();
        Self::at(&Servers::shared().redis_url()).await
    }

    /// With a Redis of the test's own.
    pub(crate) async fn at(redis: &str) -> Self {
        Self::with(database().await, redis)
    }

    pub(crate) fn with(database: TestDatabase, redis: &str) -> Self {
        let namespace = format!("kept-{:016x}", fastrand::u64(..));
        Self { database, redis: redis.to_owned(), namespace, stepper: Stepper::new() }
    }

    pub(crate) fn builder(&self) -> CacheManagerBuilder {
        // On a busy machine a call may take its time; what a server that hangs costs is tested elsewhere.
        let five = Duration::from_secs(5);
        let builder = CacheManager::builder(&self.namespace).redis(&self.redis);
        builder.operation_timeout(five).hang_after(five)
    }

    pub(crate) fn logins(&self, builder: CacheManagerBuilder) -> Logins {
        Logins { db: self.database.pool().clone(), cache: builder.build().unwrap() }
    }

    /// The logins of one more process.
    pub(crate) fn process(&self) -> Logins {
        self.logins(self.builder())
    }

    /// One whose steps a test can park.
    pub(crate) fn observed(&self) -> Logins {
        self.logins(self.builder().observer(Arc::new(self.stepper.clone())))
    }

    /// Where a session stands in the cache.
    pub(crate) fn key(&self, id: &SessionId) -> Key {
        let namespace = cache_runtime::Namespace::new(&self.namespace).unwrap();
        let digest = id.digest().to_string();
        namespace.key().text("session").value("Logins").value(&digest).finish().unwrap()
    }

    pub(crate) async fn raw(&self) -> MultiplexedConnection {
        let client = redis::Client::open(&*self.redis).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    /// What stands in the cache: the first letter says what it is.
    pub(crate) async fn entry(&self, id: &SessionId) -> Option<u8> {
        let get = redis::cmd("GET").arg(self.key(id).as_str()).to_owned();
        let bytes: Option<Vec<u8>> = get.query_async(&mut self.raw().await).await.unwrap();
        bytes.and_then(|bytes| bytes.first().copied())
    }

    /// Reads the session until the cache has it.
    pub(crate) async fn cached(&self, logins: &Logins, id: &SessionId) {
        assert!(logins.touch(id).await.unwrap());
        eventually("the session is cached", || async { self.entry(id).await == Some(b'V') }).await;
    }

    pub(crate) async fn flush(&self) {
        let () = redis::cmd("FLUSHALL").query_async(&mut self.raw().await).await.unwrap();
    }

    /// What an eviction would do.
    pub(crate) async fn flush_session(&self, id: &SessionId) {
        let unlink = redis::cmd("UNLINK").arg(self.key(id).as_str()).to_owned();
        let () = unlink.query_async(&mut self.raw().await).await.unwrap();
    }

    /// The rows of the table.
    pub(crate) async fn rows(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM cache_runtime.sessions")
            .fetch_one(self.database.pool())
            .await
            .unwrap()
    }

    /// Makes everything that sessions did look as if it had been so much earlier, in the database alone.
    pub(crate) async fn pass(&self, time: Duration) {
        pass(self.database.pool(), time).await;
    }

    /// Waits until somebody waits for a lock of the database.
    pub(crate) async fn somebody_waits(&self) {
        self.so_many_wait(1).await;
    }

    /// Waits until so many wait for locks of the database.
    pub(crate) async fn so_many_wait(&self, number: i64) {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
             AND wait_event_type = 'Lock'";
        eventually("they wait for locks", || async {
            let waiting = sqlx::query_scalar::<_, i64>(waiting);
            waiting.fetch_one(self.database.pool()).await.unwrap() >= number
        })
        .await;
    }
}

/// An empty database with the table.
pub(crate) async fn database() -> TestDatabase {
    TestDatabase::from_template("kept", async |pool: &PgPool| migrate(pool).await.unwrap()).await
}

pub(crate) async fn pass(pool: &PgPool, time: Duration) {
    sqlx::query(
        "UPDATE cache_runtime.sessions SET created = created - $1, seen = seen - $1, ends = ends - $1, \
             until = until - $1",
    )
    .bind(i64::try_from(time.as_millis()).unwrap())
    .execute(pool)
    .await
    .unwrap();
}

pub(crate) fn user(user_id: i64) -> Login {
    Login { user_id: Some(user_id), ..Login::default() }
}

pub(crate) async fn login(logins: &Logins, user_id: i64) -> SessionId {
    logins.create(&user(user_id), &Client::new()).await.unwrap()
}
