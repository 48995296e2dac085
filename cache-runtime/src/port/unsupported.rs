//! What stands in for a port that a backend does not have.

use super::{
    BackendStats, BoxFuture, Changed, Command, Execute, Keyspace, NewSession, Pipelines,
    RateLimits, Reply, SessionBackend, SessionChange, SessionDigest, SessionSpace, StoredListing,
    StoredSession, UserDigest, Walk, Watched,
};
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Pattern};
use crate::quota::{Ask, LimitKey, Seat, Verdict};

/// Answers every call with [`ErrorKind::Unsupported`].
#[derive(Debug)]
pub(crate) struct Unsupported;

fn cannot<'a, T: Send + 'a>(what: &str) -> BoxFuture<'a, Result<T>> {
    let message = format!("the backend has no {what}: use one that has, such as Redis or memory");
    let error = Error::new(ErrorKind::Unsupported, message);
    Box::pin(async move { Err(error) })
}

impl Execute for Unsupported {
    fn execute<'a>(&'a self, command: Command) -> BoxFuture<'a, Result<Reply>> {
        cannot(command.action.name())
    }
}

impl Keyspace for Unsupported {
    fn keys_matching<'a>(&'a self, _: &'a Pattern, _: Walk<'a>) -> BoxFuture<'a, Result<Vec<Key>>> {
        cannot("keys_matching")
    }

    fn delete_matching<'a>(&'a self, _: &'a Pattern, _: Walk<'a>) -> BoxFuture<'a, Result<u64>> {
        cannot("delete_matching")
    }
}

impl Pipelines for Unsupported {
    fn run_commands<'a>(&'a self, _: &'a [Command]) -> BoxFuture<'a, Result<Vec<Result<Reply>>>> {
        cannot("pipelines")
    }
}

impl Watched for Unsupported {
    fn backend_stats(&self) -> BoxFuture<'_, Result<BackendStats>> {
        cannot("stats")
    }
}

impl SessionBackend for Unsupported {
    fn session_create<'a>(
        &'a self,
        _: &'a SessionSpace,
        _: &'a SessionDigest,
        _: &'a NewSession,
    ) -> BoxFuture<'a, Result<bool>> {
        cannot("sessions")
    }

    fn session_read<'a>(
        &'a self,
        _: &'a SessionSpace,
        _: &'a SessionDigest,
    ) -> BoxFuture<'a, Result<Option<StoredSession>>> {
        cannot("sessions")
    }

    fn session_write<'a>(
        &'a self,
        _: &'a SessionSpace,
        _: &'a SessionDigest,
        _: &'a SessionChange,
    ) -> BoxFuture<'a, Result<Changed>> {
        cannot("sessions")
    }

    fn session_rotate<'a>(
        &'a self,
        _: &'a SessionSpace,
        _: &'a SessionDigest,
        _: &'a SessionDigest,
        _: &'a SessionChange,
        _: Option<&'a UserDigest>,
    ) -> BoxFuture<'a, Result<Changed>> {
        cannot("sessions")
    }

    fn session_destroy<'a>(
        &'a self,
        _: &'a SessionSpace,
        _: &'a SessionDigest,
    ) -> BoxFuture<'a, Result<bool>> {
        cannot("sessions")
    }

    fn session_destroy_listed<'a>(
        &'a self,
        _: &'a SessionSpace,
        _: &'a UserDigest,
        _: &'a SessionDigest,
    ) -> BoxFuture<'a, Result<bool>> {
        cannot("sessions")
    }

    fn session_destroy_all<'a>(
        &'a self,
        _: &'a SessionSpace,
        _: &'a UserDigest,
        _: Option<&'a SessionDigest>,
    ) -> BoxFuture<'a, Result<u64>> {
        cannot("sessions")
    }

    fn session_list<'a>(
        &'a self,
        _: &'a SessionSpace,
        _: &'a UserDigest,
    ) -> BoxFuture<'a, Result<Vec<StoredListing>>> {
        cannot("sessions")
    }

    fn session_destroy_everyone<'a>(&'a self, _: &'a SessionSpace) -> BoxFuture<'a, Result<u64>> {
        cannot("sessions")
    }

    fn session_remove_ended<'a>(&'a self, _: &'a SessionSpace) -> BoxFuture<'a, Result<u64>> {
        cannot("sessions")
    }
}

impl RateLimits for Unsupported {
    fn decide<'a>(&'a self, _: &'a [Ask]) -> BoxFuture<'a, Result<Vec<Verdict>>> {
        cannot("rate limits")
    }

    fn peek<'a>(&'a self, _: &'a [Ask]) -> BoxFuture<'a, Result<Vec<Verdict>>> {
        cannot("rate limits")
    }

    fn reset<'a>(&'a self, _: &'a [LimitKey]) -> BoxFuture<'a, Result<()>> {
        cannot("rate limits")
    }

    fn take_seat<'a>(&'a self, _: &'a Seat) -> BoxFuture<'a, Result<Verdict>> {
        cannot("rate limits")
    }

    fn peek_seats<'a>(&'a self, _: &'a Seat) -> BoxFuture<'a, Result<Verdict>> {
        cannot("rate limits")
    }

    fn leave_seat<'a>(&'a self, _: &'a Seat) -> BoxFuture<'a, Result<bool>> {
        cannot("rate limits")
    }
}
