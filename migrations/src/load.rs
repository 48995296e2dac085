//! GeoNames' two tables into Postgres.

use std::collections::HashSet;
use std::io::Read;

use flate2::read::MultiGzDecoder;
use sqlx::postgres::{PgPool, PgTransaction};

use crate::error::{Error, Table};
use crate::rows::Rows;
use crate::slug::Slugs;

/// Rows in one `INSERT`: large enough that the round trip does not count, small enough for a
/// progress bar to move.
const BATCH: usize = 1_000;

const COUNTRY_COLUMNS: [&str; 7] =
    ["iso", "name", "capital", "areakm2", "population", "continentcode", "currencycode"];
const CITY_COLUMNS: [&str; 8] = [
    "geonameid",
    "name",
    "countrycode",
    "admin1code",
    "latitude",
    "longitude",
    "population",
    "timezone",
];

/// How far a load is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The table being filled.
    pub table: Table,
    /// Rows of its file that are done, those already in the table included.
    pub rows: u64,
}

/// What a load has done, in rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Countries that were inserted.
    pub countries: u64,
    /// Cities that were inserted.
    pub cities: u64,
    /// Rows of either file that the tables had already, and kept.
    pub skipped: u64,
}

/// Fills the tables of [`geonames`](crate::geonames) from GeoNames' files, the cities gzipped.
///
/// One transaction on one connection: all of it is there at the end, or nothing. Rows whose id is
/// there already stay as they are, so a second load changes nothing. A city's slug is its name in
/// lower-case ASCII; where that is taken, its country's code follows, then its id.
///
/// `progress` is called after each batch of at most 1,000 rows. Memory stays at a batch and the
/// slugs, whatever the size of the files.
///
/// # Errors
///
/// [`Error::Field`] for a malformed number, an empty mandatory field or a city of an unknown
/// country, with its line; [`Error::Read`] and [`Error::Column`] for a file that is not what it
/// should be; [`Error::Database`] for what Postgres says.
pub async fn load_geonames(
    pool: &PgPool,
    countries_csv: impl Read,
    cities_csv_gz: impl Read,
    mut progress: impl FnMut(Progress),
) -> Result<Loaded, Error> {
    let mut loaded = Loaded::default();
    let mut transaction = pool.begin().await?;
    // Two loads at once would give out the same slugs; readers are not held up.
    sqlx::query("LOCK TABLE countries, cities IN SHARE ROW EXCLUSIVE MODE")
        .execute(&mut *transaction)
        .await?;
    load_countries(&mut transaction, countries_csv, &mut loaded, &mut progress).await?;
    load_cities(&mut transaction, cities_csv_gz, &mut loaded, &mut progress).await?;
    transaction.commit().await?;
    Ok(loaded)
}

#[derive(Default)]
struct Countries {
    iso: Vec<String>,
    name: Vec<String>,
    capital: Vec<Option<String>>,
    area_km2: Vec<f64>,
    population: Vec<i64>,
    continent: Vec<String>,
    currency: Vec<Option<String>>,
}

async fn load_countries(
    transaction: &mut PgTransaction<'_>,
    file: impl Read,
    loaded: &mut Loaded,
    progress: &mut impl FnMut(Progress),
) -> Result<(), Error> {
    let mut rows = Rows::open(Table::Countries, file, &COUNTRY_COLUMNS)?;
    loop {
        let mut batch = Countries::default();
        while batch.iso.len() < BATCH
            && let Some(row) = rows.next()?
        {
            batch.iso.push(row.text(0)?);
            batch.name.push(row.text(1)?);
            batch.capital.push(row.optional(2));
            batch.area_km2.push(row.number(3)?);
            batch.population.push(row.number(4)?);
            batch.continent.push(row.text(5)?);
            batch.currency.push(row.optional(6));
        }
        if batch.iso.is_empty() {
            return Ok(());
        }
        let read = batch.iso.len() as u64;
        let inserted = sqlx::query(
            "INSERT INTO countries (iso, name, capital, area_km2, population, continent, currency)
             SELECT * FROM UNNEST($1::text[], $2::text[], $3::text[], $4::float8[], $5::int8[], $6::text[], $7::text[])
             ON CONFLICT (iso) DO NOTHING",
        )
        .bind(batch.iso)
        .bind(batch.name)
        .bind(batch.capital)
        .bind(batch.area_km2)
        .bind(batch.population)
        .bind(batch.continent)
        .bind(batch.currency)
        .execute(&mut **transaction)
        .await?
        .rows_affected();
        loaded.countries += inserted;
        loaded.skipped += read - inserted;
        progress(Progress { table: Table::Countries, rows: rows.read });
    }
}

#[derive(Default)]
struct Cities {
    id: Vec<i64>,
    slug: Vec<String>,
    name: Vec<String>,
    country: Vec<String>,
    admin1: Vec<Option<String>>,
    latitude: Vec<f64>,
    longitude: Vec<f64>,
    population: Vec<i64>,
    timezone: Vec<String>,
}

async fn load_cities(
    transaction: &mut PgTransaction<'_>,
    file: impl Read,
    loaded: &mut Loaded,
    progress: &mut impl FnMut(Progress),
) -> Result<(), Error> {
    let countries: Vec<String> =
        sqlx::query_scalar("SELECT iso FROM countries").fetch_all(&mut **transaction).await?;
    let countries: HashSet<String> = countries.into_iter().collect();
    let there: Vec<(i64, String)> =
        sqlx::query_as("SELECT id, slug FROM cities").fetch_all(&mut **transaction).await?;
    let mut ids = HashSet::new();
    let mut slugs = Slugs::default();
    for (id, slug) in there {
        ids.insert(id);
        slugs.take(slug);
    }

    let mut rows = Rows::open(Table::Cities, MultiGzDecoder::new(file), &CITY_COLUMNS)?;
    loop {
        let mut batch = Cities::default();
        let before = rows.read;
        while rows.read - before < BATCH as u64
            && let Some(row) = rows.next()?
        {
            let id = row.number(0)?;
            let name = row.text(1)?;
            let country = row.text(2)?;
            if !countries.contains(&country) {
                return Err(row.wrong(2, "the code of a country in the file of countries"));
            }
            let admin1 = row.optional(3);
            let (latitude, longitude) = (row.number(4)?, row.number(5)?);
            let (population, timezone) = (row.number(6)?, row.text(7)?);
            if !ids.insert(id) {
                loaded.skipped += 1;
                continue;
            }
            batch.id.push(id);
            batch.slug.push(slugs.make(&name, &country, id));
            batch.name.push(name);
            batch.country.push(country);
            batch.admin1.push(admin1);
            batch.latitude.push(latitude);
            batch.longitude.push(longitude);
            batch.population.push(population);
            batch.timezone.push(timezone);
        }
        if rows.read == before {
            return Ok(());
        }
        loaded.cities += sqlx::query(
            "INSERT INTO cities (id, slug, name, country, admin1, latitude, longitude, population, timezone)
             SELECT * FROM UNNEST($1::int8[], $2::text[], $3::text[], $4::text[], $5::text[], $6::float8[], $7::float8[], $8::int8[], $9::text[])",
        )
        .bind(batch.id)
        .bind(batch.slug)
        .bind(batch.name)
        .bind(batch.country)
        .bind(batch.admin1)
        .bind(batch.latitude)
        .bind(batch.longitude)
        .bind(batch.population)
        .bind(batch.timezone)
        .execute(&mut **transaction)
        .await?
        .rows_affected();
        progress(Progress { table: Table::Cities, rows: rows.read });
    }
}
