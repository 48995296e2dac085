//! The processes of a run.

use std::io::{BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fastrand::Rng;
use rustix::process::{Pid, Signal, kill_process};
use tests::{PostgresServer, Proxy};
use tokio::sync::{Mutex, MutexGuard};

use super::{Failure, NAMESPACE, redis::Redis};
use crate::checker::{Note, Side};
use crate::event::read_frame;
use crate::worker::Job;

const READERS: usize = 8;
const WRITERS: usize = 5;
/// How long a worker may take to come to its end.
const GRACE: Duration = Duration::from_secs(8);

pub(crate) struct Crew {
    seats: Vec<Seat>,
    postgres: String,
    processes: AtomicU16,
    unexpected: AtomicUsize,
}

/// A place for one process after another, with ways of its own to the servers.
pub(crate) struct Seat {
    pub(crate) redis: Proxy,
    pub(crate) postgres: Proxy,
    pub(crate) writers: usize,
    readers: usize,
    /// It writes plain SQL, and does not know the cache.
    elsewhere: bool,
    seed: u64,
    held: Mutex<Option<Process>>,
}

/// A process that runs, or has just died.
pub(crate) struct Process {
    child: Child,
    orders: ChildStdin,
    listening: JoinHandle<()>,
    side: Side,
}

impl Crew {
    /// `count` seats, the last of which only reads; and one more for writes from elsewhere.
    pub(crate) async fn new(
        count: usize,
        postgres: &PostgresServer,
        redis: &Redis,
        rng: &mut Rng,
    ) -> Result<Self, Failure> {
        let mut seats = Vec::new();
        let last = count.max(2) - 1;
        for number in 0..=last + 1 {
            let elsewhere = number > last;
            seats.push(Seat {
                redis: Proxy::start(redis.address()).await,
                postgres: Proxy::start(postgres.address()).await,
                writers: if number == last { 0 } else { WRITERS },
                readers: if elsewhere { 0 } else { READERS },
                elsewhere,
                seed: rng.u64(..),
                held: Mutex::new(None),
            });
        }
        Ok(Self {
            seats,
            postgres: postgres.url("postgres"),
            processes: AtomicU16::new(1),
            unexpected: AtomicUsize::new(0),
        })
    }

    pub(crate) fn seats(&self) -> &[Seat] {
        &self.seats
    }

    /// Those whose processes write through a repository.
    pub(crate) fn writers(&self) -> Vec<&Seat> {
        self.seats.iter().filter(|seat| seat.writers > 0 && !seat.elsewhere).collect()
    }

    /// The one whose process only reads.
    pub(crate) fn reader(&self) -> &Seat {
        self.seats.iter().find(|seat| seat.writers == 0).unwrap_or(&self.seats[0])
    }

    /// Processes that ended though nobody told them to.
    pub(crate) fn unexpected(&self) -> usize {
        self.unexpected.load(Ordering::Relaxed)
    }

    pub(crate) async fn start(&self, side: Side, notes: &SyncSender<Note>) -> Result<(), Failure> {
        for seat in &self.seats {
            // The baseline has nobody who would deliver.
            if seat.elsewhere && side == Side::Plain {
                continue;
            }
            let process = self.spawn(seat, side, notes)?;
            *seat.held.lock().await = Some(process);
        }
        Ok(())
    }

    /// Has to be called on the thread that lives as long as the run: a worker dies with the thread that started it.
    fn spawn(&self, seat: &Seat, side: Side, notes: &SyncSender<Note>) -> Result<Process, Failure> {
        let number = self.processes.fetch_add(1, Ordering::Relaxed);
        let job = Job {
            plain: side == Side::Plain,
            elsewhere: seat.elsewhere,
            process: number,
            seed: seat.seed.wrapping_add(number.into()),
            readers: seat.readers,
            writers: seat.writers,
            postgres: seat.postgres.url(&self.postgres),
            redis: format!("redis://{}", seat.redis.address()),
            namespace: NAMESPACE.to_owned(),
        };
        let mut child = Command::new(std::env::current_exe()?)
            .args(job.words())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = child.stdin.take().ok_or("a worker without a pipe")?;
        let mut told = BufReader::new(child.stdout.take().ok_or("a worker without a pipe")?);
        let notes = notes.clone();
        let listening = std::thread::spawn(move || {
            while let Ok(Some(event)) = read_frame(&mut told) {
                if notes.send(Note::Said(number, side, event)).is_err() {
                    return;
                }
            }
        });
        Ok(Process { child, orders, listening, side })
    }

    /// Waits until whatever it was told to die of has killed it, kills it if that takes too long, and puts another in its
    /// seat after a while. Says whether it died by itself.
    pub(crate) async fn replace(
        &self,
        seat: &Seat,
        held: &mut MutexGuard<'_, Option<Process>>,
        notes: &SyncSender<Note>,
        (patience, pause): (Duration, Duration),
    ) -> bool {
        let Some(mut process) = held.take() else { return false };
        let until = Instant::now() + patience;
        let died = loop {
            if process.is_over() {
                break true;
            }
            if Instant::now() >= until {
                break false;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        let side = process.side;
        process.end();
        tokio::time::sleep(pause).await;
        match self.spawn(seat, side, notes) {
            Ok(process) => **held = Some(process),
            Err(error) => {
                eprintln!("chaos: no new worker: {error}");
                self.unexpected.fetch_add(1, Ordering::Relaxed);
            }
        }
        died
    }

    /// Ends all of them, and listens to their last words. Who waits for a delivery goes first.
    pub(crate) async fn end(&self) {
        for seat in &self.seats {
            seat.redis.forward();
            seat.postgres.forward();
        }
        self.end_those(true).await;
        self.end_those(false).await;
    }

    async fn end_those(&self, elsewhere: bool) {
        let mut all = Vec::new();
        for seat in self.seats.iter().filter(|seat| seat.elsewhere == elsewhere) {
            if let Some(mut process) = seat.held.lock().await.take() {
                if process.is_over() {
                    self.unexpected.fetch_add(1, Ordering::Relaxed);
                }
                process.order("end");
                all.push(process);
            }
        }
        let until = Instant::now() + GRACE;
        for mut process in all {
            while !process.is_over() && Instant::now() < until {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            process.end();
        }
    }
}

impl Seat {
    pub(crate) async fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.held.lock().await
    }
}

impl Process {
    pub(crate) fn order(&mut self, order: &str) {
        // One that is dead does not mind.
        let _ = self.orders.write_all(format!("{order}\n").as_bytes());
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _ = kill_process(pid, signal);
        }
    }

    fn is_over(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Kills it, if it still runs, and hears it out.
    fn end(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = self.listening.join();
    }
}
