//! One write: hold before the commit, release after it.

use std::sync::Arc;
use std::time::Duration;

use super::context::Context;
use crate::entry::Token;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::policy::OnUnreachable;
use crate::port::Step;

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
            Err(error) => match context.policy.on_unreachable {
                OnUnreachable::Reject => {
                    let count = held.keys.len();
                    held.release();
                    Err(Error::new(
                        ErrorKind::HoldNotPlaced,
                        format!(
                            "the write was rolled back, because the cache could not be told of it ({count} keys): \
                             bring the cache back, or set the policy to OnUnreachable::Proceed"
                        ),
                    )
                    .because(error))
                }
                OnUnreachable::Proceed => {
                    let keys: Vec<_> = held.keys.iter().take(MOST_NAMED).map(Key::as_str).collect();
                    tracing::error!(
                        %error,
                        count = held.keys.len(),
                        ?keys,
                        "a write commits without the cache: these keys may be old until their TTL"
                    );
                    Ok(held)
                }
            },
        }
    }

    async fn renew(&mut self) -> Result<()> {
        let began = self.context.clock.elapsed();
        self.context.cache.hold(&self.keys, self.token, self.context.policy.hold_ttl).await?;
        self.placed_at = began;
        Ok(())
    }

    /// Makes sure that the hold outlives a commit that is sent now: placing many keys takes its time.
    pub(crate) async fn renew_if_old(&mut self) -> Result<()> {
        let age = self.context.clock.elapsed().saturating_sub(self.placed_at);
        if age > self.context.policy.hold_ttl / 3 { self.renew().await } else { Ok(()) }
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
            while let Err(error) = self.context.cache.release(&self.keys, self.token).await {
                self.context.complain("releasing the keys of a write", &error);
                if waited > self.context.policy.hold_ttl {
                    return;
                }
                tokio::time::sleep(pause).await;
                waited += pause;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        });
    }
}
