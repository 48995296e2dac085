//! A table of cities behind an outbox, and processes that cache it.

use std::sync::Arc;

use cache_runtime::testing::Stepper;
use cache_runtime::{
    Backlog, CacheManager, CacheManagerBuilder, Entity, Key, Relay, State, cached_repository,
    migrate,
};
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, FromRow, PgPool};
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
}

#[cached_repository]
impl Cities {
    #[cached(key = "in:{country}", tags("country:{country}"))]
    pub(crate) async fn population_of(&self, country: &str) -> sqlx::Result<Option<i64>> {
        sqlx::query_scalar("SELECT sum(population)::int8 FROM cities WHERE country = $1")
            .bind(country)
            .fetch_one(&self.db)
            .await
    }

    #[cached(key = "all", tags("cities"))]
    pub(crate) async fn count(&self) -> sqlx::Result<i64> {
        sqlx::query_scalar("SELECT count(*) FROM cities").fetch_one(&self.db).await
    }
}

/// One test's database with the outbox in it, and one process over it. The process reports its steps.
pub(crate) struct World {
    pub(crate) fixture: Fixture,
    pub(crate) stepper: Stepper,
    pub(crate) cities: Cities,
}

pub(crate) fn city(id: i64, slug: &str, country: &str, population: i64) -> City {
    City { id, slug: slug.to_owned(), country: Some(country.to_owned()), population }
}

impl World {
    /// Three cities: Paris (1) and Lyon (2) in France, Rome (3) in Italy. Nothing is cached.
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::from_template("cities_outbox", async |pool: &PgPool| {
            migrate(pool).await.expect("the outbox is made");
            sqlx::raw_sql(
                "CREATE TABLE cities (id int8 PRIMARY KEY, slug text NOT NULL UNIQUE, country text, \
                 population int8 NOT NULL, note text); CREATE INDEX ON cities (country); \
                 INSERT INTO cities VALUES (1, 'paris', 'FR', 2100), (2, 'lyon', 'FR', 500), (3, 'rome', 'IT', 2800)",
            )
            .execute(pool)
            .await
            .expect("the table is made");
        })
        .await;
        let fixture = Fixture::with_database(database);
        let stepper = Stepper::new();
        let observer = Arc::new(stepper.clone());
        let cities = cities(&fixture, |builder| builder.observer(observer));
        Self { stepper, cities, fixture }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        self.fixture.pool()
    }

    /// One more process, which reports nothing.
    pub(crate) fn elsewhere(&self) -> Cities {
        cities(&self.fixture, |builder| builder)
    }

    /// A relay in the first process.
    pub(crate) fn relay(&self) -> Relay {
        self.cities.cache.relay(self.pool()).spawn().expect("the relay starts")
    }

    /// A relay in the first process, which has drained for the first time.
    pub(crate) async fn ready_relay(&self) -> Relay {
        let relay = self.relay();
        self.caught_up(&relay).await;
        relay
    }

    /// Waits until the relay has begun to work and nothing is left for it.
    pub(crate) async fn caught_up(&self, relay: &Relay) {
        eventually("the relay has caught up", || async {
            relay.stats().emptied > 0 && self.waiting().await.rows == 0
        })
        .await;
    }

    pub(crate) async fn waiting(&self) -> Backlog {
        let (rows, oldest): (i64, f64) = sqlx::query_as(
            "SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 \
             FROM cache_runtime.outbox",
        )
        .fetch_one(self.pool())
        .await
        .unwrap();
        Backlog::new(rows.try_into().unwrap(), std::time::Duration::from_secs_f64(oldest.max(0.0)))
    }

    /// Everything that waits in the outbox, without its namespace, sorted.
    pub(crate) async fn outbox(&self) -> Vec<String> {
        let keys: Vec<String> =
            sqlx::query_scalar("SELECT DISTINCT unnest(keys) FROM cache_runtime.outbox")
                .fetch_all(self.pool())
                .await
                .unwrap();
        let head = format!("{}:", self.fixture.namespace());
        let mut keys: Vec<String> =
            keys.iter().map(|key| key.strip_prefix(&head).expect(key).to_owned()).collect();
        keys.sort();
        keys
    }

    pub(crate) async fn sql(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(self.pool()).await.expect(sql);
    }

    /// Puts these keys into the outbox, by hand.
    pub(crate) async fn post(&self, keys: &[Key]) {
        let keys: Vec<&str> = keys.iter().map(Key::as_str).collect();
        sqlx::query("INSERT INTO cache_runtime.outbox (namespace, keys) VALUES ($1, $2)")
            .bind(self.fixture.namespace())
            .bind(keys)
            .execute(self.pool())
            .await
            .unwrap();
    }

    /// Breaks the connections of relays that are in a delivery; says how many.
    pub(crate) async fn cut_off_relays(&self) -> i64 {
        sqlx::query_scalar(
            "SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND state = 'idle in transaction') AS cut",
        )
        .fetch_one(self.pool())
        .await
        .unwrap()
    }

    pub(crate) fn row(&self, id: i64) -> Key {
        self.cities.cache.key().text("cities:id").value(&id).finish().unwrap()
    }

    /// Reads a row until the cache has it.
    pub(crate) async fn cached(&self, id: i64) {
        let cities = self.elsewhere();
        eventually("the row is cached", || async {
            cities.get(id).await.unwrap();
            matches!(cities.explain(id).await.state, State::Value | State::Negative)
        })
        .await;
    }

    pub(crate) async fn is_cached(&self, id: i64) -> bool {
        self.cities.cache.backend().exists(&self.row(id)).await.unwrap()
    }
}

/// A process over the fixture.
pub(crate) fn cities(
    fixture: &Fixture,
    options: impl FnOnce(CacheManagerBuilder) -> CacheManagerBuilder,
) -> Cities {
    let builder = CacheManager::builder(fixture.namespace())
        .redis(fixture.redis_url())
        // On a busy machine everything is silent for a while.
        .hang_after(std::time::Duration::from_millis(250));
    let cache = options(builder).build().expect("the manager is built");
    Cities { db: fixture.pool().clone(), cache }
}
