//! Each caching strategy on real data: what it loads, what it serves, and how long a reader waits.

mod distant;
mod scenes;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use cache_runtime::CacheManager;
use examples::{Database, Failure, failed};

use crate::scenes::Scene;

const NAME: &str = "geonames_strategies";

const HELP: &str = "\
Each caching strategy on GeoNames' 34,006 cities, over a source that takes 20 ms to answer.

Usage: cargo run -p examples --bin strategies [-- STRATEGY]

  cache-aside, read-through, write-through, write-behind, refresh-ahead, stale-while-revalidate;
  without one, all of them in turn

  DATABASE_URL   a Postgres, 15 or newer; without it an embedded one runs in this process
  REDIS_URL      a Redis, 7 or newer, or Valkey; without it the cache is in memory

In a database of yours everything stays in the schema geonames_strategies, which is kept for the
next run: DROP SCHEMA geonames_strategies CASCADE removes it. Which writes were applied is in the
schema cache_runtime.";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let scenes = match arguments.first().map(String::as_str) {
        None => Scene::ALL.to_vec(),
        Some("--help" | "-h") => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Some(name) => match Scene::ALL.into_iter().find(|scene| scene.name() == name) {
            Some(scene) => vec![scene],
            None => {
                eprintln!("strategies: there is no strategy {name}\n\n{HELP}");
                return ExitCode::from(2);
            }
        },
    };
    match run(&scenes).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nstrategies: {}", failure.report());
            ExitCode::FAILURE
        }
    }
}

async fn run(scenes: &[Scene]) -> Result<(), Failure> {
    println!("Caching strategies, on the cities of GeoNames (geonames.org, CC BY 4.0)");
    let database = Database::start(NAME).await?;
    let outcome = with(&database, scenes).await;
    let stopped = database.stop().await;
    outcome.and(stopped)
}

async fn with(database: &Database, scenes: &[Scene]) -> Result<(), Failure> {
    database.load(|_| {}).await?;
    let cache = cache(database)?;
    cache.clear().await.map_err(failed("could not reach the cache at REDIS_URL"))?;
    for scene in scenes {
        println!("\n{}: {}", scene.name(), scene.promise());
        let stats = scene.play(&cache, database.pool()).await?;
        println!("  loads: {}, of them behind their readers: {}", stats.loads, stats.renewals);
    }
    cache.clear().await.map_err(failed("could not clear the cache"))?;
    Ok(())
}

fn cache(database: &Database) -> Result<CacheManager, Failure> {
    // One namespace belongs to one database, and an embedded one is new in each run.
    let namespace = match database.is_embedded() {
        true => format!("{NAME}.{}", std::process::id()),
        false => NAME.to_owned(),
    };
    let builder = CacheManager::builder(&namespace);
    let builder = match std::env::var("REDIS_URL") {
        Ok(url) if !url.is_empty() => builder.redis(&url),
        _ => builder.memory(),
    };
    builder.build().map_err(failed("could not set the cache up"))
}
