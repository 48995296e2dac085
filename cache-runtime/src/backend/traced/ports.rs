//! Every call of the small ports, told of where somebody listens.

use std::collections::{HashMap, HashSet};
use std::slice::from_ref;

use bytes::Bytes;

use super::Traced;
use super::call::Came;
use super::forward::{NO_KEYS, as_count};
use crate::error::Result;
use crate::key::{Key, Pattern};
use crate::port::{
    BackendStats, BoxFuture, Cache, Command, ConnectionHealth, Counters, Hashes, Keyspace, Lists,
    Pipelines, Reply, Sets, Unsupported, Walk, Watched,
};

/// `told!(self.lists().list_length(key), about …, sending …, |answer| Came)`; a cache without that port answers so.
macro_rules! told {
    ($self:ident.$port:ident().$method:ident($($argument:expr),*), $keys:expr, $sending:expr, $came:expr) => {{
        let port = $self.inner.$port().unwrap_or(&Unsupported);
        if !Self::is_on() {
            return port.$method($($argument),*);
        }
        Box::pin(async move {
            let call = Self::begin(stringify!($method)).about($keys).sending($sending);
            let answer = port.$method($($argument),*).await;
            call.end(answer, $came)
        })
    }};
}

fn sizes(values: &[Bytes]) -> usize {
    values.iter().map(Bytes::len).sum()
}

impl<C: Cache + ?Sized> Counters for Traced<C> {
    fn increment_by<'a>(&'a self, key: &'a Key, by: i64) -> BoxFuture<'a, Result<i64>> {
        told!(self.counters().increment_by(key, by), from_ref(key), 0, |_| Came::done())
    }
}

impl<C: Cache + ?Sized> Lists for Traced<C> {
    fn list_push_front<'a>(
        &'a self,
        key: &'a Key,
        values: &'a [Bytes],
    ) -> BoxFuture<'a, Result<u64>> {
        told!(self.lists().list_push_front(key, values), from_ref(key), sizes(values), |length| {
            Came::count(as_count(*length))
        })
    }

    fn list_push_back<'a>(
        &'a self,
        key: &'a Key,
        values: &'a [Bytes],
    ) -> BoxFuture<'a, Result<u64>> {
        told!(self.lists().list_push_back(key, values), from_ref(key), sizes(values), |length| {
            Came::count(as_count(*length))
        })
    }

    fn list_pop_front<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Bytes>>> {
        told!(self.lists().list_pop_front(key), from_ref(key), 0, |found| Came::found(
            found.as_ref().map(Bytes::len)
        ))
    }

    fn list_pop_back<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Bytes>>> {
        told!(self.lists().list_pop_back(key), from_ref(key), 0, |found| Came::found(
            found.as_ref().map(Bytes::len)
        ))
    }

    fn list_length<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<u64>> {
        told!(self.lists().list_length(key), from_ref(key), 0, |length| Came::count(as_count(
            *length
        )))
    }

    fn list_range<'a>(
        &'a self,
        key: &'a Key,
        first: i64,
        last: i64,
    ) -> BoxFuture<'a, Result<Vec<Bytes>>> {
        told!(self.lists().list_range(key, first, last), from_ref(key), 0, |found| Came::several(
            found
        ))
    }

    fn list_trim<'a>(&'a self, key: &'a Key, first: i64, last: i64) -> BoxFuture<'a, Result<()>> {
        told!(self.lists().list_trim(key, first, last), from_ref(key), 0, |()| Came::done())
    }
}

