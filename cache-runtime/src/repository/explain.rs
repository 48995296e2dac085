//! Where a value would come from.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::Repository;
use super::config::CachedRepository;
use super::read::shown_key;
use crate::entry::{Body, Entry};
use crate::error::Result;
use crate::key::Key;
use crate::mind::{Found, Look, Origin, Spec};
use crate::policy::{Level, Remaining};
use crate::postgres::Entity;

/// What the cache has for a row or a list, and what a read would therefore do. `Display` says it in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The key.
    pub key: String,
    /// Where a read at the repository's level would get its answer.
    pub origin: Origin,
    /// What stands at the key.
    pub state: State,
    /// What is left of its life, the time for which it may outlive its TTL included.
    pub remaining: Remaining,
    /// The size of the whole entry, in bytes.
    pub bytes: usize,
    /// Why a value that stands there is passed over, where nothing that the cache says is believed:
    /// [`Health::disbelief`](crate::Health::disbelief).
    pub disbelief: Option<String>,
}

/// What stands at a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// A value of this type.
    Value,
    /// The knowledge that there is no such row.
    Negative,
    /// Nothing.
    Absent,
    /// Somebody is loading.
    Lease,
    /// A writer is about to commit, or has just done so.
    Hold,
    /// Bytes that this program does not understand: the next read replaces them.
    Foreign,
    /// The cache did not answer; this is why.
    Unreachable(String),
}

impl<R: CachedRepository> Repository<'_, R> {
    /// Where [`get`](Self::get) would find this row now. Changes nothing, and counts as no read.
    pub async fn explain(&self, id: &<R::Entity as Entity>::Id) -> Explanation {
        let level = self.core.level.here();
        let key = self.core.row_key(id);
        let near = self.core.is_near(level, id);
        let spec = |key| self.core.row_spec(level, key);
        self.explained(near, key.map(spec)).await
    }

    /// Where a read of this entry would find it.
    pub(super) async fn explained(&self, near: bool, spec: Result<Spec>) -> Explanation {
        let shown = shown_key(&spec.as_ref().map(|spec| spec.key.clone()).map_err(Clone::clone));
        let level = self.core.level.here();
        let nearest = if near { Origin::Process } else { Origin::Database };
        let nowhere = |state| Explanation {
            key: shown.clone(),
            origin: nearest,
            state,
            remaining: Remaining::NoKey,
            bytes: 0,
            disbelief: None,
        };
        let spec = match spec {
            Ok(spec) => spec,
            Err(error) => return nowhere(State::Unreachable(error.to_string())),
        };
        let cache = &self.core.context.cache;
        let found = match cache.get(&spec.key).await {
            Ok(Some(found)) => found,
            Ok(None) => return nowhere(State::Absent),
            Err(error) => return nowhere(State::Unreachable(error.to_string())),
        };
        let remaining = cache.ttl(&spec.key).await.unwrap_or(Remaining::NoKey);
        let state = match Entry::parse(&found) {
            Entry::Value(value) => {
                let ours = value.fingerprint == spec.shape.fingerprint;
                let limit = self.core.context.policy.max_unpacked_bytes;
                let body = value
                    .body
                    .unpacked(limit)
                    .filter(|body| ours && spec.form.decode(body).is_some());
                match body {
                    None => State::Foreign,
                    Some(Body::Nothing) => State::Negative,
                    Some(Body::Encoded { .. } | Body::Packed { .. }) => State::Value,
                }
            }
            Entry::Lease(_) => State::Lease,
            Entry::Hold => State::Hold,
            Entry::Foreign => State::Foreign,
        };
        let bytes = found.len();
        let origin = match state {
            _ if level == Level::Database || nearest == Origin::Process => nearest,
            // A read would look at more than what stands there: whether it is of this era, has not outlived its TTL, and
            // whether the cache is to be believed at all.
            State::Value | State::Negative => {
                let counters = Arc::default();
                let reader = self.core.reader(&counters);
                let Ok(tags) = self.stamps(&spec.tags).await else {
                    return Explanation { origin: Origin::Database, ..nowhere(State::Value) };
                };
                let asked = self.core.context.clock.elapsed();
                let (bytes, remaining) = (Some(found), Some(remaining));
                let found = Found { bytes, remaining, asked };
                match reader.judge(&spec, found, &tags) {
                    Look::Hit(_) => Origin::Cache,
                    Look::Miss(_) => Origin::Database,
                }
            }
            _ => Origin::Database,
        };
        let stands = matches!(state, State::Value | State::Negative);
        let passed_over = stands && origin == Origin::Database && level != Level::Database;
        let disbelief = if passed_over { self.core.context.disbelief() } else { None };
        Explanation { key: shown, origin, state, remaining, bytes, disbelief }
    }

    /// What stands at these tags.
    async fn stamps(&self, tags: &[Key]) -> Result<Vec<Option<Bytes>>> {
        if tags.is_empty() { Ok(Vec::new()) } else { self.core.context.cache.get_many(tags).await }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = match self.origin {
            Origin::Process => "from the process",
            Origin::Cache => "from the cache",
            Origin::Database => "from the database",
        };
        let state = match &self.state {
            State::Value => "a value",
            State::Negative => "a cached \"no such row\"",
            State::Absent => "nothing cached",
            State::Lease => "a lease: somebody is loading",
            State::Hold => "a hold: a writer is about to commit",
            State::Foreign => "an entry that this program does not understand",
            State::Unreachable(why) => why,
        };
        write!(f, "{origin}: {state} at {}", self.key)?;
        match self.remaining {
            Remaining::NoKey => {}
            Remaining::Forever => write!(f, ", {} bytes, does not expire", self.bytes)?,
            Remaining::Left(left) => {
                write!(f, ", {} bytes, {:.1} s left", self.bytes, left.as_secs_f64())?;
            }
        }
        match &self.disbelief {
            Some(why) => write!(f, ", and is not believed: {why}"),
            None => Ok(()),
        }
    }
}
