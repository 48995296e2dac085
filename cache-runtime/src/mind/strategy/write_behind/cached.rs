//! Reads of what does not wait: from the cache, or from the source and into the cache.

use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::key::Key;
use crate::mind::answer::{Cacheable, Optional, Shared};
use crate::mind::any::{Form, erased};
use crate::mind::context::Context;
use crate::mind::flight::Flights;
use crate::mind::loads::Turn;
use crate::mind::reader::{Reader, Sharing};
use crate::mind::renewal::Renewing;
use crate::mind::spec::{Answer, Spec};
use crate::mind::stats::Counters;
use crate::policy::Level;
use crate::shape::Shape;

type Row<V> = Optional<Shared<V>>;

/// The values of one write-behind that are in its source.
pub(super) struct Cached<V> {
    flights: Arc<Flights>,
    counters: Arc<Counters>,
    shape: OnceLock<Shape>,
    value: PhantomData<fn() -> V>,
}

impl<V: Cacheable> Cached<V> {
    pub(super) fn new(context: &Context, counters: Arc<Counters>) -> Self {
        Self {
            flights: context.new_flights(),
            counters,
            shape: OnceLock::new(),
            value: PhantomData,
        }
    }

    /// Never from the tier in the process: between the look into the queue and this one a write may have been applied by
    /// another process, and the tier may be a moment late to hear of it.
    pub(super) async fn read<E, Fut>(
        &self,
        context: &Arc<Context>,
        key: Key,
        load: impl FnOnce() -> Fut + Send,
    ) -> Result<Option<Arc<V>>, E>
    where
        E: Send + 'static,
        Fut: Future<Output = Result<Option<V>, E>> + Send,
    {
        let policy = &context.policy;
        let spec = Spec {
            key,
            tags: Vec::new(),
            ttl: policy.ttl,
            negative_ttl: policy.negative_ttl,
            codec: policy.codec,
            compression: policy.compression,
            shape: *self.shape.get_or_init(|| Row::<V>::shape("write-behind")),
            form: Form::of::<Row<V>>(),
            level: match Level::Strong.here() {
                Level::Database => Level::Database,
                _ => Level::Strong,
            },
            stale_for: Duration::ZERO,
            soft_timeout: Duration::ZERO,
            renewing: Renewing::default(),
            process_only: false,
        };
        let reader =
            Reader { context, flights: &self.flights, counters: &self.counters, cap: None };
        let sharing = Sharing { split: |error| (error, None), restore: |_| None, own: |_| None };
        let load = async || Ok(load().await?.map(Arc::new));
        let load = |turn: Turn| turn.during(erased::<Row<V>, _>(load()));
        let answer = reader.read(&spec, sharing, (load, None)).await?;
        Ok(answer.into_answer::<Row<V>>())
    }
}
