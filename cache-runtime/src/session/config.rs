//! What a kind of sessions is.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind, Result};
use crate::key::Namespace;
use crate::port::{SessionSpace, UserDigest};

/// What can be kept in a session.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the data of a session",
    note = "derive serde's `Serialize` and `Deserialize` for it, and let it own what it holds"
)]
pub trait SessionData: Serialize + DeserializeOwned + Send + Sync + 'static {}

impl<D: Serialize + DeserializeOwned + Send + Sync + 'static> SessionData for D {}

/// A kind of sessions: its name, its limits and whose a session is.
#[derive(Debug)]
pub struct SessionConfig<D: 'static> {
    /// The name: all processes that share the sessions have the same, and no other kind in the namespace has it. What one of
    /// two kinds of one name begins, the other admits, if the types of their data have the same fields.
    pub name: &'static str,
    /// How long a session lives without being used.
    pub idle: Duration,
    /// How long a session lives at most, from its begin or its login on.
    pub absolute: Duration,
    /// How many sessions a user has at most; the one that was not used for longest gives way.
    pub per_user: u32,
    /// Whether data of another version of their type are read as far as JSON can read them, with serde's defaults for
    /// what is missing, and a process of the older version drops fields that it does not know whenever it changes a session.
    /// Otherwise a session of another version is none.
    pub tolerant: bool,
    /// Whose a session with these data is. Give the sessions another name when this is added or changed: those that are
    /// written down as another user's than it says are none.
    pub user: fn(&D) -> SessionUser,
}

impl<D> SessionConfig<D> {
    /// A hundred: more than one person has devices, and few enough that a login that goes round in circles fills nothing.
    pub const PER_USER: u32 = 100;

    /// Sessions without users, which end when another version of their type is read.
    #[must_use]
    pub const fn new(name: &'static str, idle: Duration, absolute: Duration) -> Self {
        let per_user = Self::PER_USER;
        Self { name, idle, absolute, per_user, tolerant: false, user: |_| SessionUser::none() }
    }

    pub(super) fn check(&self) -> Result<()> {
        let wrong = |message: &str| Err(Error::new(ErrorKind::Config, message));
        if self.name.is_empty() {
            return wrong("sessions need a name, which stands in their keys: such as \"logins\"");
        }
        if self.idle.is_zero() || self.absolute.is_zero() {
            return wrong(
                "with a limit of no time every session is over when it begins: set idle and absolute above zero",
            );
        }
        if self.idle > self.absolute {
            return wrong(
                "the idle limit is above the absolute one, which ends every session before: lower it, or raise that",
            );
        }
        if self.per_user == 0 {
            return wrong(
                "with no sessions for a user nobody could log in: set per_user to at least 1",
            );
        }
        Ok(())
    }
}

/// Whose a session is: a user by the text that would stand in a key, or nobody.
#[derive(Clone, Debug)]
pub struct SessionUser(Result<Option<String>>);

impl SessionUser {
    /// This user. `None`, and an empty text, is nobody: a session before its login.
    #[must_use]
    pub fn of<U: Serialize + ?Sized>(user: &U) -> Self {
        let text = Namespace::new("user").and_then(|it| it.key().value(user).finish());
        Self(text.map(|key| {
            let text = key.as_str().split_once(":=").map_or("", |(_, text)| text);
            // What stands for nothing in a key, and is nothing else's text.
            (!text.is_empty() && text != "%N").then(|| text.to_owned())
        }))
    }

    /// Nobody.
    #[must_use]
    pub const fn none() -> Self {
        Self(Ok(None))
    }

    /// Another one in each space, so that nobody is found in one by the key in another.
    pub(super) fn digest(self, space: &SessionSpace) -> Result<Option<UserDigest>> {
        let digest = |user: String| {
            let mut hash = Sha256::new();
            hash.update(space.head().as_str());
            hash.update([0]);
            hash.update(user);
            UserDigest::from_bytes(hash.finalize().into())
        };
        Ok(self.0?.map(digest))
    }
}
