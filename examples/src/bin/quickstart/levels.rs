//! How old an answer may be.

use std::time::Duration;

use cache_runtime::{Level, ReadAt};

use crate::show::Section;
use crate::tour::{Tour, city};

const OSLO: i64 = 3_143_244;

impl Tour<'_> {
    pub(crate) async fn levels(&self) -> sqlx::Result<()> {
        let cities = &self.cities;
        let mut section = Section::new(
            self.cache,
            "How old an answer may be: levels",
            "Bounded(1s) is the default, and answered from this process's memory; Strong sees what was\n\
             committed when the read began; Database passes the cache over. A level is set for the manager,\n\
             a repository, a method, or, as here, a call.",
        );
        section.read("get(3143244)", cities.get(OSLO), city).await?;
        section.read("get(3143244)", cities.get(OSLO), city).await?;
        let half = Level::Bounded(Duration::from_millis(500));
        section.read("get(3143244).at(500 ms)", cities.get(OSLO).at(half), city).await?;
        let strong = cities.get(OSLO).at(Level::Strong);
        section.read("get(3143244).at(Strong)", strong, city).await?;
        let database = cities.get(OSLO).at(Level::Database);
        section.read("get(3143244).at(Database)", database, city).await?;
        section.end();
        Ok(())
    }
}
