//! What was done over this connection's handles.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::port::{Action, BackendStats, Reply};

#[derive(Debug, Default)]
pub(super) struct Tally {
    hits: AtomicU64,
    misses: AtomicU64,
    sets: AtomicU64,
    deletes: AtomicU64,
    errors: AtomicU64,
}

impl Tally {
    pub(super) fn read(&self, found: bool) {
        add(if found { &self.hits } else { &self.misses }, 1);
    }

    pub(super) fn read_each<T>(&self, found: &[Option<T>]) {
        let hits = found.iter().flatten().count();
        add(&self.hits, hits);
        add(&self.misses, found.len() - hits);
    }

    pub(super) fn set(&self, keys: usize) {
        add(&self.sets, keys);
    }

    pub(super) fn deleted(&self, keys: u64) {
        self.deletes.fetch_add(keys, Ordering::Relaxed);
    }

    pub(super) fn failed(&self, calls: usize) {
        add(&self.errors, calls);
    }

    /// A command was answered.
    pub(super) fn done(&self, action: &Action, reply: &Reply) {
        match (action, reply) {
            (Action::Get | Action::HashGet(_), Reply::Bytes(found)) => self.read(found.is_some()),
            (Action::Take, Reply::Bytes(found)) => {
                self.read(found.is_some());
                self.deleted(u64::from(found.is_some()));
            }
            (Action::Set(..), _) | (Action::SetIfAbsent(..), Reply::Flag(true)) => self.set(1),
            (Action::Delete, Reply::Flag(true)) => self.deleted(1),
            _ => {}
        }
    }

    pub(super) fn stats(&self) -> BackendStats {
        let [hits, misses, sets, deletes, errors] =
            [&self.hits, &self.misses, &self.sets, &self.deletes, &self.errors]
                .map(|count| count.load(Ordering::Relaxed));
        BackendStats { hits, misses, sets, deletes, errors, ..BackendStats::default() }
    }
}

fn add(count: &AtomicU64, number: usize) {
    if number > 0 {
        count.fetch_add(u64::try_from(number).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}
