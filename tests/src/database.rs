//! A database of a test's own.

use std::collections::HashMap;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, Executor};
use tokio::sync::OnceCell;

use crate::net;
use crate::postgres::PostgresServer;
use crate::servers::Servers;

/// Enough for the concurrency of one test, few enough for all tests of a process at once.
const POOL_SIZE: u32 = 10;
/// A server that a test has frozen or taken away must not hold up its end.
const DROP_DEADLINE: Duration = Duration::from_secs(5);

/// The templates that this process has made, each once.
static TEMPLATES: LazyLock<Mutex<HashMap<String, Arc<OnceCell<()>>>>> =
    LazyLock::new(Mutex::default);

/// A fresh database with a pool on it; dropped, the database is gone, whoever still uses it.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    url: String,
    admin: String,
    pool: PgPool,
}

impl TestDatabase {
    /// An empty database on the shared Postgres.
    ///
    /// # Panics
    ///
    /// When the server can't start or refuses to make it.
    pub async fn create() -> Self {
        Self::create_from(&Servers::shared().admin_url(), "template1").await
    }

    /// An empty database on a server of the test's own.
    ///
    /// # Panics
    ///
    /// When the server refuses to make it.
    pub async fn create_on(server: &PostgresServer) -> Self {
        Self::create_from(&server.url("postgres"), "template1").await
    }

    /// A copy of the template `name`, which the first caller in this process fills with `setup`.
    ///
    /// A copy takes some 20 ms, whatever the setup took. On a server given by `DATABASE_URL` no
    /// template is left behind: there each database runs the setup itself.
    ///
    /// # Panics
    ///
    /// When the server can't start or refuses to make it, or when the setup panics.
    pub async fn from_template(name: &str, setup: impl AsyncFnOnce(&PgPool)) -> Self {
        let servers = Servers::shared();
        if servers.postgres_is_given() {
            let database = Self::create().await;
            setup(&database.pool).await;
            return database;
        }
        let admin = servers.admin_url();
        let template = format!("template_{name}");
        let made = {
            let mut templates = TEMPLATES.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(templates.entry(template.clone()).or_default())
        };
        made.get_or_init(async || {
            // A setup that panicked may have left a half-made one.
            drop_database(&admin, &template).await.expect("drop a half-made template");
            make_database(&admin, &template, "template1").await;
            let pool = connect(&net::with_database(&admin, &template), POOL_SIZE).await;
            setup(&pool).await;
            pool.close().await;
        })
        .await;
        Self::create_from(&admin, &template).await
    }

    /// Its name, which no other test has.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its URL, with the role and password to use.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A pool of up to 10 connections.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// One more pool of another size.
    ///
    /// # Panics
    ///
    /// When the server does not answer.
    pub async fn connect(&self, connections: u32) -> PgPool {
        connect(&self.url, connections).await
    }

    async fn create_from(admin: &str, template: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{next}_{:08x}", process::id(), fastrand::u32(..));
        make_database(admin, &name, template).await;
        let url = net::with_database(admin, &name);
        let pool = connect(&url, POOL_SIZE).await;
        Self { name, url, admin: admin.to_owned(), pool }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (admin, name) = (self.admin.clone(), self.name.clone());
        // A runtime of its own: the test's may be the one that runs this drop, or be gone.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                tokio::time::timeout(DROP_DEADLINE, drop_database(&admin, &name)).await
            })??;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        });
        // What can't be dropped is on a server that is gone, and its data with it.
        let _ = dropping.join();
    }
}

async fn connect(url: &str, connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .connect(url)
        .await
        .unwrap_or_else(|error| panic!("connect to {}: {error}", redacted(url)))
}

async fn make_database(admin: &str, name: &str, template: &str) {
    let made = async {
        let mut connection = PgConnection::connect(admin).await?;
        let statement = format!(r#"CREATE DATABASE "{name}" TEMPLATE "{template}""#);
        connection.execute(AssertSqlSafe(statement)).await?;
        connection.close().await
    };
    made.await.unwrap_or_else(|error: sqlx::Error| {
        panic!("make a database on {}: {error}", redacted(admin))
    });
}

async fn drop_database(admin: &str, name: &str) -> sqlx::Result<()> {
    let mut connection = PgConnection::connect(admin).await?;
    let statement = format!(r#"DROP DATABASE IF EXISTS "{name}" WITH (FORCE)"#);
    connection.execute(AssertSqlSafe(statement)).await?;
    connection.close().await
}

/// A URL for a message: without user and password.
fn redacted(url: &str) -> &str {
    url.rsplit('@').next().unwrap_or_default()
}
