//! One process of a run: reads and writes, tells what it saw, and dies when it is told to.

mod crash;
mod reading;
mod writing;
mod writing_elsewhere;
mod writing_plainly;

use std::fs::File;
use std::io::{BufRead, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cache_runtime::CacheManager;
use fastrand::Rng;
use sqlx::postgres::PgPoolOptions;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub(crate) use crash::{Crash, step_name};

use crate::event::{Counted, Event, Level, to_frame};
use crate::options::value;
use crate::plain::Plain;
use crate::setup;
use crate::shop::{Items, ROWS};

/// How long a dead writer's hold stands.
pub(crate) const HOLD: Duration = Duration::from_secs(2);
const LEASE: Duration = Duration::from_secs(1);

/// What a worker is told on its command line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Job {
    pub(crate) plain: bool,
    pub(crate) elsewhere: bool,
    pub(crate) process: u16,
    pub(crate) seed: u64,
    pub(crate) readers: usize,
    pub(crate) writers: usize,
    pub(crate) postgres: String,
    pub(crate) redis: String,
    pub(crate) namespace: String,
}

impl Job {
    /// The words that make a worker of this job.
    pub(crate) fn words(&self) -> Vec<String> {
        let number = |name: &str, number: u64| [format!("--{name}"), number.to_string()];
        let text = |name: &str, text: &str| [format!("--{name}"), text.to_owned()];
        let mut words = vec!["worker".to_owned()];
        words.extend(number("plain", self.plain.into()));
        words.extend(number("elsewhere", self.elsewhere.into()));
        words.extend(number("process", self.process.into()));
        words.extend(number("seed", self.seed));
        words.extend(number("readers", self.readers as u64));
        words.extend(number("writers", self.writers as u64));
        words.extend(text("postgres", &self.postgres));
        words.extend(text("redis", &self.redis));
        words.extend(text("namespace", &self.namespace));
        words
    }

    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut job = Self::default();
        while let Some(word) = words.next() {
            let next = words.next();
            match word.as_str() {
                "--plain" => job.plain = value::<u8>(&word, next)? != 0,
                "--elsewhere" => job.elsewhere = value::<u8>(&word, next)? != 0,
                "--process" => job.process = value(&word, next)?,
                "--seed" => job.seed = value(&word, next)?,
                "--readers" => job.readers = value(&word, next)?,
                "--writers" => job.writers = value(&word, next)?,
                "--postgres" => job.postgres = value(&word, next)?,
                "--redis" => job.redis = value(&word, next)?,
                "--namespace" => job.namespace = value(&word, next)?,
                _ => return Err(format!("unknown option {word}")),
            }
        }
        Ok(job)
    }
}

/// The pipe to the conductor.
#[derive(Debug)]
pub(crate) struct Teller(Mutex<File>);

impl Teller {
    fn new() -> std::io::Result<Self> {
        Ok(Self(Mutex::new(File::from(std::io::stdout().as_fd().try_clone_to_owned()?))))
    }

    /// In the pipe when this returns. A conductor that is gone has no use for it.
    pub(crate) fn tell(&self, event: &Event) {
        let frame = to_frame(event);
        let mut pipe = self.0.lock().expect("nobody panics with the lock");
        if pipe.write_all(&frame).is_err() {
            std::process::exit(1);
        }
    }
}

/// Where a worker reads and writes.
#[derive(Debug)]
pub(crate) enum Store {
    Cached(Items),
    Plain(Box<Plain>),
    /// Plain SQL alone, which no cache hears of but by the outbox.
    Elsewhere(sqlx::PgPool),
}

#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) job: Job,
    pub(crate) store: Store,
    pub(crate) teller: Teller,
    pub(crate) crash: Arc<Crash>,
    /// The code that each row bore when it was last read.
    pub(crate) codes: Vec<AtomicU16>,
    next_op: AtomicU64,
}

impl Worker {
    /// A number for a write that no other write has.
    pub(crate) fn op(&self) -> i64 {
        let number = self.next_op.fetch_add(1, Ordering::Relaxed);
        (u64::from(self.job.process) << 40 | number).cast_signed()
    }

    pub(crate) fn db(&self) -> &sqlx::PgPool {
        match &self.store {
            Store::Cached(items) => &items.db,
            Store::Plain(plain) => &plain.db,
            Store::Elsewhere(db) => db,
        }
    }

    /// Where a read of this level is answered; `None` for the database alone.
    pub(crate) fn asked(&self, level: Level) -> Option<&Store> {
        (level != Level::Sql).then_some(&self.store)
    }

