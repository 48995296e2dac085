//! Where nothing has been found for long, as in a cache that was emptied, the lease is asked for with the first question.
//!
//! One round trip then tells both whether the key is absent and whether the lease is granted. What stands there is not
//! judged by its answer, but found again in the usual way, which ends the row of misses: of so many reads one costs a round
//! trip more.

use std::sync::atomic::{AtomicU32, Ordering};

use super::fill::Filling;
use super::flight::Leader;
use super::loads::{Loads, Turn};
use super::reader::Reader;
use super::spec::Spec;
use crate::policy::Level;
use crate::port::Step;

/// So many reads in a row that found nothing: a repository whose reads hit now and then does not get here by chance.
const ENOUGH: u32 = 32;

/// How many reads of a repository have found nothing, one after the other.
#[derive(Debug, Default)]
pub(super) struct Cold(AtomicU32);

impl Cold {
    /// Takes note of what a read has found: anything, or nothing at all. One of several keys counts as one.
    pub(super) fn note(&self, found: bool, nothing: bool) {
        // Written to only where that changes something: every hit comes by.
        if found {
            if self.0.load(Ordering::Relaxed) > 0 {
                self.ends();
            }
        } else if nothing && !self.is_so() {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn is_so(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= ENOUGH
    }

    pub(super) fn ends(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// Whoever waits for a reader that has asked, its lease, and its leave to load. There is no lease where nobody has
/// answered: then it loads without one, and does not ask once more.
pub(super) type Leased = (Leader, Option<Filling>, Turn);

impl Reader<'_> {
    /// Leave to load for who is to ask for leases without a look, where none is likely to find anything, and nobody has to
    /// be waited for.
    pub(super) fn turn_unseen(self, spec: &Spec) -> Option<Turn> {
        let cold = self.flights.cold.is_so() && spec.level != Level::Database;
        if !cold || spec.keeps_nothing() || spec.process_only || !self.context.trusts() {
            return None;
        }
        match Level::is_loading() {
            true => Some(Loads::nested()),
            false => self.context.loads.at_once(self.cap),
        }
    }

    /// The lease without a look.
    pub(super) async fn lease_unseen(self, spec: &Spec) -> Option<Leased> {
        let turn = self.turn_unseen(spec)?;
        let leader = self.flights.lead(&spec.key)?;
        self.context.before(Step::Read, &spec.key).await;
        match self.take_lease(spec, None, None).await {
            Ok(Ok(filling)) => Some((leader, Some(filling), turn)),
            Ok(Err(_)) => {
                self.flights.cold.ends();
                None
            }
            Err(error) => {
                self.failed("taking a lease", &error);
                self.flights.cold.ends();
                Some((leader, None, turn))
            }
        }
    }
}
