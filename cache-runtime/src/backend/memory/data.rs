//! What stands at a key: bytes, or a structure.

use std::collections::{HashMap, HashSet, VecDeque};

use bytes::Bytes;

use crate::error::{Error, ErrorKind, Result};

/// Bytes that an element of a structure costs beside its own: the handle, its place in the table, what the allocator
/// rounds up.
const ELEMENT: usize = 64;

pub(super) enum Data {
    Bytes(Bytes),
    /// Boxed, because most slots hold bytes.
    Structure(Box<Structure>),
}

pub(super) struct Structure {
    kind: Kind,
    /// What its elements take, added up.
    weight: usize,
}

pub(super) enum Kind {
    List(VecDeque<Bytes>),
    Set(HashSet<Bytes>),
    Hash(HashMap<Bytes, Bytes>),
}

impl Data {
    /// The bytes; `None` where it is a structure.
    pub(super) fn bytes(&self) -> Option<&Bytes> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Structure(_) => None,
        }
    }

    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Structure(structure) => structure.weight,
        }
    }
}

/// One of the kinds of structures.
pub(super) trait Elements: Default {
    fn of(kind: &Kind) -> Option<&Self>;
    fn of_mut(kind: &mut Kind) -> Option<&mut Self>;
    fn into_kind(self) -> Kind;
}

macro_rules! elements {
    ($($variant:ident => $type:ty),* $(,)?) => {
        $(impl Elements for $type {
            fn of(kind: &Kind) -> Option<&Self> {
                match kind {
                    Kind::$variant(elements) => Some(elements),
                    _ => None,
                }
            }

            fn of_mut(kind: &mut Kind) -> Option<&mut Self> {
                match kind {
                    Kind::$variant(elements) => Some(elements),
                    _ => None,
                }
            }

            fn into_kind(self) -> Kind {
                Kind::$variant(self)
            }
        })*
    };
}

elements! {
    List => VecDeque<Bytes>,
    Set => HashSet<Bytes>,
    Hash => HashMap<Bytes, Bytes>,
}

impl Structure {
    pub(super) fn empty<E: Elements>() -> Self {
        Self { kind: E::default().into_kind(), weight: 0 }
    }

    /// Its elements; an error where it is of another kind.
    pub(super) fn elements<E: Elements>(&self) -> Result<&E> {
        E::of(&self.kind).ok_or_else(wrong_type)
    }

    /// Its elements and its weight, to be changed together.
    pub(super) fn elements_mut<E: Elements>(&mut self) -> Result<(&mut E, &mut usize)> {
        let weight = &mut self.weight;
        E::of_mut(&mut self.kind).map(|elements| (elements, weight)).ok_or_else(wrong_type)
    }

    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    pub(super) fn is_empty(&self) -> bool {
        match &self.kind {
            Kind::List(list) => list.is_empty(),
            Kind::Set(set) => set.is_empty(),
            Kind::Hash(hash) => hash.is_empty(),
        }
    }
}

/// What one element takes.
pub(super) fn weight_of(element: &[u8]) -> usize {
    element.len() + ELEMENT
}

pub(super) fn wrong_type() -> Error {
    let message = "a value of another data type stands at this key: use another key, or remove it";
    Error::new(ErrorKind::WrongType, message)
}

/// The number that these bytes are, written as Redis writes it and in no other way.
pub(super) fn number(bytes: &[u8]) -> Result<i64> {
    let number = str::from_utf8(bytes).ok().and_then(|text| text.parse::<i64>().ok());
    number.filter(|number| number.to_string().as_bytes() == bytes).ok_or_else(|| {
        let message =
            "what stands there is no whole number of 64 bits: it cannot be counted up or down";
        Error::new(ErrorKind::NotANumber, message)
    })
}

pub(super) fn sum(number: i64, by: i64) -> Result<i64> {
    number.checked_add(by).ok_or_else(|| {
        let message = "the counter would leave the range of 64 bits: it stays as it is";
        Error::new(ErrorKind::Overflow, message)
    })
}
