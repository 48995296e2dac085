//! The one error of this crate.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

type Source = Arc<dyn StdError + Send + Sync>;

/// What a cache operation answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the cache could not do what it was asked.
///
/// Cheap to clone, so that one failure can be handed to every caller that waited for it. `Display` says what went
/// wrong and what to do; the cause, where there is one, is behind [`source`](StdError::source) and is not repeated.
///
/// A repository's getters answer from the database instead; the one that they do return is
/// [`Overloaded`](ErrorKind::Overloaded).
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    source: Option<Source>,
}

/// The kinds of [`Error`], for a caller that decides by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The server could not be reached, or the connection broke.
    Unreachable,
    /// The server did not answer within the operation timeout.
    Timeout,
    /// The server refused the password, the user or the permission.
    Denied,
    /// The server takes no writes: a replica, or a failover in progress.
    ReadOnly,
    /// The server is out of memory and evicts nothing.
    OutOfMemory,
    /// A value of another data type stands at the key.
    WrongType,
    /// What is to be counted up or down is no whole number of 64 bits.
    NotANumber,
    /// The number would leave the range of 64 bits.
    Overflow,
    /// The value could not be encoded or decoded.
    Codec,
    /// An option or an URL is wrong.
    Config,
    /// The keys of a write could not be held, so the write was rolled back before its commit.
    HoldNotPlaced,
    /// The database is at its cap of concurrent loads, and as many wait as may: the load was not begun.
    Overloaded,
    /// The outbox could not be written, read or set up.
    Outbox,
    /// The queue of a write-behind holds as many writes as it may: this one was not taken.
    QueueFull,
    /// Others changed a session before this change could be made, again and again: it was not made.
    Contended,
    /// A change would have made a session another user's without a new id: it was not made.
    NeedsRotation,
    /// The backend cannot do this.
    Unsupported,
    /// The cache was closed.
    Closed,
    /// Anything else that the backend answered.
    Backend,
}

impl Error {
    /// An error with a message and no cause.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner { kind, message: message.into(), source: None }))
    }

    /// The same error with the cause that lies beneath it.
    #[must_use]
    pub fn because(self, source: impl StdError + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner {
            kind: self.0.kind,
            message: self.0.message.clone(),
            source: Some(Arc::new(source)),
        }))
    }

    /// The same error, said of a place: a file.
    #[must_use]
    pub(crate) fn within(&self, place: &str) -> Self {
        Self(Arc::new(Inner {
            kind: self.0.kind,
            message: format!("{place}: {}", self.0.message),
            source: self.0.source.clone(),
        }))
    }

    /// What kind of failure this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The cache error inside a [`sqlx::Error`], where a write was stopped by the cache and not by the database.
    #[cfg(feature = "postgres")]
    #[must_use]
    pub fn of(error: &sqlx::Error) -> Option<&Self> {
        match error {
            sqlx::Error::AnyDriverError(inner) => inner.downcast_ref(),
            _ => None,
        }
    }
}

/// Repositories speak [`sqlx::Error`] alone, so that they drop into code that does; [`Error::of`] finds it again.
#[cfg(feature = "postgres")]
impl From<Error> for sqlx::Error {
    fn from(error: Error) -> Self {
        Self::AnyDriverError(Box::new(error))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("kind", &self.0.kind).field("message", &self.0.message);
        if let Some(source) = &self.0.source {
            out.field("source", source);
        }
        out.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
