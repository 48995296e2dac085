//! Looking for a connection, in the background, until there is one.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use super::dial::{Dialer, Live};
use super::link::Link;
use crate::error::Result;

/// While an attempt is under way, another one begins after so long: a network that lost the first packet of one repeats
/// it only after a second.
const OVERLAP: Duration = Duration::from_millis(500);
/// Attempts that are under way at a time.
const MOST: usize = 4;

/// Whoever looks for a connection. It does not keep the link alive; and when it dies, with its runtime or by a panic,
/// nobody is left waiting for it.
pub(super) struct Seeker {
    link: Weak<Link>,
    number: u64,
}

impl Seeker {
    pub(super) fn new(link: &Arc<Link>, number: u64) -> Self {
        Self { link: Arc::downgrade(link), number }
    }

    /// Attempts, first after `pause`, until one succeeds or nobody wants a connection any more.
    pub(super) async fn seek(self, dialer: Arc<Dialer>, pause: Duration) {
        let mut attempts = Attempts::default();
        // When the next attempt begins, and when it may begin earlier because the last one has failed.
        let mut next = Instant::now() + pause;
        let mut early = next;
        loop {
            tokio::select! {
                biased;
                Some(attempt) = attempts.running.join_next() => {
                    let Some(link) = self.link.upgrade() else { return };
                    match attempt {
                        Ok(Ok(live)) => return link.found(self.number, live),
                        Ok(Err(error)) => {
                            link.missed(self.number, error);
                            next = next.min(early);
                        }
                        // Taken back.
                        Err(_) => {}
                    }
                }
                () = tokio::time::sleep_until(next) => {
                    let pause = self.link.upgrade().and_then(|link| link.attempts(self.number));
                    let Some(pause) = pause else { return };
                    attempts.begin(Arc::clone(&dialer));
                    early = Instant::now() + pause;
                    next = Instant::now() + OVERLAP;
                }
            }
        }
    }
}

impl Drop for Seeker {
    fn drop(&mut self) {
        if let Some(link) = self.link.upgrade() {
            link.abandoned(self.number);
        }
    }
}

#[derive(Default)]
struct Attempts {
    running: JoinSet<Result<Live>>,
    /// The oldest first; some of them may have ended.
    handles: VecDeque<AbortHandle>,
}

impl Attempts {
    fn begin(&mut self, dialer: Arc<Dialer>) {
        self.handles.retain(|handle| !handle.is_finished());
        if self.handles.len() >= MOST
            && let Some(oldest) = self.handles.pop_front()
        {
            oldest.abort();
        }
        self.handles.push_back(self.running.spawn(async move { dialer.dial().await }));
    }
}
