//! What the command line says.

use std::str::FromStr;

pub(crate) const HELP: &str = "\
Usage: scripts/chaos --seconds N [--seed S] [--baseline] [--faults LIST] [--workers N] [--quiet]

Several processes read and write through cached repositories on private servers that break, and every answer is checked
against what was committed. The last line is JSON; before it stand a table by level and one by fault.

  --seconds N    how long the run takes, without the start of the servers; the last sixth of it belongs to the baseline,
                 plain delete-after-write, which has to be found stale
  --seed S       chooses faults and work again as in the run that named it; times stay those of the machine
  --baseline     the baseline alone
  --faults LIST  only faults whose names contain one of these words, separated by commas; `none` for none
  --workers N    processes that read and write, 4 where not given
  --quiet        no progress

Exit status: 0 nothing stale was found where it must not be, and some where it must; 1 otherwise, also when too little
happened for the run to mean anything; 2 the command line is wrong.
";

#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) seconds: u64,
    pub(crate) seed: u64,
    pub(crate) baseline: bool,
    pub(crate) faults: Option<String>,
    pub(crate) workers: usize,
    pub(crate) quiet: bool,
}

impl Options {
    /// `Err` says what is wrong.
    pub(crate) fn parse(words: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            seconds: 0,
            seed: u64::from(fastrand::u32(..)),
            baseline: false,
            faults: None,
            workers: 4,
            quiet: false,
        };
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--seconds" => options.seconds = value(&word, words.next())?,
                "--seed" => options.seed = value(&word, words.next())?,
                "--workers" => options.workers = value(&word, words.next())?,
                "--faults" => options.faults = Some(value(&word, words.next())?),
                "--baseline" => options.baseline = true,
                "--quiet" => options.quiet = true,
                _ => return Err(format!("unknown option {word}; see --help")),
            }
        }
        if options.seconds == 0 {
            return Err("say how long: --seconds 60".to_owned());
        }
        Ok(options)
    }
}

pub(crate) fn value<T: FromStr>(name: &str, value: Option<String>) -> Result<T, String> {
    let value = value.ok_or_else(|| format!("{name} takes a value"))?;
    value.parse().map_err(|_| format!("{name} {value}: not a value for it"))
}
