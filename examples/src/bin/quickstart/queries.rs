//! Queries and statements of one's own; the schema; the counters.

use examples::{City, Failure, failed};

use crate::show::{Column, Section, count, heading, table};
use crate::tour::{NORDHAFEN, Tour, city};

const MILLIONS: i64 = 30_000_000;

impl Tour<'_> {
    pub(crate) async fn schema(&self) -> Result<(), Failure> {
        heading(
            "What the annotations claim, checked: verify_schema",
            "Columns, their types, which may be NULL, and unique indexes. A service does so at its start.",
        );
        let mut table = table(&[Column::text("call", 34), Column::text("answer", 60)]);
        let differ = "the tables are not what the annotations claim";
        self.cities.verify_schema().await.map_err(failed(differ))?;
        table.add_row(["cities.verify_schema()", "as annotated"]);
        self.countries.verify_schema().await.map_err(failed(differ))?;
        table.add_row(["countries.verify_schema()", "as annotated"]);
        println!("{table}");
        Ok(())
    }

    pub(crate) async fn cached_query(&self) -> sqlx::Result<()> {
        let cities = &self.cities;
        let mut section = Section::new(
            self.cache,
            "A cached query",
            "A method with a query of its own, under #[cached(key = \"largest:{limit}\", tags(\"cities\"), ...)].\n\
             Every change of a city invalidates the tag \"cities\", and with it every answer under it.",
        );
        section.read("largest(3)", cities.largest(3), |found| names(found)).await?;
        section.read("largest(3)", cities.largest(3), |found| names(found)).await?;
        section.read("largest(1)", cities.largest(1), |found| names(found)).await?;
        let Some(row) = cities.get(NORDHAFEN).await? else {
            return Err(sqlx::Error::RowNotFound);
        };
        let grown = City { population: MILLIONS, ..City::clone(&row) };
        section.write("update(population: 30,000,000)", cities.update(&grown), city).await?;
        section.read("largest(3)", cities.largest(3), |found| names(found)).await?;
        section.end();
        Ok(())
    }

    pub(crate) async fn statement(&self) -> sqlx::Result<()> {
        let cities = &self.cities;
        let mut section = Section::new(
            self.cache,
            "A statement of one's own",
            "A method that runs any SQL, under #[invalidates(id)]: its row is read before and after, so\n\
             that all keys are known, whatever the statement did.",
        );
        section.read("get(-1)", cities.get(NORDHAFEN), city).await?;
        let mut tx = cities.begin().await?;
        let grow = cities.grow(&mut tx, NORDHAFEN, -MILLIONS / 2);
        section.inside("grow(-1, -15000000)", grow, |()| "done".to_owned()).await?;
        section.ended("commit()", tx.commit()).await?;
        section.read("get(-1)", cities.get(NORDHAFEN), city).await?;
        section.read("largest(3)", cities.largest(3), |found| names(found)).await?;
        section.end();
        Ok(())
    }

    pub(crate) fn stats(&self) {
        heading("What was counted", "Of each repository, since the tour began.");
        let repositories = self.cache.stats_by_repository();
        let mut columns = vec![Column::text("counter", 34)];
        columns.extend(repositories.iter().map(|(name, _)| Column::number(name, 17)));
        columns.push(Column::number("all", 20));
        let mut table = table(&columns);
        let all = self.cache.stats();
        for (at, (name, sum)) in all.rows().into_iter().enumerate().filter(|(_, (_, sum))| *sum > 0)
        {
            let mut row = vec![name.replace('_', " ")];
            row.extend(repositories.iter().map(|(_, stats)| {
                stats.rows().get(at).map_or_else(String::new, |(_, number)| count(*number))
            }));
            row.push(count(sum));
            table.add_row(row);
        }
        let percent = |ratio: Option<f64>| {
            ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{:.1} %", ratio * 100.0))
        };
        let mut row = vec!["answered by the cache".to_owned()];
        row.extend(repositories.iter().map(|(_, stats)| percent(stats.hit_ratio())));
        row.push(percent(all.hit_ratio()));
        table.add_row(row);
        println!("{table}");
    }
}

fn names(cities: &[City]) -> String {
    cities.iter().map(|city| city.name.as_str()).collect::<Vec<_>>().join(", ")
}
