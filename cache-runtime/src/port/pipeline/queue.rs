//! What can be queued.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bytes::Bytes;

use super::{Pipeline, Queued};
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::error::Result;
use crate::key::Key;
use crate::policy::{Remaining, Ttl};
use crate::port::command::Action;
use crate::port::counters::opposite;

impl Pipeline {
    /// Queues a [`get`](crate::Cache::get).
    pub fn get(&mut self, key: &Key) -> Queued<Option<Bytes>> {
        self.queue(key, Action::Get)
    }

    /// Queues a [`set`](crate::Cache::set).
    pub fn set(&mut self, key: &Key, value: impl Into<Bytes>, ttl: impl Into<Ttl>) -> Queued<()> {
        self.queue(key, Action::Set(value.into(), ttl.into()))
    }

    /// Queues a [`set_if_absent`](crate::Cache::set_if_absent).
    pub fn set_if_absent(
        &mut self,
        key: &Key,
        value: impl Into<Bytes>,
        ttl: impl Into<Ttl>,
    ) -> Queued<bool> {
        self.queue(key, Action::SetIfAbsent(value.into(), ttl.into()))
    }

    /// Queues a [`take`](crate::Cache::take).
    pub fn take(&mut self, key: &Key) -> Queued<Option<Bytes>> {
        self.queue(key, Action::Take)
    }

    /// Queues a [`delete`](crate::Cache::delete).
    pub fn delete(&mut self, key: &Key) -> Queued<bool> {
        self.queue(key, Action::Delete)
    }

    /// Queues an [`exists`](crate::Cache::exists).
    pub fn exists(&mut self, key: &Key) -> Queued<bool> {
        self.queue(key, Action::Exists)
    }

    /// Queues an [`expire`](crate::Cache::expire); [`persist`](Self::persist) takes a lifetime away.
    pub fn expire(&mut self, key: &Key, after: Duration) -> Queued<bool> {
        self.queue(key, Action::Expire(after))
    }

    /// Queues a [`persist`](crate::Cache::persist).
    pub fn persist(&mut self, key: &Key) -> Queued<bool> {
        self.queue(key, Action::Persist)
    }

    /// Queues a [`ttl`](crate::Cache::ttl).
    pub fn ttl(&mut self, key: &Key) -> Queued<Remaining> {
        self.queue(key, Action::Ttl)
    }

    /// Queues an [`increment`](crate::Counters::increment).
    pub fn increment(&mut self, key: &Key) -> Queued<i64> {
        self.increment_by(key, 1)
    }

    /// Queues an [`increment_by`](crate::Counters::increment_by).
    pub fn increment_by(&mut self, key: &Key, by: i64) -> Queued<i64> {
        self.queue(key, Action::IncrementBy(by))
    }

    /// Queues a [`decrement`](crate::Counters::decrement).
    pub fn decrement(&mut self, key: &Key) -> Queued<i64> {
        self.increment_by(key, -1)
    }

    /// Queues a [`decrement_by`](crate::Counters::decrement_by).
    ///
    /// # Errors
    /// [`Overflow`](ErrorKind::Overflow) for [`i64::MIN`]; nothing is queued then.
    pub fn decrement_by(&mut self, key: &Key, by: i64) -> Result<Queued<i64>> {
        Ok(self.increment_by(key, opposite(by)?))
    }

    /// Queues a [`list_push_front`](crate::Lists::list_push_front).
    pub fn list_push_front(&mut self, key: &Key, values: &[Bytes]) -> Queued<u64> {
        self.queue(key, Action::ListPushFront(values.to_vec()))
    }

    /// Queues a [`list_push_back`](crate::Lists::list_push_back).
    pub fn list_push_back(&mut self, key: &Key, values: &[Bytes]) -> Queued<u64> {
        self.queue(key, Action::ListPushBack(values.to_vec()))
    }

