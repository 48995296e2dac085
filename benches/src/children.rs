//! Other processes: this program again, with a job.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child as Process, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use cache_runtime::{CacheManager, CacheManagerBuilder};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use crate::Result;
use crate::world::World;

/// The first argument of a child; the second is its job.
pub(crate) const ARGUMENT: &str = "--child";

/// What a child does.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Job {
    /// Reads one key with so many callers at once.
    Stampede { callers: usize },
    /// Reads a user over and over, and tells when the old one was gone.
    Fresh,
    /// Reads out of the memory of the process, under callgrind.
    Instructions { bare: bool },
    /// Reads users out of this place for so long, once it is told.
    Hits { place: Place, time: Duration },
    /// Counts what is allocated; only the program with a counting allocator can.
    Count { quick: bool },
}

/// Where a process reads users.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Place {
    /// In its memory, through the repository.
    Near,
    /// In its memory, out of a bare `quick_cache`.
    Bare,
    /// In Redis, through the repository.
    Far,
    /// In Redis, as one writes it by hand.
    Plain,
}

/// Where the servers are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Servers {
    pub(crate) database: String,
    pub(crate) redis: String,
    pub(crate) namespace: String,
}

impl Servers {
    pub(crate) fn of(world: &World) -> Self {
        Self {
            database: world.database_url().to_owned(),
            redis: world.redis_url().to_owned(),
            namespace: world.namespace().to_owned(),
        }
    }

    /// A pool of this process's own.
    pub(crate) async fn pool(&self) -> Result<PgPool> {
        Ok(PgPoolOptions::new().max_connections(8).connect(&self.database).await?)
    }

    /// What a manager of this process's own is made of.
    pub(crate) fn manager(&self) -> CacheManagerBuilder {
        CacheManager::builder(&self.namespace).redis(&self.redis)
    }
}

/// This program and its arguments, with a job.
pub(crate) fn command(servers: &Servers, job: &Job) -> Result<(PathBuf, [String; 2])> {
    let job = serde_json::to_string(&(servers, job))?;
    Ok((std::env::current_exe()?, [ARGUMENT.to_owned(), job]))
}

/// A process that was started; dropped, it is ended.
pub(crate) struct Child {
    process: Process,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Child {
    pub(crate) fn start(servers: &Servers, job: &Job) -> Result<Self> {
        let (program, arguments) = command(servers, job)?;
        Self::start_program(&program, &arguments)
    }

    /// Another program that stands beside this one.
    pub(crate) fn start_beside(name: &str, servers: &Servers, job: &Job) -> Result<Self> {
        let (program, arguments) = command(servers, job)?;
        Self::start_program(&program.with_file_name(name), &arguments)
    }

    fn start_program(program: &Path, arguments: &[String]) -> Result<Self> {
        let mut process = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}; start scripts/bench", program.display()))?;
        let stdin = process.stdin.take().ok_or("no pipe to a child")?;
        let stdout = process.stdout.take().ok_or("no pipe from a child")?;
        Ok(Self { process, stdin, stdout: BufReader::new(stdout) })
    }

    pub(crate) fn tell(&mut self, line: &str) -> Result<()> {
        writeln!(self.stdin, "{line}")?;
        Ok(self.stdin.flush()?)
    }

    /// Its next line. Blocks: while a child works there is nothing else to do here.
    pub(crate) fn says(&mut self) -> Result<String> {
        let mut line = String::new();
        match self.stdout.read_line(&mut line)? {
            0 => Err("a child ended before its work was done".into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the parent says, line by line; nothing where it has gone.
pub(crate) fn told() -> Option<String> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line).ok()?;
    (read > 0).then(|| line.trim_end().to_owned())
}

/// Says a line to the parent.
pub(crate) fn say(line: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}")?;
    Ok(stdout.flush()?)
}
