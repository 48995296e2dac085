//! A table of cities, and two processes that cache it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cache_runtime::testing::{Gate, ManualClock, Stepper};
use cache_runtime::{
    CacheManager, CacheManagerBuilder, CacheTransaction, Entity, Key, Level, Origin, State, Step,
    cached_repository,
};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool};
use tests::{Fixture, TestDatabase, eventually};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "cities")]
pub(crate) struct City {
    #[entity(id)]
    pub(crate) id: i64,
    pub(crate) slug: String,
    pub(crate) country: Option<String>,
    pub(crate) population: i64,
}

#[cached_repository(entity = City, ttl = "15m", unique(slug), list(country), tags("country:{country}"))]
#[derive(Clone)]
pub(crate) struct Cities {
    pub(crate) db: PgPool,
    pub(crate) cache: CacheManager,
    /// How often a cached method's body ran.
    pub(crate) runs: Arc<AtomicUsize>,
}

#[cached_repository]
impl Cities {
    #[cached(key = "largest:{limit}", ttl = "1m", tags("cities"))]
    pub(crate) async fn largest(&self, limit: i64) -> sqlx::Result<Vec<City>> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        sqlx::query_as("SELECT * FROM cities ORDER BY population DESC, id LIMIT $1")
            .bind(limit)
            .fetch_all(&self.db)
            .await
    }

    #[cached(key = "in:{country}", tags("country:{country}"))]
    pub(crate) async fn population_of(&self, country: &str) -> sqlx::Result<Option<i64>> {
        sqlx::query_scalar("SELECT sum(population)::int8 FROM cities WHERE country = $1")
            .bind(country)
            .fetch_one(&self.db)
            .await
    }

    #[cached(key = "by row:{id}", tags("cities"))]
    pub(crate) async fn population_by_row(&self, id: i64) -> sqlx::Result<Option<i64>> {
        Ok(self.get(id).await?.map(|city| city.population))
    }

    #[cached(key = "areas", tags("cities"))]
    pub(crate) async fn areas(&self) -> sqlx::Result<i64> {
        sqlx::query_scalar("SELECT sum(area)::int8 FROM cities").fetch_one(&self.db).await
    }

    #[invalidates(id)]
    pub(crate) async fn widen(&self, tx: &mut CacheTransaction, id: i64) -> sqlx::Result<()> {
        sqlx::query("UPDATE cities SET area = 11 WHERE id = $1")
            .bind(id)
            .execute(tx.connection())
            .await
            .map(drop)
    }

    #[cached(key = "fails")]
    pub(crate) async fn fails(&self) -> sqlx::Result<i64> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        sqlx::query_scalar("SELECT 1 / 0").fetch_one(&self.db).await
    }

    /// Lets `meanwhile` happen after the row was looked for, and then moves the row.
    #[invalidates(id)]
    pub(crate) async fn move_after<F: Future<Output = ()> + Send>(
        &self,
        tx: &mut CacheTransaction,
        id: i64,
        country: Option<&str>,
        meanwhile: F,
    ) -> sqlx::Result<u64> {
        meanwhile.await;
        let moved = match country {
            Some(_) => {
                sqlx::query("UPDATE cities SET country = $2 WHERE id = $1").bind(id).bind(country)
            }
            None => sqlx::query("DELETE FROM cities WHERE id = $1").bind(id),
        };
        Ok(moved.execute(tx.connection()).await?.rows_affected())
    }

    #[invalidates(id)]
    pub(crate) async fn rename(
        &self,
        tx: &mut CacheTransaction,
        id: i64,
        slug: &str,
    ) -> sqlx::Result<()> {
        sqlx::query("UPDATE cities SET slug = $2 WHERE id = $1")
            .bind(id)
            .bind(slug)
            .execute(&mut **tx)
            .await?;
        Ok(())
    }
}

/// One test's database, and two processes over it and over one Redis. The first reports its steps.
pub(crate) struct World {
    pub(crate) fixture: Fixture,
    pub(crate) stepper: Stepper,
    pub(crate) here: Cities,
    pub(crate) elsewhere: Cities,
}

pub(crate) fn city(id: i64, slug: &str, country: &str, population: i64) -> City {
    City { id, slug: slug.to_owned(), country: Some(country.to_owned()), population }
}

/// Reads the row until the tier in the process answers.
pub(crate) async fn near(cities: &Cities, id: i64) {
    eventually("the tier has the row", || async {
        cities.get(id).await.unwrap();
        cities.explain(id).await.origin == Origin::Process
    })
    .await;
}

