//! What the program was asked for.

use crate::Result;
use crate::children::{self, Job, Servers};

pub(crate) const HELP: &str = "\
Usage: scripts/bench [--quick] [--builds] [--add] [FILTER]
       scripts/bench --peers [--quick] [FILTER]
       scripts/bench --page

Measures a cached repository against the plain crates doing the same work: private Postgres and Redis, both sides in
turn, the median of the rounds' ratios with the smallest and the largest. It prints tables, writes
target/bench/report.json and, unless there is a FILTER, overwrites the page docs/benchmarks.md and its plots.

It needs the programs of Postgres 15 and Redis 7 (or Valkey), or newer; ./scripts/test installs them. One row counts
instructions with valgrind; without that it is left out, and the tables say so. DATABASE_URL and REDIS_URL are not used.

  FILTER    only rows whose name contains this; how noisy the machine is is measured in any case
  --quick   fewer and shorter rounds: within five minutes after the build, and rougher
  --builds  also what the build of a user's program takes, which takes minutes itself
  --add     the last report keeps its other rows; the page says which are of another run
  --page    measures nothing, and writes the page from the last report
  --peers   measures hits, stampedes and freshness beside other caches, in programs of their own, and adds them to the
            last report; the build takes minutes
";

#[derive(Debug)]
pub(crate) enum Asked {
    Help,
    /// By another process of this program.
    Work {
        servers: Servers,
        job: Job,
    },
    Rows {
        quick: bool,
        builds: bool,
        add: bool,
        filter: String,
    },
    Page,
}

pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Asked> {
    let mut arguments = arguments.into_iter();
    let (mut quick, mut builds, mut add, mut filter) = (false, false, false, String::new());
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--help" | "-h" => return Ok(Asked::Help),
            children::ARGUMENT => {
                let (servers, job) =
                    serde_json::from_str(&arguments.next().ok_or("a child without a job")?)?;
                return Ok(Asked::Work { servers, job });
            }
            "--page" => return Ok(Asked::Page),
            "--add" => add = true,
            "--quick" => quick = true,
            "--builds" => builds = true,
            option if option.starts_with('-') => {
                return Err(format!("unknown option {option}; see --help").into());
            }
            _ => filter = argument,
        }
    }
    Ok(Asked::Rows { quick, builds, add, filter })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Asked> {
        parse(arguments.iter().map(|argument| (*argument).to_owned()))
    }

    #[test]
    fn options_and_a_filter_come_in_any_order() {
        let both = |asked| matches!(asked, Asked::Rows { quick: true, builds: false, add: false, filter } if filter == "hit");
        assert!(parsed(&["--quick", "hit"]).is_ok_and(both));
        assert!(parsed(&["hit", "--quick"]).is_ok_and(both));
    }

    #[test]
    fn an_option_that_is_unknown_is_told() {
        let told = parsed(&["--quik"]).err().map(|error| error.to_string());
        assert_eq!(told.as_deref(), Some("unknown option --quik; see --help"));
    }
}
