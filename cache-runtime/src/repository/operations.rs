//! The counters of a repository: one set for each method that reads, so that a hit counts in one place.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::config::{Index, RepositoryConfig};
use super::core::Kind;
use super::places::{Number, Places};
use crate::mind::{AllCounters, Counters, Stats};

/// The counters of every operation, found without a lock on the way of a read.
pub(super) struct Operations {
    pub(super) get: Arc<Counters>,
    pub(super) get_many: Arc<Counters>,
    pub(super) warm: Arc<Counters>,
    pub(super) refresh: Arc<Counters>,
    /// Writes, and what else is no read.
    pub(super) write: Arc<Counters>,
    unique: Vec<Arc<Counters>>,
    list: Vec<Arc<Counters>>,
    conditions: Vec<Arc<Counters>>,
    calls: Places<Arc<Counters>>,
    pub(super) all: Arc<AllCounters>,
}

/// The place of one cached method among the counters of its repository.
#[derive(Debug)]
pub(super) struct CallNumber(Number);

impl CallNumber {
    pub(super) const fn new() -> Self {
        Self(Number::new())
    }
}

impl Operations {
    pub(super) fn new(config: &RepositoryConfig) -> Self {
        let all = AllCounters::of(config.name);
        let by = |verb: &str, index: &Index| {
            let name = format!("{verb}_by_{}", index.name.replace('+', "_and_"));
            all.read(name)
        };
        Self {
            get: all.read("get"),
            get_many: all.read("get_many"),
            unique: config.unique.iter().map(|index| by("find", index)).collect(),
            list: config.list.iter().map(|index| by("list", index)).collect(),
            conditions: config
                .conditions
                .iter()
                .map(|condition| all.read(format!("list_{}", condition.name)))
                .collect(),
            warm: all.read("warm"),
            refresh: all.read("refresh"),
            write: all.write(),
            calls: Places::default(),
            all: Arc::new(all),
        }
    }

    pub(super) fn look_up(&self, kind: Kind, number: usize) -> &Arc<Counters> {
        let all = match kind {
            Kind::Unique => &self.unique,
            Kind::List => &self.list,
        };
        // An index that the annotation does not have is an error a little later.
        all.get(number).unwrap_or(&self.write)
    }

    /// Those of a list by condition.
    pub(super) fn condition(&self, number: usize) -> &Arc<Counters> {
        self.conditions.get(number).unwrap_or(&self.write)
    }

    /// Those of a cached method.
    pub(super) fn call(&self, number: &CallNumber, name: &'static str) -> &Arc<Counters> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let place = self.calls.place(number.0.of(&NEXT));
        place.get_or_init(|| self.all.read(name))
    }

    pub(super) fn total(&self) -> Stats {
        self.all.total()
    }
}

impl fmt::Debug for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operations").field("all", &self.all).finish_non_exhaustive()
    }
}
