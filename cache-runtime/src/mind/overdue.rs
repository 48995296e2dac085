//! Releases that went unanswered for longer than a hold lives.
//!
//! The holds have run out by then, but where one was lost, or never placed, an old value may stand at its key until
//! somebody removes it. One task does so for all of them: an outage under `OnUnreachable::Proceed` leaves every write's
//! keys here, and must not leave a task for each.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::context::Context;
use crate::entry::Token;
use crate::error::{ErrorKind, Result};
use crate::key::Key;

/// Some ten megabytes. Above that nobody keeps the keys any more: everything goes.
const MOST_KEYS: usize = 100_000;
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(crate) struct Overdue(Mutex<Debts>);

#[derive(Debug, Default)]
struct Debts {
    keys: HashSet<Key>,
    /// The keys were too many.
    everything: bool,
    /// How many releases this stands for.
    releases: usize,
    /// Somebody sees to it.
    attended: bool,
}

impl Debts {
    fn add(&mut self, keys: Vec<Key>) {
        self.releases += 1;
        self.everything |= self.keys.len().saturating_add(keys.len()) > MOST_KEYS;
        if self.everything {
            self.keys = HashSet::new();
        } else {
            self.keys.extend(keys);
        }
    }

    /// Takes what is to be done now; nobody attends to it any more where that is nothing.
    fn take(&mut self) -> Option<Self> {
        self.attended = self.releases > 0;
        self.attended.then(|| std::mem::replace(self, Self { attended: true, ..Self::default() }))
    }

    /// Puts back what could not be done.
    fn put_back(&mut self, debts: Self) {
        let releases = self.releases + debts.releases;
        self.everything |= debts.everything;
        self.add(debts.keys.into_iter().collect());
        self.releases = releases;
    }

    async fn settle(&self, context: &Context) -> Result<()> {
        if self.everything {
            return context.cache.sweep(&context.namespace.whole()).await.map(drop);
        }
        let keys: Vec<Key> = self.keys.iter().cloned().collect();
        // Nobody holds this token: values and leases go, the holds of writers stay.
        context.cache.release(&keys, Token::new()).await.map(drop)
    }
}

impl Overdue {
    fn lock(&self) -> MutexGuard<'_, Debts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Context {
    /// Sees to it that these keys are released, for as long as there is a manager. Until then nothing is believed.
    pub(super) fn owes(self: &Arc<Self>, keys: Vec<Key>) {
        let mut debts = self.overdue.lock();
        debts.add(keys);
        if std::mem::replace(&mut debts.attended, true) {
            return;
        }
        drop(debts);
        let context = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(here) = context.upgrade() {
                let Some(debts) = here.overdue.lock().take() else { return };
                match debts.settle(&here).await {
                    Ok(()) => here.gate.released(debts.releases),
                    Err(error) if error.kind() == ErrorKind::Closed => return,
                    Err(_) => {
                        here.overdue.lock().put_back(debts);
                        drop(here);
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "what fails here fails the test")]
    use super::*;
    use crate::key::Namespace;

    fn keys(range: std::ops::Range<usize>) -> Vec<Key> {
        let namespace = Namespace::new("shop").unwrap();
        range.map(|at| namespace.key().value(&at).finish().unwrap()).collect()
    }

    #[test]
    fn what_could_not_be_done_is_done_with_what_came_since() {
        let mut debts = Debts::default();
        debts.add(keys(0..3));
        debts.add(keys(2..4));
        let taken = debts.take().unwrap();
        assert_eq!((taken.keys.len(), taken.releases), (4, 2));
        debts.add(keys(3..5));
        debts.put_back(taken);
        let taken = debts.take().unwrap();
        assert_eq!((taken.keys.len(), taken.releases, taken.everything), (5, 3, false));
        assert!(debts.take().is_none() && !debts.attended);
    }

    #[test]
    fn too_many_keys_are_everything() {
        let mut debts = Debts::default();
        debts.add(keys(0..MOST_KEYS));
        assert!(!debts.everything);
        debts.add(keys(0..1));
        debts.add(keys(0..1));
        let taken = debts.take().unwrap();
        assert_eq!((taken.keys.len(), taken.releases, taken.everything), (0, 3, true));
    }
}
