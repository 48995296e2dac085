//! What a read needs to know of its entry, and how its answer becomes bytes.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use super::any::{AnyAnswer, Form};
use super::renewal::Renewing;
use crate::entry::Body;
use crate::key::Key;
use crate::policy::{Codec, Compression, Level, Ttl};
use crate::shape::Shape;

/// One entry: where it stands, how long it lives, what type it is.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub(crate) key: Key,
    /// The tags that the value depends on, in a fixed order.
    pub(crate) tags: Vec<Key>,
    pub(crate) ttl: Ttl,
    pub(crate) negative_ttl: Ttl,
    pub(crate) codec: Codec,
    pub(crate) compression: Compression,
    pub(crate) shape: Shape,
    pub(crate) form: Form,
    pub(crate) level: Level,
    /// For how long after its TTL the value is kept, to be served where the load fails.
    pub(crate) stale_for: Duration,
    /// After how long an expired value is served in place of a load that goes on.
    pub(crate) soft_timeout: Duration,
    /// When the value is renewed while it is served.
    pub(crate) renewing: Renewing,
    /// Whether the value stays out of the backend, which then knows its lease alone.
    pub(crate) process_only: bool,
}

/// Where a read gets its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The tier in this process answers. What is said beside it is of the cache beyond.
    Process,
    /// The cache answers.
    Cache,
    /// The database answers, or whatever else the load of an item asks.
    Database,
}

impl Spec {
    /// For how long after its TTL the value is kept: never longer than its header can say, or readers would take what is
    /// past its TTL for fresh.
    pub(crate) fn kept_for(&self) -> Duration {
        const LONGEST: Duration = Duration::from_millis(u32::MAX as u64);
        self.stale_for.max(self.renewing.revalidate).min(LONGEST)
    }

    /// Whether no answer is kept, neither a value nor the knowledge that there is none.
    pub(crate) fn keeps_nothing(&self) -> bool {
        self.ttl.is_zero() && self.negative_ttl.is_zero()
    }

    /// Whether what is left of a value's life has to be known.
    pub(crate) fn asks_for_life(&self) -> bool {
        !self.stale_for.is_zero() || !self.renewing.is_off()
    }

    /// The codec to write with: a type that asks the data what it is gets one that can answer.
    pub(crate) fn codec(&self) -> Codec {
        if self.shape.self_describing && self.codec == Codec::Postcard {
            Codec::Json
        } else {
            self.codec
        }
    }
}

/// How the answer of a load becomes an entry's body, and comes back from it.
///
/// A repository's rows are `Optional<Shared<Row>>`; a cached method's answer is named by its return type.
pub trait Answer: Send + 'static {
    /// What the caller gets.
    type Value: Send;

    /// The shape of what is written.
    fn shape(declared: &str) -> Shape;

    /// The body of the entry; `None` where no codec can carry the value.
    #[doc(hidden)]
    fn encode(answer: &AnyAnswer, codec: Codec) -> Option<Body>;

    /// The value again; `None` where the bytes make no such value.
    #[doc(hidden)]
    fn decode(body: &Body) -> Option<Self::Value>;

    /// The value for who does not know its type.
    #[doc(hidden)]
    fn erase(value: Self::Value) -> AnyAnswer;

    /// The value again; `None` where it is of another type.
    #[doc(hidden)]
    fn restore(answer: AnyAnswer) -> Option<Self::Value>;

    /// The value of which the tier in the process has kept this.
    #[doc(hidden)]
    fn recall(kept: Kept) -> Option<Self::Value>;
}

/// A value in the tier in the process.
#[derive(Clone, Debug)]
pub enum Kept {
    /// The knowledge that there is none.
    Nothing,
    /// The value itself.
    Shared(Arc<dyn Any + Send + Sync>),
    /// Its bytes, for a value that each caller gets for itself.
    Encoded(Arc<Body>),
}
