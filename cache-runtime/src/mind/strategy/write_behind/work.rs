//! The worker's rounds.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::batch::{Held, decoded, last_of_each};
use super::stats::Trouble;
use super::{Shared, away};
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::port::{Failed, QueuedWrite, Write, WriteBehindSource};

/// Signs of life in the time after which a worker counts as dead.
const SIGNS_OF_LIFE: u32 = 3;
/// A write that was taken so many times as often as it may fail, and never came to an end, kills its workers.
const DELIVERIES: u64 = 10;
/// How long the source remembers versions: far longer than a worker that was paused holds on to a batch.
const REMEMBERED: Duration = Duration::from_secs(7 * 24 * 3600);
const FORGETTING: Duration = Duration::from_secs(3600);

pub(super) struct Work<S: WriteBehindSource> {
    shared: Arc<Shared<S>>,
    held: Held,
    touched: Instant,
    /// How often in a row the source, or the queue, was away.
    away: u32,
    trouble: Option<Trouble>,
    forgot: Instant,
}

/// What the source made of what it was given.
enum Outcome {
    Applied,
    /// It says nothing about the writes.
    Away(String),
    Refused(String),
}

impl<S: WriteBehindSource> Work<S> {
    pub(super) fn new(shared: Arc<Shared<S>>) -> Self {
        let now = Instant::now();
        Self { shared, held: Held::default(), touched: now, away: 0, trouble: None, forgot: now }
    }

