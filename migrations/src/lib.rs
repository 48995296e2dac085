//! The schemas of the examples and tests, and the data that goes into them.
//!
//! Each folder beside `src` is one schema in plain SQL, numbered in the order in which the files
//! apply. A [`Migrator`] runs them from code; `psql` does as well by hand:
//!
//! ```text
//! cat migrations/geonames/*.sql | psql --single-transaction --set ON_ERROR_STOP=1 "$DATABASE_URL"
//! ```
//!
//! Each schema keeps its own record of what was applied, so that several fit into one database.

mod error;
mod load;
mod rows;
mod slug;

use sqlx::SqlStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

pub use error::{Error, Table};
pub use load::{Loaded, Progress, load_geonames};

/// `geonames`: the tables `countries` and `cities`, which [`load_geonames`] fills.
#[must_use]
pub fn geonames() -> Migrator {
    migrator(
        "geonames",
        &[
            (1, "countries", include_str!("../geonames/0001_countries.sql")),
            (2, "cities", include_str!("../geonames/0002_cities.sql")),
        ],
    )
}

fn migrator(schema: &str, files: &[(i64, &'static str, &'static str)]) -> Migrator {
    let migrations = files.iter().map(|&(version, description, sql)| {
        let sql = SqlStr::from_static(sql);
        Migration::new(version, description.into(), MigrationType::Simple, sql, false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.dangerous_set_table_name(format!("_migrations_{schema}"));
    migrator
}
