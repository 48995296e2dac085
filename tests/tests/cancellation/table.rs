//! What the database says, and what every read has to answer because of it.

use std::fmt;

use cache_runtime::Entity;
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "cities")]
pub(crate) struct City {
    #[entity(id)]
    pub(crate) id: i64,
    pub(crate) slug: String,
    pub(crate) country: Option<String>,
    pub(crate) population: i64,
}

/// A row without look-ups: its keys follow from its id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "notes")]
pub(crate) struct Note {
    #[entity(id)]
    pub(crate) id: i64,
    pub(crate) text: String,
}

/// The rows of one round, which no other round touches: whoever gets an answer of another round got a wrong one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cast(pub(crate) i64);

/// So many rounds have their rows in a fresh database: some five times of what all tests need.
pub(crate) const ROUNDS: i64 = 20_000;

pub(crate) const TABLES: &str = "
    CREATE TABLE cities (id int8 PRIMARY KEY, slug text NOT NULL UNIQUE, country text, population int8 NOT NULL, \
                         area int8 NOT NULL DEFAULT 10, extra int8 NOT NULL DEFAULT 0);
    CREATE INDEX ON cities (country);
    CREATE TABLE notes (id int8 PRIMARY KEY, text text NOT NULL);
    INSERT INTO cities SELECT n * 10 + k, 'city-' || n || '-' || k, 'land-' || n, n * 100 + k
    FROM generate_series(0, 19999) n, generate_series(1, 3) k;
    INSERT INTO notes SELECT n, 'note-' || n FROM generate_series(0, 19999) n;
    ANALYZE;";

impl Cast {
    /// Rows 1 to 3 are there from the start.
    pub(crate) fn id(self, number: i64) -> i64 {
        self.0 * 10 + number
    }

    pub(crate) fn slug(self, number: i64) -> String {
        format!("city-{}-{number}", self.0)
    }

    /// Where the rows are from the start.
    pub(crate) fn home(self) -> String {
        format!("land-{}", self.0)
    }

    /// Where nobody is from the start.
    pub(crate) fn abroad(self) -> String {
        format!("abroad-{}", self.0)
    }

    pub(crate) fn population(self, number: i64) -> i64 {
        self.0 * 100 + number
    }

    /// A row as it is from the start, or would be.
    pub(crate) fn city(self, number: i64) -> City {
        City {
            id: self.id(number),
            slug: self.slug(number),
            country: Some(self.home()),
            population: self.population(number),
        }
    }

    /// A row with everything about it changed but its id: row 1 gets the slug 11, row 2 the slug 12.
    pub(crate) fn moved(self, number: i64) -> City {
        City {
            id: self.id(number),
            slug: self.slug(number + 10),
            country: Some(self.abroad()),
            population: self.population(number + 10),
        }
    }
}

/// A row with its columns that no entity knows.
#[derive(Clone, PartialEq, FromRow)]
pub(crate) struct Row {
    #[sqlx(flatten)]
    pub(crate) city: City,
    pub(crate) area: i64,
    pub(crate) extra: i64,
}

/// In one line.
impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { city: City { id, slug, country, population }, area, extra } = self;
        write!(f, "{id} {slug} {country:?} {population} {area} {extra}")
    }
}

/// All rows of one round.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Table {
    pub(crate) rows: Vec<Row>,
    pub(crate) note: Option<String>,
}

/// What a call does to the rows of its round.
pub(crate) type Change = fn(&mut Table, Cast);

impl Table {
    pub(crate) fn at_first(cast: Cast) -> Self {
        let row = |number| Row { city: cast.city(number), area: 10, extra: 0 };
        Self { rows: (1..=3).map(row).collect(), note: Some(format!("note-{}", cast.0)) }
    }

    /// What the database says.
    pub(crate) async fn truth(pool: &PgPool, cast: Cast) -> Self {
        let rows = sqlx::query_as(
            "SELECT * FROM cities WHERE id BETWEEN $1 * 10 AND $1 * 10 + 9 ORDER BY id",
        )
        .bind(cast.0)
        .fetch_all(pool);
        let note = sqlx::query_scalar("SELECT text FROM notes WHERE id = $1")
            .bind(cast.0)
            .fetch_optional(pool);
        let (rows, note) = tokio::try_join!(rows, note).expect("the database answers");
        Self { rows, note }
    }

    /// Puts a row in, or in place of the one with its id.
    pub(crate) fn put(&mut self, city: City) {
        match self.rows.iter_mut().find(|row| row.city.id == city.id) {
            Some(row) => row.city = city,
            None => self.rows.push(Row { city, area: 10, extra: 0 }),
        }
        self.rows.sort_by_key(|row| row.city.id);
    }

    pub(crate) fn remove(&mut self, id: i64) {
        self.rows.retain(|row| row.city.id != id);
    }

    pub(crate) fn row(&mut self, id: i64) -> &mut Row {
        self.rows.iter_mut().find(|row| row.city.id == id).expect("the row is there")
    }

    pub(crate) fn get(&self, id: i64) -> Option<&City> {
        self.rows.iter().map(|row| &row.city).find(|city| city.id == id)
    }

    pub(crate) fn find(&self, slug: &str) -> Option<&City> {
        self.rows.iter().map(|row| &row.city).find(|city| city.slug == slug)
    }

    pub(crate) fn list<'t>(&'t self, country: &'t str) -> Vec<&'t City> {
        self.of(country).map(|row| &row.city).collect()
    }

    /// The sum of a column over a country; none where nobody is.
    pub(crate) fn sum(&self, country: &str, column: fn(&Row) -> i64) -> Option<i64> {
        self.of(country).map(column).reduce(|sum, next| sum + next)
    }

    fn of<'t>(&'t self, country: &'t str) -> impl Iterator<Item = &'t Row> {
        self.rows.iter().filter(move |row| row.city.country.as_deref() == Some(country))
    }
}
