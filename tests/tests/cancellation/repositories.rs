//! Repositories with one method of every kind.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cache_runtime::{CacheManager, CacheTransaction, cached_repository};
use sqlx::PgPool;

use super::table::{City, Note};

#[cached_repository(entity = City, ttl = "15m", unique(slug), list(country), tags("country:{country}"))]
#[derive(Clone)]
pub(crate) struct Cities {
    pub(crate) db: PgPool,
    pub(crate) cache: CacheManager,
    /// How often a method that changes rows outside of a transaction began to do so.
    pub(crate) changes: Arc<AtomicUsize>,
}

#[cached_repository]
impl Cities {
    /// Under a tag that the repository knows.
    #[cached(key = "total:{country}", ttl = "1m", tags("country:{country}"))]
    pub(crate) async fn total(&self, country: &str) -> sqlx::Result<Option<i64>> {
        sqlx::query_scalar("SELECT sum(population)::int8 FROM cities WHERE country = $1")
            .bind(country)
            .fetch_one(&self.db)
            .await
    }

    /// Under the tag of the table.
    #[cached(key = "least:{country}", ttl = "1m", tags("cities"))]
    pub(crate) async fn least(&self, country: &str) -> sqlx::Result<Option<Arc<City>>> {
        let statement = "SELECT * FROM cities WHERE country = $1 ORDER BY population LIMIT 1";
        Ok(sqlx::query_as(statement).bind(country).fetch_optional(&self.db).await?.map(Arc::new))
    }

    /// Under the tag of the table, and one that methods alone name.
    #[cached(key = "area:{country}", ttl = "1m", tags("cities", "area:{country}"))]
    pub(crate) async fn area(&self, country: &str) -> sqlx::Result<Option<i64>> {
        sqlx::query_scalar("SELECT sum(area)::int8 FROM cities WHERE country = $1")
            .bind(country)
            .fetch_one(&self.db)
            .await
    }

    /// Without tags: the database counts, and the answer never changes.
    #[cached(key = "twice:{number}", ttl = "1m")]
    pub(crate) async fn twice(&self, number: i64) -> sqlx::Result<i64> {
        sqlx::query_scalar("SELECT $1 * 2").bind(number).fetch_one(&self.db).await
    }

    /// In place of what [`total`](Self::total) has cached.
    #[cache_put(key = "total:{country}", ttl = "1m", tags("country:{country}"))]
    pub(crate) async fn count_again(&self, country: &str) -> sqlx::Result<Option<i64>> {
        self.__total_uncached(country).await
    }

    /// What is cached stays, because this fails.
    #[cache_put(key = "total:{country}", ttl = "1m", tags("country:{country}"))]
    pub(crate) async fn count_badly(&self, country: &str) -> sqlx::Result<Option<i64>> {
        sqlx::query_scalar("SELECT 1 / (length($1) - length($1))")
            .bind(country)
            .fetch_one(&self.db)
            .await
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
            .await
            .map(drop)
    }

    /// Changes a column that no entity knows.
    #[invalidates(id)]
    pub(crate) async fn mark(&self, tx: &mut CacheTransaction, id: i64) -> sqlx::Result<()> {
        sqlx::query("UPDATE cities SET extra = 7 WHERE id = $1")
            .bind(id)
            .execute(&mut **tx)
            .await
            .map(drop)
    }

    /// The same without rows: all its keys follow from its arguments.
    #[invalidates(tags("area:{country}"))]
    pub(crate) async fn measure(
        &self,
        tx: &mut CacheTransaction,
        country: &str,
        area: i64,
    ) -> sqlx::Result<()> {
        sqlx::query(WIDEN).bind(country).bind(area).execute(&mut **tx).await.map(drop)
    }

    /// The same without a transaction.
    #[invalidates(tags("area:{country}"))]
    pub(crate) async fn widen(&self, country: &str, area: i64) -> sqlx::Result<()> {
        self.changes.fetch_add(1, Ordering::SeqCst);
        sqlx::query(WIDEN).bind(country).bind(area).execute(&self.db).await.map(drop)
    }
}

const WIDEN: &str = "UPDATE cities SET area = $2 WHERE country = $1";

#[cached_repository(entity = Note, ttl = "15m")]
#[derive(Clone)]
pub(crate) struct Notes {
    pub(crate) db: PgPool,
    pub(crate) cache: CacheManager,
    pub(crate) changes: Arc<AtomicUsize>,
}

#[cached_repository]
impl Notes {
    #[invalidates(id)]
    pub(crate) async fn rewrite(&self, id: i64, text: &str) -> sqlx::Result<()> {
        self.changes.fetch_add(1, Ordering::SeqCst);
        sqlx::query("UPDATE notes SET text = $2 WHERE id = $1")
            .bind(id)
            .bind(text)
            .execute(&self.db)
            .await
            .map(drop)
    }
}

/// One process: its pool, its manager, its repositories.
#[derive(Clone)]
pub(crate) struct Process {
    pub(crate) db: PgPool,
    pub(crate) cache: CacheManager,
    pub(crate) cities: Cities,
    pub(crate) notes: Notes,
    pub(crate) changes: Arc<AtomicUsize>,
}

impl Process {
    pub(crate) fn new(db: PgPool, cache: CacheManager) -> Self {
        let changes = Arc::<AtomicUsize>::default();
        let cities = Cities { db: db.clone(), cache: cache.clone(), changes: changes.clone() };
        let notes = Notes { db: db.clone(), cache: cache.clone(), changes: changes.clone() };
        Self { db, cache, cities, notes, changes }
    }
}
