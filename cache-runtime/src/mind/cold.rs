//! Where nothing has been found for long, as in a cache that was emptied, the lease is asked for with the first question.
//!
//! One round trip then tells both whether the key is absent and whether the lease is granted. What stands there is not
//! judged by its answer, but found again in the usual way, which ends the row of misses: of so many reads one costs a round
//! trip more.

use std::sync::atomic::{AtomicU32, Ordering};

use super::fill::Filling;
use super::flight::Leader;
use super::loads::{Loads, Turn};
use super::look::{Look, Miss};
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
    /// Takes note of what a read has found.
    pub(super) fn note(&self, look: &Look) {
        match look {
            Look::Miss(Miss::Absent) if !self.is_so() => {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
            // Written to only where that changes something: every hit comes by.
            Look::Hit(_) if self.0.load(Ordering::Relaxed) > 0 => self.ends(),
            _ => {}
        }
    }

    fn is_so(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= ENOUGH
    }

    fn ends(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// What a reader that has its lease has in hand, whoever waits for it, and its leave to load.
pub(super) type Leased = (Leader, Filling, Turn);

impl Reader<'_> {
    /// The lease without a look, where none is likely to find anything, and nobody has to be waited for.
    pub(super) async fn lease_unseen(self, spec: &Spec) -> Option<Leased> {
        let cold = &self.flights.cold;
        if !cold.is_so() || spec.keeps_nothing() || spec.process_only || !self.context.trusts() {
            return None;
        }
        let turn = match Level::is_loading() {
            true => Loads::nested(),
            false => self.context.loads.at_once(self.cap)?,
        };
        let leader = self.flights.lead(&spec.key)?;
        self.context.before(Step::Read, &spec.key).await;
        match self.take_lease(spec, None, None).await {
            Ok(Ok(filling)) => Some((leader, filling, turn)),
            Ok(Err(_)) => {
                cold.ends();
                None
            }
            Err(error) => {
                self.failed("taking a lease", &error);
                None
            }
        }
    }
}
