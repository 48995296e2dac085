//! What one test gets.

use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::PgPool;

use crate::database::TestDatabase;
use crate::servers::Servers;

/// A database, a Redis and a namespace for one test.
///
/// The database is the test's own. The Redis is shared; the namespace is what keeps tests apart
/// there. Against a Redis given by `REDIS_URL`, keys stay until their TTL.
#[derive(Debug)]
pub struct Fixture {
    database: TestDatabase,
    redis_url: String,
    namespace: String,
}

impl Fixture {
    /// An empty database, the shared Redis and a fresh namespace.
    ///
    /// # Panics
    ///
    /// When a server can't start.
    pub async fn new() -> Self {
        Servers::shared().start();
        Self::with_database(TestDatabase::create().await)
    }

    /// The same around a database made elsewhere, from a template for instance.
    ///
    /// # Panics
    ///
    /// When the shared Redis can't start.
    #[must_use]
    pub fn with_database(database: TestDatabase) -> Self {
        let redis_url = Servers::shared().redis_url();
        Self { database, redis_url, namespace: fresh_namespace() }
    }

    /// The test's own database.
    #[must_use]
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// The pool of the test's own database.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        self.database.pool()
    }

    /// The URL of the shared Redis.
    #[must_use]
    pub fn redis_url(&self) -> &str {
        &self.redis_url
    }

    /// A namespace that no other test has, not even in another process or on another machine.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }
}

fn fresh_namespace() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("test-{}-{next}-{:08x}", process::id(), fastrand::u32(..))
}
