//! A data source behind the cache: what the strategies have in common.

mod batch;
mod write;

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::answer::{Cacheable, Optional, Shared};
use super::any::{AnyAnswer, Form, erased};
use super::context::Context;
use super::flight::Flights;
use super::loads::Turn;
use super::reader::{Reader, Sharing};
use super::renewal::Renewing;
use super::soft::Carried;
use super::spec::{Answer, Spec};
use super::stats::{Counters, Stats};
use crate::error::Result;
use crate::key::{Key, KeyBuilder, ScratchKey};
use crate::policy::{Codec, Compression, Level, Ttl};
use crate::port::DataSource;
use crate::shape::Shape;

/// A data source whose values can be cached. Implemented for every one that can.
#[diagnostic::on_unimplemented(
    message = "the values of `{Self}` cannot be cached under their keys",
    label = "not a source that can be cached",
    note = "it is a `DataSource` that owns what it needs; its keys derive `Serialize`, `Clone`, `PartialEq`, `Eq` and `Hash`, its \
            values `Serialize` and `Deserialize`, and own their data"
)]
pub trait CacheableSource:
    DataSource<Key: Serialize + Clone + Eq + Hash + 'static, Value: Cacheable, Error: 'static> + 'static
{
}

#[diagnostic::do_not_recommend]
impl<S> CacheableSource for S
where
    S: DataSource + 'static,
    S::Key: Serialize + Clone + Eq + Hash + 'static,
    S::Value: Cacheable,
    S::Error: 'static,
{
}

/// What the cache has of a value of the source: the value, or that there is none.
type Row<S> = Optional<Shared<<S as DataSource>::Value>>;
pub(super) type Found<S> = Option<Arc<<S as DataSource>::Value>>;

/// A source, and where and how its values are cached. Clones share everything but the terms.
pub(crate) struct Sourced<S: DataSource> {
    shared: Arc<Source<S>>,
    terms: Terms,
}

struct Source<S: DataSource> {
    context: Arc<Context>,
    flights: Arc<Flights>,
    /// Those of reads, and those of writes.
    counters: Arc<Counters>,
    writes: Arc<Counters>,
    source: S,
    /// How a failed load is told to everyone who waited for it.
    sharing: Sharing<S::Error>,
    /// What every key begins with.
    head: String,
    tags: Result<Vec<Key>>,
    shape: Shape,
}

/// On which terms values are kept and read.
#[derive(Clone, Copy, Debug)]
struct Terms {
    ttl: Ttl,
    negative_ttl: Ttl,
    codec: Codec,
    compression: Compression,
    level: Level,
    stale_for: Duration,
    renewing: Renewing,
}

impl<S: CacheableSource> Sourced<S> {
    /// The values of `source` under `name`, on the manager's terms. Who names another source so shares its entries.
    pub(crate) fn new(
        context: &Arc<Context>,
        name: &str,
        source: S,
        sharing: Sharing<S::Error>,
    ) -> Self {
        let policy = &context.policy;
        let tag = |tag: &String| context.namespace.tag().text(tag).finish();
        let terms = Terms {
            ttl: policy.ttl,
            negative_ttl: policy.negative_ttl,
            codec: policy.codec,
            compression: policy.compression,
            level: policy.level,
            stale_for: policy.stale_on_error,
            renewing: Renewing {
                beta: policy.refresh_ahead,
                revalidate: policy.stale_while_revalidate,
            },
        };
        let counters = context.beside.of(&format!("source:{name}"));
        let shared = Source {
            context: Arc::clone(context),
            flights: context.new_flights(),
            counters: counters.read("get"),
            writes: counters.write(),
            head: context.namespace.key().text("!source").text(name).into_head(),
            tags: source.tags().iter().map(tag).collect(),
            shape: Row::<S>::shape(name),
            source,
            sharing,
        };
        Self { shared: Arc::new(shared), terms }
    }

    pub(crate) fn ttl(mut self, ttl: Ttl) -> Self {
        self.terms.ttl = ttl;
        self
    }

    pub(crate) fn negative_ttl(mut self, ttl: Ttl) -> Self {
        self.terms.negative_ttl = ttl;
        self
    }

    pub(crate) fn level(mut self, level: Level) -> Self {
        self.shared.context.expects(level);
        self.terms.level = level;
        self
    }

    pub(crate) fn refresh_ahead(mut self, beta: f64) -> Self {
        self.terms.renewing.beta = if beta.is_finite() { beta.max(0.0) } else { 0.0 };
        self
    }

    pub(crate) fn stale_while_revalidate(mut self, time: Duration) -> Self {
        self.terms.renewing.revalidate = time;
        self
    }

    pub(crate) fn source(&self) -> &S {
        &self.shared.source
    }