pub(crate) async fn population(cities: &Cities, id: i64) -> i64 {
    cities.get(id).await.unwrap().unwrap().population
}

impl World {
    /// Processes that keep what they read for themselves, on a clock that stands still.
    pub(crate) async fn bounded(bound: Duration) -> (Self, ManualClock) {
        let clock = ManualClock::new();
        // Zero means "never" to the proof of a stream.
        clock.advance(Duration::from_secs(60));
        let shared = clock.shared();
        let world =
            Self::with(|builder| builder.level(Level::Bounded(bound)).clock(shared.clone())).await;
        (world, clock)
    }

    /// Three cities: Paris (1) and Lyon (2) in France, Rome (3) in Italy. Nothing is cached.
    pub(crate) async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn with(options: impl Fn(CacheManagerBuilder) -> CacheManagerBuilder) -> Self {
        let database = TestDatabase::from_template("cities", async |pool: &PgPool| {
            sqlx::raw_sql(
                "CREATE TABLE cities (id int8 PRIMARY KEY, slug text NOT NULL UNIQUE, country text, \
                 population int8 NOT NULL); CREATE INDEX ON cities (country); \
                 INSERT INTO cities VALUES (1, 'paris', 'FR', 2100), (2, 'lyon', 'FR', 500), (3, 'rome', 'IT', 2800)",
            )
            .execute(pool)
            .await
            .expect("the table is made");
        })
        .await;
        let fixture = Fixture::with_database(database);
        let stepper = Stepper::new();
        let manager = |observed: bool| {
            // The tier in the process has tests of its own.
            let builder = CacheManager::builder(fixture.namespace())
                .redis(fixture.redis_url())
                .level(Level::Strong)
                // On a busy machine everything is silent for a while.
                .hang_after(Duration::from_millis(250));
            let builder =
                if observed { builder.observer(Arc::new(stepper.clone())) } else { builder };
            options(builder).build().expect("the manager is built")
        };
        let cities = |observed| Cities {
            db: fixture.pool().clone(),
            cache: manager(observed),
            runs: Arc::default(),
        };
        let (here, elsewhere) = (cities(true), cities(false));
        Self { stepper, here, elsewhere, fixture }
    }

    pub(crate) fn row(&self, id: i64) -> Key {
        self.key("cities:id", &id)
    }

    pub(crate) fn slug(&self, slug: &str) -> Key {
        self.key("cities:by:slug", slug)
    }

    pub(crate) fn list(&self, country: &str) -> Key {
        self.key("cities:list:country", country)
    }

    pub(crate) fn largest(&self, limit: i64) -> Key {
        self.key("cities:call:largest", &limit)
    }

    fn key<T: Serialize + ?Sized>(&self, kind: &str, value: &T) -> Key {
        self.here.cache.key().text(kind).value(value).finish().expect("the key is written")
    }

    /// Reads a row until the cache has it.
    pub(crate) async fn cached(&self, id: i64) {
        self.here.get(id).await.expect("the row is read");
        eventually("the row is cached", || async {
            matches!(self.elsewhere.explain(id).await.state, State::Value | State::Negative)
        })
        .await;
    }

    /// Updates a row, and stops the writer between its commit and its release: it has not returned to its caller.
    pub(crate) async fn unreleased(&self, row: City) -> Gate {
        let release = self.stepper.park(Step::Release, &self.row(row.id));
        let here = self.here.clone();
        tokio::spawn(async move { here.update(&row).await });
        release.arrived().await;
        release
    }

    /// Waits until no writer holds the row, and nothing is cached of it.
    pub(crate) async fn released(&self, id: i64) {
        eventually("the row is released", || async {
            self.elsewhere.explain(id).await.state == State::Absent
        })
        .await;
    }

    /// What the server does when a key's time has come.
    pub(crate) async fn expire(&self, key: &Key) {
        let client = redis::Client::open(self.fixture.redis_url()).expect("the URL is good");
        let mut connection =
            client.get_multiplexed_async_connection().await.expect("Redis is there");
        let _: i64 = redis::cmd("PEXPIREAT")
            .arg(key.as_str())
            .arg(1)
            .query_async(&mut connection)
            .await
            .expect("the key expires");
    }

    /// Changes a row without a word to anyone.
    pub(crate) async fn sql(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(self.fixture.pool()).await.expect("the statement runs");
    }
}

impl World {
    /// Waits until so many fills were accepted here.
    pub(crate) async fn filled(&self, count: u64) {
        eventually("the fills are accepted", || async { self.here.stats().fills >= count }).await;
    }
}
