//! The commands of the small ports, on one shard.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};

use bytes::Bytes;

use super::data::{Data, Elements, Structure, number, sum, weight_of, wrong_type};
use super::shard::{OVERHEAD, Shard};
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::policy::Ttl;
use crate::port::{Action, Reply};

impl Shard {
    pub(super) fn execute(&mut self, key: &Key, action: Action, now: u64) -> Result<Reply> {
        Ok(match action {
            Action::Get => Reply::Bytes(self.get(key, now)?),
            Action::Set(bytes, ttl) => {
                self.set(key, bytes, ttl, now);
                Reply::Done
            }
            Action::SetIfAbsent(bytes, ttl) => {
                Reply::Flag(self.set_if_absent(key, bytes, ttl, now))
            }
            Action::Take => Reply::Bytes(self.take(key, now)?),
            Action::Delete => Reply::Flag(self.delete(key, now)),
            Action::Exists => Reply::Flag(self.exists(key, now)),
            Action::Expire(after) => Reply::Flag(self.expire(key, Ttl::After(after), now)),
            Action::Persist => Reply::Flag(self.persist(key, now)),
            Action::Ttl => Reply::Life(self.remaining(key, now)),
            Action::IncrementBy(by) => Reply::Number(self.increment(key, by, now)?),
            Action::ListPushFront(values) => {
                Reply::Count(self.push(key, values, now, |list, value| {
                    list.push_front(value);
                })?)
            }
            Action::ListPushBack(values) => {
                Reply::Count(self.push(key, values, now, |list, value| {
                    list.push_back(value);
                })?)
            }
            Action::ListPopFront => Reply::Bytes(self.pop(key, now, VecDeque::pop_front)?),
            Action::ListPopBack => Reply::Bytes(self.pop(key, now, VecDeque::pop_back)?),
            Action::ListLength => Reply::Count(self.count(key, now, VecDeque::len)?),
            Action::ListRange(first, last) => {
                let range = |list: &VecDeque<Bytes>| {
                    let (first, count) = places(list.len(), first, last);
                    list.iter().skip(first).take(count).cloned().collect()
                };
                Reply::List(self.elements(key, now, range)?.unwrap_or_default())
            }
            Action::ListTrim(first, last) => {
                self.change(key, 0, now, |list: &mut VecDeque<Bytes>, weight| {
                    let (first, count) = places(list.len(), first, last);
                    tally(list.drain(first + count..).map(|value| weight_of(&value)), weight);
                    tally(list.drain(..first).map(|value| weight_of(&value)), weight);
                })?;
                Reply::Done
            }
            Action::SetAdd(members) => Reply::Count(self.add(key, members, now)?),
            Action::SetRemove(members) => {
                let remove = |set: &mut HashSet<Bytes>, weight: &mut usize| {
                    let removed = members.iter().filter_map(|member| set.take(member));
                    tally(removed.map(|member| weight_of(&member)), weight)
                };
                Reply::Count(self.change(key, 0, now, remove)?.unwrap_or(0))
            }
            Action::SetMembers => {
                Reply::Set(self.elements(key, now, HashSet::clone)?.unwrap_or_default())
            }
            Action::SetIsMember(member) => {
                let within = |set: &HashSet<Bytes>| set.contains(&member);
                Reply::Flag(self.elements(key, now, within)?.unwrap_or(false))
            }
            Action::SetCardinality => {
                Reply::Count(self.count(key, now, |set: &HashSet<Bytes>| set.len())?)
            }
            Action::HashSet(fields) => Reply::Count(self.set_fields(key, fields, now)?),
            Action::HashGet(field) => {
                let get = |hash: &HashMap<Bytes, Bytes>| hash.get(&field).cloned();
                let found = self.elements(key, now, get)?.flatten();
                self.counts.read(found.is_some());
                Reply::Bytes(found)
            }
            Action::HashGetAll => {
                Reply::Hash(self.elements(key, now, HashMap::clone)?.unwrap_or_default())
            }
            Action::HashDelete(fields) => {
                let remove = |hash: &mut HashMap<Bytes, Bytes>, weight: &mut usize| {
                    let removed = fields.iter().filter_map(|field| hash.remove_entry(field));
                    tally(
                        removed.map(|(field, value)| weight_of(&field) + weight_of(&value)),
                        weight,
                    )
                };
                Reply::Count(self.change(key, 0, now, remove)?.unwrap_or(0))
            }
            Action::HashLength => {
                Reply::Count(self.count(key, now, |hash: &HashMap<Bytes, Bytes>| hash.len())?)
            }
            Action::HashIncrementBy(field, by) => {
                Reply::Number(self.increment_field(key, field, by, now)?)
            }
        })
    }

