//! What keeps a read from an answer.

use std::error::Error as StdError;
use std::fmt;

use crate::error::Error;

/// Why a [`get`](crate::WriteBehind::get) has no answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum WriteBehindError<E> {
    /// The queue did not say whether a write of the key waits, or what waits cannot be read.
    Queue(Error),
    /// Nothing waits, and the source failed.
    Source(E),
}

impl<E> fmt::Display for WriteBehindError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Queue(_) => "it is not known which write of the key is the last: the queue of the write-behind failed",
            Self::Source(_) => "the source of the write-behind failed",
        })
    }
}

impl<E: StdError + 'static> StdError for WriteBehindError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Queue(error) => Some(error),
            Self::Source(error) => Some(error),
        }
    }
}
