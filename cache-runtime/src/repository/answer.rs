//! The forms in which a method may answer.

use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec;
use crate::entry::Body;
use crate::mind::Answer;
use crate::policy::Codec;
use crate::shape::Shape;

/// A value as it is: `T`.
#[derive(Debug)]
pub struct Whole<T>(PhantomData<fn() -> T>);

/// A value that is shared: `Arc<T>`.
#[derive(Debug)]
pub struct Shared<T>(PhantomData<fn() -> T>);

/// A value, or the knowledge that there is none: `Option<…>`. "None" is cached for the negative TTL.
#[derive(Debug)]
pub struct Optional<A>(PhantomData<fn() -> A>);

impl<T: Serialize + DeserializeOwned + Send + 'static> Answer for Whole<T> {
    type Value = T;

    fn shape(declared: &str) -> Shape {
        Shape::of::<T>(declared)
    }

    fn encode(value: &T, codec: Codec) -> Option<Body> {
        codec::encode(value, codec)
    }

    fn decode(body: &Body) -> Option<T> {
        match body {
            Body::Nothing => None,
            Body::Encoded { codec, payload } => codec::decode(*codec, payload),
        }
    }
}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Answer for Shared<T> {
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
}