    fn increment(&mut self, key: &Key, by: i64, now: u64) -> Result<i64> {
        let read = self.look(key, now, |slot| Ok((slot.data.bytes().cloned(), slot.deadline)));
        let (number, deadline) = match read.transpose()? {
            None => (0, None),
            Some((bytes, deadline)) => (number(&bytes.ok_or_else(wrong_type)?)?, deadline),
        };
        let sum = sum(number, by)?;
        self.put(key, Data::Bytes(sum.to_string().into()), deadline, 0);
        Ok(sum)
    }

    fn push(
        &mut self,
        key: &Key,
        values: Vec<Bytes>,
        now: u64,
        push: impl Fn(&mut VecDeque<Bytes>, Bytes),
    ) -> Result<u64> {
        if values.is_empty() {
            return self.count(key, now, VecDeque::len);
        }
        let added = values.iter().map(|value| weight_of(value)).sum();
        let length = self.grow(key, added, now, |list, weight| {
            values.into_iter().for_each(|value| push(list, value));
            *weight += added;
            list.len()
        })?;
        Ok(wide(length))
    }

    fn pop(
        &mut self,
        key: &Key,
        now: u64,
        pop: impl Fn(&mut VecDeque<Bytes>) -> Option<Bytes>,
    ) -> Result<Option<Bytes>> {
        let popped = self.change(key, 0, now, |list, weight| {
            let popped = pop(list);
            *weight -= popped.as_deref().map_or(0, weight_of);
            popped
        })?;
        Ok(popped.flatten())
    }

    fn add(&mut self, key: &Key, members: Vec<Bytes>, now: u64) -> Result<u64> {
        let new = |set: &HashSet<Bytes>| {
            let new = members.iter().filter(|member| !set.contains(*member));
            new.map(|member| weight_of(member)).sum()
        };
        let growth = self.growth(key, now, new)?;
        if members.is_empty() {
            return Ok(0);
        }
        self.grow(key, growth, now, |set: &mut HashSet<Bytes>, weight| {
            let mut added = 0;
            for member in members {
                let takes = weight_of(&member);
                if set.insert(member) {
                    *weight += takes;
                    added += 1;
                }
            }
            added
        })
    }

    fn set_fields(&mut self, key: &Key, fields: Vec<(Bytes, Bytes)>, now: u64) -> Result<u64> {
        let new = |hash: &HashMap<Bytes, Bytes>| {
            let takes = |(field, value): &(Bytes, Bytes)| match hash.get(field) {
                Some(old) => value.len().saturating_sub(old.len()),
                None => weight_of(field) + weight_of(value),
            };
            fields.iter().map(takes).sum()
        };
        let growth = self.growth(key, now, new)?;
        if fields.is_empty() {
            return Ok(0);
        }
        self.grow(key, growth, now, |hash: &mut HashMap<Bytes, Bytes>, weight| {
            let mut added = 0;
            for (field, value) in fields {
                *weight += weight_of(&value);
                match hash.entry(field) {
                    Entry::Occupied(mut there) => *weight -= weight_of(&there.insert(value)),
                    Entry::Vacant(place) => {
                        *weight += weight_of(place.key());
                        place.insert(value);
                        added += 1;
                    }
                }
            }
            added
        })
    }

    fn increment_field(&mut self, key: &Key, field: Bytes, by: i64, now: u64) -> Result<i64> {
        let read = |hash: &HashMap<Bytes, Bytes>| hash.get(&field).map(|value| number(value));
        let number = self.elements(key, now, read)?.flatten().transpose()?.unwrap_or(0);
        let sum = sum(number, by)?;
        self.set_fields(key, vec![(field, sum.to_string().into())], now)?;
        Ok(sum)
    }

