//! A table of towns with an outbox, lists of them by conditions, and two processes that cache these.

use std::collections::BTreeSet;
use std::sync::Arc;

use cache_runtime::testing::Stepper;
use cache_runtime::{
    CacheManager, CacheTransaction, Entity, Key, Level, State, Step, cached_repository, migrate,
};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool};
use tests::{Fixture, TestDatabase, eventually};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "towns")]
pub(crate) struct Town {
    #[entity(id)]
    pub(crate) id: i64,
    pub(crate) slug: String,
    pub(crate) country: Option<String>,
    pub(crate) population: Option<i64>,
    pub(crate) harbour: bool,
}

#[cached_repository(
    entity = Town,
    ttl = "15m",
    list(name = big, where = "population >= 1_000", order = "population DESC", limit = 3),
    list(name = ports, where = "country = $country AND harbour = TRUE", order = "slug"),
    list(name = above, where = "population >= $min AND country = $country"),
    list(name = around, where = "population > $min", order = "population", buckets(min = [500, 2_000])),
    list(name = unknown, where = "population IS NULL OR country IS NULL"),
)]
#[derive(Clone)]
pub(crate) struct Towns {
    pub(crate) db: PgPool,
    pub(crate) cache: CacheManager,
}

#[cached_repository]
impl Towns {
    /// Lets `meanwhile` happen after the row was looked for, and then makes the row as large.
    #[invalidates(id)]
    pub(crate) async fn grow_after<F: Future<Output = ()> + Send>(
        &self,
        tx: &mut CacheTransaction,
        id: i64,
        population: i64,
        meanwhile: F,
    ) -> sqlx::Result<u64> {
        meanwhile.await;
        let grown = sqlx::query("UPDATE towns SET population = $2 WHERE id = $1")
            .bind(id)
            .bind(population)
            .execute(tx.connection())
            .await?;
        Ok(grown.rows_affected())
    }
}

pub(crate) fn town(id: i64, slug: &str, country: &str, population: i64, harbour: bool) -> Town {
    let (country, population) = (Some(country.to_owned()), Some(population));
    Town { id, slug: slug.to_owned(), country, population, harbour }
}

/// Oslo, a port of 700 in Norway.
pub(crate) fn oslo() -> Town {
    town(1, "oslo", "NO", 700, true)
}

/// One test's database, and two processes over it and over one Redis. The first reports its steps.
pub(crate) struct World {
    pub(crate) fixture: Fixture,
    pub(crate) stepper: Stepper,
    pub(crate) here: Towns,
    pub(crate) elsewhere: Towns,
}

pub(crate) fn slugs(towns: &[Arc<Town>]) -> Vec<&str> {
    towns.iter().map(|town| town.slug.as_str()).collect()
}

impl World {
    /// Oslo (1, 700), Bergen (2, 300) and Hamar (3, 30, no port) in Norway; Turku (4, 1200) and Lahti (5, 2600, no port)
    /// in Finland. Nothing is cached.
    pub(crate) async fn new() -> Self {
        Self::at(Level::Strong).await
    }

    pub(crate) async fn at(level: Level) -> Self {
        let database = TestDatabase::from_template("towns", async |pool: &PgPool| {
            migrate(pool).await.expect("the outbox is made");
            sqlx::raw_sql(
                "CREATE TABLE towns (id int8 PRIMARY KEY, slug text NOT NULL, country text, population int8, \
                 harbour bool NOT NULL, note text); \
                 INSERT INTO towns VALUES (1, 'oslo', 'NO', 700, true), (2, 'bergen', 'NO', 300, true), \
                 (3, 'hamar', 'NO', 30, false), (4, 'turku', 'FI', 1200, true), (5, 'lahti', 'FI', 2600, false)",
            )
            .execute(pool)
            .await
            .expect("the table is made");
        })
        .await;
        let fixture = Fixture::with_database(database);
        let stepper = Stepper::new();
        let towns = |observed: bool| {
            let builder = CacheManager::builder(fixture.namespace())
                .redis(fixture.redis_url())
                .level(level)
                // On a busy machine everything is silent for a while.
                .hang_after(std::time::Duration::from_millis(250));
            let builder =
                if observed { builder.observer(Arc::new(stepper.clone())) } else { builder };
            let cache = builder.build().expect("the manager is built");
            Towns { db: fixture.pool().clone(), cache }
        };
        let (here, elsewhere) = (towns(true), towns(false));
        Self { stepper, here, elsewhere, fixture }
    }

    /// What the keys of a list have behind `towns:where:`.
    pub(crate) fn key(&self, rest: &str) -> Key {
        let mut key = self.here.cache.key().text("towns:where");
        for part in rest.split(':') {
            key = match part.strip_prefix('=') {
                Some(value) => key.value(value),
                None => key.text(part),
            };
        }
        key.finish().expect("the key is written")
    }

    /// What was held for lists by condition since the last time, by the first process.
    pub(crate) fn held(&self, since: usize) -> BTreeSet<String> {
        let head = format!("{}:towns:where:", self.here.cache.namespace().as_str());
        let seen = self.stepper.seen().into_iter().skip(since);
        seen.filter(|(step, _)| *step == Step::Hold)
            .filter_map(|(_, key)| key.as_str().strip_prefix(&head).map(str::to_owned))
            .collect()
    }

    /// Waits until so many fills were accepted here.
    pub(crate) async fn filled(&self, count: u64) {
        eventually("the fills are accepted", || async { self.here.stats().fills >= count }).await;
    }

    /// Waits until nobody holds the row any more.
    pub(crate) async fn released(&self, id: i64) {
        self.released_but_parked(id).await;
        self.here.cache.drain().await;
    }

    /// The same while a fill of the first process is parked.
    pub(crate) async fn released_but_parked(&self, id: i64) {
        eventually("the row is released", || async {
            self.elsewhere.explain(id).await.state != State::Hold
        })
        .await;
        self.elsewhere.cache.drain().await;
    }

    /// Changes rows without a word to anyone.
    pub(crate) async fn sql(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(self.fixture.pool()).await.expect("the statement runs");
    }
}
