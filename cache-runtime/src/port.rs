//! The ports: what the mind asks of the world, and what a hand must keep.

mod behind;
mod cache;
mod command;
mod counters;
mod execute;
mod hashes;
mod keyspace;
mod limits;
mod lists;
mod observer;
mod outbox;
mod pipeline;
mod queue;
mod sessions;
mod sets;
mod source;
mod stats;
mod survey;
mod unsupported;

use std::future::Future;
use std::pin::Pin;

pub use behind::{Write, WriteBehindSource};
pub use cache::{
    Cache, CoherentCache, Fill, Heard, InvalidationStream, LeaseOutcome, LeaseRequest, Live,
    ReleaseOutcome, Replacement,
};
pub use command::{Action, Command, FromReply, Reply};
pub use counters::Counters;
pub use execute::Execute;
#[cfg(feature = "redis")]
pub(crate) use execute::ask;
pub use hashes::Hashes;
pub use keyspace::{Keyspace, Progress, Walk};
pub use limits::RateLimits;
pub use lists::Lists;
pub use observer::{Observer, Step};
pub use outbox::{Backlog, Delivery, Lineage, Outbox, OutboxRow};
pub use pipeline::{Pipeline, Pipelines, Queued, Replies};
pub use queue::{DeadLetter, Failed, NewWrite, Pending, QueueBacklog, QueuedWrite, WriteQueue};
pub use sessions::{
    Changed, NewSession, NotADigest, SessionBackend, SessionChange, SessionDigest, SessionSpace,
    StoredListing, StoredSession, UserDigest,
};
pub use sets::Sets;
pub use source::DataSource;
pub use stats::{BackendStats, BreakerState, ConnectionHealth, Watched};
pub use survey::{Standing, Survey, SurveyFrom, Surveyed};
pub(crate) use unsupported::Unsupported;

/// What a dyn-compatible port method returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