    /// Queues a [`list_pop_front`](crate::Lists::list_pop_front).
    pub fn list_pop_front(&mut self, key: &Key) -> Queued<Option<Bytes>> {
        self.queue(key, Action::ListPopFront)
    }

    /// Queues a [`list_pop_back`](crate::Lists::list_pop_back).
    pub fn list_pop_back(&mut self, key: &Key) -> Queued<Option<Bytes>> {
        self.queue(key, Action::ListPopBack)
    }

    /// Queues a [`list_length`](crate::Lists::list_length).
    pub fn list_length(&mut self, key: &Key) -> Queued<u64> {
        self.queue(key, Action::ListLength)
    }

    /// Queues a [`list_range`](crate::Lists::list_range).
    pub fn list_range(&mut self, key: &Key, first: i64, last: i64) -> Queued<Vec<Bytes>> {
        self.queue(key, Action::ListRange(first, last))
    }

    /// Queues a [`list_trim`](crate::Lists::list_trim).
    pub fn list_trim(&mut self, key: &Key, first: i64, last: i64) -> Queued<()> {
        self.queue(key, Action::ListTrim(first, last))
    }

    /// Queues a [`set_add`](crate::Sets::set_add).
    pub fn set_add(&mut self, key: &Key, members: &[Bytes]) -> Queued<u64> {
        self.queue(key, Action::SetAdd(members.to_vec()))
    }

    /// Queues a [`set_remove`](crate::Sets::set_remove).
    pub fn set_remove(&mut self, key: &Key, members: &[Bytes]) -> Queued<u64> {
        self.queue(key, Action::SetRemove(members.to_vec()))
    }

    /// Queues a [`set_members`](crate::Sets::set_members).
    pub fn set_members(&mut self, key: &Key) -> Queued<HashSet<Bytes>> {
        self.queue(key, Action::SetMembers)
    }

    /// Queues a [`set_is_member`](crate::Sets::set_is_member).
    pub fn set_is_member(&mut self, key: &Key, member: &[u8]) -> Queued<bool> {
        self.queue(key, Action::SetIsMember(Bytes::copy_from_slice(member)))
    }

    /// Queues a [`set_cardinality`](crate::Sets::set_cardinality).
    pub fn set_cardinality(&mut self, key: &Key) -> Queued<u64> {
        self.queue(key, Action::SetCardinality)
    }

    /// Queues a [`hash_set`](crate::Hashes::hash_set).
    pub fn hash_set(&mut self, key: &Key, fields: &[(Bytes, Bytes)]) -> Queued<u64> {
        self.queue(key, Action::HashSet(fields.to_vec()))
    }

    /// Queues a [`hash_get`](crate::Hashes::hash_get).
    pub fn hash_get(&mut self, key: &Key, field: &[u8]) -> Queued<Option<Bytes>> {
        self.queue(key, Action::HashGet(Bytes::copy_from_slice(field)))
    }

    /// Queues a [`hash_get_all`](crate::Hashes::hash_get_all).
    pub fn hash_get_all(&mut self, key: &Key) -> Queued<HashMap<Bytes, Bytes>> {
        self.queue(key, Action::HashGetAll)
    }

    /// Queues a [`hash_delete`](crate::Hashes::hash_delete).
    pub fn hash_delete(&mut self, key: &Key, fields: &[Bytes]) -> Queued<u64> {
        self.queue(key, Action::HashDelete(fields.to_vec()))
    }

    /// Queues a [`hash_length`](crate::Hashes::hash_length).
    pub fn hash_length(&mut self, key: &Key) -> Queued<u64> {
        self.queue(key, Action::HashLength)
    }

    /// Queues a [`hash_increment_by`](crate::Hashes::hash_increment_by).
    pub fn hash_increment_by(&mut self, key: &Key, field: &[u8], by: i64) -> Queued<i64> {
        self.queue(key, Action::HashIncrementBy(Bytes::copy_from_slice(field), by))
    }
}
