//! What is known of an item.

use crate::mind::Origin;
use crate::policy::Ttl;

/// What the cache has for an item: one of three states, and where it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Cached<T> {
    /// A value.
    Hit(T, Origin),
    /// The knowledge that there is none.
    Nothing(Origin),
    /// No answer: nothing is kept, somebody is loading it or changing it, or what is kept is of another type, or was kept
    /// under other tags than those that the call names.
    Miss,
}

impl<T> Cached<T> {
    pub(super) fn of(known: Option<T>, origin: Origin) -> Self {
        known.map_or(Self::Nothing(origin), |value| Self::Hit(value, origin))
    }

    /// The value, where there is one.
    #[must_use]
    pub fn value(self) -> Option<T> {
        match self {
            Self::Hit(value, _) => Some(value),
            Self::Nothing(_) | Self::Miss => None,
        }
    }

    /// The value, or that there is none; `None` where the cache has no answer.
    #[must_use]
    pub fn known(self) -> Option<Option<T>> {
        match self {
            Self::Hit(value, _) => Some(Some(value)),
            Self::Nothing(_) => Some(None),
            Self::Miss => None,
        }
    }

    /// Where the answer came from; `None` where there is none.
    #[must_use]
    pub fn origin(&self) -> Option<Origin> {
        match self {
            Self::Hit(_, origin) | Self::Nothing(origin) => Some(*origin),
            Self::Miss => None,
        }
    }

    /// Whether the cache has no answer.
    #[must_use]
    pub fn is_miss(&self) -> bool {
        matches!(self, Self::Miss)
    }
}

/// A value whose load knows how long it is good: a token with its expiry, an answer with a `max-age`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fresh<T> {
    /// The value.
    pub value: T,
    /// How long it may be kept; zero is not at all. The manager's jitter moves it like every TTL, so where it must never
    /// be exceeded leave a margin, or set [`jitter`](crate::CacheManagerBuilder::jitter) to zero.
    pub ttl: Ttl,
}

impl<T> Fresh<T> {
    /// A value that may be kept for this long.
    pub fn new(value: T, ttl: impl Into<Ttl>) -> Self {
        Self { value, ttl: ttl.into() }
    }

    pub(super) fn into_parts(self) -> (T, Option<Ttl>) {
        (self.value, Some(self.ttl))
    }
}
