//! One write: hold before the commit, release after it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::complaints::Topic;
use super::context::Context;
use super::stats::Counters;
use crate::entry::Token;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::policy::OnUnreachable;
use crate::port::{ReleaseOutcome, Step};

/// Pauses between attempts to release while the cache is out of reach.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long a server may stall, for a fork or a slow command, without a write being refused for it.
const STALL: Duration = Duration::from_millis(250);
/// So many keys are named in a log line.
const MOST_NAMED: usize = 20;

/// The keys that one writer holds.
///
/// Dropped before its change has begun it is released: nothing has changed. Dropped later without a word it lets the hold
/// run out by itself, which is always safe: until then readers go to the database.
#[derive(Debug)]
#[must_use]
pub(crate) struct Held {
    context: Arc<Context>,
    /// Those of the repositories that it writes to.
    counters: Vec<Arc<Counters>>,
    keys: Vec<Key>,
    token: Token,
    placed_at: Duration,
    /// Whether the change has to be known to all, also where the policy says `Proceed`.
    strict: bool,
    /// Whether the change under it may have been made.
    begun: bool,
}

impl Held {
    /// Holds `keys` for a commit that is about to be sent.
    ///
    /// # Errors
    /// [`HoldNotPlaced`](ErrorKind::HoldNotPlaced) where the cache is out of reach and the policy says `Reject`; what
    /// was placed is then released, and so it is where this call is dropped.
    pub(crate) async fn place(
        context: &Arc<Context>,
        counters: &[Arc<Counters>],
        keys: Vec<Key>,
    ) -> Result<Self> {
        Self::place_for(context, counters, keys, false).await
    }

    /// The same; a change that is `strict` is never made without its holds, whatever the policy says.
    ///
    /// # Errors
    /// Those of [`place`](Self::place), under `Proceed` too where it is strict.
    pub(crate) async fn place_for(
        context: &Arc<Context>,
        counters: &[Arc<Counters>],
        keys: Vec<Key>,
        strict: bool,
    ) -> Result<Self> {
        context.before_each(Step::Hold, &keys).await;
        let mut held = Self {
            context: Arc::clone(context),
            counters: counters.to_vec(),
            keys,
            token: Token::new(),
            placed_at: context.clock.elapsed(),
            strict,
            begun: false,
        };
        match held.place_patiently().await {
            Ok(()) => held.forget().await,
            Err(error) => held.proceeds(error)?,
        }
        Ok(held)
    }

    /// What the policy says to a hold that could not be placed or renewed.
    fn proceeds(&self, error: Error) -> Result<()> {
        let count = self.keys.len();
        match self.context.policy.on_unreachable {
            OnUnreachable::Proceed if !self.strict => {
                let keys: Vec<_> = self.keys.iter().take(MOST_NAMED).map(Key::as_str).collect();
                tracing::error!(
                    %error,
                    count,
                    ?keys,
                    "a write commits without the cache: these keys may be old until their TTL"
                );
                self.counters.iter().for_each(|counters| counters.proceeded.up());
                Ok(())
            }
            // The outbox is the transaction's to write.
            policy => {
                let relay = match policy {
                    // A transaction would have left the keys there.
                    OnUnreachable::Outbox if self.context.gate.is_relayed() => {
                        " make the change in a CacheTransaction, so that the keys go by the outbox,"
                    }
                    OnUnreachable::Outbox => {
                        " start a relay (CacheManager::relay, over a database with cache_runtime::migrate), so that the \
                         keys go by the outbox,"
                    }
                    _ => "",
                };
                let last = match self.strict {
                    true => "try again when it is back",
                    false => "set the policy to OnUnreachable::Proceed",
                };
                Err(Error::new(
                    ErrorKind::HoldNotPlaced,
                    format!(
                        "the write was rolled back, because its {count} keys could not be held in the cache (see the \
                         cause): mend the cache,{relay} or {last}"
                    ),
                )
                .because(error))
            }
        }
    }

