//! Prints the side-by-side table, and writes it to `target/bench/report.json`.

mod figures;
mod limits;
mod near;
mod outage;
mod outbox;
mod pair;
mod plain;
mod report;
mod rows;
mod sessions;
mod world;

use std::error::Error;
use std::time::Duration;

use pair::Effort;

const HELP: &str = "\
Usage: scripts/bench [--quick] [FILTER]

Measures a cached repository against the plain crates doing the same work: private Postgres and Redis, both sides in
turn, the median of the rounds' ratios with the smallest and the largest. Only rows whose name contains FILTER run.

  --quick   fewer and shorter rounds: under a minute after the build, and rougher
";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut effort = Effort {
        rounds: 11,
        time: Duration::from_millis(800),
        samples: 1000,
        freezes: 10,
        backlog: 1_000_000,
    };
    let mut filter = String::new();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--help" | "-h" => {
                print!("{HELP}");
                return Ok(());
            }
            "--quick" => {
                effort = Effort {
                    rounds: 7,
                    time: Duration::from_millis(250),
                    samples: 200,
                    freezes: 3,
                    backlog: 100_000,
                }
            }
            option if option.starts_with('-') => {
                return Err(format!("unknown option {option}; see --help").into());
            }
            text => text.clone_into(&mut filter),
        }
    }
    let world = world::World::new().await?;
    let (measured, figures) = rows::run(&world, effort, &filter).await?;
    if measured.is_empty() && figures.is_empty() {
        return Err(format!("no row is named like \"{filter}\"").into());
    }
    if !measured.is_empty() {
        println!("{}", report::table(&measured));
    }
    if !figures.is_empty() {
        println!("{}", figures::table(&figures));
    }
    let path = report::write(&measured, &figures)?;
    println!("written to {}", path.display());
    Ok(())
}
