//! Transactions: rolled back, in part, over two repositories.

use std::sync::Arc;

use examples::City;

use crate::show::Section;
use crate::tour::{DENMARK, NORDHAFEN, SWEDEN, Tour, city, country};

impl Tour<'_> {
    pub(crate) async fn rollback(&self) -> sqlx::Result<()> {
        let cities = &self.cities;
        let mut section = Section::new(
            self.cache,
            "A rollback",
            "Reads inside a transaction see its writes and fill nothing; others see what is committed.\n\
             Taken back, it leaves the cache as it was.",
        );
        section.read("get(-1)", cities.get(NORDHAFEN), city).await?;
        let mut tx = cities.begin().await?;
        let grow = cities.grow(&mut tx, NORDHAFEN, 500_000);
        section.inside("grow(-1, 500000)", grow, done).await?;
        section.inside("within(tx).get(-1)", cities.within(&mut tx).get(NORDHAFEN), city).await?;
        section.read("meanwhile, outside: get(-1)", cities.get(NORDHAFEN), city).await?;
        section.ended("rollback()", tx.rollback()).await?;
        section.read("get(-1)", cities.get(NORDHAFEN), city).await?;
        section.end();
        Ok(())
    }

    pub(crate) async fn savepoint(&self) -> sqlx::Result<()> {
        let cities = &self.cities;
        let mut section = Section::new(
            self.cache,
            "A savepoint",
            "What happens after it is taken back alone, with its keys; the rest is committed.",
        );
        let mut tx = cities.begin().await?;
        section.inside("grow(-1, 1000)", cities.grow(&mut tx, NORDHAFEN, 1_000), done).await?;
        let mut savepoint = tx.savepoint().await?;
        let delete = "  within(savepoint).delete(-1)";
        section.inside(delete, cities.within(&mut savepoint).delete(NORDHAFEN), city).await?;
        let get = "  within(savepoint).get(-1)";
        section.inside(get, cities.within(&mut savepoint).get(NORDHAFEN), city).await?;
        section.ended("  savepoint.rollback()", savepoint.rollback()).await?;
        section.ended("commit()", tx.commit()).await?;
        section.read("get(-1)", cities.get(NORDHAFEN), city).await?;
        section.end();
        Ok(())
    }

    pub(crate) async fn two_repositories(&self) -> sqlx::Result<()> {
        let (cities, countries) = (&self.cities, &self.countries);
        let mut section = Section::new(
            self.cache,
            "One transaction over two repositories",
            "Nordhavn moves to Sweden, and its people with it: three rows of two tables, one commit.",
        );
        for (iso, _) in [DENMARK, SWEDEN] {
            section.read(&format!("countries.get(\"{iso}\")"), countries.get(iso), country).await?;
        }
        let mut tx = self.cache.begin(self.db).await?;
        let Some(nordhavn) = cities.within(&mut tx).get(NORDHAFEN).await? else {
            return Err(sqlx::Error::RowNotFound);
        };
        let people = nordhavn.population;
        let moved = City { country: SWEDEN.0.to_owned(), ..City::clone(&nordhavn) };
        let mut within = cities.within(&mut tx);
        section.inside("update(country: \"SE\")", within.update(&moved), city).await?;
        for ((iso, _), by) in [(DENMARK, -people), (SWEDEN, people)] {
            let call = format!("countries.grow(\"{iso}\", {by})");
            section.inside(&call, countries.grow(&mut tx, iso, by), done).await?;
        }
        section.ended("commit()", tx.commit()).await?;
        for (iso, _) in [DENMARK, SWEDEN] {
            section.read(&format!("countries.get(\"{iso}\")"), countries.get(iso), country).await?;
        }
        for iso in [DENMARK.0, SWEDEN.0] {
            let call = format!("list_by_country(\"{iso}\", ..)");
            let has = |found: &Vec<Arc<City>>| {
                let with = found.iter().any(|city| city.id == NORDHAFEN);
                format!(
                    "{} cities, {}",
                    found.len(),
                    if with { "Nordhavn too" } else { "not Nordhavn" }
                )
            };
            section.read(&call, cities.list_by_country(iso, ..), has).await?;
        }
        section.end();
        Ok(())
    }
}

fn done((): &()) -> String {
    "done".to_owned()
}
