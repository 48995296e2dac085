//! The hand that remembers nothing.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;

use crate::entry::Token;
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Namespace, Pattern, Prefix};
use crate::policy::{Remaining, Ttl};
use crate::port::{
    Action, BackendStats, BoxFuture, Cache, CoherentCache, Command, Counters, Execute, Fill,
    Hashes, Keyspace, LeaseOutcome, LeaseRequest, Lists, Live, Pipelines, ReleaseOutcome, Reply,
    Sets, Survey, SurveyFrom, Walk, Watched,
};

/// A [`Cache`] that takes everything and remembers nothing: the way to turn the cache off without touching code.
///
/// Every key is absent. A lease is always granted, so nobody waits for another's load, and a fill is always turned
/// down, so every read goes to the database. A hold costs nothing and is released as if it had stood, for there is
/// nothing that it could have let pass. Lists, sets, hashes and counters are empty before each command and after it: an
/// increment answers with what was added, a push with the number of values. It is [closed](Cache::close) like any other.
#[derive(Clone, Debug, Default)]
pub struct NullCache {
    closed: Arc<AtomicBool>,
}

impl NullCache {
    /// A cache that remembers nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn answer<'a, T: Send + 'a>(&'a self, answer: T) -> BoxFuture<'a, Result<T>> {
        Box::pin(async move {
            if self.closed.load(Ordering::Acquire) {
                return Err(Error::new(ErrorKind::Closed, "the cache was closed"));
            }
            Ok(answer)
        })
    }
}

impl Cache for NullCache {
    fn get<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<Option<Bytes>>> {
        self.answer(None)
    }

    fn set<'a>(&'a self, _: &'a Key, _: Bytes, _: Ttl) -> BoxFuture<'a, Result<()>> {
        self.answer(())
    }

    fn set_if_absent<'a>(&'a self, _: &'a Key, _: Bytes, _: Ttl) -> BoxFuture<'a, Result<bool>> {
        self.answer(true)
    }

    fn take<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<Option<Bytes>>> {
        self.answer(None)
    }

    fn delete<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<bool>> {
        self.answer(false)
    }

    fn exists<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<bool>> {
        self.answer(false)
    }

    fn expire<'a>(&'a self, _: &'a Key, _: Ttl) -> BoxFuture<'a, Result<bool>> {
        self.answer(false)
    }

    fn persist<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<bool>> {
        self.answer(false)
    }

    fn ttl<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<Remaining>> {
        self.answer(Remaining::NoKey)
    }

    fn get_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Bytes>>>> {
        self.answer(vec![None; keys.len()])
    }

    fn set_many<'a>(&'a self, _: &'a [(Key, Bytes)], _: Ttl) -> BoxFuture<'a, Result<()>> {
        self.answer(())
    }

    fn delete_many<'a>(&'a self, _: &'a [Key]) -> BoxFuture<'a, Result<u64>> {
        self.answer(0)
    }

    fn ping(&self) -> BoxFuture<'_, Result<()>> {
        self.answer(())
    }

    fn clear<'a>(&'a self, _: &'a Namespace) -> BoxFuture<'a, Result<u64>> {
        self.answer(0)
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.closed.store(true, Ordering::Release);
            Ok(())
        })
    }

    fn counters(&self) -> Option<&dyn Counters> {
        Some(self)
    }

    fn lists(&self) -> Option<&dyn Lists> {
        Some(self)
    }

    fn sets(&self) -> Option<&dyn Sets> {
        Some(self)
    }

    fn hashes(&self) -> Option<&dyn Hashes> {
        Some(self)
    }

    fn keyspace(&self) -> Option<&dyn Keyspace> {
        Some(self)
    }

    fn pipelines(&self) -> Option<&dyn Pipelines> {
        Some(self)
    }

    fn watched(&self) -> Option<&dyn Watched> {
        Some(self)
    }
}

