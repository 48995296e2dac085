//! A tour of cached repositories on real data.

mod elsewhere;
mod levels;
mod queries;
mod reads;
mod show;
mod tour;
mod transactions;
mod warming;
mod writes;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Instant;

use cache_runtime::CacheManager;
use examples::{CITIES, COUNTRIES, Database, Failure, failed};
use indicatif::{ProgressBar, ProgressStyle};
use migrations::Table;
use tracing_subscriber::EnvFilter;

use crate::tour::Tour;

const NAME: &str = "geonames_quickstart";

const HELP: &str = "\
A tour of cached repositories on GeoNames' 34,006 cities and 252 countries.

Usage: cargo run -p examples --bin quickstart [-- --help]

  DATABASE_URL   a Postgres, 15 or newer; without it an embedded one runs in this process
  REDIS_URL      a Redis, 7 or newer, or Valkey; without it the cache is in memory
  RUST_LOG       what is logged to stderr; warn

In a database of yours everything stays in the schemas geonames_quickstart, which is kept for the
next run, and cache_runtime, where the outbox is: DROP SCHEMA ... CASCADE removes them. In a Redis
of yours every key begins with geonames_quickstart, and is removed at the end.";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        None => {}
        Some("--help" | "-h") => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Some(unknown) => {
            eprintln!("quickstart: there is no option {unknown}\n\n{HELP}");
            return ExitCode::from(2);
        }
    }
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nquickstart: {}", failure.report());
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    println!(
        "Cached repositories, on the cities and countries of GeoNames (geonames.org, CC BY 4.0)"
    );
    println!();
    let began = Instant::now();
    let database = Database::start(NAME).await?;
    let ready = show::time(began.elapsed());
    let outcome = with(&database, &ready).await;
    let stopped = database.stop().await;
    outcome.and(stopped)
}

async fn with(database: &Database, ready: &str) -> Result<(), Failure> {
    let (cache, described) = cache(database)?;
    println!("  database   {}, ready in {ready}", database.described());
    println!("  schema     {NAME}");
    println!("  cache      {described}");
    println!("  data       {}", load(database).await?);
    // What an earlier run left would spoil the first reads of this one.
    cache.clear().await.map_err(failed("could not reach the cache at REDIS_URL"))?;
    let outcome = Tour::new(database.pool(), &cache).walk().await;
    let cleared = cache.clear().await.map_err(failed("could not clear the cache"));
    outcome.and(cleared.map(drop))?;
    println!();
    println!("Done. The times are of this run, of a {} build.", profile());
    if !database.is_embedded() {
        println!("The data stays for the next run; DROP SCHEMA {NAME} CASCADE removes it.");
        println!(
            "The outbox, which all your repositories share, stays in the schema cache_runtime."
        );
    }
    Ok(())
}

fn cache(database: &Database) -> Result<(CacheManager, &'static str), Failure> {
    // One namespace belongs to one database, and an embedded one is new in each run.
    let namespace = match database.is_embedded() {
        true => format!("{NAME}.{}", std::process::id()),
        false => NAME.to_owned(),
    };
    let builder = CacheManager::builder(&namespace);
    let (builder, described) = match std::env::var("REDIS_URL") {
        Ok(url) if !url.is_empty() => (builder.redis(&url), "Redis, at REDIS_URL"),
        _ => (builder.memory(), "in memory"),
    };
    let cache = builder.build().map_err(failed("could not set the cache up"))?;
    Ok((cache, described))
}

async fn load(database: &Database) -> Result<String, Failure> {
    let style =
        ProgressStyle::with_template("  {msg:<10} {bar:40} {human_pos} of {human_len} rows")
            .map_err(failed("could not draw a progress bar"))?;
    let bar = ProgressBar::new(COUNTRIES + CITIES).with_style(style);
    let began = Instant::now();
    let loaded = database
        .load(|progress| {
            bar.set_message(progress.table.to_string());
            bar.set_position(match progress.table {
                Table::Countries => progress.rows,
                Table::Cities => COUNTRIES + progress.rows,
            });
        })
        .await;
    bar.finish_and_clear();
    let loaded = loaded?;
    if loaded.cities + loaded.countries == 0 {
        return Ok("there already".to_owned());
    }
    let (cities, countries) = (show::count(loaded.cities), loaded.countries);
    let took = show::time(began.elapsed());
    Ok(format!("{cities} cities and {countries} countries, loaded in {took}"))
}

fn profile() -> &'static str {
    match cfg!(debug_assertions) {
        true => "debug",
        false => "release",
    }
}
