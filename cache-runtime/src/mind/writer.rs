//! One write: hold before the commit, release after it.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::complaints::Topic;
use super::context::Context;
use super::stats::Counters;
use super::to_the_end::ToTheEnd;
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
/// For longer nobody takes it for granted that a hold still stands that was placed beside a statement: one that waits for a
/// lock may take long, and the server may lose the hold meanwhile.
#[cfg(feature = "postgres")]
const SURE: Duration = Duration::from_secs(1);
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
    /// The session of the cache in which they were asked for.
    session: u64,
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
        let mut held = Self::nothing(context, counters, strict);
        held.extend(keys).await?;
        Ok(held)
    }

    /// Holds `keys` beside the statement that changes what stands at them. Nothing is said of a failure: the commit tries
    /// again.
    #[cfg(feature = "postgres")]
    pub(crate) async fn place_ahead(
        context: &Arc<Context>,
        counters: &Arc<Counters>,
        keys: Vec<Key>,
    ) -> Option<Self> {
        let mut held = Self::nothing(context, std::slice::from_ref(counters), false);
        context.before_each(Step::Hold, &keys).await;
        held.keys = keys;
        held.hold(&held.keys).await.ok()?;
        context.forget(&held.keys).await;
        Some(held)
    }

    fn nothing(context: &Arc<Context>, counters: &[Arc<Counters>], strict: bool) -> Self {
        Self {
            context: Arc::clone(context),
            counters: counters.to_vec(),
            keys: Vec::new(),
            token: Token::new(),
            placed_at: context.clock.elapsed(),
            session: context.cache.session(),
            strict,
            begun: false,
        }
    }

    /// What was held ahead, and these keys besides.
    ///
    /// # Errors
    /// Those of [`place_for`](Self::place_for).
    #[cfg(feature = "postgres")]
    pub(crate) async fn and(
        mut self,
        counters: &[Arc<Counters>],
        mut keys: Vec<Key>,
        strict: bool,
    ) -> Result<Self> {
        (self.counters, self.strict) = (counters.to_vec(), strict);
        if self.is_doubtful() {
            self.placed_at = self.context.clock.elapsed();
            self.hold_by_policy(&self.keys).await?;
        }
        keys.retain(|key| !self.keys.contains(key));
        if !keys.is_empty() {
            self.extend(keys).await?;
        }
        Ok(self)
    }

    /// Whether the server may have lost what was placed: another connection may lead to one that has nothing.
    #[cfg(feature = "postgres")]
    fn is_doubtful(&self) -> bool {
        self.age() > SURE || self.session != self.context.cache.session()
    }

    async fn extend(&mut self, keys: Vec<Key>) -> Result<()> {
        self.context.before_each(Step::Hold, &keys).await;
        // Those that may be placed are released, whatever is said of all of them.
        self.keys.extend_from_slice(&keys);
        self.hold_by_policy(&keys).await
    }

    async fn hold_by_policy(&self, keys: &[Key]) -> Result<()> {
        match self.hold_patiently(keys).await {
            // What the promise rests on comes after the commit; this is so that what is about to be old goes soon.
            Ok(()) => self.context.forget(keys).await,
            Err(error) => self.proceeds(keys, error)?,
        }
        Ok(())
    }

    /// What the policy says to keys that could not be held, or no longer.
    fn proceeds(&self, keys: &[Key], error: Error) -> Result<()> {
        let count = keys.len();
        match self.context.policy.on_unreachable {
            OnUnreachable::Proceed if !self.strict => {
                let keys: Vec<_> = keys.iter().take(MOST_NAMED).map(Key::as_str).collect();
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
    async fn hold_patiently(&self, keys: &[Key]) -> Result<()> {
        let by_outbox = self.context.goes_by_outbox();
        let began = tokio::time::Instant::now();
        loop {
            match self.hold(keys).await {
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

    async fn hold(&self, keys: &[Key]) -> Result<()> {
        let held = self.context.cache.hold(keys, self.token, self.context.policy.hold_ttl).await;
        held.inspect_err(|_| fail(&self.counters)).map(drop)
    }

    async fn renew(&mut self) -> Result<()> {
        let began = self.context.clock.elapsed();
        self.hold(&self.keys).await?;
        self.placed_at = began;
        Ok(())
    }

    fn is_old(&self) -> bool {
        self.age() > self.context.policy.hold_ttl / 3
    }

    fn age(&self) -> Duration {
        self.context.clock.elapsed().saturating_sub(self.placed_at)
    }

    /// Makes sure that the hold outlives a commit that is sent now: a statement takes its time, and so does placing many
    /// keys. Once more where nobody polled the write meanwhile.
    pub(crate) async fn renew_if_old(&mut self) -> Result<()> {
        for _ in 0..2 {
            if self.is_old()
                && let Err(error) = self.renew().await
            {
                return self.proceeds(&self.keys, error);
            }
        }
        Ok(())
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

    #[cfg(feature = "postgres")]
    pub(crate) fn is_in(&self, context: &Arc<Context>) -> bool {
        Arc::ptr_eq(&self.context, context)
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

    /// Releases, and keeps trying, whoever waits for it. What it returns is done when the first attempt has ended: a hold
    /// that the server has lost no longer kept readers from filling what they loaded before the commit, and only the
    /// release takes that away. So while it is not answered this process does not believe the cache either.
    pub(crate) fn release(mut self) -> ToTheEnd<()> {
        self.give_back()
    }

    fn give_back(&mut self) -> ToTheEnd<()> {
        let keys = std::mem::take(&mut self.keys);
        let counters = std::mem::take(&mut self.counters);
        let release = Release { counters, keys, token: self.token, begun: self.begun };
        let context = Arc::clone(&self.context);
        let under_way = context.tasks.begin();
        ToTheEnd::of(async move {
            let _under_way = under_way;
            context.before_each(Step::Release, &release.keys).await;
            let outcome = release.attempt(&context).await;
            if outcome.is_err() && release.begun {
                context.gate.unreleased();
            }
            if let Err(error) = outcome {
                // Begun before this one ends, so that whoever waits for all misses neither.
                let going_on = release.go_on(Arc::clone(&context), error);
                context.tasks.repeat(going_on);
            }
        })
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

/// Releases all of them in the background.
pub(crate) fn release_all(all: impl IntoIterator<Item = Held>) {
    all.into_iter().map(Held::release).for_each(drop);
}

/// After a change: releases, and takes the keys out of the tier in this process, so that the write may be acknowledged.
/// In this order, because until the release a reader may find once more what a lost hold let in.
pub(crate) async fn settle(all: Vec<Held>) {
    let what: Vec<_> = all.iter().map(Held::what).collect();
    let mut releasing: Vec<_> = all.into_iter().map(Held::release).collect();
    // All at once, and each until its first attempt has ended.
    poll_fn(|context| {
        releasing.retain_mut(|release| Pin::new(release).poll(context).is_pending());
        if releasing.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    for (context, keys) in what {
        context.forget(&keys).await;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.begun && !self.keys.is_empty() {
            // In the background.
            drop(self.give_back());
        }
    }
}
