//! Single flight: concurrent misses of one key in this process share one load.
//!
//! Who may take a load's answer is decided by what the answer proves. A caller that joined before the load's statement
//! began may take it. One that joined later, and before the fill was sent, may take it once the fill was accepted, which
//! proves that no writer came between. Everyone else starts anew. An invalidation that is seen in this process
//! takes the flights of its keys away from those who come later; that saves them a wait, and is not what the promise
//! rests on: the hold makes the fill be refused.

use std::any::Any;
use std::collections::HashMap;
use std::collections::hash_map::{Entry as MapEntry, VacantEntry};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::cold::Cold;
use super::renewal::Renewals;
use crate::entry::{Body, Token};
use crate::key::Key;

/// A failure that can be given to several callers.
pub(crate) type Erased = Arc<dyn Any + Send + Sync>;

/// So many leases that were never filled are remembered; then all are forgotten.
const MOST_SUSPECTS: usize = 1024;

/// The flights of one repository.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    flights: Mutex<HashMap<Key, Arc<Flight>>>,
    /// Leases of other processes that somebody here has waited for in vain: their holder may be dead, and nobody waits
    /// for them a second time.
    suspects: Mutex<HashMap<Key, Token>>,
    /// Expired values that stand in for loads of this process that go on.
    standing_by: Mutex<HashMap<Key, (Token, Standby)>>,
    pub(super) renewals: Renewals,
    pub(super) cold: Cold,
}

/// A value that is good enough while a lease stands: in the life of the backend in which the lease was granted, and for
/// as long as the value lives.
#[derive(Debug)]
pub(super) struct Standby {
    pub(super) body: Body,
    pub(super) era: u64,
    pub(super) until: Option<Duration>,
}

/// What a passenger gets.
#[derive(Clone)]
pub(crate) enum Arrival {
    Value(Body),
    Failure(Erased),
}

#[derive(Default)]
struct Flight {
    progress: Mutex<Progress>,
    changed: Notify,
}

#[derive(Default)]
struct Progress {
    /// Passengers so far; each bears its number, from one.
    passengers: u64,
    /// Passengers that came before the last statement was sent.
    boarded: u64,
    /// Passengers that came before the fill was sent: only to them its acceptance proves anything.
    sealed: u64,
    /// The leader waits for its turn to load.
    queued: bool,
    stage: Stage,
}

#[derive(Default)]
enum Stage {
    #[default]
    Flying,
    /// Loaded; the fill is not decided.
    Landed(Arrival),
    /// Loaded and filled: the value was still true when the fill was accepted.
    Proven(Arrival),
    /// Loaded, and not filled: good only for who had boarded.
    Unproven(Arrival),
    /// Loaded, and the answer cannot be shared.
    Unshared,
    /// The leader went away.
    Lost,
}

pub(crate) enum Boarding {
    /// Load for everyone.
    Leader(Leader),
    /// Somebody is loading.
    Passenger(Passenger),
}

impl Flights {
    pub(crate) fn board(self: &Arc<Self>, key: &Key) -> Boarding {
        let mut flights = lock(&self.flights);
        match flights.entry(key.clone()) {
            MapEntry::Occupied(entry) => {
                let flight = Arc::clone(entry.get());
                let mut progress = lock(&flight.progress);
                progress.passengers += 1;
                let number = progress.passengers;
                drop(progress);
                Boarding::Passenger(Passenger { flight, number })
            }
            MapEntry::Vacant(entry) => Boarding::Leader(self.led(entry)),
        }
    }

    /// The same for who does not want to wait for another: `None` where somebody is loading.
    pub(super) fn lead(self: &Arc<Self>, key: &Key) -> Option<Leader> {
        match lock(&self.flights).entry(key.clone()) {
            MapEntry::Occupied(_) => None,
            MapEntry::Vacant(entry) => Some(self.led(entry)),
        }
    }

    /// A flight of its own, where there is none.
    fn led(self: &Arc<Self>, entry: VacantEntry<'_, Key, Arc<Flight>>) -> Leader {
        let key = entry.key().clone();
        let flight = Arc::clone(entry.insert(Arc::default()));
        Leader { flights: Arc::clone(self), key, flight }
    }

    /// Takes the flight away from those who come later, if it is still the one at its key.
    pub(crate) fn detach(&self, key: &Key, passenger: &Passenger) {
        self.remove(key, &passenger.flight);
    }

    /// What is being loaded for this key is about to be old: who comes later starts anew.
    pub(super) fn forget(&self, key: &Key) {
        lock(&self.flights).remove(key);
    }

    /// The same for all flights.
    pub(super) fn forget_all(&self) {
        lock(&self.flights).clear();
    }

    /// Remembers a lease that was waited for in vain.
    pub(crate) fn suspect(&self, key: &Key, lease: Token) {
        let mut suspects = lock(&self.suspects);
        if suspects.len() >= MOST_SUSPECTS {
            suspects.clear();
        }
        suspects.insert(key.clone(), lease);
    }

    pub(crate) fn is_suspect(&self, key: &Key, lease: Token) -> bool {
        lock(&self.suspects).get(key) == Some(&lease)
    }

    /// While this lease stands at the key, this is good enough.
    pub(super) fn stand_by(&self, key: &Key, lease: Token, standby: Standby) {
        lock(&self.standing_by).insert(key.clone(), (lease, standby));
    }

