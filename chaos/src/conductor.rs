//! Starts the servers, the workers and the checker, and breaks things for as long as it was told to.

mod child;
mod crew;
mod faults;
mod redis;
mod report;
mod tail;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fastrand::Rng;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tests::PostgresServer;

use crate::checker::{Checker, Note, Side, Tally};
use crate::clock::{Moment, now};
use crate::options::Options;
use crate::setup;
use crate::shop::{CODES, MARKS, ROWS, SHELVES, TABLES};
use crew::Crew;
use faults::Fault;
use redis::Redis;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The share of a run that belongs to the baseline.
const BASELINE_SHARE: f64 = 1.0 / 6.0;

/// More notes than this may not wait for the checker: workers then wait, too.
const MOST_NOTES: usize = 10_000;

/// Of the repositories.
const NAMESPACE: &str = "chaos";

/// Everything that can be broken.
pub(crate) struct World {
    pub(crate) postgres: tokio::sync::Mutex<PostgresServer>,
    pub(crate) admin: PgPool,
    pub(crate) redis: tokio::sync::Mutex<Redis>,
    pub(crate) crew: Crew,
    pub(crate) notes: SyncSender<Note>,
}

impl World {
    pub(crate) fn tell(&self, note: Note) {
        // The checker ends after everyone else, or the run fails anyway.
        let _ = self.notes.send(note);
    }

    /// Tells the checker that Redis may lose data from now on; the answer names the loss.
    pub(crate) fn losing(&self) -> Moment {
        let began = now();
        self.tell(Note::LossBegins(began));
        began
    }

    pub(crate) fn lost(&self, began: Moment) {
        self.tell(Note::LossEnds(began, now()));
    }
}

/// What the checker has counted so far, for whoever watches.
type Shown = Arc<Mutex<Tally>>;

fn check(notes: &Receiver<Note>, shown: &Shown) -> Tally {
    let mut checker = Checker::new(ROWS + 1, &Fault::names());
    let mut next = Instant::now();
    while let Ok(note) = notes.recv() {
        if !checker.take(note) {
            break;
        }
        if Instant::now() >= next {
            next = Instant::now() + Duration::from_millis(500);
            checker.tally.clone_into(&mut shown.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
    checker.tally
}

pub(crate) fn main(options: &Options) -> ExitCode {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let outcome = runtime.map_err(Failure::from).and_then(|runtime| runtime.block_on(run(options)));
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("chaos: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<bool, Failure> {
    println!("seed {}", options.seed);
    let (notes, heard) = mpsc::sync_channel(MOST_NOTES);
    let shown = Shown::new(Mutex::new(Tally::new(&Fault::names())));
    let watched = Arc::clone(&shown);
    let checking = std::thread::spawn(move || check(&heard, &watched));

    let mut rng = Rng::with_seed(options.seed);
    let world = world(options, notes, &mut rng).await?;
    let tailing = tail::Tail::start(world.admin.clone(), world.notes.clone()).await?;

    let whole = Duration::from_secs(options.seconds);
    let plain = if options.baseline { whole } else { whole.mul_f64(BASELINE_SHARE) };
    let began = Instant::now();
    for (side, time) in [(Side::Ours, whole.saturating_sub(plain)), (Side::Plain, plain)] {
        if time.is_zero() {
            continue;
        }
        world.crew.start(side, &world.notes).await?;
        let until = Instant::now() + time;
        let progress = watch(options, &shown, began, until);
        tokio::join!(faults::strike_until(&world, options, &mut rng, until), progress);
        world.crew.end().await;
        world.redis.lock().await.empty().await;
    }
    tailing.end().await?;
    world.tell(Note::End);
    let unexpected = world.crew.unexpected();
    drop(world);
    let tally = checking.join().map_err(|_| "the checker panicked")?;
    Ok(report::report(options, &tally, began.elapsed(), unexpected))
}

async fn world(
    options: &Options,
    notes: SyncSender<Note>,
    rng: &mut Rng,
) -> Result<World, Failure> {
    let postgres = PostgresServer::start_with(&[
        ("autovacuum", "on"),
        ("autovacuum_naptime", "5s"),
        ("deadlock_timeout", "30ms"),
        ("idle_in_transaction_session_timeout", "5s"),
    ]);
    let url: PgConnectOptions = postgres.url("postgres").parse()?;
    // By this name the faults know whom to leave alone.
    let admin = PgPoolOptions::new()
        .max_connections(4)
        .connect_with(url.application_name("conductor"))
        .await?;
    sqlx::raw_sql(TABLES).execute(&admin).await?;
    setup::prepare(&admin, NAMESPACE).await?;
    sqlx::raw_sql(MARKS).execute(&admin).await?;
    sqlx::query("INSERT INTO numbers SELECT n, 0 FROM generate_series(1, $1) n")
        .bind(i64::from(ROWS))
        .execute(&admin)
        .await?;
    sqlx::query(
        "INSERT INTO items SELECT n, 'code-' || n, 'shelf-' || n % $2, 0, 0 FROM generate_series(1, $1) n",
    )
    .bind(i64::from(ROWS.min(CODES)))
    .bind(i64::from(SHELVES))
    .execute(&admin)
    .await?;
    let redis = Redis::start().await;
    let crew = Crew::new(options.workers, &postgres, &redis, rng).await?;
    Ok(World {
        postgres: tokio::sync::Mutex::new(postgres),
        admin,
        redis: tokio::sync::Mutex::new(redis),
        crew,
        notes,
    })
}

/// Says once in a while how far the run is.
async fn watch(options: &Options, shown: &Shown, began: Instant, until: Instant) {
    let terminal = std::io::stdout().is_terminal();
    let pause = Duration::from_secs(if terminal { 1 } else { 5 });
    while Instant::now() < until {
        tokio::time::sleep(pause.min(until.saturating_duration_since(Instant::now()))).await;
        if options.quiet {
            continue;
        }
        let line = report::progress(
            &shown.lock().unwrap_or_else(PoisonError::into_inner),
            began.elapsed(),
            options.seconds,
        );
        if terminal {
            eprint!("\r{line}\x1b[K");
        } else {
            println!("{line}");
        }
    }
    if terminal && !options.quiet {
        eprintln!();
    }
}
