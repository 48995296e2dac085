//! The schema fingerprint: what a type looks like to serde, nested types included.
//!
//! A type is asked to deserialise itself from a source that has nothing to give and writes down what it was asked
//! for: names of structs, fields and variants, kinds of numbers, in order. A decision (which field, which variant) is
//! taken one way in each run, and the runs go through all ways, so that a field whose type refuses the dummy value
//! hides only what lies beneath it. The parts of a tuple, and the key and the value of a map, come only one after the
//! other: each is looked at in runs of its own, in which those before it are given whole. The idea of tracing a deserialiser
//! is that of `serde-reflection`.

mod trace;

use serde::de::DeserializeOwned;

/// What serde sees of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Changes when a name, an order or a kind changes anywhere in the type.
    pub fingerprint: u64,
    /// The type asks the data what it is (`serde_json::Value`, `untagged`, `flatten`), which only a self-describing
    /// codec can answer.
    pub self_describing: bool,
}

impl Shape {
    /// The shape of `T`. `declared` is mixed into the fingerprint: the type as its author wrote it, which tells apart
    /// what serde cannot see, such as a new version of the meaning of a field.
    #[must_use]
    pub fn of<T: DeserializeOwned>(declared: &str) -> Self {
        let mut trace = trace::Trace::new(declared);
        trace.explore::<T>();
        trace.shape()
    }
}

#[cfg(test)]
mod tests;
