//! How long and how often things are measured.

use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    pub(crate) quick: bool,
    pub(crate) rounds: usize,
    /// One round of one side.
    pub(crate) time: Duration,
    /// Single events that are timed one by one.
    pub(crate) samples: usize,
    /// How often a server is frozen.
    pub(crate) freezes: usize,
    /// Rows in the outbox that are to be drained.
    pub(crate) backlog: u64,
    /// The largest of the sizes at which something that may grow is measured.
    pub(crate) largest: u64,
    /// Whether programs are built, which takes minutes.
    pub(crate) builds: bool,
}

impl Effort {
    pub(crate) const FULL: Self = Self {
        quick: false,
        rounds: 11,
        time: Duration::from_millis(800),
        samples: 1000,
        freezes: 10,
        backlog: 1_000_000,
        largest: 1_000_000,
        builds: false,
    };
    /// All rows of it take less than five minutes on two processors.
    pub(crate) const QUICK: Self = Self {
        quick: true,
        rounds: 7,
        time: Duration::from_millis(200),
        samples: 200,
        freezes: 3,
        backlog: 100_000,
        largest: 10_000,
        builds: false,
    };
}