    /// Works until `stop` says so, or its other end is gone. A batch is never left halfway.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<()>) {
        let shared = Arc::clone(&self.shared);
        let mut settled = false;
        loop {
            let round = if settled { self.round(&mut stop).await } else { self.settle_in().await };
            let (pause, wakes) = match round {
                Ok(pause) => {
                    settled = true;
                    if matches!(self.trouble, Some(Trouble::Queue(_))) {
                        self.recovered();
                    }
                    (pause, self.away == 0)
                }
                Err(error) => {
                    self.troubled(Trouble::Queue(error.kind()), &error);
                    if error.kind() == ErrorKind::Closed {
                        return;
                    }
                    (self.backoff(), false)
                }
            };
            if pause.is_zero() {
                if !matches!(stop.has_changed(), Ok(false)) {
                    break;
                }
                // A source that is all in memory would never let anybody else run.
                tokio::task::yield_now().await;
                continue;
            }
            tokio::select! {
                _ = stop.changed() => break,
                () = shared.poke.notified(), if wakes => {}
                () = sleep(pause) => {}
            }
        }
        if let Err(error) = shared.queue.leave(&shared.options.consumer).await {
            tracing::debug!(queue = %shared.key, %error, "a worker could not give back what it had taken");
        }
    }

    /// Gives back what an earlier life under this name has taken, and says what its queue is worth.
    async fn settle_in(&mut self) -> Result<Duration> {
        let Shared { queue, key, options, .. } = &*self.shared;
        queue.leave(&options.consumer).await?;
        for caveat in queue.caveats().await? {
            tracing::warn!(queue = %key, "{caveat}");
        }
        Ok(Duration::ZERO)
    }

    /// One round; says how long to pause after it.
    async fn round(&mut self, stop: &mut watch::Receiver<()>) -> Result<Duration> {
        self.sign_of_life().await?;
        let mut batch = self.held.due(Instant::now(), self.shared.options.batch);
        if batch.is_empty() && !(self.away > 0 && self.held.waits_for_the_source()) {
            batch = self.take(stop).await?;
        }
        if batch.is_empty() {
            self.forget().await?;
            let until_due = self.held.pause(Instant::now()).unwrap_or(Duration::MAX);
            return Ok(
                jittered(self.shared.options.every).min(until_due.max(Duration::from_millis(1)))
            );
        }
        let done = self.bring(&batch).await;
        if done.is_err() {
            let due = Instant::now() + self.shared.options.backoff.0;
            self.held.postpone(&batch, due);
        }
        done.map(|()| Duration::ZERO)
    }

    /// New writes; where they do not fill a batch, those that come soon after, too.
    async fn take(&mut self, stop: &mut watch::Receiver<()>) -> Result<Vec<QueuedWrite>> {
        let shared = Arc::clone(&self.shared);
        let options = &shared.options;
        let mut room = options.batch;
        for last in [false, true] {
            let taken = shared.queue.take(&options.consumer, room, options.takeover).await?;
            let again = taken.iter().filter(|write| write.deliveries > 1).count();
            if again > 0 {
                tracing::info!(queue = %shared.key, writes = again, "took over writes of a worker that gave no sign of life");
                shared.tally.add(|stats| stats.taken_again += again as u64);
            }
            room = room.saturating_sub(self.held.admit(taken, Instant::now()));
            let hurried = shared.hurried.load(Ordering::Relaxed) > 0 || options.linger.is_zero();
            if last || room == 0 || room == options.batch || hurried {
                break;
            }
            tokio::select! {
                _ = stop.changed() => {
                    // It is for the loop to see.
                    stop.mark_changed();
                    break;
                }
                () = sleep(options.linger) => {}
            }
        }
        Ok(self.held.due(Instant::now(), options.batch))
    }

    /// Brings a batch to its end, or as far as it goes. An error is the queue's.
    async fn bring(&mut self, batch: &[QueuedWrite]) -> Result<()> {
        let mut sound = Vec::with_capacity(batch.len());
        let limit = DELIVERIES.saturating_mul(u64::from(self.shared.options.tries));
        for write in batch {
            if write.deliveries > limit {
                let reason =
                    format!("it was taken {} times and never brought to an end", write.deliveries);
                self.failed(write, 1, &reason).await?;
            } else if let Err(error) = decoded::<S>(write) {
                self.failed(write, self.shared.options.tries, &told(&error)).await?;
            } else {
                sound.push(write.clone());
            }
        }
        let chosen: Vec<QueuedWrite> = last_of_each(&sound).into_iter().cloned().collect();
        if chosen.is_empty() {
            return Ok(());
        }
        match self.apply(&chosen).await {
            Outcome::Applied => self.done(&sound, chosen.len()).await,
            Outcome::Away(reason) => {
                self.wait_for_the_source(&sound, &reason);
                Ok(())
            }
            Outcome::Refused(reason) => match &*sound {
                [write] => self.failed(write, self.shared.options.tries, &reason).await,
                _ => self.bring_singly(sound).await,
            },
        }
    }

    /// After a batch was refused: each write by itself, in order, none left out. So the one that is to blame is found, and
    /// what depends on an earlier state of another key finds it.
    async fn bring_singly(&mut self, writes: Vec<QueuedWrite>) -> Result<()> {
        for (number, write) in writes.iter().enumerate() {
            match self.apply(std::slice::from_ref(write)).await {
                Outcome::Applied => self.done(std::slice::from_ref(write), 1).await?,
                Outcome::Refused(reason) => {
                    self.failed(write, self.shared.options.tries, &reason).await?;
                }
                Outcome::Away(reason) => {
                    self.wait_for_the_source(writes.get(number..).unwrap_or_default(), &reason);
                    break;
                }
            }
        }
        Ok(())
    }

    /// Asks the source, with signs of life to the queue meanwhile.
    async fn apply(&mut self, chosen: &[QueuedWrite]) -> Outcome {
        let shared = Arc::clone(&self.shared);
        let writes: Result<Vec<Write<_, _>>> = chosen.iter().map(decoded::<S>).collect();
        let writes = match writes {
            Ok(writes) => writes,
            Err(error) => return Outcome::Refused(told(&error)),
        };
        // A task of its own: a source that panics must not end the worker.
        let mut applying = tokio::spawn(async move {
            match shared.source.apply(shared.key.as_str(), &writes).await {
                Ok(()) => Outcome::Applied,
                Err(error) if shared.source.is_away(&error) => Outcome::Away(told(&error)),
                Err(error) => Outcome::Refused(told(&error)),
            }
        });
        let patience = self.shared.options.patience;
        let give_up = Instant::now() + patience;
        let outcome = loop {
            let sign = self.touched + self.between_signs();
            tokio::select! {
                ended = &mut applying => {
                    break ended.unwrap_or_else(|_| Outcome::Refused("the source panicked".to_owned()));
                }
                () = tokio::time::sleep_until(give_up) => {
                    applying.abort();
                    break Outcome::Away(format!("the source did not answer within {patience:?}"));
                }
                () = tokio::time::sleep_until(sign) => {
                    if let Err(error) = self.sign_of_life().await {
                        tracing::debug!(queue = %self.shared.key, %error, "a worker could give no sign of life");
                        self.touched = Instant::now();
                    }
                }
            }
        };
        if !matches!(outcome, Outcome::Applied) {
            self.shared.tally.add(|stats| stats.retried += 1);
        }
        if matches!(outcome, Outcome::Refused(_)) {
            // It answers again.
            self.recovered();
        }
        outcome
    }

    /// What the source has: out of the cache, then out of the queue. A reader that finds nothing waiting any more finds
    /// nothing older cached either, and a load that began before the source had it can no longer fill.
    async fn done(&mut self, writes: &[QueuedWrite], sent: usize) -> Result<()> {
        self.uncache(writes).await?;
        self.shared.queue.acknowledge(writes).await?;
        self.held.drop_all(writes);
        self.recovered();
        self.shared.tally.add(|stats| {
            stats.batches += 1;
            stats.applied += writes.len() as u64;
            stats.collapsed += (writes.len() - sent.min(writes.len())) as u64;
        });
        Ok(())
    }

    fn recovered(&mut self) {
        if self.trouble.take().is_some() {
            tracing::info!(queue = %self.shared.key, "a write-behind has what it lacked again");
            self.shared.tally.add(|stats| stats.trouble = None);
        }
        self.away = 0;
    }

    async fn uncache(&self, writes: &[QueuedWrite]) -> Result<()> {
        if S::OWN_CACHE {
            return Ok(());
        }
        let keys: HashSet<&Key> = writes.iter().map(|write| &write.key).collect();
        let keys: Vec<Key> = keys.into_iter().cloned().collect();
        self.shared.context.remove(&keys).await
    }

    /// The source has refused this write alone.
    async fn failed(&mut self, write: &QueuedWrite, tries: u32, reason: &str) -> Result<()> {
        self.uncache(std::slice::from_ref(write)).await?;
        match self.shared.queue.fail(write, tries, reason).await? {
            Failed::Times(times) => {
                let due = Instant::now() + self.pause_after(times);
                self.held.isolate(write, due);
            }
            Failed::Gone => self.held.drop_all(std::slice::from_ref(write)),
            Failed::Dead => {
                self.held.drop_all(std::slice::from_ref(write));
                self.shared.tally.add(|stats| stats.dead += 1);
                // The reason may quote the value.
                tracing::error!(
                    queue = %self.shared.key,
                    key = %write.key,
                    version = write.version,
                    "an acknowledged write was refused too often: it is a dead letter, and readers see what the source has"
                );
            }
        }
        Ok(())
    }

    fn wait_for_the_source(&mut self, writes: &[QueuedWrite], reason: &str) {
        self.troubled(Trouble::Source, &away(reason.to_owned()));
        let due = Instant::now() + self.backoff();
        self.held.postpone(writes, due);
    }

    /// Says it once, until something moves again.
    fn troubled(&mut self, trouble: Trouble, error: &Error) {
        if self.trouble.is_none() {
            match trouble {
                Trouble::Queue(_) => {
                    tracing::warn!(queue = %self.shared.key, %error, "the queue of a write-behind cannot be reached: nothing moves");
                }
                Trouble::Source => {
                    tracing::warn!(queue = %self.shared.key, %error, "the source of a write-behind is away: acknowledged writes wait");
                }
            }
        }
        self.away = self.away.saturating_add(1);
        self.trouble = Some(trouble);
        self.shared.tally.add(|stats| stats.trouble = Some(trouble));
    }

    fn backoff(&self) -> Duration {
        self.pause_after(self.away)
    }

    /// After so many failures in a row.
    fn pause_after(&self, times: u32) -> Duration {
        let (first, longest) = self.shared.options.backoff;
        let doubled = 1_u32.checked_shl(times.saturating_sub(1)).unwrap_or(u32::MAX);
        jittered(first.saturating_mul(doubled).min(longest))
    }

    fn between_signs(&self) -> Duration {
        self.shared.options.takeover / SIGNS_OF_LIFE
    }

    /// Says that the worker lives, where it is time to; lets go of what is another's by now.
    async fn sign_of_life(&mut self) -> Result<()> {
        let now = Instant::now();
        if now.saturating_duration_since(self.touched) < self.between_signs() {
            return Ok(());
        }
        let places = self.held.places();
        if !places.is_empty() {
            let own = self.shared.queue.touch(&self.shared.options.consumer, &places).await?;
            self.held.keep_only(&own.into_iter().collect(), &places);
        }
        self.touched = now;
        Ok(())
    }

    /// Lets the source forget old versions, once in a while, when there is nothing that could be older.
    async fn forget(&mut self) -> Result<()> {
        if self.forgot.elapsed() < FORGETTING {
            return Ok(());
        }
        self.forgot = Instant::now();
        let backlog = self.shared.queue.backlog().await?;
        if backlog.waiting > 0 || backlog.dead > 0 {
            return Ok(());
        }
        let remembered = u64::try_from(REMEMBERED.as_micros()).unwrap_or(u64::MAX);
        let before = backlog.now.saturating_sub(remembered);
        if self.shared.source.forget(self.shared.key.as_str(), before).await.is_err() {
            tracing::debug!(queue = %self.shared.key, "the source could not forget old versions");
        }
        Ok(())
    }
}

/// An error and what lies beneath it, in one line.
fn told(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut beneath = error.source();
    while let Some(cause) = beneath {
        let cause_said = cause.to_string();
        if !told.contains(&cause_said) {
            told.push_str(": ");
            told.push_str(&cause_said);
        }
        beneath = cause.source();
    }
    told
}

/// Moved by up to a quarter either way.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.75 + fastrand::f64() / 2.0)
}
