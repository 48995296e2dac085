//! Two entities, two repositories.

use cache_runtime::{CacheManager, CacheTransaction, Entity, cached_repository};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool};

/// A city of more than 15,000 people, or a seat of government of any size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "cities")]
pub struct City {
    /// GeoNames' own number.
    #[entity(id)]
    pub id: i64,
    /// The name as it stands in a URL: unique.
    pub slug: String,
    /// The name as its people write it, or nearly so.
    pub name: String,
    /// The ISO 3166 code of its country.
    pub country: String,
    /// The first-level region, by its country's own code.
    pub admin1: Option<String>,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// People.
    pub population: i64,
    /// As in `Europe/Lisbon`.
    pub timezone: String,
}

/// A country or territory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "countries")]
pub struct Country {
    /// Its ISO 3166 code.
    #[entity(id)]
    pub iso: String,
    /// The name in English.
    pub name: String,
    /// The capital, where there is one.
    pub capital: Option<String>,
    /// Square kilometres.
    pub area_km2: f64,
    /// People.
    pub population: i64,
    /// Two letters.
    pub continent: String,
    /// The ISO 4217 code of its money, where it has any.
    pub currency: Option<String>,
}

/// New values for some columns of a city.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CityChange {
    /// A new slug.
    pub slug: Option<String>,
    /// A new name.
    pub name: Option<String>,
    /// Another country.
    pub country: Option<String>,
    /// A new number of people.
    pub population: Option<i64>,
}

/// The cities.
#[cached_repository(entity = City, ttl = "15m", negative_ttl = "1m", unique(slug), list(country))]
#[derive(Clone, Debug)]
pub struct Cities {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository]
impl Cities {
    /// The cities of `db`, cached in `cache`.
    #[must_use]
    pub fn new(db: PgPool, cache: CacheManager) -> Self {
        Self { db, cache }
    }

    /// The `limit` largest cities of the world.
    ///
    /// # Errors
    /// Those of sqlx.
    #[cached(key = "largest:{limit}", ttl = "1m", tags("cities"))]
    pub async fn largest(&self, limit: i64) -> sqlx::Result<Vec<City>> {
        sqlx::query_as("SELECT * FROM cities ORDER BY population DESC, id LIMIT $1")
            .bind(limit)
            .fetch_all(&self.db)
            .await
    }

    /// Adds people to a city, or takes some away.
    ///
    /// # Errors
    /// Those of sqlx.
    #[invalidates(id)]
    pub async fn grow(&self, tx: &mut CacheTransaction, id: i64, by: i64) -> sqlx::Result<()> {
        sqlx::query("UPDATE cities SET population = population + $2 WHERE id = $1")
            .bind(id)
            .bind(by)
            .execute(tx.connection())
            .await?;
        Ok(())
    }

    /// Changes the columns that `change` names and leaves the others as they are, whoever else may
    /// be changing those. `None`: there is no such city.
    ///
    /// # Errors
    /// Those of sqlx.
    #[invalidates(id)]
    pub async fn change(
        &self,
        tx: &mut CacheTransaction,
        id: i64,
        change: &CityChange,
    ) -> sqlx::Result<Option<City>> {
        sqlx::query_as(
            "UPDATE cities
             SET slug = COALESCE($2, slug), name = COALESCE($3, name),
                 country = COALESCE($4, country), population = COALESCE($5, population)
             WHERE id = $1
             RETURNING *",
        )
        .bind(id)
        .bind(&change.slug)
        .bind(&change.name)
        .bind(&change.country)
        .bind(change.population)
        .fetch_optional(tx.connection())
        .await
    }
}

/// The countries, by their ISO code.
#[cached_repository(entity = Country, ttl = "1h")]
#[derive(Clone, Debug)]
pub struct Countries {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository]
impl Countries {
    /// The countries of `db`, cached in `cache`.
    #[must_use]
    pub fn new(db: PgPool, cache: CacheManager) -> Self {
        Self { db, cache }
    }

    /// Adds people to a country, or takes some away.
    ///
    /// # Errors
    /// Those of sqlx.
    #[invalidates(id = "iso")]
    pub async fn grow(&self, tx: &mut CacheTransaction, iso: &str, by: i64) -> sqlx::Result<()> {
        sqlx::query("UPDATE countries SET population = population + $2 WHERE iso = $1")
            .bind(iso)
            .bind(by)
            .execute(tx.connection())
            .await?;
        Ok(())
    }
}
