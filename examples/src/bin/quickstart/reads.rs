//! Reads: one row, many rows, look-ups, lists.

use std::sync::Arc;
use std::time::Instant;

use cache_runtime::{Explanation, Origin, Remaining, State};
use examples::City;

use crate::show::{Column, Section, heading, table, time};
use crate::tour::{NORDHAFEN, Tour, city};

const TOKYO: i64 = 1_850_147;
const REYKJAVIK: i64 = 3_413_829;
const REPEATS: u32 = 1_000;

impl Tour<'_> {
    pub(crate) async fn first_and_second_read(&self) -> sqlx::Result<()> {
        let cities = &self.cities;
        let mut section = Section::new(
            self.cache,
            "A first and a second read",
            "The first asks the database and leaves its answer in the cache, and in this process's own memory; \"none\" is an answer, too.",
        );
        section.read("get(1850147)", cities.get(TOKYO), city).await?;
        section.read("get(1850147)", cities.get(TOKYO), city).await?;
        let began = Instant::now();
        for _ in 0..REPEATS {
            cities.get(TOKYO).await?;
        }
        let each = began.elapsed() / REPEATS;
        section.row("  1,000 times more, one by one", "the same", "process", &time(each));
        section.read("get(-1)", cities.get(NORDHAFEN), city).await?;
        section.read("get(-1)", cities.get(NORDHAFEN), city).await?;
        section.end();
        Ok(())
    }

    pub(crate) async fn explained(&self) {
        heading(
            "What the cache knows: explain",
            "Where a read would get its answer, and what stands at its key. Changes and counts nothing.",
        );
        let mut table = table(&[
            Column::text("call", 34),
            Column::text("a read asks", 14),
            Column::text("the cache has", 22),
            Column::number("bytes", 7),
            Column::number("left", 8),
        ]);
        for id in [TOKYO, NORDHAFEN, REYKJAVIK] {
            let explained = self.cities.explain(id).await;
            let [asks, has, bytes, left] = cells(&explained);
            table.add_row([format!("explain({id})"), asks, has, bytes, left]);
        }
        println!("{table}");
    }

    pub(crate) async fn batch(&self) -> sqlx::Result<()> {
        let ids: Vec<i64> = sqlx::query_scalar(
            "SELECT id FROM cities WHERE country = 'BR' ORDER BY population DESC, id LIMIT 75",
        )
        .fetch_all(self.db)
        .await?;
        let (first, second) = (ids.get(..50).unwrap_or(&ids), ids.get(25..).unwrap_or(&ids));
        let number = |found: &Vec<Option<_>>| format!("{} cities", found.iter().flatten().count());
        let mut section = Section::new(
            self.cache,
            "A batch",
            "However many rows are missing, one query brings them.",
        );
        let cities = &self.cities;
        section.read("get_many: 50 ids, cold", cities.get_many(first), number).await?;
        section.read("get_many: 50 ids, half of them new", cities.get_many(second), number).await?;
        section.read("get_many: the same again", cities.get_many(second), number).await?;
        let odd: Vec<i64> = ids.iter().take(1).flat_map(|id| [*id, NORDHAFEN, *id]).collect();
        let names = |found: &Vec<Option<Arc<City>>>| {
            let names: Vec<_> =
                found.iter().map(|city| city.as_ref().map_or("none", |city| &city.name)).collect();
            names.join(", ")
        };
        section.read("get_many: a, unknown, a", cities.get_many(&odd), names).await?;
        section.end();
        Ok(())
    }

    pub(crate) async fn look_up(&self) -> sqlx::Result<()> {
        let mut section = Section::new(
            self.cache,
            "A unique look-up",
            "Two entries: the slug's knows the id, the id's has the row.",
        );
        for _ in 0..2 {
            let found = self.cities.find_by_slug("reykjavik");
            section.read("find_by_slug(\"reykjavik\")", found, city).await?;
        }
        let found = self.cities.get(REYKJAVIK);
        section.read("get(3413829)", found, city).await?;
        section.end();
        Ok(())
    }

    pub(crate) async fn list(&self) -> sqlx::Result<()> {
        let cities = &self.cities;
        let mut section = Section::new(
            self.cache,
            "A list, page by page",
            "One entry holds the ids of the whole list; a page reads its rows as a batch.",
        );
        let names = |found: &Vec<Arc<City>>| {
            let names: Vec<_> = found.iter().map(|city| city.name.as_str()).collect();
            names.join(", ")
        };
        let call = "list_by_country(\"IS\", ..2)";
        section.read(call, cities.list_by_country("IS", ..2), names).await?;
        section.read(call, cities.list_by_country("IS", ..2), names).await?;
        let call = "list_by_country(\"IS\", 2..4)";
        section.read(call, cities.list_by_country("IS", 2..4), names).await?;
        let all = cities.list_by_country("IS", ..);
        let number = |found: &Vec<_>| format!("{} cities", found.len());
        section.read("list_by_country(\"IS\", ..)", all, number).await?;
        section.end();
        Ok(())
    }
}

fn cells(explained: &Explanation) -> [String; 4] {
    let asks = match explained.origin {
        Origin::Process => "the process",
        Origin::Cache => "the cache",
        Origin::Database => "the database",
    };
    let has = match &explained.state {
        State::Value => "the row",
        State::Negative => "\"there is no such row\"",
        State::Absent => "nothing",
        State::Lease => "a lease: somebody is loading",
        State::Hold => "a hold: a writer commits",
        State::Foreign => "what it does not understand",
        State::Unreachable(_) => "not answered",
        _ => "something else",
    };
    let left = match explained.remaining {
        Remaining::NoKey => "-".to_owned(),
        Remaining::Forever => "for ever".to_owned(),
        Remaining::Left(left) => format!("{} s", left.as_secs()),
    };
    [asks.to_owned(), has.to_owned(), explained.bytes.to_string(), left]
}
