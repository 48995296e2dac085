//! The relay: takes rows out of the outbox and their keys out of the cache.

mod relayed;
mod stats;
mod work;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(crate) use self::relayed::Relayed;
#[cfg(feature = "metrics")]
pub(crate) use self::relayed::There;
use self::stats::Tally;
pub use self::stats::{Lag, RelayStats};
use self::work::Work;
use super::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::port::{Backlog, Outbox};

/// A relay that is about to start: [`CacheManager::relay`](crate::CacheManager::relay).
#[must_use = "a relay runs once it is spawned"]
pub struct RelayBuilder {
    context: Arc<Context>,
    outbox: Arc<dyn Outbox>,
    every: Duration,
    batch: usize,
}

impl RelayBuilder {
    pub(crate) fn new(context: &Arc<Context>, outbox: Arc<dyn Outbox>) -> Self {
        Self { context: Arc::clone(context), outbox, every: Duration::from_millis(20), batch: 1000 }
    }

    /// How long the relay pauses when it found nothing, moved by a quarter at random, so that several do not look at
    /// the same moment. 20 ms: a change from elsewhere is out of the cache some 15 ms after its commit, at the price of
    /// 50 small queries a second. While there are rows it does not pause. At least a millisecond.
    pub fn every(mut self, pause: Duration) -> Self {
        self.every = pause.max(Duration::from_millis(1));
        self
    }

    /// How many rows it takes at once, at most; at least one. 1000: enough that the round trips do not count, few
    /// enough that they are delivered within a fraction of a second. After a failure it takes fewer for a while.
    pub fn batch(mut self, rows: usize) -> Self {
        self.batch = rows.max(1);
        self
    }

    /// Starts the relay on the current runtime. Until it has drained the outbox for the first time, reads of this
    /// manager go to the database. It starts as well where the database does not answer or has no outbox, and tries again
    /// until it has: [`health`](crate::CacheManager::health) and the log tell what it fails with.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) where this manager has a relay already: one is enough, and what makes it quicker is
    /// another process with one. The same outside a tokio runtime.
    pub fn spawn(self) -> Result<Relay> {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return Err(Error::new(
                ErrorKind::Config,
                "a relay runs on a tokio runtime, and there is none here: spawn it inside one",
            ));
        };
        if !self.context.gate.claim() {
            return Err(Error::new(
                ErrorKind::Config,
                "this manager has a relay already: keep the one that `spawn` gave before",
            ));
        }
        let tally = Arc::new(Tally::default());
        self.context.relay.set(&tally, &self.outbox);
        let (stop, stopped) = watch::channel(());
        let work = Work::new(
            self.context,
            Arc::clone(&self.outbox),
            Arc::clone(&tally),
            self.every,
            self.batch,
        );
        let task = runtime.spawn(work.run(stopped));
        Ok(Relay { outbox: self.outbox, tally, stop, task: Some(task) })
    }
}

impl fmt::Debug for RelayBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayBuilder")
            .field("outbox", &self.outbox)
            .field("every", &self.every)
            .field("batch", &self.batch)
            .finish_non_exhaustive()
    }
}

/// A relay at work: it delivers what any process, or a trigger, has written to the outbox. Any number of processes may
/// have one each; they never wait for each other.
///
/// Dropped it stops, after the delivery that is under way.
#[must_use = "a relay that is dropped stops"]
pub struct Relay {
    outbox: Arc<dyn Outbox>,
    tally: Arc<Tally>,
    stop: watch::Sender<()>,
    task: Option<JoinHandle<()>>,
}

impl Relay {
    /// What it has done so far.
    #[must_use]
    pub fn stats(&self) -> RelayStats {
        self.tally.snapshot()
    }

    /// What waits in the outbox of its namespace. It counts the rows: for a dashboard, not for every request.
    ///
    /// # Errors
    /// [`Outbox`](ErrorKind::Outbox): what keeps the database from answering.
    pub async fn backlog(&self) -> Result<Backlog> {
        self.outbox.backlog().await
    }

    /// Stops it, and waits until the delivery that is under way has ended.
    pub async fn stop(mut self) {
        let _ = self.stop.send(());
        if let Some(task) = self.task.take() {
            // A relay that panicked has stopped as well.
            let _ = task.await;
        }
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay")
            .field("outbox", &self.outbox)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "memory"))]
mod tests;
