//! The way through, and the city that is made for it.

use std::sync::Arc;

use cache_runtime::CacheManager;
use examples::{Cities, City, Countries, Country, Failure, failed};
use sqlx::PgPool;

use crate::show::count;

/// A city of the tour's own, so that none of the real ones changes. GeoNames' numbers are positive.
pub(crate) const NORDHAFEN: i64 = -1;
pub(crate) const DENMARK: (&str, i64) = ("DK", 5_797_446);
pub(crate) const SWEDEN: (&str, i64) = ("SE", 10_183_175);

pub(crate) struct Tour<'t> {
    pub(crate) db: &'t PgPool,
    pub(crate) cache: &'t CacheManager,
    pub(crate) cities: Cities,
    pub(crate) countries: Countries,
}

impl<'t> Tour<'t> {
    pub(crate) fn new(db: &'t PgPool, cache: &'t CacheManager) -> Self {
        Self {
            db,
            cache,
            cities: Cities::new(db.clone(), cache.clone()),
            countries: Countries::new(db.clone(), cache.clone()),
        }
    }

    pub(crate) async fn walk(&self) -> Result<(), Failure> {
        self.schema().await?;
        // An earlier run may have been stopped halfway.
        self.tidy().await.map_err(failed("could not put the data in order"))?;
        self.first_and_second_read().await.map_err(failed("the first reads failed"))?;
        self.explained().await;
        self.levels().await.map_err(failed("the reads at other levels failed"))?;
        self.batch().await.map_err(failed("the batch failed"))?;
        self.look_up().await.map_err(failed("the look-up failed"))?;
        self.list().await.map_err(failed("the list failed"))?;
        self.insert_and_update().await.map_err(failed("a write failed"))?;
        self.rename().await.map_err(failed("the rename failed"))?;
        self.rollback().await.map_err(failed("the rollback failed"))?;
        self.savepoint().await.map_err(failed("the savepoint failed"))?;
        self.two_repositories().await.map_err(failed("the transaction failed"))?;
        self.cached_query().await.map_err(failed("the cached query failed"))?;
        self.statement().await.map_err(failed("the statement failed"))?;
        self.writes_from_elsewhere().await?;
        self.warming().await?;
        self.tidy().await.map_err(failed("could not put the data back in order"))?;
        self.stats();
        Ok(())
    }

    /// Leaves the tables as they were loaded.
    async fn tidy(&self) -> sqlx::Result<()> {
        let mut tx = self.cache.begin(self.db).await?;
        self.cities.within(&mut tx).delete(NORDHAFEN).await?;
        for (iso, population) in [DENMARK, SWEDEN] {
            if let Some(country) = self.countries.within(&mut tx).get(iso).await? {
                let country = Country { population, ..Country::clone(&country) };
                self.countries.within(&mut tx).update(&country).await?;
            }
        }
        tx.commit().await
    }
}

/// The tour's city as it begins.
pub(crate) fn nordhafen() -> City {
    City {
        id: NORDHAFEN,
        slug: "nordhafen".to_owned(),
        name: "Nordhafen".to_owned(),
        country: DENMARK.0.to_owned(),
        admin1: None,
        latitude: 55.7,
        longitude: 12.6,
        population: 20_000,
        timezone: "Europe/Copenhagen".to_owned(),
    }
}

pub(crate) fn city(found: &Option<Arc<City>>) -> String {
    match found {
        Some(city) => format!("{}, {}", city.name, count(city.population)),
        None => "none".to_owned(),
    }
}

pub(crate) fn country(found: &Option<Arc<Country>>) -> String {
    match found {
        Some(country) => format!("{}, {}", country.name, count(country.population)),
        None => "none".to_owned(),
    }
}