    pub(super) fn stand_down(&self, key: &Key, lease: Token) {
        let mut standing_by = lock(&self.standing_by);
        if standing_by.get(key).is_some_and(|(token, _)| *token == lease) {
            standing_by.remove(key);
        }
    }

    pub(super) fn stands_by(
        &self,
        key: &Key,
        lease: Token,
        era: u64,
        now: Duration,
    ) -> Option<Body> {
        let standing_by = lock(&self.standing_by);
        let (token, standby) = standing_by.get(key)?;
        // A backend that went back in time brings the lease back, and not the writes since.
        let good =
            *token == lease && standby.era == era && standby.until.is_none_or(|until| now < until);
        good.then(|| standby.body.clone())
    }

    fn remove(&self, key: &Key, flight: &Arc<Flight>) {
        let mut flights = lock(&self.flights);
        if flights.get(key).is_some_and(|found| Arc::ptr_eq(found, flight)) {
            flights.remove(key);
        }
    }
}

/// The caller that loads. Dropped before it landed, it hands over to whoever boards next.
pub(crate) struct Leader {
    flights: Arc<Flights>,
    key: Key,
    flight: Arc<Flight>,
}

impl Leader {
    /// Called right before a statement is sent whose answer may be handed out: who is aboard now may take it.
    pub(crate) fn depart(&self) {
        let mut progress = lock(&self.flight.progress);
        progress.boarded = progress.passengers;
    }

    /// The leader begins to wait for its turn to load, or has it. Who has one already must not wait for it meanwhile.
    pub(crate) fn queues(&self, queued: bool) {
        lock(&self.flight.progress).queued = queued;
        if queued {
            self.flight.changed.notify_waiters();
        }
    }

    /// Whether anyone is waiting for the answer of the last statement.
    pub(crate) fn has_passengers(&self) -> bool {
        lock(&self.flight.progress).boarded > 0
    }

    /// The load is done; `None` cannot be shared.
    pub(crate) fn land(&self, arrival: Option<Arrival>) {
        self.set(arrival.map_or(Stage::Unshared, Stage::Landed));
    }

    /// Called right before the fill is sent: who boards later may have come after a writer that came after the fill.
    pub(crate) fn seal(&self) {
        let mut progress = lock(&self.flight.progress);
        progress.sealed = progress.passengers;
    }

    /// The fill is decided.
    pub(crate) fn filled(self, accepted: bool) {
        let mut progress = lock(&self.flight.progress);
        progress.stage = match std::mem::replace(&mut progress.stage, Stage::Lost) {
            Stage::Landed(arrival) if accepted => Stage::Proven(arrival),
            Stage::Landed(arrival) => Stage::Unproven(arrival),
            other => other,
        };
        // The drop wakes everyone.
    }

    fn set(&self, stage: Stage) {
        lock(&self.flight.progress).stage = stage;
        self.flight.changed.notify_waiters();
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        self.flights.remove(&self.key, &self.flight);
        let mut progress = lock(&self.flight.progress);
        progress.stage = match std::mem::replace(&mut progress.stage, Stage::Lost) {
            Stage::Flying => Stage::Lost,
            Stage::Landed(arrival) => Stage::Unproven(arrival),
            other => other,
        };
        drop(progress);
        self.flight.changed.notify_waiters();
    }
}

pub(crate) struct Passenger {
    flight: Arc<Flight>,
    number: u64,
}

impl Passenger {
    /// Waits for the leader, and no longer than `patience`; a passenger that has a turn to load does not wait while the
    /// leader has none.
    pub(crate) async fn arrive(&self, patience: Duration, has_turn: bool) -> Arrived {
        let waiting = async {
            loop {
                let changed = self.flight.changed.notified();
                tokio::pin!(changed);
                // Registered before the look, so that no change falls in between.
                changed.as_mut().enable();
                if let Some(decided) = self.decided(has_turn) {
                    return decided;
                }
                changed.await;
            }
        };
        tokio::time::timeout(patience, waiting).await.unwrap_or(Arrived::TooSlow)
    }

    fn decided(&self, has_turn: bool) -> Option<Arrived> {
        let progress = lock(&self.flight.progress);
        let aboard = self.number <= progress.boarded;
        let good = |arrival: &Arrival, good| {
            if good { Arrived::With(arrival.clone()) } else { Arrived::Anew }
        };
        match &progress.stage {
            Stage::Flying => (has_turn && progress.queued).then_some(Arrived::TooSlow),
            Stage::Landed(arrival) => aboard.then(|| good(arrival, true)),
            Stage::Proven(arrival) => Some(good(arrival, aboard || self.number <= progress.sealed)),
            Stage::Unproven(arrival) => Some(good(arrival, aboard)),
            Stage::Unshared => Some(Arrived::Alone),
            Stage::Lost => Some(Arrived::Anew),
        }
    }
}

/// What came of waiting for a leader.
pub(crate) enum Arrived {
    /// An answer that is good for this passenger.
    With(Arrival),
    /// No answer, or one that is too old for this passenger: it starts anew.
    Anew,
    /// An answer that cannot be shared: each loads for itself.
    Alone,
    /// The leader took too long.
    TooSlow,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Flight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flight").finish_non_exhaustive()
    }
}
