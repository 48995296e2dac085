//! The tier in the process: decoded values, for reads that may be a little old.
//!
//! It holds only what the backend had as a value when no invalidation of its key came in between, and it answers only
//! while a beat of the stream that was sent less than the asked time ago has come back: everything that was announced
//! before that beat has then been heard.

mod door;
mod generations;
mod identity;
mod near;
mod proof;
mod set;
mod store;

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use self::door::Door;
use self::generations::{Generations, Seen};
use self::identity::{Address, Identity};
use self::near::Near;
use self::proof::Proof;
use self::store::{Store, places};
use super::renewal::{Life, Renewing};
use super::spec::Kept;
use crate::clock::{Clock, Moment, nanos};
use crate::key::Key;
use crate::policy::{Policy, Remaining};

pub(crate) struct Tier {
    store: Store,
    door: Door,
    generations: Generations,
    proof: Proof,
    clock: Arc<dyn Clock>,
}

/// What a reader takes before it asks the backend, and shows when it has an answer to keep: the generations of the key
/// and the tags, as they were then. What was left of the value's life is counted from that moment, however long the
/// answer took.
#[derive(Debug)]
pub(crate) struct Ticket {
    identity: Identity,
    /// Of the row that the key is of.
    row: Option<u64>,
    epoch: u32,
    taken: u64,
    key: Seen,
    tags: Box<[Seen]>,
}

impl Tier {
    /// `None` where there is to be none.
    pub(crate) fn new(policy: &Policy, clock: &Arc<dyn Clock>) -> Option<Self> {
        (policy.tier_entries > 0 && policy.tier_bytes > 0).then(|| Self {
            store: Store::new(policy.tier_entries, policy.tier_bytes),
            door: Door::of(places(policy.tier_entries, policy.tier_bytes)),
            generations: Generations::new(places(policy.tier_entries, policy.tier_bytes)),
            proof: Proof::default(),
            clock: Arc::clone(clock),
        })
    }

    /// Whether a read that may be this old can be answered at all. The moment that it is now, if so.
    #[inline]
    pub(crate) fn proven(&self, bound: Duration) -> Option<Moment> {
        let now = self.clock.moment();
        self.proof.holds(now, bound).then_some(now)
    }

    /// What is kept at this key, for a read that began at `now`; and its nonce, where this read is to renew it. Rows are found
    /// by their [`row`](Self::row) alone.
    pub(crate) fn get(
        &self,
        text: &str,
        fingerprint: u64,
        now: Moment,
    ) -> Option<(Kept, Option<u64>)> {
        self.take(Address::of_text(Identity::of(text), fingerprint), now)
    }

    /// What is kept for a row by the hash of its id, for a read that began at `now`, and its nonce, where this read is to renew
    /// it: the asker sees whether it is the row that was meant. It is compiled here, once, and not where it is asked: a read
    /// should find all of it in one piece.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "only repositories ask so"))]
    pub(crate) fn row(
        &self,
        row: u64,
        now: Moment,
    ) -> Option<(Arc<dyn Any + Send + Sync>, Option<u64>)> {
        let (running, _) = now.parts();
        let address = Address::of_row(row);
        self.look(address, running, |near| Some((near.row_value()?, near.due(running))))
    }

    /// Whether a read that began at `now` would be answered.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "only repositories ask so"))]
    pub(crate) fn has(&self, key: &Key, fingerprint: u64, now: Moment) -> bool {
        let (running, _) = now.parts();
        let has = |address| self.look(address, running, |_| Some(())).is_some();
        key.row().is_some_and(|row| has(Address::of_row(row)))
            || has(Address::of_text(Identity::of(key.as_str()), fingerprint))
    }

    fn take(&self, address: Address, now: Moment) -> Option<(Kept, Option<u64>)> {
        let (running, _) = now.parts();
        self.look(address, running, |near| Some((near.kept()?, near.due(running))))
    }

    /// What `take` takes of the entry that is kept here, if it is good.
    #[inline]
    fn look<T>(
        &self,
        address: Address,
        running: u64,
        take: impl Fn(&Near) -> Option<T>,
    ) -> Option<T> {
        self.store.read(address, |near| if self.is_dead(near, running) { None } else { take(near) })
    }

    /// Whether it can be no answer any more.
    #[inline]
    fn is_dead(&self, near: &Near, running: u64) -> bool {
        let current = |seen: &Seen| self.generations.is_current(seen);
        near.is_over(running) || !current(&near.seen) || !near.tags().iter().all(current)
    }

