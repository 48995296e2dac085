//! Sessions in this process's memory: lost with it.

mod state;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use self::state::{Now, State};
use super::MemoryCache;
use crate::error::Result;
use crate::key::Key;
use crate::port::{
    BoxFuture, Changed, NewSession, SessionBackend, SessionChange, SessionDigest, SessionSpace,
    StoredListing, StoredSession, UserDigest,
};

/// The sessions of one cache, by the head of their space.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<HashMap<Key, State>>);

impl Sessions {
    pub(super) fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl MemoryCache {
    /// Runs one step, alone with all sessions, at one moment of the clock.
    fn session_step<T: Send + 'static>(
        &self,
        space: &SessionSpace,
        step: impl FnOnce(&mut State, &Now) -> Result<T>,
    ) -> BoxFuture<'static, Result<T>> {
        let inner = &*self.inner;
        // A step that panicked would leave a session between two states; none does.
        let mut spaces = inner.sessions.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = inner.open().and_then(|()| {
            let now = Now::new(space, &*inner.clock);
            let state = spaces.entry(space.head().clone()).or_default();
            step(state, &now)
        });
        Box::pin(std::future::ready(answer))
    }
}

impl SessionBackend for MemoryCache {
    fn session_create<'a>(
        &'a self,
        space: &'a SessionSpace,
        id: &'a SessionDigest,
        new: &'a NewSession,
    ) -> BoxFuture<'a, Result<bool>> {
        self.session_step(space, |state, now| Ok(state.create(*id, new, now)))
    }

    fn session_read<'a>(
        &'a self,
        space: &'a SessionSpace,
        id: &'a SessionDigest,
    ) -> BoxFuture<'a, Result<Option<StoredSession>>> {
        self.session_step(space, |state, now| Ok(state.read(id, now)))
    }

    fn session_write<'a>(
        &'a self,
        space: &'a SessionSpace,
        id: &'a SessionDigest,
        change: &'a SessionChange,
    ) -> BoxFuture<'a, Result<Changed>> {
        self.session_step(space, |state, now| Ok(state.write(id, change, now)))
    }

    fn session_rotate<'a>(
        &'a self,
        space: &'a SessionSpace,
        id: &'a SessionDigest,
        to: &'a SessionDigest,
        change: &'a SessionChange,
        user: Option<&'a UserDigest>,
    ) -> BoxFuture<'a, Result<Changed>> {
        self.session_step(space, |state, now| state.rotate(id, *to, change, user.copied(), now))
    }

    fn session_destroy<'a>(
        &'a self,
        space: &'a SessionSpace,
        id: &'a SessionDigest,
    ) -> BoxFuture<'a, Result<bool>> {
        self.session_step(space, |state, now| Ok(state.destroy(id, now)))
    }

    fn session_destroy_listed<'a>(
        &'a self,
        space: &'a SessionSpace,
        user: &'a UserDigest,
        id: &'a SessionDigest,
    ) -> BoxFuture<'a, Result<bool>> {
        self.session_step(space, |state, now| Ok(state.is_of(user, id) && state.destroy(id, now)))
    }

    fn session_destroy_all<'a>(
        &'a self,
        space: &'a SessionSpace,
        user: &'a UserDigest,
        but: Option<&'a SessionDigest>,
    ) -> BoxFuture<'a, Result<u64>> {
        self.session_step(space, |state, _| Ok(state.destroy_all(user, but)))
    }

    fn session_list<'a>(
        &'a self,
        space: &'a SessionSpace,
        user: &'a UserDigest,
    ) -> BoxFuture<'a, Result<Vec<StoredListing>>> {
        self.session_step(space, |state, now| Ok(state.list(user, now)))
    }

    fn session_destroy_everyone<'a>(
        &'a self,
        space: &'a SessionSpace,
    ) -> BoxFuture<'a, Result<u64>> {
        self.session_step(space, |state, _| Ok(state.destroy_everyone()))
    }
}
