//! One failure for every caller that waited for it.

use std::any::Any;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use sqlx::error::{DatabaseError, ErrorKind};

use crate::error::Error;
use crate::mind::{Erased, Sharing};

/// How failures of type `E` are shared: a [`sqlx::Error`] is, any other type is not, and its callers load again.
pub(crate) fn sharing<E: Send + 'static>() -> Sharing<E> {
    Sharing { split: split::<E>, restore: restore::<E>, own: own::<E> }
}

fn split<E: Send + 'static>(error: E) -> (E, Option<Erased>) {
    const SAME: &str = "the type was asked for just before";
    let error: Box<dyn Any> = Box::new(error);
    match error.downcast::<sqlx::Error>() {
        Ok(error) => {
            let shared: Erased = Arc::new(Shareable(Arc::new(*error)));
            #[expect(clippy::expect_used, reason = "see the message")]
            let error = restore::<E>(&shared).expect(SAME);
            (error, Some(shared))
        }
        #[expect(clippy::expect_used, reason = "see the message")]
        Err(error) => (*error.downcast::<E>().expect(SAME), None),
    }
}

fn restore<E: 'static>(shared: &Erased) -> Option<E> {
    let Shareable(error) = shared.downcast_ref::<Shareable>()?;
    let mut copy = Some(again(error));
    (&mut copy as &mut dyn Any).downcast_mut::<Option<E>>().and_then(Option::take)
}

/// A failure of the cache's own, where the caller's type is sqlx's.
pub(super) fn own<E: 'static>(error: &Error) -> Option<E> {
    let mut failure = Some(sqlx::Error::from(error.clone()));
    (&mut failure as &mut dyn Any).downcast_mut::<Option<E>>().and_then(Option::take)
}

struct Shareable(Arc<sqlx::Error>);

/// The same error once more: the same variant, and everything that can be asked of a database error.
pub(super) fn again(error: &Arc<sqlx::Error>) -> sqlx::Error {
    let boxed = || Box::new(Copied(Arc::clone(error)));
    match &**error {
        sqlx::Error::Database(_) => sqlx::Error::Database(boxed()),
        sqlx::Error::Io(io) => {
            sqlx::Error::Io(std::io::Error::new(io.kind(), Copied(Arc::clone(error))))
        }
        sqlx::Error::RowNotFound => sqlx::Error::RowNotFound,
        sqlx::Error::PoolTimedOut => sqlx::Error::PoolTimedOut,
        sqlx::Error::PoolClosed => sqlx::Error::PoolClosed,
        sqlx::Error::WorkerCrashed => sqlx::Error::WorkerCrashed,
        sqlx::Error::BeginFailed => sqlx::Error::BeginFailed,
        sqlx::Error::InvalidArgument(text) => sqlx::Error::InvalidArgument(text.clone()),
        sqlx::Error::AnyDriverError(_) => match Error::of(error) {
            // A failure of the cache's own is found in every copy.
            Some(own) => own.clone().into(),
            None => sqlx::Error::AnyDriverError(boxed()),
        },
        sqlx::Error::Protocol(text) => sqlx::Error::Protocol(text.clone()),
        sqlx::Error::ColumnNotFound(name) => sqlx::Error::ColumnNotFound(name.clone()),
        sqlx::Error::TypeNotFound { type_name } => {
            sqlx::Error::TypeNotFound { type_name: type_name.clone() }
        }
        sqlx::Error::ColumnIndexOutOfBounds { index, len } => {
            sqlx::Error::ColumnIndexOutOfBounds { index: *index, len: *len }
        }
        sqlx::Error::ColumnDecode { index, .. } => {
            sqlx::Error::ColumnDecode { index: index.clone(), source: boxed() }
        }
        sqlx::Error::Tls(_) => sqlx::Error::Tls(boxed()),
        sqlx::Error::Encode(_) => sqlx::Error::Encode(boxed()),
        sqlx::Error::Configuration(_) => sqlx::Error::Configuration(boxed()),
        _ => sqlx::Error::Decode(boxed()),
    }
}

