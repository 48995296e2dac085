//! The forms in which a method may answer.

use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::any::AnyAnswer;
use super::spec::{Answer, Kept};
use crate::codec;
use crate::entry::Body;
use crate::policy::{Codec, Ttl};
use crate::shape::Shape;

/// A value that can be cached: written, read back, and shared. Implemented for every type that can.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a cached value",
    label = "not a cached value",
    note = "a cached value is written and read back: it, and all that it holds, derives `serde::Serialize` and \
            `serde::Deserialize`, owns its data, and is `Send + Sync`"
)]
pub trait Cacheable: Serialize + DeserializeOwned + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Cacheable for T {}

/// A value as it is: `T`. Each caller gets one of its own, so the tier in the process keeps its bytes and decodes them at
/// each hit; an `Arc<T>` is handed out as it is.
#[derive(Debug)]
pub struct Whole<T>(PhantomData<fn() -> T>);

/// A value that is shared: `Arc<T>`.
#[derive(Debug)]
pub struct Shared<T>(PhantomData<fn() -> T>);

/// A value, or the knowledge that there is none: `Option<…>`. "None" is cached for the negative TTL. One in another knows one
/// "none".
#[derive(Debug)]
pub struct Optional<A>(PhantomData<fn() -> A>);

/// A value whose load says how long it lives; where it comes from the cache, nobody says.
#[derive(Debug)]
pub(crate) struct Timed<A>(PhantomData<fn() -> A>);

impl<T: Cacheable> Answer for Whole<T> {
    type Value = T;

    fn shape(declared: &str) -> Shape {
        Shape::of::<T>(declared)
    }

    fn encode(answer: &AnyAnswer, codec: Codec) -> Option<Body> {
        codec::encode(answer.value::<T>()?, codec)
    }

    fn decode(body: &Body) -> Option<T> {
        match body {
            Body::Nothing | Body::Packed { .. } => None,
            Body::Encoded { codec, payload } => codec::decode(*codec, payload),
        }
    }

    fn erase(value: T) -> AnyAnswer {
        AnyAnswer::owned(value)
    }

    fn restore(answer: AnyAnswer) -> Option<T> {
        answer.into_owned()
    }

    fn recall(kept: Kept) -> Option<T> {
        match kept {
            Kept::Encoded(body) => Self::decode(&body),
            Kept::Nothing | Kept::Shared(_) => None,
        }
    }
}

impl<T: Cacheable> Answer for Shared<T> {
    type Value = Arc<T>;

    fn shape(declared: &str) -> Shape {
        Shape::of::<T>(declared)
    }

    fn encode(answer: &AnyAnswer, codec: Codec) -> Option<Body> {
        Whole::<T>::encode(answer, codec)
    }

    fn decode(body: &Body) -> Option<Arc<T>> {
        Whole::<T>::decode(body).map(Arc::new)
    }

    fn erase(value: Arc<T>) -> AnyAnswer {
        AnyAnswer::shared(value)
    }

    fn restore(answer: AnyAnswer) -> Option<Arc<T>> {
        answer.into_shared()
    }

    fn recall(kept: Kept) -> Option<Arc<T>> {
        match kept {
            Kept::Shared(value) => value.downcast().ok(),
            Kept::Nothing | Kept::Encoded(_) => None,
        }
    }
}

impl<A: Answer> Answer for Optional<A> {
    type Value = Option<A::Value>;

    fn shape(declared: &str) -> Shape {
        A::shape(declared)
    }

    fn encode(answer: &AnyAnswer, codec: Codec) -> Option<Body> {
        if answer.is_nothing() { Some(Body::Nothing) } else { A::encode(answer, codec) }
    }

    fn decode(body: &Body) -> Option<Option<A::Value>> {
        match body {
            Body::Nothing => Some(None),
            encoded => A::decode(encoded).map(Some),
        }
    }

    fn erase(value: Option<A::Value>) -> AnyAnswer {
        value.map_or_else(AnyAnswer::nothing, A::erase)
    }

    fn restore(answer: AnyAnswer) -> Option<Option<A::Value>> {
        if answer.is_nothing() { Some(None) } else { A::restore(answer).map(Some) }
    }

    fn recall(kept: Kept) -> Option<Option<A::Value>> {
        match kept {
            Kept::Nothing => Some(None),
            kept => A::recall(kept).map(Some),
        }
    }
}

impl<A: Answer> Answer for Timed<A> {
    type Value = (A::Value, Option<Ttl>);

    fn shape(declared: &str) -> Shape {
        A::shape(declared)
    }

    fn encode(answer: &AnyAnswer, codec: Codec) -> Option<Body> {
        A::encode(answer, codec)
    }

    fn decode(body: &Body) -> Option<Self::Value> {
        A::decode(body).map(|value| (value, None))
    }

    fn erase((value, ttl): Self::Value) -> AnyAnswer {
        A::erase(value).living(ttl)
    }

    fn restore(answer: AnyAnswer) -> Option<Self::Value> {
        let lives = answer.lives();
        Some((A::restore(answer)?, lives))
    }

    fn recall(kept: Kept) -> Option<Self::Value> {
        A::recall(kept).map(|value| (value, None))
    }
}
