//! What can be asked of one key, as data.
//!
//! The small ports say it in methods. A pipeline queues it; and a backend that executes it needs nothing else to have
//! those ports.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::Duration;

use bytes::Bytes;

#[cfg(doc)]
use super::{Counters, Hashes, Lists, Sets};
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::policy::{Remaining, Ttl};

/// One command, with the key that it is for.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    /// The key.
    pub key: Key,
    /// What is to be done there.
    pub action: Action,
}

/// What is to be done at a key. Each does what the method of that name does; in brackets what is
/// [replied](Reply).
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// [`Cache::get`](crate::Cache::get) ([`Bytes`](Reply::Bytes)).
    Get,
    /// [`Cache::set`](crate::Cache::set) ([`Done`](Reply::Done)).
    Set(Bytes, Ttl),
    /// [`Cache::set_if_absent`](crate::Cache::set_if_absent) ([`Flag`](Reply::Flag)).
    SetIfAbsent(Bytes, Ttl),
    /// [`Cache::take`](crate::Cache::take) ([`Bytes`](Reply::Bytes)).
    Take,
    /// [`Cache::delete`](crate::Cache::delete) ([`Flag`](Reply::Flag)).
    Delete,
    /// [`Cache::exists`](crate::Cache::exists) ([`Flag`](Reply::Flag)).
    Exists,
    /// [`Cache::expire`](crate::Cache::expire) after a time that is not for ever ([`Flag`](Reply::Flag)).
    Expire(Duration),
    /// [`Cache::persist`](crate::Cache::persist) ([`Flag`](Reply::Flag)).
    Persist,
    /// [`Cache::ttl`](crate::Cache::ttl) ([`Life`](Reply::Life)).
    Ttl,
    /// [`Counters::increment_by`] ([`Number`](Reply::Number)).
    IncrementBy(i64),
    /// [`Lists::list_push_front`] ([`Count`](Reply::Count)).
    ListPushFront(Vec<Bytes>),
    /// [`Lists::list_push_back`] ([`Count`](Reply::Count)).
    ListPushBack(Vec<Bytes>),
    /// [`Lists::list_pop_front`] ([`Bytes`](Reply::Bytes)).
    ListPopFront,
    /// [`Lists::list_pop_back`] ([`Bytes`](Reply::Bytes)).
    ListPopBack,
    /// [`Lists::list_length`] ([`Count`](Reply::Count)).
    ListLength,
    /// [`Lists::list_range`] ([`List`](Reply::List)).
    ListRange(i64, i64),
    /// [`Lists::list_trim`] ([`Done`](Reply::Done)).
    ListTrim(i64, i64),
    /// [`Sets::set_add`] ([`Count`](Reply::Count)).
    SetAdd(Vec<Bytes>),
    /// [`Sets::set_remove`] ([`Count`](Reply::Count)).
    SetRemove(Vec<Bytes>),
    /// [`Sets::set_members`] ([`Set`](Reply::Set)).
    SetMembers,
    /// [`Sets::set_is_member`] ([`Flag`](Reply::Flag)).
    SetIsMember(Bytes),
    /// [`Sets::set_cardinality`] ([`Count`](Reply::Count)).
    SetCardinality,
    /// [`Hashes::hash_set`] ([`Count`](Reply::Count)).
    HashSet(Vec<(Bytes, Bytes)>),
    /// [`Hashes::hash_get`] ([`Bytes`](Reply::Bytes)).
    HashGet(Bytes),
    /// [`Hashes::hash_get_all`] ([`Hash`](Reply::Hash)).
    HashGetAll,
    /// [`Hashes::hash_delete`] ([`Count`](Reply::Count)).
    HashDelete(Vec<Bytes>),
    /// [`Hashes::hash_length`] ([`Count`](Reply::Count)).
    HashLength,
    /// [`Hashes::hash_increment_by`] ([`Number`](Reply::Number)).
    HashIncrementBy(Bytes, i64),
}

