//! Every call of the small ports, through the plan.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;

use super::{FaultyCache, Op};
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Pattern};
use crate::port::{
    BackendStats, BoxFuture, CoherentCache, Command, ConnectionHealth, Counters, Hashes, Keyspace,
    Lists, Pipelines, Reply, Sets, Walk, Watched,
};

impl FaultyCache {
    /// Sends one call of a small port through the plan, where the inner cache has that port.
    pub(super) fn pass_to<'a, P: ?Sized, T: Send + 'a>(
        &'a self,
        op: Op,
        port: fn(&'a dyn CoherentCache) -> Option<&'a P>,
        call: impl FnOnce(&'a P) -> BoxFuture<'a, Result<T>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T>> {
        self.pass(op, move |inner| match port(inner) {
            Some(port) => call(port),
            None => {
                let message = format!("the cache under the faulty one has no {op:?}");
                Box::pin(async move { Err(Error::new(ErrorKind::Unsupported, message)) })
            }
        })
    }
}

impl Counters for FaultyCache {
    fn increment_by<'a>(&'a self, key: &'a Key, by: i64) -> BoxFuture<'a, Result<i64>> {
        self.pass_to(
            Op::IncrementBy,
            |inner| inner.counters(),
            move |port| port.increment_by(key, by),
        )
    }
}

impl Lists for FaultyCache {
    fn list_push_front<'a>(
        &'a self,
        key: &'a Key,
        values: &'a [Bytes],
    ) -> BoxFuture<'a, Result<u64>> {
        self.pass_to(
            Op::ListPushFront,
            |inner| inner.lists(),
            move |port| port.list_push_front(key, values),
        )
    }

    fn list_push_back<'a>(
        &'a self,
        key: &'a Key,
        values: &'a [Bytes],
    ) -> BoxFuture<'a, Result<u64>> {
        self.pass_to(
            Op::ListPushBack,
            |inner| inner.lists(),
            move |port| port.list_push_back(key, values),
        )
    }

    fn list_pop_front<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Bytes>>> {
        self.pass_to(Op::ListPopFront, |inner| inner.lists(), move |port| port.list_pop_front(key))
    }

    fn list_pop_back<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Bytes>>> {
        self.pass_to(Op::ListPopBack, |inner| inner.lists(), move |port| port.list_pop_back(key))
    }

    fn list_length<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<u64>> {
        self.pass_to(Op::ListLength, |inner| inner.lists(), move |port| port.list_length(key))
    }

    fn list_range<'a>(
        &'a self,
        key: &'a Key,
        first: i64,
        last: i64,
    ) -> BoxFuture<'a, Result<Vec<Bytes>>> {
        self.pass_to(
            Op::ListRange,
            |inner| inner.lists(),
            move |port| port.list_range(key, first, last),
        )
    }

    fn list_trim<'a>(&'a self, key: &'a Key, first: i64, last: i64) -> BoxFuture<'a, Result<()>> {
        self.pass_to(
            Op::ListTrim,
            |inner| inner.lists(),
            move |port| port.list_trim(key, first, last),
        )
    }
}

impl Sets for FaultyCache {
    fn set_add<'a>(&'a self, key: &'a Key, members: &'a [Bytes]) -> BoxFuture<'a, Result<u64>> {
        self.pass_to(Op::SetAdd, |inner| inner.sets(), move |port| port.set_add(key, members))
    }

    fn set_remove<'a>(&'a self, key: &'a Key, members: &'a [Bytes]) -> BoxFuture<'a, Result<u64>> {
        self.pass_to(Op::SetRemove, |inner| inner.sets(), move |port| port.set_remove(key, members))
    }

    fn set_members<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<HashSet<Bytes>>> {
        self.pass_to(Op::SetMembers, |inner| inner.sets(), move |port| port.set_members(key))
    }

    fn set_is_member<'a>(&'a self, key: &'a Key, member: &'a [u8]) -> BoxFuture<'a, Result<bool>> {
        self.pass_to(
            Op::SetIsMember,
            |inner| inner.sets(),
            move |port| port.set_is_member(key, member),
        )
    }

    fn set_cardinality<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<u64>> {
        self.pass_to(
            Op::SetCardinality,
            |inner| inner.sets(),
            move |port| port.set_cardinality(key),
        )
    }
}

impl Hashes for FaultyCache {
    fn hash_set<'a>(
        &'a self,
        key: &'a Key,
        fields: &'a [(Bytes, Bytes)],
    ) -> BoxFuture<'a, Result<u64>> {
        self.pass_to(Op::HashSet, |inner| inner.hashes(), move |port| port.hash_set(key, fields))
    }

    fn hash_get<'a>(
        &'a self,
        key: &'a Key,
        field: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Bytes>>> {
        self.pass_to(Op::HashGet, |inner| inner.hashes(), move |port| port.hash_get(key, field))
    }

    fn hash_get_all<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<HashMap<Bytes, Bytes>>> {
        self.pass_to(Op::HashGetAll, |inner| inner.hashes(), move |port| port.hash_get_all(key))
    }

    fn hash_delete<'a>(&'a self, key: &'a Key, fields: &'a [Bytes]) -> BoxFuture<'a, Result<u64>> {
        self.pass_to(
            Op::HashDelete,
            |inner| inner.hashes(),
            move |port| port.hash_delete(key, fields),
        )
    }

    fn hash_length<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<u64>> {
        self.pass_to(Op::HashLength, |inner| inner.hashes(), move |port| port.hash_length(key))
    }

    fn hash_increment_by<'a>(
        &'a self,
        key: &'a Key,
        field: &'a [u8],
        by: i64,
    ) -> BoxFuture<'a, Result<i64>> {
        self.pass_to(
            Op::HashIncrementBy,
            |inner| inner.hashes(),
            move |port| port.hash_increment_by(key, field, by),
        )
    }
}

impl Keyspace for FaultyCache {
    fn keys_matching<'a>(
        &'a self,
        pattern: &'a Pattern,
        walk: Walk<'a>,
    ) -> BoxFuture<'a, Result<Vec<Key>>> {
        self.pass_to(
            Op::KeysMatching,
            |inner| inner.keyspace(),
            move |port| port.keys_matching(pattern, walk),
        )
    }

    fn delete_matching<'a>(
        &'a self,
        pattern: &'a Pattern,
        walk: Walk<'a>,
    ) -> BoxFuture<'a, Result<u64>> {
        self.pass_to(
            Op::DeleteMatching,
            |inner| inner.keyspace(),
            move |port| port.delete_matching(pattern, walk),
        )
    }
}

impl Pipelines for FaultyCache {
    fn run_commands<'a>(
        &'a self,
        commands: &'a [Command],
    ) -> BoxFuture<'a, Result<Vec<Result<Reply>>>> {
        self.pass_to(
            Op::RunCommands,
            |inner| inner.pipelines(),
            move |port| port.run_commands(commands),
        )
    }
}

impl Watched for FaultyCache {
    fn backend_stats(&self) -> BoxFuture<'_, Result<BackendStats>> {
        self.pass_to(Op::BackendStats, |inner| inner.watched(), |port| port.backend_stats())
    }

    fn connection(&self) -> Option<ConnectionHealth> {
        self.inner.watched()?.connection()
    }
}