    /// `None` while the tier is shut.
    pub(crate) fn ticket(&self, key: &Key, tags: &[Key]) -> Option<Ticket> {
        let epoch = self.proof.epoch()?;
        Some(self.ticket_of(key, Identity::of(key.as_str()), epoch, tags))
    }

    /// The same for who only looks at what the backend has. Where others go for each that comes, most are gone before anybody
    /// asks for them again: there it is `None` for a key that was not asked for before, and what the tier would have to know
    /// of the value need not be asked.
    pub(crate) fn ticket_to_look(&self, key: &Key, tags: &[Key]) -> Option<Ticket> {
        let epoch = self.proof.epoch()?;
        let identity = Identity::of(key.as_str());
        // A row that was invalidated has its own place still.
        let holds = || key.row().is_some_and(|row| self.store.holds(Address::of_row(row)));
        let takes_in = self.store.has_room() || self.door.knows(identity) || holds();
        takes_in.then(|| self.ticket_of(key, identity, epoch, tags))
    }

    fn ticket_of(&self, key: &Key, identity: Identity, epoch: u32, tags: &[Key]) -> Ticket {
        let tag = |tag: &Key| self.generations.see(Identity::of(tag.as_str()));
        let (taken, _) = self.clock.moment().parts();
        let (seen, tags) = (self.generations.see(identity), tags.iter().map(tag).collect());
        Ticket { identity, row: key.row(), epoch, taken, key: seen, tags }
    }

    /// Keeps a value that the backend had after the ticket was taken, for as long as it lives there; says whether it
    /// did.
    pub(crate) fn admit(
        &self,
        ticket: Ticket,
        fingerprint: u64,
        (kept, bytes): (Kept, usize),
        (life, renewing): (Life, Renewing),
    ) -> bool {
        let deadline = match life.served(renewing) {
            Remaining::NoKey | Remaining::Left(Duration::ZERO) => return false,
            Remaining::Forever => u64::MAX,
            Remaining::Left(left) => ticket.taken.saturating_add(nanos(left)),
        };
        let (running, _) = self.clock.moment().parts();
        let address = match (&kept, ticket.row) {
            (Kept::Shared(_), Some(row)) => Address::of_row(row),
            (_, row) => {
                // There was a row, and is none.
                row.into_iter().for_each(|row| self.store.remove(Address::of_row(row)));
                Address::of_text(ticket.identity, fingerprint)
            }
        };
        let soft_point = life.soft_point(renewing, ticket.taken);
        let near = Near::new(kept, bytes, ticket.key.clone(), deadline);
        let near = if ticket.row.is_some() { near.row() } else { near };
        let near = near.with(soft_point, ticket.tags);
        let allowed =
            || self.proof.epoch() == Some(ticket.epoch) && self.generations.is_current(&ticket.key);
        self.store.put(address, near, allowed, |near| self.is_dead(near, running))
    }

    /// What stands at this key is not what it was.
    pub(crate) fn evict(&self, key: &Key) {
        if self.generations.bump(Identity::of(key.as_str())) {
            self.empty();
        }
    }

    /// Nothing that is kept can be trusted; what comes from now on can.
    pub(crate) fn empty(&self) {
        self.proof.turn();
        self.store.clear();
    }

    /// The stream is lost: nothing is served or kept until it stands again.
    pub(crate) fn shut(&self) {
        self.proof.shut();
        self.store.clear();
    }

    /// The stream stands: values may be kept. They are served once a beat has come back.
    pub(crate) fn open(&self) {
        self.proof.open();
    }

    /// A beat that was sent at this moment has come back.
    pub(crate) fn prove(&self, sent: Moment) {
        self.proof.set(sent);
    }

    /// How old the proof is that nothing is missing; `None` where there is none.
    #[cfg_attr(not(feature = "metrics"), allow(dead_code, reason = "only metrics ask for it"))]
    pub(crate) fn proof_age(&self) -> Option<Duration> {
        self.proof.age(self.clock.moment())
    }

    /// Entries that are good, and their weight in bytes.
    pub(crate) fn size(&self) -> (usize, u64) {
        let (running, _) = self.clock.moment().parts();
        self.store.size(|near| self.is_dead(near, running))
    }
}

impl fmt::Debug for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (entries, bytes) = self.size();
        f.debug_struct("Tier")
            .field("entries", &entries)
            .field("bytes", &bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
