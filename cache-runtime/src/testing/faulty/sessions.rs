//! Every call of sessions, through the plan.

use super::{FaultyCache, Op};
use crate::error::Result;
use crate::port::{
    BoxFuture, Changed, NewSession, SessionBackend, SessionChange, SessionDigest, SessionSpace,
    StoredListing, StoredSession, UserDigest,
};

impl SessionBackend for FaultyCache {
    fn session_create<'a>(
        &'a self,
        space: &'a SessionSpace,
        id: &'a SessionDigest,
        new: &'a NewSession,
    ) -> BoxFuture<'a, Result<bool>> {
        self.pass_to(
            Op::SessionCreate,
            |inner| inner.sessions(),
            move |port| port.session_create(space, id, new),
        )
    }

    fn session_read<'a>(
        &'a self,
        space: &'a SessionSpace,
        id: &'a SessionDigest,
    ) -> BoxFuture<'a, Result<Option<StoredSession>>> {
        self.pass_to(
            Op::SessionRead,
            |inner| inner.sessions(),
            move |port| port.session_read(space, id),
        )
    }

    fn session_write<'a>(
        &'a self,
        space: &'a SessionSpace,
        id: &'a SessionDigest,
        change: &'a SessionChange,
    ) -> BoxFuture<'a, Result<Changed>> {
        self.pass_to(
            Op::SessionWrite,
            |inner| inner.sessions(),
            move |port| port.session_write(space, id, change),
        )
    }

    fn session_rotate<'a>(
        &'a self,
        space: &'a SessionSpace,
        id: &'a SessionDigest,
        to: &'a SessionDigest,
        change: &'a SessionChange,
        user: Option<&'a UserDigest>,
    ) -> BoxFuture<'a, Result<Changed>> {
        self.pass_to(
            Op::SessionRotate,
            |inner| inner.sessions(),
            move |port| port.session_rotate(space, id, to, change, user),
        )
    }

    fn session_destroy<'a>(
        &'a self,
        space: &'a SessionSpace,
        id: &'a SessionDigest,
    ) -> BoxFuture<'a, Result<bool>> {
        self.pass_to(
            Op::SessionDestroy,
            |inner| inner.sessions(),
            move |port| port.session_destroy(space, id),
        )
    }

    fn session_destroy_listed<'a>(
        &'a self,
        space: &'a SessionSpace,
        user: &'a UserDigest,
        id: &'a SessionDigest,
    ) -> BoxFuture<'a, Result<bool>> {
        self.pass_to(
            Op::SessionDestroyListed,
            |inner| inner.sessions(),
            move |port| port.session_destroy_listed(space, user, id),
        )
    }

    fn session_destroy_all<'a>(
        &'a self,
        space: &'a SessionSpace,
        user: &'a UserDigest,
        but: Option<&'a SessionDigest>,
    ) -> BoxFuture<'a, Result<u64>> {
        self.pass_to(
            Op::SessionDestroyAll,
            |inner| inner.sessions(),
            move |port| port.session_destroy_all(space, user, but),
        )
    }

    fn session_list<'a>(
        &'a self,
        space: &'a SessionSpace,
        user: &'a UserDigest,
    ) -> BoxFuture<'a, Result<Vec<StoredListing>>> {
        self.pass_to(
            Op::SessionList,
            |inner| inner.sessions(),
            move |port| port.session_list(space, user),
        )
    }

    fn session_destroy_everyone<'a>(
        &'a self,
        space: &'a SessionSpace,
    ) -> BoxFuture<'a, Result<u64>> {
        self.pass_to(
            Op::SessionDestroyEveryone,
            |inner| inner.sessions(),
            move |port| port.session_destroy_everyone(space),
        )
    }
}