/// Whether any other statement would have failed as well: the connection, or the pool, has.
pub(super) fn is_everybodys(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        // Connections, resources, and a server that is going down.
        sqlx::Error::Database(error) => error
            .code()
            .is_some_and(|code| ["08", "53", "57P"].iter().any(|class| code.starts_with(class))),
        _ => false,
    }
}

/// What lies beneath a shared error. By reference it is the driver's own error; by value nobody can have it, and sqlx's
/// `downcast` of a box, which asks by reference and then takes by value, panics.
struct Copied(Arc<sqlx::Error>);

impl Copied {
    /// The error that the original wraps, which is what stands in a copy's place of it.
    fn inner(&self) -> &(dyn StdError + 'static) {
        StdError::source(&*self.0).unwrap_or(&*self.0)
    }

    fn database(&self) -> Option<&dyn DatabaseError> {
        self.0.as_database_error()
    }
}

impl fmt::Display for Copied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.inner(), f)
    }
}

impl fmt::Debug for Copied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.inner(), f)
    }
}

impl StdError for Copied {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner().source()
    }
}

impl DatabaseError for Copied {
    fn message(&self) -> &str {
        self.database().map_or("", DatabaseError::message)
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        self.database()?.code()
    }

    fn as_error(&self) -> &(dyn StdError + Send + Sync + 'static) {
        // So that a downcast finds the driver's own error.
        match self.database() {
            Some(database) => database.as_error(),
            None => self,
        }
    }

    fn as_error_mut(&mut self) -> &mut (dyn StdError + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn StdError + Send + Sync + 'static> {
        self
    }

    fn constraint(&self) -> Option<&str> {
        self.database()?.constraint()
    }

    fn table(&self) -> Option<&str> {
        self.database()?.table()
    }

    fn kind(&self) -> ErrorKind {
        self.database().map_or(ErrorKind::Other, DatabaseError::kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_failure_is_given_to_several_callers() {
        let io = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "reset");
        let (error, shared) = split(sqlx::Error::Io(io));
        assert!(
            matches!(&error, sqlx::Error::Io(io) if io.kind() == std::io::ErrorKind::ConnectionReset)
        );
        let copy: sqlx::Error = restore(&shared.unwrap()).unwrap();
        assert_eq!(copy.to_string(), error.to_string());
        let (_, shared) = split(sqlx::Error::PoolTimedOut);
        assert!(matches!(restore(&shared.unwrap()), Some(sqlx::Error::PoolTimedOut)));
    }

    #[test]
    fn a_failure_of_the_caches_own_is_found_by_every_caller() {
        let full = Error::new(crate::ErrorKind::Overloaded, "full");
        let (error, shared) = split(sqlx::Error::from(full));
        let copy: sqlx::Error = restore(&shared.unwrap()).unwrap();
        for error in [error, copy] {
            assert_eq!(Error::of(&error).unwrap().kind(), crate::ErrorKind::Overloaded);
        }
        let (error, shared) = split(sqlx::Error::AnyDriverError("another".into()));
        assert!(matches!(error, sqlx::Error::AnyDriverError(_)) && Error::of(&error).is_none());
        let copy: sqlx::Error = restore(&shared.unwrap()).unwrap();
        assert_eq!(copy.to_string(), error.to_string());
    }

    #[test]
    fn a_shared_failure_keeps_its_variant() {
        let (error, _) = split(sqlx::Error::InvalidArgument("no such index".into()));
        assert!(matches!(error, sqlx::Error::InvalidArgument(text) if text == "no such index"));
    }

    #[test]
    fn a_failure_of_another_type_stays_with_its_caller() {
        let (error, shared) = split::<String>("mine".into());
        assert_eq!(error, "mine");
        assert!(shared.is_none());
    }
}