impl Action {
    /// Whether it changes nothing, so that it may be sent again where nobody knows whether it arrived.
    #[must_use]
    pub fn only_reads(&self) -> bool {
        match self {
            Self::Get
            | Self::Exists
            | Self::Ttl
            | Self::ListLength
            | Self::ListRange(..)
            | Self::SetMembers
            | Self::SetIsMember(_)
            | Self::SetCardinality
            | Self::HashGet(_)
            | Self::HashGetAll
            | Self::HashLength => true,
            Self::Set(..)
            | Self::SetIfAbsent(..)
            | Self::Take
            | Self::Delete
            | Self::Expire(_)
            | Self::Persist
            | Self::IncrementBy(_)
            | Self::ListPushFront(_)
            | Self::ListPushBack(_)
            | Self::ListPopFront
            | Self::ListPopBack
            | Self::ListTrim(..)
            | Self::SetAdd(_)
            | Self::SetRemove(_)
            | Self::HashSet(_)
            | Self::HashDelete(_)
            | Self::HashIncrementBy(..) => false,
        }
    }
}

/// What a command is answered with.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// It is done.
    Done,
    /// Yes or no.
    Flag(bool),
    /// How many.
    Count(u64),
    /// A counter.
    Number(i64),
    /// A value, or that there is none.
    Bytes(Option<Bytes>),
    /// Values in their order.
    List(Vec<Bytes>),
    /// Members.
    Set(HashSet<Bytes>),
    /// Fields with their values.
    Hash(HashMap<Bytes, Bytes>),
    /// What is left of a life.
    Life(Remaining),
}

/// What a [`Reply`] can be read as.
pub trait FromReply: Sized {
    /// Reads it; `None` where it says something else.
    fn from_reply(reply: Reply) -> Option<Self>;
}

macro_rules! replies {
    ($($variant:ident => $type:ty),* $(,)?) => {
        $(impl FromReply for $type {
            fn from_reply(reply: Reply) -> Option<Self> {
                match reply {
                    Reply::$variant(answer) => Some(answer),
                    _ => None,
                }
            }
        })*
    };
}

replies! {
    Flag => bool,
    Count => u64,
    Number => i64,
    Bytes => Option<Bytes>,
    List => Vec<Bytes>,
    Set => HashSet<Bytes>,
    Hash => HashMap<Bytes, Bytes>,
    Life => Remaining,
}

impl FromReply for () {
    fn from_reply(reply: Reply) -> Option<Self> {
        matches!(reply, Reply::Done).then_some(())
    }
}

/// The reply as what was asked for.
pub(super) fn read<T: FromReply>(reply: Reply) -> Result<T> {
    T::from_reply(reply).ok_or_else(|| {
        Error::new(ErrorKind::Backend, "the backend answered a command with the reply of another")
    })
}

impl Action {
    /// Its name, for a log or an error.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Set(..) => "set",
            Self::SetIfAbsent(..) => "set_if_absent",
            Self::Take => "take",
            Self::Delete => "delete",
            Self::Exists => "exists",
            Self::Expire(_) => "expire",
            Self::Persist => "persist",
            Self::Ttl => "ttl",
            Self::IncrementBy(_) => "increment_by",
            Self::ListPushFront(_) => "list_push_front",
            Self::ListPushBack(_) => "list_push_back",
            Self::ListPopFront => "list_pop_front",
            Self::ListPopBack => "list_pop_back",
            Self::ListLength => "list_length",
            Self::ListRange(..) => "list_range",
            Self::ListTrim(..) => "list_trim",
            Self::SetAdd(_) => "set_add",
            Self::SetRemove(_) => "set_remove",
            Self::SetMembers => "set_members",
            Self::SetIsMember(_) => "set_is_member",
            Self::SetCardinality => "set_cardinality",
            Self::HashSet(_) => "hash_set",
            Self::HashGet(_) => "hash_get",
            Self::HashGetAll => "hash_get_all",
            Self::HashDelete(_) => "hash_delete",
            Self::HashLength => "hash_length",
            Self::HashIncrementBy(..) => "hash_increment_by",
        }
    }
}

/// Never shows a value.
impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Never shows a value.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.action.name(), self.key)
    }
}

/// Never shows a value.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("Done"),
            Self::Flag(flag) => write!(f, "Flag({flag})"),
            Self::Count(count) => write!(f, "Count({count})"),
            Self::Number(number) => write!(f, "Number({number})"),
            Self::Bytes(None) => f.write_str("Bytes(None)"),
            Self::Bytes(Some(bytes)) => write!(f, "Bytes({} bytes)", bytes.len()),
            Self::List(values) => write!(f, "List({} values)", values.len()),
            Self::Set(members) => write!(f, "Set({} members)", members.len()),
            Self::Hash(fields) => write!(f, "Hash({} fields)", fields.len()),
            Self::Life(left) => write!(f, "Life({left:?})"),
        }
    }
}
