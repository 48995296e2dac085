//! Every call about sessions, told of where somebody listens: which kind of session, never whose.

use std::slice::from_ref;

use super::Traced;
use super::call::Came;
use super::forward::as_count;
use crate::error::Result;
use crate::port::{
    BoxFuture, Cache, Changed, NewSession, SessionBackend, SessionChange, SessionDigest,
    SessionSpace, StoredListing, StoredSession, Unsupported, UserDigest,
};

/// `told!(self.session_read(space, id), sending …, |answer| Came)`; a cache without sessions answers so.
macro_rules! told {
    ($self:ident.$method:ident($space:ident $(, $argument:expr)*), $sending:expr, $came:expr) => {{
        let port = $self.inner.sessions().unwrap_or(&Unsupported);
        if !Self::is_on() {
            return port.$method($space $(, $argument)*);
        }
        Box::pin(async move {
            let call = Self::begin(stringify!($method)).about(from_ref($space.head())).sending($sending);
            let answer = port.$method($space $(, $argument)*).await;
            call.end(answer, $came)
        })
    }};
}

fn changed(changed: &Changed) -> Came {
    Came::yes(matches!(changed, Changed::Done))
}

impl<C: Cache + ?Sized> SessionBackend for Traced<C> {
    fn session_create<'a>(
        &'a self,
        space: &'a SessionSpace,
        id: &'a SessionDigest,
        new: &'a NewSession,
    ) -> BoxFuture<'a, Result<bool>> {
        told!(self.session_create(space, id, new), new.data.len(), |made| Came::yes(*made))
    }

    fn session_read<'a>(
        &'a self,
        space: &'a SessionSpace,
        id: &'a SessionDigest,
    ) -> BoxFuture<'a, Result<Option<StoredSession>>> {
        told!(self.session_read(space, id), 0, |found| Came::found(
            found.as_ref().map(|session| session.data.len())
        ))
    }

    fn session_write<'a>(
        &'a self,
        space: &'a SessionSpace,
        id: &'a SessionDigest,
        change: &'a SessionChange,
    ) -> BoxFuture<'a, Result<Changed>> {
        told!(self.session_write(space, id, change), change.data.len(), changed)
    }

    fn session_rotate<'a>(
        &'a self,
        space: &'a SessionSpace,
        id: &'a SessionDigest,
        to: &'a SessionDigest,
        change: &'a SessionChange,
        user: Option<&'a UserDigest>,
    ) -> BoxFuture<'a, Result<Changed>> {
        told!(self.session_rotate(space, id, to, change, user), change.data.len(), changed)
    }

    fn session_destroy<'a>(
        &'a self,
        space: &'a SessionSpace,
        id: &'a SessionDigest,
    ) -> BoxFuture<'a, Result<bool>> {
        told!(self.session_destroy(space, id), 0, |alive| Came::yes(*alive))
    }

    fn session_destroy_listed<'a>(
        &'a self,
        space: &'a SessionSpace,
        user: &'a UserDigest,
        id: &'a SessionDigest,
    ) -> BoxFuture<'a, Result<bool>> {
        told!(self.session_destroy_listed(space, user, id), 0, |alive| Came::yes(*alive))
    }

    fn session_destroy_all<'a>(
        &'a self,
        space: &'a SessionSpace,
        user: &'a UserDigest,
        but: Option<&'a SessionDigest>,
    ) -> BoxFuture<'a, Result<u64>> {
        told!(self.session_destroy_all(space, user, but), 0, |named| Came::count(as_count(*named)))
    }

    fn session_list<'a>(
        &'a self,
        space: &'a SessionSpace,
        user: &'a UserDigest,
    ) -> BoxFuture<'a, Result<Vec<StoredListing>>> {
        told!(self.session_list(space, user), 0, |listed| Came::count(listed.len()))
    }

    fn session_destroy_everyone<'a>(
        &'a self,
        space: &'a SessionSpace,
    ) -> BoxFuture<'a, Result<u64>> {
        told!(self.session_destroy_everyone(space), 0, |removed| Came::count(as_count(*removed)))
    }

    fn session_remove_ended<'a>(&'a self, space: &'a SessionSpace) -> BoxFuture<'a, Result<u64>> {
        told!(self.session_remove_ended(space), 0, |removed| Came::count(as_count(*removed)))
    }
}