/// What each command answers on an absent key that is absent again right after it.
fn forgotten(action: &Action) -> Reply {
    let count = |count: usize| Reply::Count(u64::try_from(count).unwrap_or(u64::MAX));
    match action {
        Action::Get
        | Action::Take
        | Action::ListPopFront
        | Action::ListPopBack
        | Action::HashGet(_) => Reply::Bytes(None),
        Action::Set(..) | Action::ListTrim(..) => Reply::Done,
        Action::SetIfAbsent(..) => Reply::Flag(true),
        Action::Delete
        | Action::Exists
        | Action::Expire(_)
        | Action::Persist
        | Action::SetIsMember(_) => Reply::Flag(false),
        Action::Ttl => Reply::Life(Remaining::NoKey),
        Action::IncrementBy(by) | Action::HashIncrementBy(_, by) => Reply::Number(*by),
        Action::ListPushFront(values) | Action::ListPushBack(values) => count(values.len()),
        Action::SetAdd(members) => count(members.iter().collect::<HashSet<_>>().len()),
        Action::HashSet(fields) => {
            count(fields.iter().map(|(field, _)| field).collect::<HashSet<_>>().len())
        }
        Action::ListLength
        | Action::SetRemove(_)
        | Action::SetCardinality
        | Action::HashDelete(_)
        | Action::HashLength => count(0),
        Action::ListRange(..) => Reply::List(Vec::new()),
        Action::SetMembers => Reply::Set(HashSet::new()),
        Action::HashGetAll => Reply::Hash(HashMap::new()),
    }
}

impl Execute for NullCache {
    fn execute<'a>(&'a self, command: Command) -> BoxFuture<'a, Result<Reply>> {
        self.answer(forgotten(&command.action))
    }
}

impl Pipelines for NullCache {
    fn run_commands<'a>(
        &'a self,
        commands: &'a [Command],
    ) -> BoxFuture<'a, Result<Vec<Result<Reply>>>> {
        self.answer(commands.iter().map(|command| Ok(forgotten(&command.action))).collect())
    }
}

impl Keyspace for NullCache {
    fn keys_matching<'a>(&'a self, _: &'a Pattern, _: Walk<'a>) -> BoxFuture<'a, Result<Vec<Key>>> {
        self.answer(Vec::new())
    }

    fn delete_matching<'a>(&'a self, _: &'a Pattern, _: Walk<'a>) -> BoxFuture<'a, Result<u64>> {
        self.answer(0)
    }
}

/// It counts nothing.
impl Watched for NullCache {
    fn backend_stats(&self) -> BoxFuture<'_, Result<BackendStats>> {
        let (keys, memory_bytes) = (Some(0), Some(0));
        self.answer(BackendStats { keys, memory_bytes, ..BackendStats::default() })
    }
}

impl CoherentCache for NullCache {
    fn lease<'a>(
        &'a self,
        requests: &'a [LeaseRequest],
        _: Duration,
    ) -> BoxFuture<'a, Result<Vec<LeaseOutcome>>> {
        self.answer(vec![LeaseOutcome::Granted; requests.len()])
    }

    fn fill<'a>(&'a self, fills: &'a [Fill]) -> BoxFuture<'a, Result<Vec<bool>>> {
        self.answer(vec![false; fills.len()])
    }

    fn abandon<'a>(&'a self, _: &'a [Key], _: Token) -> BoxFuture<'a, Result<()>> {
        self.answer(())
    }

    fn hold<'a>(&'a self, _: &'a [Key], _: Token, _: Duration) -> BoxFuture<'a, Result<()>> {
        self.answer(())
    }

    fn release<'a>(
        &'a self,
        keys: &'a [Key],
        _: Token,
    ) -> BoxFuture<'a, Result<Vec<ReleaseOutcome>>> {
        self.answer(vec![ReleaseOutcome::Released; keys.len()])
    }

    fn pull<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Live>>> {
        self.answer(vec![None; keys.len()])
    }

    fn survey<'a>(&'a self, _: &'a Namespace, _: SurveyFrom) -> BoxFuture<'a, Result<Survey>> {
        self.answer(Survey::default())
    }

    fn sweep<'a>(&'a self, _: &'a Prefix) -> BoxFuture<'a, Result<u64>> {
        self.answer(0)
    }
}

#[cfg(test)]
mod tests;
