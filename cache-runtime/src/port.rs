//! The ports: what the mind asks of the world, and what a hand must keep.

mod behind;
mod cache;
mod observer;
mod outbox;
mod queue;
mod source;

use std::future::Future;
use std::pin::Pin;

pub use behind::{Write, WriteBehindSource};
pub use cache::{
    Cache, CoherentCache, Fill, Heard, InvalidationStream, LeaseOutcome, LeaseRequest, Live,
    ReleaseOutcome,
};
pub use observer::{Observer, Step};
pub use outbox::{Backlog, Delivery, Lineage, Outbox, OutboxRow};
pub use queue::{DeadLetter, Failed, NewWrite, Pending, QueueBacklog, QueuedWrite, WriteQueue};
pub use source::DataSource;

/// What a dyn-compatible port method returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
