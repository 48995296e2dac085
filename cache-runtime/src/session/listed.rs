//! A session, to its holder and in a list.

use std::ops::Deref;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Client;
use crate::port::{SessionDigest, StoredListing, StoredSession};

/// A session that is alive: its data, and its times by the backend's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Session<D> {
    /// What was kept.
    pub data: D,
    /// When it began, or got its user.
    pub created: SystemTime,
    /// When it was last used, as far as that was written down: once in a tenth of the idle limit.
    pub seen: SystemTime,
    /// When it ends, however much it is used.
    pub ends: SystemTime,
}

impl<D> Session<D> {
    pub(super) fn new(data: D, stored: &StoredSession) -> Self {
        let StoredSession { created, seen, ends, .. } = stored;
        Self { data, created: at(*created), seen: at(*seen), ends: at(*ends) }
    }
}

impl<D> Deref for Session<D> {
    type Target = D;

    fn deref(&self) -> &D {
        &self.data
    }
}

/// One of a user's sessions, as the user is shown it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedSession {
    /// Which one it is: to compare with [`SessionId::digest`](super::SessionId::digest), and to
    /// [end it](super::Sessions::destroy_listed). It admits nobody.
    pub digest: SessionDigest,
    /// From where it began.
    pub client: Client,
    /// When it began, or got its user.
    pub created: SystemTime,
    /// When it was last used, as far as that was written down: once in a tenth of the idle limit.
    pub seen: SystemTime,
    /// When it ends, however much it is used.
    pub ends: SystemTime,
}

impl From<StoredListing> for ListedSession {
    fn from(stored: StoredListing) -> Self {
        let StoredListing { id, about, created, seen, ends } = stored;
        Self {
            digest: id,
            client: Client::from_bytes(&about),
            created: at(created),
            seen: at(seen),
            ends: at(ends),
        }
    }
}

fn at(unix_millis: u64) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_millis(unix_millis)).unwrap_or(UNIX_EPOCH)
}