impl<C: Cache + ?Sized> Sets for Traced<C> {
    fn set_add<'a>(&'a self, key: &'a Key, members: &'a [Bytes]) -> BoxFuture<'a, Result<u64>> {
        told!(
            self.sets().set_add(key, members),
            from_ref(key),
            sizes(members),
            |added| Came::count(as_count(*added))
        )
    }

    fn set_remove<'a>(&'a self, key: &'a Key, members: &'a [Bytes]) -> BoxFuture<'a, Result<u64>> {
        told!(self.sets().set_remove(key, members), from_ref(key), sizes(members), |removed| {
            Came::count(as_count(*removed))
        })
    }

    fn set_members<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<HashSet<Bytes>>> {
        told!(self.sets().set_members(key), from_ref(key), 0, |found| Came::several(found))
    }

    fn set_is_member<'a>(&'a self, key: &'a Key, member: &'a [u8]) -> BoxFuture<'a, Result<bool>> {
        told!(self.sets().set_is_member(key, member), from_ref(key), member.len(), |there| {
            Came::yes(*there)
        })
    }

    fn set_cardinality<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<u64>> {
        told!(self.sets().set_cardinality(key), from_ref(key), 0, |count| Came::count(as_count(
            *count
        )))
    }
}

impl<C: Cache + ?Sized> Hashes for Traced<C> {
    fn hash_set<'a>(
        &'a self,
        key: &'a Key,
        fields: &'a [(Bytes, Bytes)],
    ) -> BoxFuture<'a, Result<u64>> {
        told!(
            self.hashes().hash_set(key, fields),
            from_ref(key),
            fields.iter().map(|(field, value)| field.len() + value.len()).sum(),
            |added| Came::count(as_count(*added))
        )
    }

    fn hash_get<'a>(
        &'a self,
        key: &'a Key,
        field: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Bytes>>> {
        told!(self.hashes().hash_get(key, field), from_ref(key), field.len(), |found| Came::found(
            found.as_ref().map(Bytes::len)
        ))
    }

    fn hash_get_all<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<HashMap<Bytes, Bytes>>> {
        told!(self.hashes().hash_get_all(key), from_ref(key), 0, |found| Came::several(
            found.iter().flat_map(|(field, value)| [field, value])
        ))
    }

    fn hash_delete<'a>(&'a self, key: &'a Key, fields: &'a [Bytes]) -> BoxFuture<'a, Result<u64>> {
        told!(self.hashes().hash_delete(key, fields), from_ref(key), sizes(fields), |removed| {
            Came::count(as_count(*removed))
        })
    }

    fn hash_length<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<u64>> {
        told!(self.hashes().hash_length(key), from_ref(key), 0, |length| Came::count(as_count(
            *length
        )))
    }

    fn hash_increment_by<'a>(
        &'a self,
        key: &'a Key,
        field: &'a [u8],
        by: i64,
    ) -> BoxFuture<'a, Result<i64>> {
        told!(self.hashes().hash_increment_by(key, field, by), from_ref(key), field.len(), |_| {
            Came::done()
        })
    }
}

impl<C: Cache + ?Sized> Keyspace for Traced<C> {
    fn keys_matching<'a>(
        &'a self,
        pattern: &'a Pattern,
        walk: Walk<'a>,
    ) -> BoxFuture<'a, Result<Vec<Key>>> {
        told!(self.keyspace().keys_matching(pattern, walk), NO_KEYS, 0, |found| Came::count(
            found.len()
        ))
    }

    fn delete_matching<'a>(
        &'a self,
        pattern: &'a Pattern,
        walk: Walk<'a>,
    ) -> BoxFuture<'a, Result<u64>> {
        told!(self.keyspace().delete_matching(pattern, walk), NO_KEYS, 0, |removed| Came::count(
            as_count(*removed)
        ))
    }
}

impl<C: Cache + ?Sized> Pipelines for Traced<C> {
    fn run_commands<'a>(
        &'a self,
        commands: &'a [Command],
    ) -> BoxFuture<'a, Result<Vec<Result<Reply>>>> {
        told!(
            self.pipelines().run_commands(commands),
            commands.iter().map(|command| &command.key),
            0,
            |replies| Came::count(replies.iter().filter(|reply| reply.is_ok()).count())
        )
    }
}

impl<C: Cache + ?Sized> Watched for Traced<C> {
    fn backend_stats(&self) -> BoxFuture<'_, Result<BackendStats>> {
        told!(self.watched().backend_stats(), NO_KEYS, 0, |_| Came::done())
    }

    fn connection(&self) -> Option<ConnectionHealth> {
        self.inner.watched()?.connection()
    }
}
