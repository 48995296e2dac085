//! A backend that executes commands has the ports of the data structures by that.

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;

use bytes::Bytes;

use super::command::{Action, Command, FromReply, Reply, read};
use super::{BoxFuture, Counters, Hashes, Lists, Sets};
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::error::Result;
use crate::key::Key;

/// A backend that does what a [`Command`] says. Whoever does has [`Counters`], [`Lists`], [`Sets`] and [`Hashes`], and
/// says so in the methods of [`Cache`](crate::Cache) of those names.
pub trait Execute: Debug + Send + Sync + 'static {
    /// Does it, whole or not at all.
    ///
    /// # Errors
    /// Those of the method that the action stands for. An action that the backend does not know is
    /// [`Unsupported`](ErrorKind::Unsupported).
    fn execute<'a>(&'a self, command: Command) -> BoxFuture<'a, Result<Reply>>;
}

/// Executes one action, and reads the reply as what it was asked for.
pub(crate) fn ask<'a, E: Execute + ?Sized, T: FromReply + Send + 'a>(
    backend: &'a E,
    key: &Key,
    action: Action,
) -> BoxFuture<'a, Result<T>> {
    let done = backend.execute(Command { key: key.clone(), action });
    Box::pin(async move { read(done.await?) })
}

impl<E: Execute> Counters for E {
    fn increment_by<'a>(&'a self, key: &'a Key, by: i64) -> BoxFuture<'a, Result<i64>> {
        ask(self, key, Action::IncrementBy(by))
    }
}

impl<E: Execute> Lists for E {
    fn list_push_front<'a>(
        &'a self,
        key: &'a Key,
        values: &'a [Bytes],
    ) -> BoxFuture<'a, Result<u64>> {
        ask(self, key, Action::ListPushFront(values.to_vec()))
    }

    fn list_push_back<'a>(
        &'a self,
        key: &'a Key,
        values: &'a [Bytes],
    ) -> BoxFuture<'a, Result<u64>> {
        ask(self, key, Action::ListPushBack(values.to_vec()))
    }

    fn list_pop_front<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Bytes>>> {
        ask(self, key, Action::ListPopFront)
    }

    fn list_pop_back<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Bytes>>> {
        ask(self, key, Action::ListPopBack)
    }

    fn list_length<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<u64>> {
        ask(self, key, Action::ListLength)
    }

    fn list_range<'a>(
        &'a self,
        key: &'a Key,
        first: i64,
        last: i64,
    ) -> BoxFuture<'a, Result<Vec<Bytes>>> {
        ask(self, key, Action::ListRange(first, last))
    }

    fn list_trim<'a>(&'a self, key: &'a Key, first: i64, last: i64) -> BoxFuture<'a, Result<()>> {
        ask(self, key, Action::ListTrim(first, last))
    }
}

impl<E: Execute> Sets for E {
    fn set_add<'a>(&'a self, key: &'a Key, members: &'a [Bytes]) -> BoxFuture<'a, Result<u64>> {
        ask(self, key, Action::SetAdd(members.to_vec()))
    }

    fn set_remove<'a>(&'a self, key: &'a Key, members: &'a [Bytes]) -> BoxFuture<'a, Result<u64>> {
        ask(self, key, Action::SetRemove(members.to_vec()))
    }

    fn set_members<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<HashSet<Bytes>>> {
        ask(self, key, Action::SetMembers)
    }

    fn set_is_member<'a>(&'a self, key: &'a Key, member: &'a [u8]) -> BoxFuture<'a, Result<bool>> {
        ask(self, key, Action::SetIsMember(Bytes::copy_from_slice(member)))
    }

    fn set_cardinality<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<u64>> {
        ask(self, key, Action::SetCardinality)
    }
}

impl<E: Execute> Hashes for E {
    fn hash_set<'a>(
        &'a self,
        key: &'a Key,
        fields: &'a [(Bytes, Bytes)],
    ) -> BoxFuture<'a, Result<u64>> {
        ask(self, key, Action::HashSet(fields.to_vec()))
    }

    fn hash_get<'a>(
        &'a self,
        key: &'a Key,
        field: &'a [u8],
    ) -> BoxFuture<'a, Result<Option<Bytes>>> {
        ask(self, key, Action::HashGet(Bytes::copy_from_slice(field)))
    }

    fn hash_get_all<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<HashMap<Bytes, Bytes>>> {
        ask(self, key, Action::HashGetAll)
    }

    fn hash_delete<'a>(&'a self, key: &'a Key, fields: &'a [Bytes]) -> BoxFuture<'a, Result<u64>> {
        ask(self, key, Action::HashDelete(fields.to_vec()))
    }

    fn hash_length<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<u64>> {
        ask(self, key, Action::HashLength)
    }

    fn hash_increment_by<'a>(
        &'a self,
        key: &'a Key,
        field: &'a [u8],
        by: i64,
    ) -> BoxFuture<'a, Result<i64>> {
        ask(self, key, Action::HashIncrementBy(Bytes::copy_from_slice(field), by))
    }
}
