//! Writes, and the reads after them.

use std::sync::Arc;

use examples::City;

use crate::show::{Section, count};
use crate::tour::{NORDHAFEN, Tour, city, nordhafen};

impl Tour<'_> {
    pub(crate) async fn insert_and_update(&self) -> sqlx::Result<()> {
        let cities = &self.cities;
        let list = || cities.list_by_country("DK", ..);
        let number = |found: &Vec<_>| format!("{} cities", found.len());
        let stored = |row: &Arc<City>| format!("{}, {}", row.name, count(row.population));
        let mut section = Section::new(
            self.cache,
            "Writes, and the reads after them",
            "Until now -1 was known not to be there. A write holds every key that its row changes, commits\n\
             and lets go: no reader gets the old state afterwards. A list has ids alone, so a change of\n\
             another column leaves it be. An update that changes nothing invalidates nothing.",
        );
        section.read("list_by_country(\"DK\", ..)", list(), number).await?;
        let new = nordhafen();
        section.write("insert(Nordhafen)", cities.insert(&new), stored).await?;
        section.read("get(-1)", cities.get(NORDHAFEN), city).await?;
        section.read("list_by_country(\"DK\", ..)", list(), number).await?;
        let grown = City { population: 21_500, ..new };
        section.write("update(population: 21,500)", cities.update(&grown), city).await?;
        section.read("get(-1)", cities.get(NORDHAFEN), city).await?;
        section.read("list_by_country(\"DK\", ..)", list(), number).await?;
        section.write("update(the same row)", cities.update(&grown), city).await?;
        section.read("get(-1)", cities.get(NORDHAFEN), city).await?;
        section.end();
        Ok(())
    }

    pub(crate) async fn rename(&self) -> sqlx::Result<()> {
        let cities = &self.cities;
        let mut section = Section::new(
            self.cache,
            "A rename moves a unique key",
            "The old slug found the row, and the new one was known to find none: both are put right.",
        );
        section.read("find_by_slug(\"nordhafen\")", cities.find_by_slug("nordhafen"), city).await?;
        section.read("find_by_slug(\"nordhavn\")", cities.find_by_slug("nordhavn"), city).await?;
        let renamed = City {
            slug: "nordhavn".to_owned(),
            name: "Nordhavn".to_owned(),
            population: 21_500,
            ..nordhafen()
        };
        section.write("update(slug: \"nordhavn\")", cities.update(&renamed), city).await?;
        section.read("find_by_slug(\"nordhafen\")", cities.find_by_slug("nordhafen"), city).await?;
        section.read("find_by_slug(\"nordhavn\")", cities.find_by_slug("nordhavn"), city).await?;
        section.end();
        Ok(())
    }
}
