//! What stands in for a port that a backend does not have.

use super::{BackendStats, BoxFuture, Command, Execute, Keyspace, Pipelines, Reply, Walk, Watched};
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Pattern};

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
