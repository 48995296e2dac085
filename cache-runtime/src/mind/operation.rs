//! What a caller asked for, by name, and the counters of all that somebody has.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use super::stats::{Counters, Stats};
use super::times::OperationStats;

/// A method that reads, or all that does not, of a repository or of what stands beside one: the labels of its counters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Operation {
    /// The struct's name; `items`; `behind:` and the name of a write-behind.
    pub(crate) repository: Cow<'static, str>,
    /// The method's name.
    pub(crate) name: Cow<'static, str>,
    /// `false` for all that only invalidates.
    #[cfg_attr(not(feature = "metrics"), allow(dead_code, reason = "only metrics ask for it"))]
    pub(crate) reads: bool,
}

impl Operation {
    /// What a load of this operation is traced in.
    pub(super) fn span(&self) -> tracing::Span {
        tracing::debug_span!("load", repository = &*self.repository, operation = &*self.name)
    }
}

/// All counters of one repository, or of what stands beside one, in the order in which they came to be.
#[derive(Debug)]
pub(crate) struct AllCounters {
    repository: Cow<'static, str>,
    counters: Mutex<Vec<Arc<Counters>>>,
}

impl AllCounters {
    pub(crate) fn of(repository: impl Into<Cow<'static, str>>) -> Self {
        Self { repository: repository.into(), counters: Mutex::default() }
    }

    /// The counters of an operation that reads: the same for the same name.
    pub(crate) fn read(&self, name: impl Into<Cow<'static, str>>) -> Arc<Counters> {
        self.add(name.into(), true)
    }

    /// Those of writes, and of whatever else is no read.
    pub(crate) fn write(&self) -> Arc<Counters> {
        self.add("write".into(), false)
    }

    fn add(&self, name: Cow<'static, str>, reads: bool) -> Arc<Counters> {
        let mut all = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |known: &&Arc<Counters>| known.of.name == name && known.of.reads == reads;
        if let Some(known) = all.iter().find(same) {
            return Arc::clone(known);
        }
        let operation = Operation { repository: self.repository.clone(), name, reads };
        let counters = Arc::new(Counters::of(operation));
        all.push(Arc::clone(&counters));
        counters
    }

    pub(crate) fn each(&self) -> Vec<Arc<Counters>> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn total(&self) -> Stats {
        self.each().iter().fold(Stats::default(), |mut sum, counters| {
            sum += counters.snapshot();
            sum
        })
    }

    pub(crate) fn by_operation(&self) -> Vec<OperationStats> {
        self.each().iter().map(|counters| counters.report()).collect()
    }
}

/// The counters of what stands beside the repositories: the same for the same name, however many have it.
#[derive(Debug, Default)]
pub(crate) struct Beside(Mutex<Vec<Arc<AllCounters>>>);

impl Beside {
    pub(crate) fn of(&self, name: &str) -> Arc<AllCounters> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.iter().find(|known| known.repository == name) {
            return Arc::clone(known);
        }
        let counters = Arc::new(AllCounters::of(name.to_owned()));
        all.push(Arc::clone(&counters));
        counters
    }

    pub(crate) fn each(&self) -> Vec<Arc<AllCounters>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
