//! Writes on their way from the queue to the source.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

use super::wire;
use crate::error::Result;
use crate::port::{QueuedWrite, Write, WriteBehindSource};

/// What a worker has taken and not brought to its end, by places.
#[derive(Debug, Default)]
pub(super) struct Held(BTreeMap<u64, Item>);

#[derive(Debug)]
struct Item {
    write: QueuedWrite,
    /// When it is to be tried.
    due: Instant,
    /// The source has refused it: it goes alone.
    alone: bool,
}

impl Held {
    /// Takes in what was not here before; says how many those were.
    pub(super) fn admit(&mut self, writes: Vec<QueuedWrite>, now: Instant) -> usize {
        let before = self.0.len();
        for write in writes {
            self.0.entry(write.place).or_insert(Item { write, due: now, alone: false });
        }
        self.0.len() - before
    }

    /// The next batch that is due, in the order of versions: `most` that go together, or one that goes alone.
    pub(super) fn due(&self, now: Instant, most: usize) -> Vec<QueuedWrite> {
        let due = |alone: bool| {
            let items = self.0.values().filter(move |item| item.alone == alone && item.due <= now);
            items.map(|item| item.write.clone())
        };
        let mut batch: Vec<QueuedWrite> = due(false).take(most).collect();
        if batch.is_empty() {
            batch.extend(due(true).next());
        }
        batch.sort_by_key(|write| write.version);
        batch
    }

    /// How long until something is due; `None` where nothing is here.
    pub(super) fn pause(&self, now: Instant) -> Option<Duration> {
        self.0.values().map(|item| item.due.saturating_duration_since(now)).min()
    }

    /// Something that goes together with others waits for the source to come back.
    pub(super) fn waits_for_the_source(&self) -> bool {
        self.0.values().any(|item| !item.alone)
    }

    pub(super) fn postpone(&mut self, writes: &[QueuedWrite], due: Instant) {
        for write in writes {
            if let Some(item) = self.0.get_mut(&write.place) {
                item.due = due;
            }
        }
    }

    pub(super) fn isolate(&mut self, write: &QueuedWrite, due: Instant) {
        if let Some(item) = self.0.get_mut(&write.place) {
            item.alone = true;
            item.due = due;
        }
    }

    pub(super) fn drop_all(&mut self, writes: &[QueuedWrite]) {
        for write in writes {
            self.0.remove(&write.place);
        }
    }

    pub(super) fn keep_only(&mut self, own: &HashSet<u64>, of: &[u64]) {
        for place in of.iter().filter(|place| !own.contains(place)) {
            self.0.remove(place);
        }
    }

    pub(super) fn places(&self) -> Vec<u64> {
        self.0.keys().copied().collect()
    }
}

/// The write as the source knows it.
pub(super) fn decoded<S: WriteBehindSource>(
    write: &QueuedWrite,
) -> Result<Write<S::Key, S::Value>> {
    let key = wire::decode(&write.id, "key")?;
    let value = write.value.as_deref().map(|value| wire::decode(value, "value")).transpose()?;
    Ok(Write::new(key, value, write.version, write.key.as_str().to_owned()))
}

/// Of these, in the order of versions, the last of each key.
pub(super) fn last_of_each(writes: &[QueuedWrite]) -> Vec<&QueuedWrite> {
    let mut seen = HashSet::new();
    let mut last: Vec<&QueuedWrite> =
        writes.iter().rev().filter(|write| seen.insert(&write.key)).collect();
    last.reverse();
    last
}
