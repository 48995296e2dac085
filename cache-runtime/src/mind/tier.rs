//! The tier in the process: decoded values, for reads that may be a little old.
//!
//! It holds only what the backend had as a value when no invalidation of its key came in between, and it answers only
//! while a beat of the stream that was sent less than the asked time ago has come back: everything that was announced
//! before that beat has then been heard.

mod front;
mod generations;
mod identity;
mod proof;
mod store;

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::front::Asked;
use self::front::Good;
use self::generations::{Generations, Seen};
use self::identity::Identity;
use self::proof::Proof;
use self::store::{More, Near, Store};
use super::renewal::{Life, Renewing};
use super::spec::Kept;
use crate::clock::{Clock, Moment, nanos};
use crate::key::Key;
use crate::policy::{Policy, Remaining};

pub(crate) struct Tier {
    store: Store,
    /// Of each thread, before the store.
    slots: usize,
    generations: Generations,
    proof: Proof,
    clock: Arc<dyn Clock>,
}

/// What a reader takes before it asks the backend, and shows when it has an answer to keep: the generations of the key
/// and the tags, as they were then. What was left of the value's life is counted from that moment, however long the
/// answer took.
#[derive(Debug)]
pub(crate) struct Ticket {
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
            slots: front::slots(policy.tier_entries, policy.tier_bytes),
            generations: Generations::new(),
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

    /// What is kept at this key, for a read that began at `now`; and its nonce, where this read is to renew it.
    pub(crate) fn get(
        &self,
        text: &str,
        fingerprint: u64,
        now: Moment,
    ) -> Option<(Kept, Option<u64>)> {
        let (running, _) = now.parts();
        self.look(Identity::of(text), fingerprint, running, |near| {
            (near.kept.clone(), near.due(running))
        })
    }

    /// The same, which this thread then finds [`in_front`](Self::in_front).
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "only repositories ask so"))]
    pub(crate) fn get_to_front(
        &self,
        asked: Asked,
        text: &str,
        fingerprint: u64,
        now: Moment,
    ) -> Option<(Kept, Option<u64>)> {
        let (running, _) = now.parts();
        let identity = Identity::of(text);
        let (kept, due, good) = self.look(identity, fingerprint, running, |near| {
            (near.kept.clone(), near.due(running), near.good(identity))
        })?;
        // Another key of the same counter may have been invalidated since: then it would not be found there.
        if let (Kept::Shared(value), Some(good)) = (&kept, good)
            && self.generations.is_current(good.seen)
        {
            front::remember(self.slots, asked, value, good);
        }
        Some((kept, due))
    }

    /// What this thread was given by [`get_to_front`](Self::get_to_front) for what has the same hash, for a read that began
    /// at `now`: the asker sees whether it is the answer.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "only repositories ask so"))]
    #[inline]
    pub(crate) fn in_front<T: Any + Send + Sync>(
        &self,
        asked: Asked,
        now: Moment,
    ) -> Option<Arc<T>> {
        let (running, _) = now.parts();
        let good = |good: Good| {
            self.proof.epoch() == Some(good.epoch)
                && good.until > running
                && self.generations.is_current(good.seen)
        };
        front::recall(asked, good)?.downcast().ok()
    }

    /// Whether a read that began at `now` would be answered.
    pub(crate) fn has(&self, text: &str, fingerprint: u64, now: Moment) -> bool {
        let (running, _) = now.parts();
        self.look(Identity::of(text), fingerprint, running, |_| ()).is_some()
    }

    /// What `take` takes of the entry that is kept here, if it is good.
    fn look<T>(
        &self,
        identity: Identity,
        fingerprint: u64,
        running: u64,
        take: impl FnOnce(&Near) -> T,
    ) -> Option<T> {
        self.store.read(identity, |near| {
            let current = near.fingerprint == fingerprint
                && near.deadline > running
                && near.tags().iter().all(|tag| self.generations.is_current(*tag));
            current.then(|| take(near))
        })
    }

    /// `None` while the tier is shut.
    pub(crate) fn ticket(&self, key: &Key, tags: &[Key]) -> Option<Ticket> {
        let epoch = self.proof.epoch()?;
        let seen = |key: &Key| self.generations.see(Identity::of(key.as_str()));
        let (taken, _) = self.clock.moment().parts();
        Some(Ticket { epoch, taken, key: seen(key), tags: tags.iter().map(seen).collect() })
    }

    /// Keeps a value that the backend had after the ticket was taken, for as long as it lives there; says whether it
    /// did.
    pub(crate) fn admit(
        &self,
        ticket: Ticket,
        key: &Key,
        fingerprint: u64,
        (kept, bytes): (Kept, usize),
        (life, renewing): (Life, Renewing),
    ) -> bool {
        let deadline = match life.served(renewing) {
            Remaining::NoKey | Remaining::Left(Duration::ZERO) => return false,
            Remaining::Forever => u64::MAX,
            Remaining::Left(left) => ticket.taken.saturating_add(nanos(left)),
        };
        let near = Near {
            kept,
            bytes: Near::weighing(bytes),
            fingerprint,
            deadline,
            generation: ticket.key.generation(),
            epoch: ticket.epoch,
            more: More::of(life.soft_point(renewing, ticket.taken), ticket.tags),
        };
        self.store.put(Identity::of(key.as_str()), near, || {
            self.proof.epoch() == Some(ticket.epoch) && self.generations.is_current(ticket.key)
        })
    }

    /// What stands at this key is not what it was.
    pub(crate) fn evict(&self, key: &Key) {
        let identity = Identity::of(key.as_str());
        // First the generation, then the entry: whoever admits in between is refused, or its entry is removed here.
        self.generations.bump(identity);
        self.store.remove(identity);
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

    /// Entries and their weight in bytes.
    pub(crate) fn size(&self) -> (usize, u64) {
        self.store.size()
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
