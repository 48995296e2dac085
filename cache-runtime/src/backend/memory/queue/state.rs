//! What is in a queue, and the steps on it. Everything here is done under the queue's lock.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bytes::Bytes;

use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::port::{DeadLetter, Failed, NewWrite, Pending, QueueBacklog, QueuedWrite};

/// One moment, on both of a clock's readings.
#[derive(Clone, Copy)]
pub(super) struct Now {
    pub(super) elapsed: Duration,
    pub(super) unix_millis: u64,
}

impl Now {
    fn micros(self) -> u64 {
        self.unix_millis.saturating_mul(1000)
    }
}

#[derive(Default)]
pub(super) struct State {
    pub(super) writes: BTreeMap<u64, Slot>,
    pub(super) dead: BTreeMap<u64, DeadLetter>,
    /// The place of the newest write of each key.
    pending: HashMap<Key, u64>,
    pub(super) last: u64,
    letters: u64,
}

pub(super) struct Slot {
    write: QueuedWrite,
    tries: u32,
    /// Who has taken it, and when they last said so.
    owner: Option<(String, Duration)>,
}

impl State {
    pub(super) fn enqueue(&mut self, write: &NewWrite, bound: u64, now: Now) -> Result<u64> {
        let (waiting, dead) = (self.writes.len(), self.dead.len());
        if u64::try_from(waiting + dead).is_ok_and(|here| here >= bound) {
            return Err(Error::new(
                ErrorKind::QueueFull,
                format!(
                    "the write-behind's queue is full: {waiting} writes wait and {dead} dead letters lie there, of \
                     {bound} that it may hold: find out why the source does not take them, or raise the bound"
                ),
            ));
        }
        let place = self.next(now);
        let NewWrite { key, id, value } = write.clone();
        self.pending.insert(key.clone(), place);
        let write = QueuedWrite { place, version: place, deliveries: 0, key, id, value };
        self.writes.insert(place, Slot { write, tries: 0, owner: None });
        Ok(place)
    }

    fn next(&mut self, now: Now) -> u64 {
        self.last = now.micros().max(self.last + 1);
        self.last
    }

    pub(super) fn pending(&self, key: &Key) -> Pending {
        let Some(slot) = self.pending.get(key).and_then(|place| self.writes.get(place)) else {
            return Pending::Nothing;
        };
        slot.write.value.clone().map_or(Pending::Deleted, |value: Bytes| Pending::Value(value))
    }

    pub(super) fn take(
        &mut self,
        consumer: &str,
        most: usize,
        idle: Duration,
        now: Now,
    ) -> Vec<QueuedWrite> {
        let left = |slot: &Slot| {
            let touched = slot.owner.as_ref().map(|(_, touched)| *touched);
            touched.is_some_and(|touched| now.elapsed.saturating_sub(touched) >= idle)
        };
        let idle = self.writes.iter().filter(|(_, slot)| left(slot));
        let free = self.writes.iter().filter(|(_, slot)| slot.owner.is_none());
        let places: Vec<u64> = idle.chain(free).map(|(place, _)| *place).take(most).collect();
        let mut taken = Vec::with_capacity(places.len());
        for place in places {
            if let Some(slot) = self.writes.get_mut(&place) {
                slot.owner = Some((consumer.to_owned(), now.elapsed));
                slot.write.deliveries += 1;
                taken.push(slot.write.clone());
            }
        }
        taken
    }

    pub(super) fn touch(&mut self, consumer: &str, place: u64, now: Now) -> bool {
        let owner = self.writes.get_mut(&place).and_then(|slot| slot.owner.as_mut());
        match owner {
            Some((owner, touched)) if owner == consumer => {
                *touched = now.elapsed;
                true
            }
            _ => false,
        }
    }

    pub(super) fn remove(&mut self, place: u64) -> Option<Slot> {
        let slot = self.writes.remove(&place)?;
        if self.pending.get(&slot.write.key) == Some(&place) {
            self.pending.remove(&slot.write.key);
        }
        Some(slot)
    }

    pub(super) fn fail(&mut self, place: u64, tries: u32, reason: &str, now: Now) -> Failed {
        let Some(slot) = self.writes.get_mut(&place) else { return Failed::Gone };
        slot.tries += 1;
        if slot.tries < tries {
            return Failed::Times(slot.tries);
        }
        let Some(slot) = self.remove(place) else { return Failed::Gone };
        self.letters += 1;
        let letter = DeadLetter::new(
            self.letters.to_string(),
            slot.write,
            reason.to_owned(),
            slot.tries,
            now.unix_millis,
        );
        self.dead.insert(self.letters, letter);
        Failed::Dead
    }

    pub(super) fn leave(&mut self, consumer: &str) {
        for slot in self.writes.values_mut() {
            if slot.owner.as_ref().is_some_and(|(owner, _)| owner == consumer) {
                slot.owner = None;
            }
        }
    }

    pub(super) fn backlog(&self, now: Now) -> QueueBacklog {
        let oldest =
            self.writes.keys().next().map_or(0, |place| now.micros().saturating_sub(*place));
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        QueueBacklog::new(
            count(self.writes.len()),
            Duration::from_micros(oldest),
            count(self.dead.len()),
            now.micros(),
        )
    }

    pub(super) fn retry(&mut self, letter: &str, now: Now) -> bool {
        let Some(letter) = self.discard(letter) else { return false };
        let place = self.next(now);
        let DeadLetter { version, key, id, value, .. } = letter;
        let write = QueuedWrite { place, version, deliveries: 0, key, id, value };
        self.writes.insert(place, Slot { write, tries: 0, owner: None });
        true
    }

    pub(super) fn discard(&mut self, letter: &str) -> Option<DeadLetter> {
        self.dead.remove(&letter.parse().ok()?)
    }
}
