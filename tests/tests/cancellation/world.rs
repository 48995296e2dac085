//! A process with a pool of one connection, and another that looks on.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use cache_runtime::testing::Stepper;
use cache_runtime::{CacheManager, CacheManagerBuilder, Key};
use redis::aio::MultiplexedConnection;
use serde::Serialize;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tests::{Servers, TestDatabase};
use tokio::sync::Mutex;

use super::repositories::Process;
use super::table::{Cast, ROUNDS, TABLES};

/// The servers of one test: a database that the tests share, because every round has its own rows, and a Redis in which
/// the test has its own namespaces.
pub(crate) struct Site {
    rows: Arc<Rows>,
    pub(crate) namespace: String,
}

struct Rows {
    database: TestDatabase,
    next: AtomicI64,
}

impl Site {
    pub(crate) async fn new() -> Arc<Self> {
        static SHARED: Mutex<Weak<Rows>> = Mutex::const_new(Weak::new());
        let mut shared = SHARED.lock().await;
        let rows = match shared.upgrade() {
            Some(rows) => rows,
            None => {
                let database = TestDatabase::create().await;
                sqlx::raw_sql(TABLES).execute(database.pool()).await.expect("the tables are made");
                Arc::new(Rows { database, next: AtomicI64::new(0) })
            }
        };
        *shared = Arc::downgrade(&rows);
        Arc::new(Self { rows, namespace: format!("cancelled-{:016x}", fastrand::u64(..)) })
    }
}

