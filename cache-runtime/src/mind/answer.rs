//! The forms in which a method may answer.

use std::any::Any;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

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

/// A value, or the knowledge that there is none: `Option<…>`. "None" is cached for the negative TTL.
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

    fn encode(value: &T, codec: Codec) -> Option<Body> {
        codec::encode(value, codec)
    }

    fn decode(body: &Body) -> Option<T> {
        match body {
            Body::Nothing | Body::Packed { .. } => None,
            Body::Encoded { codec, payload } => codec::decode(*codec, payload),
        }
    }

    fn keep(_: &T, body: &Body) -> Kept {
        Kept::Encoded(Arc::new(body.clone()))
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

    fn encode(value: &Arc<T>, codec: Codec) -> Option<Body> {
        codec::encode(&**value, codec)
    }

    fn decode(body: &Body) -> Option<Arc<T>> {
        Whole::<T>::decode(body).map(Arc::new)
    }

    fn keep(value: &Arc<T>, _: &Body) -> Kept {
        Kept::Shared(Arc::clone(value) as Arc<dyn Any + Send + Sync>)
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

    fn encode(value: &Option<A::Value>, codec: Codec) -> Option<Body> {
        match value {
            Some(value) => A::encode(value, codec),
            None => Some(Body::Nothing),
        }
    }

    fn decode(body: &Body) -> Option<Option<A::Value>> {
        match body {
            Body::Nothing => Some(None),
            encoded => A::decode(encoded).map(Some),
        }
    }

    fn lives(value: &Option<A::Value>) -> Option<Ttl> {
        value.as_ref().and_then(A::lives)
    }

    fn keep(value: &Option<A::Value>, body: &Body) -> Kept {
        value.as_ref().map_or(Kept::Nothing, |value| A::keep(value, body))
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

    fn encode((value, _): &Self::Value, codec: Codec) -> Option<Body> {
        A::encode(value, codec)
    }

    fn decode(body: &Body) -> Option<Self::Value> {
        A::decode(body).map(|value| (value, None))
    }

    fn lives((_, ttl): &Self::Value) -> Option<Ttl> {
        *ttl
    }

    fn keep((value, _): &Self::Value, body: &Body) -> Kept {
        A::keep(value, body)
    }

    fn recall(kept: Kept) -> Option<Self::Value> {
        A::recall(kept).map(|value| (value, None))
    }
}