    /// A backend that has only just fallen silent refuses calls at once. A write that the outbox would take need not wait;
    /// one that would be refused, or leave old values behind, tries for as long as a stall lasts.
    async fn place_patiently(&mut self) -> Result<()> {
        let context = Arc::clone(&self.context);
        let by_outbox = context.goes_by_outbox();
        let began = tokio::time::Instant::now();
        loop {
            match self.renew().await {
                Err(error)
                    if error.kind() == ErrorKind::Timeout
                        && !by_outbox
                        && began.elapsed() < STALL =>
                {
                    tokio::time::sleep(FIRST_PAUSE).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn renew(&mut self) -> Result<()> {
        let began = self.context.clock.elapsed();
        let cache = &self.context.cache;
        let held = cache.hold(&self.keys, self.token, self.context.policy.hold_ttl).await;
        held.inspect_err(|_| fail(&self.counters))?;
        self.placed_at = began;
        Ok(())
    }

    fn is_old(&self) -> bool {
        let age = self.context.clock.elapsed().saturating_sub(self.placed_at);
        age > self.context.policy.hold_ttl / 3
    }

    /// Makes sure that the hold outlives a commit that is sent now: placing many keys takes its time.
    pub(crate) async fn renew_if_old(&mut self) -> Result<()> {
        if !self.is_old() {
            return Ok(());
        }
        match self.renew().await {
            Ok(()) => Ok(()),
            Err(error) => self.proceeds(error),
        }
    }

    /// Does `work` while the holds stand, and renews them for as long as it takes.
    pub(crate) async fn while_standing<T>(all: &mut [Self], work: impl Future<Output = T>) -> T {
        all.iter_mut().for_each(|held| held.begun = true);
        let shortest = all.iter().map(|held| held.context.policy.hold_ttl).min();
        let Some(pause) = shortest.map(|ttl| ttl / 3) else { return work.await };
        let mut work = std::pin::pin!(work);
        loop {
            match tokio::time::timeout(pause, work.as_mut()).await {
                Ok(done) => return done,
                Err(_) => {
                    for held in &mut *all {
                        if let Err(error) = held.renew().await {
                            held.context.complain("renewing the hold of a write", &error);
                        }
                    }
                }
            }
        }
    }

    /// Takes the keys out of the tier in this process, so that what is about to be old goes soon. What the promise rests on
    /// comes after the commit: [`settle`].
    async fn forget(&self) {
        self.context.forget(&self.keys).await;
    }

    /// Where it stands, and what it holds.
    pub(crate) fn what(&self) -> (Arc<Context>, Vec<Key>) {
        (Arc::clone(&self.context), self.keys.clone())
    }

    /// The counters of the repositories that it writes to.
    #[cfg(feature = "postgres")]
    pub(crate) fn counters(&self) -> &[Arc<Counters>] {
        &self.counters
    }

    pub(crate) async fn before_commit(&self) {
        self.context.before_each(Step::Commit, &self.keys).await;
    }

    /// Releases in the background, and keeps trying. What it returns is done when the first attempt has ended: a hold that
    /// the server has lost no longer kept readers from filling what they loaded before the commit, and only the release
    /// takes that away. So while it is not answered this process does not believe the cache either.
    pub(crate) fn release(mut self) -> Released {
        self.give_back()
    }

    fn give_back(&mut self) -> Released {
        let (attempted, first) = oneshot::channel();
        let keys = std::mem::take(&mut self.keys);
        if keys.is_empty() {
            return Released(first);
        }
        let counters = std::mem::take(&mut self.counters);
        let release = Release { counters, keys, token: self.token, begun: self.begun };
        let context = Arc::clone(&self.context);
        self.context.tasks.spawn(async move {
            context.before_each(Step::Release, &release.keys).await;
            let outcome = release.attempt(&context).await;
            if outcome.is_err() && release.begun {
                context.gate.unreleased();
            }
            drop(attempted);
            if let Err(error) = outcome {
                // Begun before this one ends, so that whoever waits for all misses neither.
                let going_on = release.go_on(Arc::clone(&context), error);
                context.tasks.repeat(going_on);
            }
        });
        Released(first)
    }
}

/// What is to be released.
struct Release {
    counters: Vec<Arc<Counters>>,
    keys: Vec<Key>,
    token: Token,
    /// Whether a change may have been made under the hold.
    begun: bool,
}

impl Release {
    async fn attempt(&self, context: &Context) -> Result<()> {
        let released = context.cache.release(&self.keys, self.token).await;
        let outcomes = released.inspect_err(|_| fail(&self.counters))?;
        let gone = outcomes.iter().filter(|outcome| **outcome == ReleaseOutcome::WasGone).count();
        if gone > 0
            && self.begun
            && let Some(repeated) = context.complaints.may_say(&*context.clock, Topic::HoldGone)
        {
            tracing::warn!(
                gone,
                repeated,
                "no hold stood where a write released it: it had run out, was lost, or was never placed"
            );
        }
        Ok(())
    }

    /// Tries again, for as long as the hold may stand; and where a change was made under it, for as long as there is a
    /// manager, though nobody waits for that any more.
    async fn go_on(self, context: Arc<Context>, mut error: Error) {
        let mut pause = FIRST_PAUSE;
        let mut waited = Duration::ZERO;
        while waited <= context.policy.hold_ttl {
            if error.kind() == ErrorKind::Closed {
                return;
            }
            tokio::time::sleep(pause).await;
            waited += pause;
            pause = (pause * 2).min(LONGEST_PAUSE);
            match self.attempt(&context).await {
                Ok(()) => {
                    if self.begun {
                        context.gate.released(1);
                    }
                    return;
                }
                Err(again) => error = again,
            }
        }
        context.complain("releasing the keys of a write", &error);
        if self.begun {
            context.owes(self.keys);
        }
    }
}

/// A call for a write has failed.
fn fail(counters: &[Arc<Counters>]) {
    counters.iter().for_each(|counters| counters.errors.up());
}

/// Begins to release all of them.
pub(crate) fn release_all(all: Vec<Held>) -> Vec<Released> {
    all.into_iter().map(Held::release).collect()
}

/// After a change: releases, and takes the keys out of the tier in this process, so that the write may be acknowledged.
/// In this order, because until the release a reader may find once more what a lost hold let in.
pub(crate) async fn settle(all: Vec<Held>) {
    let what: Vec<_> = all.iter().map(Held::what).collect();
    Released::attempted(release_all(all)).await;
    for (context, keys) in what {
        context.forget(&keys).await;
    }
}

/// The first attempt to release.
pub(crate) struct Released(oneshot::Receiver<()>);

impl Released {
    /// Waits until the attempts have ended, however they did.
    pub(crate) async fn attempted(all: Vec<Self>) {
        for released in all {
            // The sender is dropped then.
            let _ = released.0.await;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.begun {
            drop(self.give_back());
        }
    }
}