/// Two processes over one database and one namespace, which rounds have to themselves one after the other.
pub(crate) struct World {
    pub(crate) site: Arc<Site>,
    pub(crate) stepper: Stepper,
    /// On a pool of one connection: what waits for a second one waits for ever.
    pub(crate) here: Process,
    /// On a pool of its own.
    pub(crate) elsewhere: Process,
    /// Reads what is about to change, and nothing afterwards.
    pub(crate) onlooker: Process,
    pub(crate) redis: MultiplexedConnection,
    /// Whether writes here expect to change something, and so hold what they know beside their statement.
    pub(crate) changing: bool,
    /// By which the database knows the sessions of the pool of one connection.
    pub(crate) name: String,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::at(Site::new().await).await
    }

    /// One of several in a test. Its namespace and its rows are its own.
    pub(crate) async fn at(site: Arc<Site>) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("{}-{}", site.namespace, NEXT.fetch_add(1, Ordering::Relaxed));
        let stepper = Stepper::new();
        let observed = manager(&name).observer(Arc::new(stepper.clone()));
        let observed = observed.build().expect("the manager is built");
        let plain = || manager(&name).build().expect("the manager is built");
        let database = &site.rows.database;
        let here = Process::new(one_connection(database.url(), &name).await, observed);
        let elsewhere = Process::new(quick_connections(database.url()).await, plain());
        let onlooker = Process::new(elsewhere.db.clone(), plain());
        let client = redis::Client::open(Servers::shared().redis_url()).expect("the URL is good");
        let redis = client.get_multiplexed_async_connection().await.expect("Redis is there");
        Self { site, stepper, here, elsewhere, onlooker, redis, changing: false, name }
    }

    /// As after many writes that have changed their rows.
    pub(crate) async fn expects_changes(&mut self) {
        let cast = self.cast();
        for _ in 0..8 {
            for row in [cast.moved(1), cast.city(1)] {
                let changed = self.here.cities.update(&row).await.expect("the row is changed");
                assert!(changed.is_some());
            }
        }
        self.changing = true;
    }

    /// Rows that nobody has asked for yet.
    pub(crate) fn cast(&self) -> Cast {
        let number = self.site.rows.next.fetch_add(1, Ordering::Relaxed);
        assert!(number < ROUNDS, "no rows are left for one more round: does the call ever end?");
        Cast(number)
    }

    pub(crate) fn row_key(&self, cast: Cast, number: i64) -> Key {
        self.key("cities:id", &cast.id(number))
    }

    pub(crate) fn slug_key(&self, cast: Cast, number: i64) -> Key {
        self.key("cities:by:slug", &cast.slug(number))
    }

    pub(crate) fn total_key(&self, cast: Cast) -> Key {
        self.key("cities:call:total", &cast.home())
    }

    fn key<T: Serialize + ?Sized>(&self, kind: &str, value: &T) -> Key {
        self.here.cache.key().text(kind).value(value).finish().expect("the key is written")
    }

    /// Every key at which values of this round can stand.
    pub(crate) fn values(&self, cast: Cast) -> Vec<Key> {
        let mut keys: Vec<_> =
            [1, 2, 3, 4, 5, 9].map(|number| self.key("cities:id", &cast.id(number))).into();
        keys.extend(
            [1, 2, 3, 4, 5, 9, 11, 12].map(|number| self.key("cities:by:slug", &cast.slug(number))),
        );
        for country in [cast.home(), cast.abroad()] {
            for kind in ["list:country", "call:total", "call:least", "call:area"] {
                keys.push(self.key(&format!("cities:{kind}"), &country));
            }
        }
        keys.push(self.key("cities:call:twice", &cast.0));
        keys.push(self.key("notes:id", &cast.0));
        keys
    }

    /// The tags that they depend on: a lease there is a stamp.
    pub(crate) fn tags(&self, cast: Cast) -> Vec<Key> {
        let names = [
            format!("country:{}", cast.home()),
            format!("country:{}", cast.abroad()),
            format!("area:{}", cast.home()),
            format!("area:{}", cast.abroad()),
            "cities".to_owned(),
            "notes".to_owned(),
        ];
        let namespace = self.here.cache.namespace();
        names.map(|name| namespace.tag().text(&name).finish().expect("a tag")).into()
    }

    /// What stands at keys, by its first byte.
    pub(crate) async fn marks(&self, keys: &[&Key]) -> Vec<Option<u8>> {
        let mut command = redis::cmd("MGET");
        for key in keys {
            command.arg(key.as_str());
        }
        let found: Vec<Option<Vec<u8>>> =
            command.query_async(&mut self.redis.clone()).await.expect("Redis answers");
        found.into_iter().map(|bytes| bytes?.first().copied()).collect()
    }

    /// What the server does when the time of keys has come.
    pub(crate) async fn expire(&self, keys: &[Key]) {
        for key in keys {
            let mut command = redis::cmd("PEXPIREAT");
            command.arg(key.as_str()).arg(1);
            let _: i64 = command.query_async(&mut self.redis.clone()).await.expect("Redis answers");
        }
    }

    /// All of them, in the same order in every round.
    pub(crate) fn keys(&self, cast: Cast) -> Vec<Key> {
        self.values(cast).into_iter().chain(self.tags(cast)).collect()
    }
}

pub(crate) fn manager(name: &str) -> CacheManagerBuilder {
    CacheManager::builder(name)
        .redis(&Servers::shared().redis_url())
        // Nobody here takes a machine that is busy for a server that hangs, or waits long for a lease that will never be
        // filled.
        .operation_timeout(Duration::from_secs(5))
        .hang_after(Duration::from_secs(5))
        .lease_wait(Duration::from_millis(5))
}

/// Nobody goes away here, so nothing has to be asked of a connection before it is used again.
async fn quick_connections(url: &str) -> PgPool {
    let pool = PgPoolOptions::new().max_connections(3).test_before_acquire(false);
    pool.connect(url).await.expect("Postgres is there")
}

async fn one_connection(url: &str, name: &str) -> PgPool {
    let options: PgConnectOptions = url.parse().expect("the URL is good");
    // Shorter than a test's patience: then the pool says who waited in vain.
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(Duration::from_secs(6));
    pool.connect_with(options.application_name(name)).await.expect("Postgres is there")
}
