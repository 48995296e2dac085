//! A source that is far away.

use std::time::Duration;

use cache_runtime::{DataSource, PgSource, Write, WriteBehindSource};
use examples::City;
use sqlx::PgPool;

/// How long it takes to answer, beside what the database takes.
pub(crate) const DISTANCE: Duration = Duration::from_millis(20);

/// The cities, as a service in another country has them.
#[derive(Debug)]
pub(crate) struct Distant(PgSource<City>);

impl Distant {
    pub(crate) fn new(pool: &PgPool) -> Self {
        Self(PgSource::new(pool))
    }
}

impl DataSource for Distant {
    type Key = i64;
    type Value = City;
    type Error = sqlx::Error;

    async fn load(&self, id: &i64) -> sqlx::Result<Option<City>> {
        tokio::time::sleep(DISTANCE).await;
        self.0.load(id).await
    }

    async fn load_many(&self, ids: &[i64]) -> sqlx::Result<Vec<Option<City>>> {
        tokio::time::sleep(DISTANCE).await;
        self.0.load_many(ids).await
    }

    async fn store(&self, city: &City) -> sqlx::Result<City> {
        tokio::time::sleep(DISTANCE).await;
        self.0.store(city).await
    }

    async fn delete(&self, id: &i64) -> sqlx::Result<bool> {
        tokio::time::sleep(DISTANCE).await;
        self.0.delete(id).await
    }

    fn is_settled(error: &sqlx::Error) -> bool {
        PgSource::<City>::is_settled(error)
    }
}

impl WriteBehindSource for Distant {
    async fn apply(&self, queue: &str, writes: &[Write<i64, City>]) -> sqlx::Result<()> {
        tokio::time::sleep(DISTANCE).await;
        self.0.apply(queue, writes).await
    }

    fn is_away(&self, error: &sqlx::Error) -> bool {
        self.0.is_away(error)
    }
}
