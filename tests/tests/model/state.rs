//! The modelled world at one moment: a row, its key in Redis, two processes, and who is at work in them. Every field is
//! small and there are no clocks, so that states which differ in nothing that matters are one state.

/// How many writes had been committed when the row looked like this: what is newer is greater.
pub(crate) type Version = u8;

/// Room for so many; a scope uses the first few.
pub(crate) const PROCESSES: usize = 2;
pub(crate) const WRITERS: usize = 3;
pub(crate) const FLIGHTS: usize = 3;

/// A set of writers, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Writers(u8);

impl Writers {
    pub(crate) fn has(self, writer: usize) -> bool {
        self.0 & 1 << writer != 0
    }

    pub(crate) fn with(self, writer: usize) -> Self {
        Self(self.0 | 1 << writer)
    }

    pub(crate) fn without(self, writer: usize) -> Self {
        Self(self.0 & !(1 << writer))
    }

    pub(crate) fn minus(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn each(self) -> impl Iterator<Item = usize> {
        (0..WRITERS).filter(move |writer| self.has(*writer))
    }

    pub(crate) fn count(self) -> u32 {
        self.0.count_ones()
    }
}

/// A set of flights, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Seen(u8);

impl Seen {
    pub(crate) fn by(self, flight: usize) -> bool {
        self.0 & 1 << flight != 0
    }

    pub(crate) fn with(self, flight: usize) -> Self {
        Self(self.0 | 1 << flight)
    }

    pub(crate) fn without(self, flight: usize) -> Self {
        Self(self.0 & !(1 << flight))
    }
}

/// What stands at the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Entry {
    #[default]
    Absent,
    /// A value, whether it bears the era of a server that is no more, and the flights that have seen this very fill of it
    /// and are about to replace it.
    Value { version: Version, past_era: bool, seen: Seen },
    /// The lease of a flight; `None` where that flight is over.
    Lease(Option<u8>),
    /// The tokens of these writers.
    Hold(Writers),
}

impl Entry {
    /// The hold of these writers; without any, nothing stands there.
    pub(crate) fn hold(tokens: Writers) -> Self {
        if tokens.is_empty() { Self::Absent } else { Self::Hold(tokens) }
    }
}

/// A load for all who miss in one process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Flight {
    pub(crate) phase: Flying,
    /// Whether who misses in this process boards this flight.
    pub(crate) boards: bool,
    /// Whether the lease was granted by a server that is no more.
    pub(crate) past_era: bool,
    /// Whether the ticket for the tier is still good: generation and epoch are as they were.
    pub(crate) ticket: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Flying {
    #[default]
    Idle,
    /// Redis had no answer; about to take the lease, or waiting for somebody else's.
    Looking,
    /// Loaded before the lease was taken, which the protocol forbids.
    TooEarly(Version),
    /// Has the lease, and loads.
    Leased,
    /// Has loaded, and is about to fill.
    Loaded(Version),
    /// The fill was accepted; the reply is on its way.
    Filled(Version),
    /// Redis had this as a value; the reply is on its way.
    Hit(Version),
    /// Loads without a lease.
    Passing,
    /// Has loaded without a lease; the answer is on its way.
    Landing(Version),
    /// Has loaded before it saw the value that it is to replace, which the protocol forbids.
    LoadedUnseen(Version),
    /// Has seen a value that is served, and loads the next.
    Renewing,
    /// Has loaded, and is about to replace the value that it saw.
    Renewed(Version),
}

/// The caller that boards another's flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Joiner {
    #[default]
    Away,
    Aboard {
        flight: u8,
        boarded: Boarded,
        /// What its answer must not be older than.
        need: Version,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Boarded {
    BeforeTheLoad,
    BeforeTheFill,
    AfterTheFill,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Writer {
    pub(crate) phase: Writing,
    /// What its commit made of the row; 0 before, and once nobody can ask any more.
    pub(crate) version: Version,
    /// Whether its key stands in the outbox, for all to see.
    pub(crate) row: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Writing {
    #[default]
    Idle,
    Held,
    /// Holds, and has dropped the key from its process's tier.
    Forgotten,
    Committed,
    /// Committed, and has dropped the key from its process's tier before the release.
    CommittedForgotten,
    /// Rolled back, and has yet to release.
    RolledBack,
    /// The commit was sent, and its answer is lost: it may still arrive.
    InDoubt,
    /// As `InDoubt`, with the hold released, which the protocol forbids.
    ReleasedInDoubt,
    /// Released, and not acknowledged yet.
    Released,
    /// The release has failed, and is tried again; the caller waits.
    Unreleased,
    /// As `Unreleased`, and the caller has its answer all the same.
    Answered,
    /// The key is written to the outbox, in a transaction that is not committed.
    Outboxed,
    /// Committed by way of the outbox, and waiting for the delivery.
    Waiting,
    /// As `Waiting`, and has dropped the key from its process's tier.
    WaitingForgotten,
    /// Has come to its end, or died.
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Process {
    /// Whether its commands reach Redis.
    pub(crate) connected: bool,
    /// Whether it takes a hit for an answer.
    pub(crate) trusts: bool,
    /// The newest write that was acknowledged to it.
    pub(crate) own: Version,
    /// What was committed when it last reconnected.
    pub(crate) reconnected_at: Version,
    pub(crate) stream: Stream,
    pub(crate) tier: Tier,
    pub(crate) relay: Relay,
}

/// The ordered stream from Redis to a process. Two invalidations in a row do what one does, so all that can be under way
/// is one before the beat, the beat, and one after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Stream {
    /// Whether Redis has somebody to send to.
    pub(crate) stands: bool,
    pub(crate) first: bool,
    /// A beat that was sent in this tick.
    pub(crate) beat: bool,
    pub(crate) second: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tier {
    pub(crate) open: bool,
    pub(crate) value: Option<Version>,
    /// Whether a beat has come back that was sent in this tick.
    pub(crate) proven: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Relay {
    #[default]
    Idle,
    /// Has locked these rows.
    Took(Writers),
    /// Has released their key in Redis, and not yet deleted them.
    Delivered(Writers),
    /// Has deleted them without a delivery, which the protocol forbids.
    Deleted(Writers),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) committed: Version,
    /// The newest write that a read that begins now has to see.
    pub(crate) bar: Version,
    /// `bar` as it was when this tick began.
    pub(crate) bar_before: Version,
    pub(crate) entry: Entry,
    /// What a server that starts anew would find on its disk, or on the replica.
    pub(crate) saved: Entry,
    /// One more than the last row that was delivered, for relays that go by that.
    pub(crate) cursor: u8,
    pub(crate) writers: [Writer; WRITERS],
    pub(crate) flights: [Flight; FLIGHTS],
    pub(crate) joiner: Joiner,
    pub(crate) processes: [Process; PROCESSES],
}

impl State {
    /// Nothing was ever read or written; the streams stand, and the tiers are open and empty.
    pub(crate) fn beginning() -> Self {
        let process = Process {
            connected: true,
            trusts: true,
            own: 0,
            reconnected_at: 0,
            stream: Stream { stands: true, first: false, beat: false, second: false },
            tier: Tier { open: true, value: None, proven: false },
            relay: Relay::Idle,
        };
        Self {
            committed: 0,
            bar: 0,
            bar_before: 0,
            entry: Entry::Absent,
            saved: Entry::Absent,
            cursor: 0,
            writers: Default::default(),
            flights: Default::default(),
            joiner: Joiner::Away,
            processes: [process; PROCESSES],
        }
    }
}
