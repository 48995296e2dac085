//! The steps of the protocol, on one shard.

use std::time::Duration;

use bytes::Bytes;

use super::data::{Data, wrong_type};
use super::hold::Writers;
use super::shard::{Shard, Slot};
use crate::entry::Token;
use crate::error::{ErrorKind, Result};
use crate::key::Key;
use crate::policy::Ttl;
use crate::port::{Fill, LeaseOutcome, LeaseRequest, ReleaseOutcome, Replacement};

/// A structure stands where bytes were looked for.
struct Structured;

impl Shard {
    pub(super) fn lease(
        &mut self,
        request: &LeaseRequest,
        ttl: Duration,
        now: u64,
    ) -> LeaseOutcome {
        let there = self.look(&request.key, now, |slot| slot.data.bytes().cloned());
        match (there, &request.over) {
            (None, None) => {}
            (Some(None), _) => return LeaseOutcome::Refused(ErrorKind::WrongType),
            (Some(Some(there)), Some(over)) if there == over => {}
            (Some(Some(there)), _) => return LeaseOutcome::Taken(there),
            (None, Some(_)) => return LeaseOutcome::Gone,
        }
        let deadline = now.saturating_add(at_least_one(Ttl::After(ttl)).unwrap_or(u64::MAX));
        self.put(&request.key, Data::Bytes(request.token.lease()), Some(deadline), 0);
        LeaseOutcome::Granted
    }

    pub(super) fn fill(&mut self, fill: &Fill, now: u64) -> bool {
        self.leased(&fill.key, fill.token, now)
            && self.stands(&fill.key, fill.entry.clone(), fill.ttl, now)
    }

    pub(super) fn replace(&mut self, replacement: &Replacement, now: u64) -> bool {
        let Replacement { key, over, entry, ttl } = replacement;
        let seen =
            |slot: &Slot| slot.data.bytes().is_some_and(|bytes| bytes.starts_with(over.as_bytes()));
        self.look(key, now, seen) == Some(true) && self.stands(key, entry.clone(), *ttl, now)
    }

    /// Puts a value there; says whether it was small enough.
    fn stands(&mut self, key: &Key, entry: Bytes, ttl: Ttl, now: u64) -> bool {
        let deadline = at_least_one(ttl).map(|millis| now.saturating_add(millis));
        let stands = self.put(key, Data::Bytes(entry), deadline, 0);
        self.counts.sets += u64::from(stands);
        stands
    }

    pub(super) fn abandon(&mut self, key: &Key, token: Token, now: u64) {
        if self.leased(key, token, now) {
            self.discard(key);
        }
    }

    /// Whether exactly this lease stands there.
    fn leased(&mut self, key: &Key, token: Token, now: u64) -> bool {
        self.look(key, now, |slot| slot.data.bytes() == Some(&token.lease())) == Some(true)
    }

    pub(super) fn hold(&mut self, key: &Key, token: Token, ttl: Duration, now: u64) -> Result<()> {
        let held = self.writers(key, now).map_err(|Structured| wrong_type())?;
        let mut writers = held.unwrap_or_else(Writers::none);
        let millis = at_least_one(Ttl::After(ttl)).unwrap_or(u64::MAX);
        writers.set(token, now.saturating_add(millis));
        self.hold_for(key, &writers);
        Ok(())
    }

    pub(super) fn release(&mut self, key: &Key, token: Token, now: u64) -> ReleaseOutcome {
        let mut writers = match self.writers(key, now) {
            Ok(Some(writers)) => writers,
            // A value that was filled after this hold was lost may be older than what this writer committed.
            Ok(None) => {
                self.discard(key);
                return ReleaseOutcome::WasGone;
            }
            // It is not ours to remove.
            Err(Structured) => return ReleaseOutcome::WasGone,
        };
        let stood = writers.remove(token);
        self.hold_for(key, &writers);
        if stood { ReleaseOutcome::Released } else { ReleaseOutcome::WasGone }
    }

    /// The live writers of the hold that stands there; `None` where no hold does.
    fn writers(&mut self, key: &Key, now: u64) -> Result<Option<Writers>, Structured> {
        let read = |slot: &Slot| match &slot.data {
            Data::Bytes(bytes) => Ok(Writers::live(bytes, now)),
            Data::Structure(_) => Err(Structured),
        };
        self.look(key, now, read).transpose().map(Option::flatten)
    }

    /// Leaves these writers at the key, until the last of them runs out; without any, nothing.
    fn hold_for(&mut self, key: &Key, writers: &Writers) {
        match writers.latest() {
            Some(latest) => {
                self.put(key, Data::Bytes(writers.to_bytes()), Some(latest), latest);
            }
            None => self.discard(key),
        }
    }
}

/// Milliseconds of a lifetime that cannot be zero.
fn at_least_one(ttl: Ttl) -> Option<u64> {
    ttl.millis().map(|millis| millis.max(1))
}
