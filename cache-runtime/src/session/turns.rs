//! What the sessions of one kind share in one process.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;

use super::{SessionData, SessionId};
use crate::codec;
use crate::entry::Body;
use crate::policy::Codec;
use crate::port::SessionDigest;
use crate::shape::Shape;

/// The type of the data, and who is changing what.
pub(super) struct Kind<D> {
    pub(super) fingerprint: u64,
    pub(super) tolerant: bool,
    pub(super) encode: fn(&D, Codec) -> Option<Body>,
    pub(super) decode: fn(Codec, &[u8]) -> Option<D>,
    pub(super) turns: Turns,
    complained: AtomicBool,
    complained_of_user: AtomicBool,
}

impl<D: SessionData> Kind<D> {
    pub(super) fn new(tolerant: bool) -> Self {
        Self {
            fingerprint: Shape::of::<D>("session").fingerprint,
            tolerant,
            encode: codec::encode,
            decode: codec::decode,
            turns: Turns::default(),
            complained: AtomicBool::new(false),
            complained_of_user: AtomicBool::new(false),
        }
    }
}

impl<D> fmt::Debug for Kind<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kind").field("tolerant", &self.tolerant).finish_non_exhaustive()
    }
}

impl<D> Kind<D> {
    /// Once a process: every session of the old version will come by.
    pub(super) fn complain(&self, session: &SessionId) {
        if !self.complained.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                ?session,
                "the data of a session are of another version of their type, so it counts as none: its user has to log in \
                 again (`tolerant` reads what JSON can read); this is said once"
            );
        }
    }

    /// Once a process, likewise.
    pub(super) fn complain_of_user(&self, session: &SessionId) {
        if !self.complained_of_user.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                ?session,
                "a session is written down as another user's than its data name, because `user` was added or changed, so it \
                 counts as none: its user has to log in again (give sessions another `name` with another `user`); this is \
                 said once"
            );
        }
    }
}

/// The changes of one session in one process go one by one, so that those of one process meet those of others alone.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashMap<SessionDigest, Arc<tokio::sync::Mutex<()>>>>);

impl Turns {
    pub(super) async fn wait(&self, id: &SessionDigest) -> Turn<'_> {
        let lock = self.lock().entry(*id).or_default().clone();
        let mut turn = Turn { turns: self, id: *id, guard: None };
        turn.guard = Some(lock.lock_owned().await);
        turn
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionDigest, Arc<tokio::sync::Mutex<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends with its owner, also one that still waits for it.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    id: SessionDigest,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.guard = None;
        let mut all = self.turns.lock();
        // Nobody but the map: and nobody can come while that is locked.
        if all.get(&self.id).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            all.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn turns_are_taken_one_by_one_and_leave_nothing_behind() {
        let turns = Turns::default();
        let (one, other) = (SessionDigest::from_bytes([1; 32]), SessionDigest::from_bytes([2; 32]));
        let first = turns.wait(&one).await;
        let _other = turns.wait(&other).await;
        let mut second = Box::pin(turns.wait(&one));
        assert!(futures_poll(second.as_mut()).await.is_none(), "it is somebody's turn");
        let mut gone = Box::pin(turns.wait(&one));
        assert!(futures_poll(gone.as_mut()).await.is_none());
        drop(gone);
        drop(first);
        drop(second.await);
        assert_eq!(turns.lock().keys().collect::<Vec<_>>(), [&other]);
    }

    async fn futures_poll<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(match future.as_mut().poll(context) {
                std::task::Poll::Ready(output) => Some(output),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }
}
