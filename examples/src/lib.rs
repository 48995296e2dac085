//! What the examples share: the repositories over GeoNames' cities and countries, and the servers
//! they run on.

mod database;
#[cfg(feature = "embedded")]
mod embedded;
mod failure;
mod geonames;

pub use database::{CITIES, COUNTRIES, Database};
pub use failure::{Failure, failed};
pub use geonames::{Cities, City, CityChange, Countries, Country};
