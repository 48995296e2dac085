//! A store for the crate `tower-sessions`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use tower_sessions_core::session::{Id, Record};
use tower_sessions_core::session_store::{self, SessionStore};

use super::id::digest_of;
use super::place::Place;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Namespace;
use crate::port::{
    Changed, CoherentCache, NewSession, SessionBackend, SessionChange, SessionDigest, SessionSpace,
};

/// How often a new id is made where the one before was taken, which of 128 bits none ever is.
const TRIES: usize = 8;

/// The sessions of `tower-sessions` 0.15, on the backend of a manager.
///
/// A session stands under the SHA-256 of its id, so whoever reads the backend can take nobody's place. An id is never used
/// twice; a `save` that comes after a `delete` changes nothing, and is no error, because the request that it ends was
/// answered to somebody who was logged in when it began. When a session is over says the backend's clock.
///
/// What that crate decides this store cannot change: its ids have 128 bits, a save writes the whole record, so that of two
/// at once one is lost, and there are no users. [`Sessions`](super::Sessions) has all three. Nor can it change these:
///
/// - `cycle_id` is a delete and a create. One that overtakes a logout writes the data again under a new id, and of two at once
///   both live. Where a logout has to be final, use [`Sessions::rotate`](super::Sessions::rotate).
/// - A save of a session that has ended answers `Ok`. So the middleware sends the dead id as a cookie once more, which may take
///   the place of the one that a login beside it has just set.
///
/// ```
/// # #[cfg(feature = "memory")]
/// # fn example() -> cache_runtime::Result<()> {
/// use std::time::Duration;
///
/// use cache_runtime::CacheManager;
/// use cache_runtime::session::TowerStore;
///
/// let cache = CacheManager::builder("shop").memory().build()?;
/// let store = TowerStore::new(cache.backend(), cache.namespace(), "web")?
///     .absolute(Duration::from_secs(12 * 3600));
/// // tower_sessions::SessionManagerLayer::new(store).with_expiry(…)
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TowerStore {
    place: Place,
    space: SessionSpace,
}

impl TowerStore {
    /// The sessions of this name; all processes that share them give the same one.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) for an empty name.
    pub fn new(
        backend: &Arc<dyn CoherentCache>,
        namespace: &Namespace,
        name: &str,
    ) -> Result<Self> {
        Self::at(Place::Backend(Arc::clone(backend)), namespace, name)
    }

    /// The same elsewhere than in the backend of a cache: in a database, by `CacheManager::kept_sessions`.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) for an empty name.
    pub fn over(
        sessions: Arc<dyn SessionBackend>,
        namespace: &Namespace,
        name: &str,
    ) -> Result<Self> {
        Self::at(Place::Sessions(sessions), namespace, name)
    }

    fn at(place: Place, namespace: &Namespace, name: &str) -> Result<Self> {
        if name.is_empty() {
            let message = "sessions need a name, which stands in their keys: such as \"web\"";
            return Err(Error::new(ErrorKind::Config, message));
        }
        let head = super::head(namespace, name)?;
        // When a session is over is in each record.
        let space = SessionSpace::new(head, Duration::MAX, Duration::MAX, u32::MAX);
        Ok(Self { place, space })
    }

    /// How long a session lives at most, whatever its expiry is and however often it is moved: from its creation on, or
    /// from when it was given a new id. A hundred years, unless it is said.
    #[must_use]
    pub fn absolute(mut self, time: Duration) -> Self {
        let (head, idle) = (self.space.head().clone(), self.space.idle());
        self.space = SessionSpace::new(head, idle, time, u32::MAX);
        self
    }

    fn port(&self) -> &dyn SessionBackend {
        self.place.port()
    }
}

/// What is kept of a record: all but its id.
#[derive(Serialize, Deserialize)]
struct Kept<T> {
    /// Unix seconds and nanoseconds.
    expires: (i64, u32),
    data: T,
}

fn closed(record: &Record) -> session_store::Result<Bytes> {
    let expires = (record.expiry_date.unix_timestamp(), record.expiry_date.nanosecond());
    let kept = Kept { expires, data: &record.data };
    let bytes = serde_json::to_vec(&kept)
        .map_err(|error| session_store::Error::Encode(error.to_string()))?;
    Ok(bytes.into())
}

/// `None` for what this has not written.
fn opened(id: Id, bytes: &[u8]) -> Option<Record> {
    let kept: Kept<HashMap<String, Value>> = serde_json::from_slice(bytes).ok()?;
    let (seconds, nanos) = kept.expires;
    let expires = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    let expires = expires.replace_nanosecond(nanos).ok()?;
    Some(Record { id, data: kept.data, expiry_date: expires })
}

fn digest(id: Id) -> SessionDigest {
    digest_of(&id.0.to_le_bytes())
}

/// What is left of it; no time for one that is over.
fn left(record: &Record) -> Duration {
    Duration::try_from(record.expiry_date - OffsetDateTime::now_utc()).unwrap_or_default()
}

fn failed(error: Error) -> session_store::Error {
    session_store::Error::Backend(error.to_string())
}

#[async_trait]
impl SessionStore for TowerStore {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        let new = NewSession {
            data: closed(record)?,
            about: Bytes::new(),
            user: None,
            lives: left(record),
        };
        for _ in 0..TRIES {
            let id = digest(record.id);
            if self.port().session_create(&self.space, &id, &new).await.map_err(failed)? {
                return Ok(());
            }
            record.id = Id::default();
        }
        Err(session_store::Error::Backend("every new id of a session is taken".to_owned()))
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        let (id, data) = (digest(record.id), closed(record)?);
        let change = SessionChange { from: None, data, lives: Some(left(record)) };
        let saved = self.port().session_write(&self.space, &id, &change).await.map_err(failed)?;
        if saved == Changed::Gone {
            tracing::debug!(session = ?id, "a session has ended before it was saved: it stays so");
        }
        Ok(())
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let port = self.port();
        let stored = port.session_read(&self.space, &digest(*id)).await.map_err(failed)?;
        Ok(stored.and_then(|stored| opened(*id, &stored.data)))
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        let port = self.port();
        port.session_destroy(&self.space, &digest(*id)).await.map_err(failed).map(drop)
    }
}
