//! Cached methods: an answer under a key of its own, with tags.

use std::future::Future;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::Repository;
use super::config::CachedRepository;
use super::core::Core;
use super::operations::CallNumber;
use super::share::{own, sharing};
use crate::error::Result;
use crate::key::{Key, KeyBuilder, ScratchKey};
use crate::mind::{Answer, AnyAnswer, Counters, Form, Kept, Renewing, Spec, Turn, erased};
use crate::policy::{Codec, Compression, Level, Ttl};
use crate::shape::Shape;

/// What `#[cached(…)]` says of a method, beside its key. A `static` in the method.
#[derive(Debug)]
pub struct CallSpec {
    declared: &'static str,
    operation: &'static str,
    number: CallNumber,
    ttl: Option<Duration>,
    negative_ttl: Option<Duration>,
    codec: Option<Codec>,
    compression: Option<Compression>,
    level: Option<Level>,
    stale_on_error: Option<Duration>,
    refresh_ahead: Option<f64>,
    stale_while_revalidate: Option<Duration>,
    shape: OnceLock<Shape>,
}

impl CallSpec {
    /// A method whose return type was `declared`, with the repository's lifetimes and codec.
    #[must_use]
    pub const fn new(declared: &'static str) -> Self {
        Self {
            declared,
            operation: "call",
            number: CallNumber::new(),
            ttl: None,
            negative_ttl: None,
            codec: None,
            compression: None,
            level: None,
            stale_on_error: None,
            refresh_ahead: None,
            stale_while_revalidate: None,
            shape: OnceLock::new(),
        }
    }

    /// What the call is called in counters and spans: the method's name. "call" where it is not said.
    #[must_use]
    pub const fn operation(mut self, name: &'static str) -> Self {
        self.operation = name;
        self
    }

    /// How long an answer lives.
    #[must_use]
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// How long the answer "none" lives.
    #[must_use]
    pub const fn negative_ttl(mut self, ttl: Duration) -> Self {
        self.negative_ttl = Some(ttl);
        self
    }

    /// How answers are written.
    #[must_use]
    pub const fn codec(mut self, codec: Codec) -> Self {
        self.codec = Some(codec);
        self
    }

    /// How answers are made smaller.
    #[must_use]
    pub const fn compression(mut self, compression: Compression) -> Self {
        self.compression = Some(compression);
        self
    }

    /// How old an answer may be.
    #[must_use]
    pub const fn level(mut self, level: Level) -> Self {
        self.level = Some(level);
        self
    }

    /// For how long after its TTL an answer may be served when the method fails.
    #[must_use]
    pub const fn stale_on_error(mut self, time: Duration) -> Self {
        self.stale_on_error = Some(time);
        self
    }

    /// How readily an answer is renewed ahead of its TTL, XFetch's beta; zero for never.
    #[must_use]
    pub const fn refresh_ahead(mut self, beta: f64) -> Self {
        self.refresh_ahead = Some(beta);
        self
    }

    /// For how long after its TTL an answer is served while it is renewed.
    #[must_use]
    pub const fn stale_while_revalidate(mut self, time: Duration) -> Self {
        self.stale_while_revalidate = Some(time);
        self
    }
}

/// One call of a cached method, on its way to an answer. The key comes before the tags.
#[derive(Debug)]
#[must_use]
pub struct Call<'r, R: CachedRepository, A> {
    core: &'r Arc<Core<R::Entity>>,
    spec: &'static CallSpec,
    counters: &'r Arc<Counters>,
    level: Level,
    key: Option<Result<Key>>,
    tags: Vec<Result<Key>>,
    /// What the tier in the process has under the key.
    near: Option<Kept>,
    /// The nonce of that, where this call is to renew it.
    due: Option<u64>,
    answer: PhantomData<fn() -> A>,
}

