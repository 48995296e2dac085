//! A table of cities, and two processes that cache it and speak of it in events.

use std::sync::Arc;

use cache_runtime::testing::Stepper;
use cache_runtime::{
    CacheManager, CacheManagerBuilder, Entity, Event, EventBusBuilder, Key, Level,
    cached_repository, migrate,
};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool};
use tests::{Fixture, TestDatabase};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "cities")]
pub(crate) struct City {
    #[entity(id)]
    pub(crate) id: i64,
    pub(crate) slug: String,
    pub(crate) country: String,
}

#[cached_repository(entity = City, ttl = "15m", unique(slug), list(country), list(name = french, where = "country = 'FR'"))]
#[derive(Clone)]
pub(crate) struct Cities {
    pub(crate) db: PgPool,
    pub(crate) cache: CacheManager,
}

#[cached_repository]
impl Cities {
    #[cached(key = "count", tags("counts"))]
    pub(crate) async fn count(&self) -> sqlx::Result<i64> {
        sqlx::query_scalar("SELECT count(*) FROM cities").fetch_one(&self.db).await
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Moved {
    pub(crate) ids: Vec<i64>,
}

impl Event for Moved {
    const NAME: &'static str = "city.moved";
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Counted;

impl Event for Counted {
    const NAME: &'static str = "cities.counted";
}

/// Of another program, or of a newer version of this one.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Unknown;

impl Event for Unknown {
    const NAME: &'static str = "city.twinned";
}

/// One test's database, and two processes over it and over one Redis. The first reports its steps.
pub(crate) struct World {
    pub(crate) fixture: Fixture,
    pub(crate) stepper: Stepper,
    pub(crate) here: Cities,
    pub(crate) elsewhere: Cities,
}

/// What a process makes of the events.
pub(crate) fn bus(cities: &Cities) -> EventBusBuilder {
    let cities = cities.clone();
    cities
        .cache
        .clone()
        .events()
        .on::<Moved>(move |event, it| it.rows(&cities, event.ids.iter().copied()))
        .on::<Counted>(|_, it| it.tag("counts"))
        .on::<Counted>(|_, it| it.item("summary"))
}

impl World {
    /// Paris (1) and Lyon (2) in France, Rome (3) in Italy. Nothing is cached.
    pub(crate) async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn with(options: impl Fn(CacheManagerBuilder) -> CacheManagerBuilder) -> Self {
        let database = TestDatabase::from_template("cities_events", async |pool: &PgPool| {
            migrate(pool).await.expect("the outbox is made");
            sqlx::raw_sql(
                "CREATE TABLE cities (id int8 PRIMARY KEY, slug text NOT NULL UNIQUE, country text NOT NULL); \
                 INSERT INTO cities VALUES (1, 'paris', 'FR'), (2, 'lyon', 'FR'), (3, 'rome', 'IT')",
            )
            .execute(pool)
            .await
            .expect("the table is made");
        })
        .await;
        let fixture = Fixture::with_database(database);
        let stepper = Stepper::new();
        let cities = |observed: bool| {
            let builder = CacheManager::builder(fixture.namespace())
                .redis(fixture.redis_url())
                .level(Level::Strong)
                // On a busy machine everything is silent for a while.
                .hang_after(std::time::Duration::from_millis(250));
            let builder =
                if observed { builder.observer(Arc::new(stepper.clone())) } else { builder };
            let cache = options(builder).build().expect("the manager is built");
            Cities { db: fixture.pool().clone(), cache }
        };
        let (here, elsewhere) = (cities(true), cities(false));
        Self { stepper, here, elsewhere, fixture }
    }

    pub(crate) fn key(&self, kind: &str, value: &str) -> Key {
        self.here.cache.key().text(kind).value(value).finish().expect("the key is written")
    }

    /// The French cities, of every kind of list, as the first process has them.
    pub(crate) async fn french(&self) -> (usize, usize) {
        let by_column = self.here.list_by_country("FR", ..).await.unwrap().len();
        let by_condition = self.here.list_french(..).await.unwrap().len();
        self.here.cache.drain().await;
        (by_column, by_condition)
    }

    /// Changes rows without a word to anyone.
    pub(crate) async fn sql(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(self.fixture.pool()).await.expect("the statement runs");
    }
}
