//! The database of an example: the caller's, in a schema of its own, or an embedded one.

use std::time::Duration;

use migrations::{Loaded, Progress, load_geonames};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

#[cfg(feature = "embedded")]
use crate::embedded::Embedded;
use crate::failure::{Failure, failed};

/// Rows of `cities` that the files hold.
pub const CITIES: u64 = 34_006;
/// Rows of `countries` that the files hold.
pub const COUNTRIES: u64 = 252;

/// A request that gets no connection by then is better refused.
const PATIENCE: Duration = Duration::from_secs(3);
/// An embedded Postgres begins its work with the first connection, which takes long on a machine that is busy.
#[cfg(feature = "embedded")]
const FIRST_CONNECTION: Duration = Duration::from_secs(60);

const CITIES_CSV_GZ: &[u8] = include_bytes!("../data/cities15000.csv.gz");
const COUNTRIES_CSV: &[u8] = include_bytes!("../data/countries.csv");

/// A Postgres with the tables `cities` and `countries`.
#[derive(Debug)]
pub struct Database {
    pool: PgPool,
    described: String,
    #[cfg(feature = "embedded")]
    embedded: Option<Embedded>,
}

impl Database {
    /// The database at `DATABASE_URL`, else an embedded one, with empty tables in it.
    ///
    /// Everything stays in the schema `schema`, which is made where it is missing: it comes first,
    /// and alone, on the search path of every connection.
    ///
    /// # Errors
    /// A failure that says what could not be reached or made.
    pub async fn start(schema: &'static str) -> Result<Self, Failure> {
        match std::env::var("DATABASE_URL") {
            Ok(url) if !url.is_empty() => {
                let unreachable = "could not connect to the database at DATABASE_URL";
                let options: PgConnectOptions =
                    url.parse().map_err(failed("could not read DATABASE_URL"))?;
                // A pool tries for as long as it may, and then says only that time is up.
                let probe = options.connect().await.map_err(failed(unreachable))?;
                probe.close().await.map_err(failed(unreachable))?;
                let pool =
                    connect(options, schema, 10, PATIENCE).await.map_err(failed(unreachable))?;
                Self::prepare(pool, schema).await
            }
            _ => Self::embedded(schema).await,
        }
    }

    /// An embedded database: a real Postgres that lives as long as the program does.
    ///
    /// # Errors
    /// A failure that says what could not be started or made.
    #[cfg(feature = "embedded")]
    pub async fn embedded(schema: &'static str) -> Result<Self, Failure> {
        let (embedded, options) = Embedded::start().await?;
        let pool = connect(options, schema, 1, FIRST_CONNECTION).await.map_err(failed(
            "could not connect to the embedded Postgres: set DATABASE_URL to use one of your own",
        ))?;
        let mut database = Self::prepare(pool, schema).await?;
        database.described.push_str(", embedded");
        database.embedded = Some(embedded);
        Ok(database)
    }

    #[cfg(not(feature = "embedded"))]
    async fn embedded(_: &'static str) -> Result<Self, Failure> {
        Err(Failure::new(
            "there is no database: set DATABASE_URL, or build with the feature `embedded`",
        ))
    }

    async fn prepare(pool: PgPool, schema: &'static str) -> Result<Self, Failure> {
        let (version, number): (String, i32) = sqlx::query_as(
            "SELECT current_setting('server_version'), current_setting('server_version_num')::int4",
        )
        .fetch_one(&pool)
        .await
        .map_err(failed("could not ask Postgres for its version"))?;
        if number < 150_000 {
            let old = format!("Postgres 15 or newer is needed, and this one is {version}");
            return Err(Failure::new(old));
        }
        pool.execute(AssertSqlSafe(format!("CREATE SCHEMA IF NOT EXISTS {schema}")))
            .await
            .map_err(failed(format!("could not create the schema {schema}")))?;
        migrations::geonames()
            .run(&pool)
            .await
            .map_err(failed(format!("could not create the tables in the schema {schema}")))?;
        Ok(Self {
            pool,
            described: format!("Postgres {version}"),
            #[cfg(feature = "embedded")]
            embedded: None,
        })
    }

    /// Its connections; a single one where it is embedded.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// What it is, in a few words.
    #[must_use]
    pub fn described(&self) -> &str {
        &self.described
    }

    /// Whether it ends with the program.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        #[cfg(feature = "embedded")]
        let embedded = self.embedded.is_some();
        #[cfg(not(feature = "embedded"))]
        let embedded = false;
        embedded
    }

    /// Fills the tables from the files in `examples/data`, unless the rows are there already.
    ///
    /// # Errors
    /// What the loader or the database says.
    pub async fn load(&self, progress: impl FnMut(Progress)) -> Result<Loaded, Failure> {
        let (cities, countries): (i64, i64) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM cities), (SELECT count(*) FROM countries)",
        )
        .fetch_one(&self.pool)
        .await
        .map_err(failed("could not count the rows that are there"))?;
        let (cities, countries) = (cities.unsigned_abs(), countries.unsigned_abs());
        if cities >= CITIES && countries >= COUNTRIES {
            return Ok(Loaded { skipped: cities + countries, ..Loaded::default() });
        }
        load_geonames(&self.pool, COUNTRIES_CSV, CITIES_CSV_GZ, progress)
            .await
            .map_err(failed("could not load the cities and countries"))
    }

    /// Closes the connections, and ends what was started.
    ///
    /// # Errors
    /// What an embedded database says when it does not stop in order.
    pub async fn stop(self) -> Result<(), Failure> {
        self.pool.close().await;
        #[cfg(feature = "embedded")]
        if let Some(embedded) = self.embedded {
            embedded.stop().await?;
        }
        Ok(())
    }
}

async fn connect(
    options: PgConnectOptions,
    schema: &str,
    connections: u32,
    patience: Duration,
) -> sqlx::Result<PgPool> {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(patience)
        .connect_with(options.options([("search_path", schema)]))
        .await
}