impl<'r, R: CachedRepository> Repository<'r, R> {
    /// Begins a call that answers in the form `A`: [`Whole`](crate::Whole), [`Shared`](crate::Shared) or
    /// [`Optional`](crate::Optional).
    pub fn call<A>(&self, spec: &'static CallSpec) -> Call<'r, R, A> {
        self.call_at(spec, spec.level.unwrap_or(self.core.level).here())
    }

    /// Begins a call whose answer is made in any case, with [`put`](Call::put).
    pub fn call_anew<A>(&self, spec: &'static CallSpec) -> Call<'r, R, A> {
        self.call_at(spec, Level::Strong)
    }

    fn call_at<A>(&self, spec: &'static CallSpec, level: Level) -> Call<'r, R, A> {
        let (core, key, tags, near, due) = (self.core, None, Vec::new(), None, None);
        let counters = core.operations.call(&spec.number, spec.operation);
        Call { core, spec, counters, level, key, tags, near, due, answer: PhantomData }
    }
}

impl<R: CachedRepository, A> Call<'_, R, A> {
    /// The key, under the repository's table.
    pub fn key(mut self, write: impl FnOnce(KeyBuilder) -> KeyBuilder) -> Self {
        let key = ScratchKey::begin(&self.core.call_head).written(write);
        // Before the first miss has asked for the shape there is nothing to find.
        let shape = self.spec.shape.get();
        let near = shape.and_then(|shape| self.core.near(self.level, shape.fingerprint, &key));
        if near.is_none() && self.core.asks_near(self.level) {
            self.counters.tier_misses.up();
        }
        (self.near, self.due) = near.map_or((None, None), |(kept, due)| (Some(kept), due));
        if !self.is_answered() {
            self.key = Some(key.finish());
        }
        self
    }

    /// Whether there is no more to it than what the tier has.
    fn is_answered(&self) -> bool {
        self.near.is_some() && self.due.is_none()
    }

    /// A tag that the answer depends on: when the tag is invalidated, the answer is a miss. The tag that bears the
    /// table's name is invalidated by every change of a row through its repository.
    pub fn tag(mut self, write: impl FnOnce(KeyBuilder) -> KeyBuilder) -> Self {
        if self.is_answered() {
            return self;
        }
        self.tags.push(write(self.core.context.namespace.tag()).finish());
        self
    }
}

impl<R: CachedRepository, A> Call<'_, R, A> {
    /// The cached answer, or that of `load`, which is then cached. Concurrent calls with one key share one load.
    ///
    /// # Errors
    /// Those of `load`.
    pub async fn cached<E, F, Fut>(mut self, load: F) -> std::result::Result<A::Value, E>
    where
        A: Answer,
        E: Send + 'static,
        F: FnOnce() -> Fut,
        Fut: Future<Output = std::result::Result<A::Value, E>>,
    {
        let (core, counters) = (self.core, self.counters);
        // A call that was made outside of a level may be awaited inside of it.
        let level = self.level.here();
        match self.near.take() {
            Some(kept) if level == self.level => {
                let Some(value) = A::recall(kept) else {
                    // Of another type with the same fingerprint: nothing of ours.
                    let load = |turn: Turn| turn.during(load());
                    return core.reader(counters).load_alone(None, own, load).await;
                };
                counters.tier_hits.up();
                let Some(nonce) = self.due else { return Ok(value) };
                let Ok(spec) = self.into_spec() else { return Ok(value) };
                let load = |turn: Turn| turn.during(erased::<A, E>(load()));
                let renewed = core.reader(counters).renew_near_here(&spec, nonce, load).await;
                return Ok(renewed.map_or(value, AnyAnswer::into_answer::<A>));
            }
            // The key and the tags were not written down, because nobody was to be asked.
            Some(_) if self.key.is_none() => self.level = Level::Database,
            _ => self.level = level,
        }
        match self.into_spec() {
            Ok(spec) => {
                let load = |turn: Turn| turn.during(erased::<A, E>(load()));
                let answer = core.reader(counters).read(&spec, sharing(), (load, None)).await;
                answer.map(AnyAnswer::into_answer::<A>)
            }
            Err(error) => {
                core.reader(counters).failed("writing a key", &error);
                let load = |turn: Turn| turn.during(load());
                core.reader(counters).load_alone(None, own, load).await
            }
        }
    }

    /// The answer of `load` in any case, which takes the place of what is cached.
    ///
    /// # Errors
    /// Those of `load`.
    pub async fn put<E, F, Fut>(self, load: F) -> std::result::Result<A::Value, E>
    where
        A: Answer,
        E: 'static,
        F: FnOnce() -> Fut,
        Fut: Future<Output = std::result::Result<A::Value, E>>,
    {
        let (core, counters) = (self.core, self.counters);
        match self.into_spec() {
            Ok(spec) => {
                let load = |turn: Turn| turn.during(erased::<A, E>(load()));
                let answer = core.reader(counters).refresh(&spec, own, load).await;
                answer.map(AnyAnswer::into_answer::<A>)
            }
            Err(error) => {
                core.reader(counters).failed("writing a key", &error);
                let load = |turn: Turn| turn.during(load());
                core.reader(counters).load_alone(None, own, load).await
            }
        }
    }

    fn into_spec(self) -> Result<Spec>
    where
        A: Answer,
    {
        self.core.context.expects(self.level);
        let key = match self.key {
            Some(key) => key?,
            None => call_key(self.core, |key| key)?,
        };
        Ok(Spec {
            key,
            tags: self.tags.into_iter().collect::<Result<_>>()?,
            ttl: self.spec.ttl.map_or(self.core.ttl, Ttl::After),
            negative_ttl: self.spec.negative_ttl.map_or(self.core.negative_ttl, Ttl::After),
            codec: self.spec.codec.unwrap_or(self.core.codec),
            compression: self.spec.compression.unwrap_or(self.core.compression),
            shape: *self.spec.shape.get_or_init(|| A::shape(self.spec.declared)),
            form: Form::of::<A>(),
            level: self.level,
            stale_for: self.spec.stale_on_error.unwrap_or(self.core.stale_for),
            // The body borrows: it cannot go on without its caller.
            soft_timeout: Duration::ZERO,
            renewing: Renewing {
                beta: self.spec.refresh_ahead.unwrap_or(self.core.renewing.beta),
                revalidate: self
                    .spec
                    .stale_while_revalidate
                    .unwrap_or(self.core.renewing.revalidate),
            },
            process_only: false,
        })
    }
}

/// The key of a cached method's answer.
pub(super) fn call_key<E: crate::postgres::Entity>(
    core: &Core<E>,
    write: impl FnOnce(KeyBuilder) -> KeyBuilder,
) -> Result<Key> {
    write(core.key().text("call")).finish()
}