    pub(crate) fn stats(&self) -> Stats {
        self.shared.counters.snapshot()
    }

    /// The level of a read here.
    fn level_here(&self) -> Level {
        self.terms.level.here()
    }

    fn reader(&self) -> Reader<'_> {
        let Source { context, flights, counters, .. } = &*self.shared;
        Reader { context, flights, counters, cap: None }
    }

    /// A key that could not be written is the log's to tell; its value is not cached.
    fn key(&self, key: &S::Key) -> Option<Key> {
        self.written(ScratchKey::begin(&self.shared.head).written(|head| head.value(key)).finish())
    }

    fn written<T>(&self, key: Result<T>) -> Option<T> {
        key.inspect_err(|error| self.reader().failed("writing a key", error)).ok()
    }

    /// `None` where a tag could not be written.
    fn spec(&self, level: Level, key: Key) -> Option<Spec> {
        let Terms { ttl, negative_ttl, codec, compression, stale_for, renewing, .. } = self.terms;
        let tags = self.written(self.shared.tags.as_ref().map_err(Clone::clone))?.clone();
        let shape = self.shared.shape;
        let soft_timeout = self.shared.context.policy.soft_timeout;
        Some(Spec {
            key,
            tags,
            ttl,
            negative_ttl,
            codec,
            compression,
            shape,
            form: Form::of::<Row<S>>(),
            level,
            stale_for,
            soft_timeout,
            renewing,
            process_only: false,
        })
    }

    /// The value, and its nonce where this read is to renew it.
    fn near(&self, level: Level, key: &S::Key) -> Option<(Found<S>, Option<u64>)> {
        let Source { context, head, shape, counters, .. } = &*self.shared;
        let (Level::Bounded(bound), Some(tier)) = (level, &context.tier) else { return None };
        let Some(now) = tier.proven(bound) else {
            counters.tier_misses.up();
            // A level that only a call has asked for: nobody has seen to its beats yet.
            context.expects(level);
            return None;
        };
        let scratch = ScratchKey::begin(head).written(|head: KeyBuilder| head.value(key));
        let kept = scratch.text().and_then(|text| tier.get(text, shape.fingerprint, now));
        let near = kept.and_then(|(kept, due)| Some((Row::<S>::recall(kept)?, due)));
        counters.tier_answered(near.is_some());
        near
    }

    fn load(
        &self,
        key: &S::Key,
    ) -> impl FnOnce(Turn) -> Carried<std::result::Result<AnyAnswer, S::Error>> + Send + 'static
    {
        let (shared, key) = (Arc::clone(&self.shared), key.clone());
        |turn| {
            let load = async move { Ok(shared.source.load(&key).await?.map(Arc::new)) };
            Box::pin(turn.during(erased::<Row<S>, _>(load)))
        }
    }

    pub(crate) async fn get(&self, key: &S::Key) -> std::result::Result<Found<S>, S::Error> {
        let level = self.level_here();
        if let Some((value, due)) = self.near(level, key) {
            let due = due.and_then(|nonce| Some((nonce, self.spec(level, self.key(key)?)?)));
            if let Some((nonce, spec)) = due {
                let load = self.load(key);
                self.reader().renew_near(spec, nonce, self.shared.sharing, load);
            }
            return Ok(value);
        }
        let answer = match self.key(key).and_then(|key| self.spec(level, key)) {
            Some(spec) => {
                let load = (self.load(key), Some::<fn(_) -> _>(|load| load));
                self.reader().read(&spec, self.shared.sharing, load).await
            }
            None => self.reader().load_alone(None, self.shared.sharing.own, self.load(key)).await,
        };
        answer.map(AnyAnswer::into_answer::<Row<S>>)
    }

    /// Reads a value while the caller goes on, so that the cache has it.
    pub(crate) fn read_behind(&self, key: &S::Key) {
        let (it, key) = (self.clone(), key.clone());
        self.shared.context.tasks.spawn(async move {
            // What is wrong with the source, its next reader is told.
            drop(it.get(&key).await);
        });
    }

    /// Makes what is cached under `key` a miss, after a change that has passed the cache by.
    ///
    /// # Errors
    /// What keeps the backend from answering; the value may then still be served.
    pub(crate) async fn invalidate(&self, key: &S::Key) -> Result<()> {
        let Some(key) = self.key(key) else { return Ok(()) };
        self.shared.context.remove(std::slice::from_ref(&key)).await
    }
}

impl<S: DataSource> Clone for Sourced<S> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), terms: self.terms }
    }
}

impl<S: DataSource> fmt::Debug for Sourced<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sourced")
            .field("head", &self.shared.head)
            .field("terms", &self.terms)
            .finish_non_exhaustive()
    }
}
