//! One write: hold before the commit, release after it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::context::Context;
use crate::entry::Token;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::policy::OnUnreachable;
use crate::port::{ReleaseOutcome, Step};

/// Pauses between attempts to release while the cache is out of reach.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// So many keys are named in a log line.
const MOST_NAMED: usize = 20;

/// The keys that one writer holds.
///
/// Dropped without a word it lets the hold run out by itself, which is always safe: until then readers go to the
/// database.
#[derive(Debug)]
#[must_use]
pub(crate) struct Held {
    context: Arc<Context>,
    keys: Vec<Key>,
    token: Token,
    placed_at: Duration,
}

impl Held {
    /// Holds `keys` for a commit that is about to be sent.
    ///
    /// # Errors
    /// [`HoldNotPlaced`](ErrorKind::HoldNotPlaced) where the cache is out of reach and the policy says `Reject`; what
    /// was placed is then released.
    pub(crate) async fn place(context: &Arc<Context>, keys: Vec<Key>) -> Result<Self> {
        context.before_each(Step::Hold, &keys).await;
        let mut held = Self {
            context: Arc::clone(context),
            keys,
            token: Token::new(),
            placed_at: context.clock.elapsed(),
        };
        match held.renew().await {
            Ok(()) => Ok(held),
            Err(error) => match held.proceeds(error) {
                Ok(()) => Ok(held),
                Err(error) => {
                    held.release();
                    Err(error)
                }
            },
        }
    }

    /// What the policy says to a hold that could not be placed or renewed.
    fn proceeds(&self, error: Error) -> Result<()> {
        let count = self.keys.len();
        match self.context.policy.on_unreachable {
            OnUnreachable::Reject => Err(Error::new(
                ErrorKind::HoldNotPlaced,
                format!(
                    "the write was rolled back, because its {count} keys could not be held in the cache (see the cause): \
                     mend the cache, or set the policy to OnUnreachable::Proceed"
                ),
            )
            .because(error)),
            OnUnreachable::Proceed => {
                let keys: Vec<_> = self.keys.iter().take(MOST_NAMED).map(Key::as_str).collect();
                tracing::error!(
                    %error,
                    count,
                    ?keys,
                    "a write commits without the cache: these keys may be old until their TTL"
                );
                Ok(())
            }
        }
    }

    async fn renew(&mut self) -> Result<()> {
        let began = self.context.clock.elapsed();
        self.context.cache.hold(&self.keys, self.token, self.context.policy.hold_ttl).await?;
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

    pub(crate) async fn before_commit(&self) {
        self.context.before_each(Step::Commit, &self.keys).await;
    }

    /// Releases in the background, and keeps trying until the hold has run out by itself.
    pub(crate) fn release(self) {
        if self.keys.is_empty() {
            return;
        }
        let tasks = self.context.tasks.clone();
        tasks.spawn(async move {
            self.context.before_each(Step::Release, &self.keys).await;
            let mut pause = FIRST_PAUSE;
            let mut waited = Duration::ZERO;
            let error = loop {
                match self.context.cache.release(&self.keys, self.token).await {
                    Ok(outcomes) => {
                        let gone = outcomes
                            .iter()
                            .filter(|outcome| **outcome == ReleaseOutcome::WasGone)
                            .count();
                        if gone > 0 {
                            tracing::warn!(
                                gone,
                                "holds were gone before their write released them"
                            );
                        }
                        return;
                    }
                    Err(error) if error.kind() == ErrorKind::Closed => break error,
                    Err(error) if waited > self.context.policy.hold_ttl => break error,
                    Err(_) => {}
                }
                tokio::time::sleep(pause).await;
                waited += pause;
                pause = (pause * 2).min(LONGEST_PAUSE);
            };
            self.context.complain("releasing the keys of a write", &error);
        });
    }
}