    /// A level, and now and then the control.
    pub(crate) fn any_level(&self, rng: &mut Rng) -> Level {
        match rng.u32(0..40) {
            0 => Level::Sql,
            _ if self.job.plain => Level::Strong,
            _ => setup::LEVELS[rng.usize(..setup::LEVELS.len())],
        }
    }
}

pub(crate) fn main(words: impl Iterator<Item = String>) -> ExitCode {
    // Stopped or not, no worker outlives the conductor; elsewhere one that is stopped just then does.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    let job = match Job::parse(words) {
        Ok(job) => job,
        Err(wrong) => {
            eprintln!("chaos worker: {wrong}");
            return ExitCode::from(2);
        }
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let outcome = runtime
        .map_err(|error| error.to_string())
        .and_then(|runtime| runtime.block_on(run(job)).map_err(|error| error.to_string()));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chaos worker: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(job: Job) -> Result<(), Box<dyn std::error::Error>> {
    let (end, ended) = watch::channel(false);
    let teller = Teller::new()?;
    let crash = Arc::new(Crash::new());
    let orders = Arc::clone(&crash);
    std::thread::spawn(move || obey(&orders, &end));

    let db = PgPoolOptions::new()
        .max_connections(10)
        .acquire_timeout(Duration::from_secs(3))
        .connect_lazy(&job.postgres)?;
    let store = if job.elsewhere {
        Store::Elsewhere(db)
    } else if job.plain {
        Store::Plain(Box::new(Plain::new(db, &job.redis)?))
    } else {
        let builder = CacheManager::builder(&job.namespace)
            .redis(&job.redis)
            .hold_ttl(HOLD)
            .lease_ttl(LEASE)
            .lease_wait(Duration::from_millis(200));
        let mut builder = setup::options(builder, job.process);
        builder = builder.observer(Arc::clone(&crash) as _);
        Store::Cached(Items { db, cache: builder.build()? })
    };
    let codes = (0..=ROWS).map(AtomicU16::new).collect();
    let next_op = AtomicU64::new(1);
    let worker = Arc::new(Worker { job, store, teller, crash, codes, next_op });
    worker.crash.tells(&worker);
    let _standing = match &worker.store {
        Store::Cached(items) => Some(setup::stand(items)?),
        Store::Plain(_) | Store::Elsewhere(_) => None,
    };

    let mut rng = Rng::with_seed(worker.job.seed);
    let mut tasks = JoinSet::new();
    for _ in 0..worker.job.readers {
        tasks.spawn(reading::read_until(Arc::clone(&worker), rng.fork(), ended.clone()));
    }
    for _ in 0..worker.job.writers {
        let (worker, rng, ended) = (Arc::clone(&worker), rng.fork(), ended.clone());
        match &worker.store {
            Store::Cached(_) => tasks.spawn(writing::write_until(worker, rng, ended)),
            Store::Plain(_) => tasks.spawn(writing_plainly::write_until(worker, rng, ended)),
            Store::Elsewhere(_) => tasks.spawn(writing_elsewhere::write_until(worker, rng, ended)),
        };
    }
    tasks.spawn(count_until(Arc::clone(&worker), ended));
    while tasks.join_next().await.is_some() {}
    if let Store::Cached(items) = &worker.store {
        items.cache.drain().await;
    }
    Ok(())
}

/// The conductor's orders, a line each; the end of the pipe is its end and ours.
fn obey(crash: &Crash, end: &watch::Sender<bool>) {
    for line in std::io::stdin().lock().lines() {
        match line.as_deref().map(str::trim) {
            Ok("end") => drop(end.send(true)),
            Ok(order) => match order.strip_prefix("die ").and_then(|step| step.parse().ok()) {
                Some(step) => crash.arm(step),
                None => break,
            },
            Err(_) => break,
        }
    }
    std::process::exit(0);
}

/// Tells once a second what the repository counted.
async fn count_until(worker: Arc<Worker>, mut ended: watch::Receiver<bool>) {
    let Store::Cached(items) = &worker.store else { return };
    let mut told = vec![0; items.stats().rows().len()];
    loop {
        let over = tokio::time::timeout(Duration::from_secs(1), ended.wait_for(|end| *end)).await;
        let now: Vec<u64> = items.stats().rows().into_iter().map(|(_, count)| count).collect();
        let more = now.iter().zip(told).map(|(now, told)| now - told).collect();
        worker.teller.tell(&Event::Counted(Counted(more)));
        told = now;
        if over.is_ok() {
            return;
        }
    }
}