    /// Reads the elements; `None` where the key is absent.
    fn elements<E: Elements, T>(
        &mut self,
        key: &Key,
        now: u64,
        read: impl FnOnce(&E) -> T,
    ) -> Result<Option<T>> {
        let read = self.look(key, now, |slot| match &slot.data {
            Data::Structure(structure) => structure.elements().map(read),
            Data::Bytes(_) => Err(wrong_type()),
        });
        read.transpose()
    }

    fn count<E: Elements>(
        &mut self,
        key: &Key,
        now: u64,
        count: impl FnOnce(&E) -> usize,
    ) -> Result<u64> {
        Ok(self.elements(key, now, count)?.map_or(0, wide))
    }

    /// What the elements will take more, by what is there.
    fn growth<E: Elements>(
        &mut self,
        key: &Key,
        now: u64,
        growth: impl Fn(&E) -> usize,
    ) -> Result<usize> {
        Ok(self.elements(key, now, &growth)?.unwrap_or_else(|| growth(&E::default())))
    }

    /// Changes the elements that are there, and removes the key where none is left; `None` where the key is absent.
    fn change<E: Elements, T>(
        &mut self,
        key: &Key,
        added: usize,
        now: u64,
        change: impl FnOnce(&mut E, &mut usize) -> T,
    ) -> Result<Option<T>> {
        // Its kind, before anything is touched.
        if self.elements(key, now, |_: &E| ())?.is_none() {
            return Ok(None);
        }
        self.grow(key, added, now, change).map(Some)
    }

    /// Changes the elements, of which there may be none yet. `added` is what they will take more: where the shard has no
    /// room for that, nothing is changed.
    fn grow<E: Elements, T>(
        &mut self,
        key: &Key,
        added: usize,
        now: u64,
        change: impl FnOnce(&mut E, &mut usize) -> T,
    ) -> Result<T> {
        let weight = self.look(key, now, |slot| match &slot.data {
            Data::Structure(structure) => structure.elements::<E>().map(|_| structure.weight()),
            Data::Bytes(_) => Err(wrong_type()),
        });
        let weight = weight.transpose()?.unwrap_or(0);
        self.has_room(key, weight, added)?;
        // Taken out and put back, so that what it takes more is made room for.
        let (mut structure, deadline) = match self.detach(key) {
            Some((Data::Structure(structure), deadline)) => (structure, deadline),
            _ => (Box::new(Structure::empty::<E>()), None),
        };
        let (elements, weight) = structure.elements_mut()?;
        let answer = change(elements, weight);
        if structure.is_empty() {
            self.discard(key);
        } else {
            self.put(key, Data::Structure(structure), deadline, 0);
        }
        Ok(answer)
    }

    fn has_room(&self, key: &Key, weight: usize, added: usize) -> Result<()> {
        let takes = wide(key.as_str().len() + weight + added) + OVERHEAD;
        if added > 0 && takes > self.largest() {
            let message = format!(
                "the cache in memory has no room for {takes} bytes at one key: give it more capacity_bytes, or keep \
                 less at one key"
            );
            return Err(Error::new(ErrorKind::OutOfMemory, message));
        }
        Ok(())
    }
}

/// How many there were, whose weights are taken off.
fn tally(removed: impl Iterator<Item = usize>, weight: &mut usize) -> u64 {
    removed.fold(0, |count, takes| {
        *weight -= takes;
        count + 1
    })
}

/// The first place of a range, and how many places it has.
fn places(length: usize, first: i64, last: i64) -> (usize, usize) {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let place = |place: i64| if place < 0 { length.saturating_add(place) } else { place };
    let (first, last) = (place(first).max(0), place(last).min(length - 1));
    let count = last.saturating_sub(first).saturating_add(1).max(0);
    if first >= length || count == 0 {
        return (0, 0);
    }
    (usize::try_from(first).unwrap_or(0), usize::try_from(count).unwrap_or(0))
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
