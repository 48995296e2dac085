//! The relay's rounds.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::stats::Tally;
use crate::entry::Token;
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Prefix};
use crate::mind::context::Context;
use crate::mind::gate::Drain;
use crate::port::{Lineage, Outbox, OutboxRow, Step};

/// Between two looks at whether the database has gone back in time.
const LOOK_BACK: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Between two signs of life of the cache. A process that asks it nothing else must notice all the same that it hangs, and
/// stop believing it, before a write that went by the outbox gives up waiting for its delivery.
const SIGN_OF_LIFE: Duration = Duration::from_millis(200);

pub(super) struct Work {
    context: Arc<Context>,
    outbox: Arc<dyn Outbox>,
    tally: Arc<Tally>,
    every: Duration,
    batch: usize,
    /// How many rows are taken now: fewer after a failure, in case it was their number.
    most: usize,
    failing: bool,
    drain: Option<(Drain, Option<i64>)>,
    looked_back: Option<Duration>,
    alive: Option<Duration>,
}

/// Says that there is no relay any more, however it ended.
struct Attending(Arc<Context>);

impl Drop for Attending {
    fn drop(&mut self) {
        self.0.gate.relayed(false);
    }
}

impl Work {
    pub(super) fn new(
        context: Arc<Context>,
        outbox: Arc<dyn Outbox>,
        tally: Arc<Tally>,
        every: Duration,
        batch: usize,
    ) -> Self {
        Self {
            context,
            outbox,
            tally,
            every,
            batch,
            most: batch,
            failing: false,
            drain: None,
            looked_back: None,
            alive: None,
        }
    }

    /// Works until `stop` says so, or its other end is gone. A round is never left halfway.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<()>) {
        let _attending = Attending(Arc::clone(&self.context));
        let mut pause = self.every;
        loop {
            let rest = match self.round().await {
                Ok(moved) => {
                    self.failing = false;
                    self.most = (self.most * 2).min(self.batch);
                    self.tally.went_well();
                    pause = self.every;
                    if moved { Duration::ZERO } else { jittered(pause) }
                }
                Err(error) => {
                    self.context.complain("delivering from the outbox", &error);
                    self.tally.failed(&error);
                    if error.kind() == ErrorKind::Closed {
                        return;
                    }
                    self.failing = true;
                    self.most = (self.most / 2).max(1);
                    // The database may be another one when it comes back.
                    self.looked_back = None;
                    pause = (pause * 2).clamp(Duration::from_millis(1), LONGEST_PAUSE);
                    jittered(pause)
                }
            };
            if rest.is_zero() && !matches!(stop.has_changed(), Ok(false)) {
                return;
            }
            tokio::select! {
                _ = stop.changed() => return,
                () = tokio::time::sleep(rest) => {}
            }
        }
    }

    /// One round; says whether there may be more to do at once.
    async fn round(&mut self) -> Result<bool> {
        let now = self.context.clock.elapsed();
        // Rows that cannot be delivered need not be taken.
        if self.failing
            || self.alive.is_none_or(|before| now.saturating_sub(before) >= SIGN_OF_LIFE)
        {
            self.context.cache.ping().await?;
            self.alive = Some(now);
        }
        self.look_back().await?;
        self.begin_to_drain().await?;
        let moved = self.deliver().await?;
        self.end_of_drain().await?;
        Ok(moved)
    }

    /// Takes note of a session of the cache that nobody has drained for, or of a doubt.
    async fn begin_to_drain(&mut self) -> Result<()> {
        let Context { cache, gate, .. } = &*self.context;
        if gate.trusts(cache.session()) {
            self.drain = None;
            return Ok(());
        }
        if self.drain.as_ref().is_some_and(|(drain, _)| gate.stands(*drain, cache.session())) {
            return Ok(());
        }
        self.drain = None;
        cache.ping().await?;
        let drain = gate.begin(cache.session());
        // After the begin: what is committed from here on is its writer's to wait for.
        self.drain = Some((drain, self.outbox.head().await?));
        Ok(())
    }

    async fn end_of_drain(&mut self) -> Result<()> {
        let Some((drain, head)) = self.drain else { return Ok(()) };
        let waits = match head {
            // Rows that another relay has taken are there until it has delivered them.
            Some(head) => self.outbox.waits(head).await?,
            None => false,
        };
        if !waits {
            self.context.gate.drained(drain);
            self.drain = None;
        }
        Ok(())
    }

    async fn deliver(&mut self) -> Result<bool> {
        let Some(delivery) = self.outbox.take(self.most).await? else { return Ok(false) };
        let taken = self.context.clock.elapsed();
        let removing = self.remove(delivery.rows());
        let Ok(removed) = tokio::time::timeout(delivery.limit(), removing).await else {
            let limit = delivery.limit();
            return Err(Error::new(
                ErrorKind::Timeout,
                format!("the rows of the outbox were not delivered within {limit:?}: they stay"),
            ));
        };
        let (keys, sweeps) = removed?;
        let took = self.context.clock.elapsed().saturating_sub(taken);
        let lags: Vec<Duration> = delivery.rows().iter().map(|row| row.age + took).collect();
        delivery.settle().await?;
        self.tally.delivered(lags.into_iter(), keys, sweeps);
        Ok(true)
    }

    /// Takes the keys of these rows out of the cache; says how many keys and prefixes there were.
    async fn remove(&self, rows: &[OutboxRow]) -> Result<(usize, usize)> {
        let Context { cache, namespace, .. } = &*self.context;
        let own = |key: &str| {
            let own = namespace.owns(key);
            if !own {
                tracing::error!(
                    key,
                    "a row of the outbox names a key of another namespace: it is passed over"
                );
            }
            own
        };
        let mut seen = HashSet::new();
        let keys: Vec<Key> = rows
            .iter()
            .flat_map(|row| &row.keys)
            .filter(|key| seen.insert(key.as_str()) && own(key.as_str()))
            .cloned()
            .collect();
        let prefixes: HashSet<&Prefix> = rows
            .iter()
            .flat_map(|row| &row.prefixes)
            .filter(|prefix| own(prefix.as_str()))
            .collect();
        self.context.before_each(Step::Deliver, &keys).await;
        // Nobody holds this token: values and leases go, writers' holds stay.
        cache.release(&keys, Token::new()).await?;
        for prefix in &prefixes {
            cache.sweep(prefix).await?;
        }
        Ok((keys.len(), prefixes.len()))
    }

    /// Empties the namespace where the database is in another life than the one that the cache was filled from.
    async fn look_back(&mut self) -> Result<()> {
        let now = self.context.clock.elapsed();
        if self.looked_back.is_some_and(|before| now.saturating_sub(before) < LOOK_BACK) {
            return Ok(());
        }
        let (lineage, noted) = self.outbox.lineage().await?;
        if noted != Some(lineage) {
            self.empty(lineage, noted).await?;
        }
        self.looked_back = Some(now);
        Ok(())
    }

    async fn empty(&self, lineage: Lineage, noted: Option<Lineage>) -> Result<()> {
        let Context { cache, gate, namespace, .. } = &*self.context;
        gate.doubt();
        match noted {
            Some(noted) => tracing::warn!(
                ?lineage,
                ?noted,
                "the database is in another life than the cache was filled from: the namespace is emptied"
            ),
            None => tracing::info!(
                ?lineage,
                "the cache has not seen this database before: the namespace is emptied"
            ),
        }
        cache.sweep(&namespace.whole()).await?;
        self.outbox.note(&lineage).await?;
        self.tally.emptied();
        Ok(())
    }
}

/// Moved by up to a quarter either way.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.75 + fastrand::f64() / 2.0)
}
