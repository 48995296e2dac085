//! Sessions: data that belong to whoever shows an id, for as long as they come back.

use std::fmt::{self, Debug};
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;

use super::BoxFuture;
use crate::error::Result;
use crate::key::Key;

/// Where sessions stand. What comes in and goes out is bytes, and the SHA-256 of ids and users; nobody here sees either.
///
/// A session is alive while it stands there, is within both limits of its [`SessionSpace`] by the backend's own clock,
/// and, where it has a user, the user's *record* names it. So whatever loses a record, on purpose or not, ends the
/// sessions that it named, and none of them ever lives again. What is not alive is absent to every method.
///
/// Each method is one atomic step, and what it did is seen by every caller that begins after it has answered.
pub trait SessionBackend: Debug + Send + Sync + 'static {
    /// Puts a session at `id` that was never used yet. Answers `false`, and changes nothing, where something stands there.
    /// Where its user then has more sessions than the space allows, those go that were not used for longest.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering; the session may then be there.
    fn session_create<'a>(
        &'a self,
        space: &'a SessionSpace,
        id: &'a SessionDigest,
        new: &'a NewSession,
    ) -> BoxFuture<'a, Result<bool>>;

    /// The session at `id`; its last use is now. That is written down only where the last one that was is a tenth of the
    /// idle limit ago, or more, and where the session would be forgotten before its limits, because the idle one was shorter.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering; also where the backend could not have written, so that nobody is
    /// admitted by a copy that may be old.
    fn session_read<'a>(
        &'a self,
        space: &'a SessionSpace,
        id: &'a SessionDigest,
    ) -> BoxFuture<'a, Result<Option<StoredSession>>>;

    /// Replaces the data of a session that is alive, if it has the version that the change was made from.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering; the change may then be made.
    fn session_write<'a>(
        &'a self,
        space: &'a SessionSpace,
        id: &'a SessionDigest,
        change: &'a SessionChange,
    ) -> BoxFuture<'a, Result<Changed>>;

    /// The same, and moves the session to the id `to` with the user `user`: at `id` there is nothing from then on. Where
    /// the user is another one than it was, the session's absolute limit begins anew.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering, also where something stands at `to`; the session may then have moved.
    fn session_rotate<'a>(
        &'a self,
        space: &'a SessionSpace,
        id: &'a SessionDigest,
        to: &'a SessionDigest,
        change: &'a SessionChange,
        user: Option<&'a UserDigest>,
    ) -> BoxFuture<'a, Result<Changed>>;

    /// Ends a session; says whether it was alive.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering; the session may then have ended.
    fn session_destroy<'a>(
        &'a self,
        space: &'a SessionSpace,
        id: &'a SessionDigest,
    ) -> BoxFuture<'a, Result<bool>>;

    /// Ends a session that the record of `user` names, and no other; says whether it was alive.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering; the session may then have ended.
    fn session_destroy_listed<'a>(
        &'a self,
        space: &'a SessionSpace,
        user: &'a UserDigest,
        id: &'a SessionDigest,
    ) -> BoxFuture<'a, Result<bool>>;

    /// Ends every session of a user, but the one at `but`, in one step. Says how many the record named, of which some may
    /// have been over already.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering; the sessions may then have ended.
    fn session_destroy_all<'a>(
        &'a self,
        space: &'a SessionSpace,
        user: &'a UserDigest,
        but: Option<&'a SessionDigest>,
    ) -> BoxFuture<'a, Result<u64>>;

    /// The sessions of a user that are alive, in no order. None of them counts as used by that.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering.
    fn session_list<'a>(
        &'a self,
        space: &'a SessionSpace,
        user: &'a UserDigest,
    ) -> BoxFuture<'a, Result<Vec<StoredListing>>>;

    /// Ends every session of the space, whoever's it is; says how many keys, or sessions, it removed. One that is created
    /// meanwhile may stay, and so may one without a user that moves to another id meanwhile.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering; some of the sessions may then have ended.
    fn session_destroy_everyone<'a>(
        &'a self,
        space: &'a SessionSpace,
    ) -> BoxFuture<'a, Result<u64>>;

    /// Removes what is left of sessions of the space that are over, in pieces; says of how many. It ends none: they are
    /// absent to every method already. A backend where that goes by itself has nothing to do, and does nothing unless
    /// this method is written.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering; some may then be removed.
    fn session_remove_ended<'a>(&'a self, space: &'a SessionSpace) -> BoxFuture<'a, Result<u64>> {
        let _ = space;
        Box::pin(async { Ok(0) })
    }
}

/// Sessions of one kind, and their limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSpace {
    head: Key,
    idle: Duration,
    absolute: Duration,
    per_user: u32,
}

impl SessionSpace {
    /// Sessions under this name. A session ends when it was not used for `idle`, and `absolute` after it began; a user
    /// has `per_user` of them at most.
    ///
    /// Times are whole milliseconds, a hundred years at most.
    #[must_use]
    pub fn new(head: Key, idle: Duration, absolute: Duration, per_user: u32) -> Self {
        let (idle, absolute) = (bounded(idle), bounded(absolute));
        Self { head, idle, absolute, per_user: per_user.max(1) }
    }

    /// The name that its keys have in common.
    #[must_use]
    pub fn head(&self) -> &Key {
        &self.head
    }

    /// How long a session lives without being used.
    #[must_use]
    pub fn idle(&self) -> Duration {
        self.idle
    }

    /// How long a session lives at most.
    #[must_use]
    pub fn absolute(&self) -> Duration {
        self.absolute
    }

    /// How many sessions a user has at most.
    #[must_use]
    pub fn per_user(&self) -> u32 {
        self.per_user
    }
}

/// What a script of Redis computes exactly.
fn bounded(time: Duration) -> Duration {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);
    let whole = Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    whole.clamp(Duration::from_millis(1), CENTURY)
}

/// A session that begins.
#[derive(Clone)]
pub struct NewSession {
    /// Its data.
    pub data: Bytes,
    /// What is told of it where it is listed.
    pub about: Bytes,
    /// Whose it is; nobody's before a login.
    pub user: Option<UserDigest>,
    /// How long it lives at most, if that is less than the space allows.
    pub lives: Duration,
}

/// Never shows the data.
impl Debug for NewSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSession")
            .field("bytes", &self.data.len())
            .field("user", &self.user)
            .field("lives", &self.lives)
            .finish_non_exhaustive()
    }
}

/// What becomes of a session's data.
#[derive(Clone)]
pub struct SessionChange {
    /// The version that it was made from; `None` where it takes the place of any.
    pub from: Option<u64>,
    /// The new data.
    pub data: Bytes,
    /// How long the session lives at most from now on, within its absolute limit; `None` where that stays as it is. For a
    /// session that moves to another user: how long it then lives.
    pub lives: Option<Duration>,
}

/// Never shows the data.
impl Debug for SessionChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionChange")
            .field("from", &self.from)
            .field("bytes", &self.data.len())
            .field("lives", &self.lives)
            .finish_non_exhaustive()
    }
}

/// What became of a [`SessionChange`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It was made.
    Done,
    /// There is no such session.
    Gone,
    /// Somebody has changed it since: this stands there.
    Conflict(StoredSession),
}

/// A session that is alive. Times are Unix milliseconds of the backend's clock.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredSession {
    /// Its data.
    pub data: Bytes,
    /// Another one after each change.
    pub version: u64,
    /// Whose it is, as its user's record has it; nobody's before a login.
    pub user: Option<UserDigest>,
    /// When it began, or got its user.
    pub created: u64,
    /// When it was last used, as far as that was written down.
    pub seen: u64,
    /// When it ends, however much it is used.
    pub ends: u64,
}

/// Never shows the data.
impl Debug for StoredSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSession")
            .field("bytes", &self.data.len())
            .field("version", &self.version)
            .field("user", &self.user)
            .field("created", &self.created)
            .field("seen", &self.seen)
            .field("ends", &self.ends)
            .finish()
    }
}

/// One of a user's sessions. Times are Unix milliseconds of the backend's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredListing {
    /// Which one.
    pub id: SessionDigest,
    /// What was told of it when it began.
    pub about: Bytes,
    /// When it began, or got its user.
    pub created: u64,
    /// When it was last used, as far as that was written down.
    pub seen: u64,
    /// When it ends, however much it is used.
    pub ends: u64,
}

/// The SHA-256 of a session's id: what is stored and logged in its place. It tells sessions apart and admits nobody, so it
/// may stand in a page, for its user to say which session is meant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionDigest([u8; 32]);

/// The SHA-256 of a user: what is stored in its place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserDigest([u8; 32]);

macro_rules! digest {
    ($name:ident) => {
        impl $name {
            /// The digest in these bytes.
            #[must_use]
            pub fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// Its bytes.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        /// 64 hexadecimal digits.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        /// The first eight digits: enough to find it in a log.
        impl Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}(", stringify!($name))?;
                self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))?;
                f.write_str("…)")
            }
        }
    };
}

digest!(SessionDigest);
digest!(UserDigest);

impl FromStr for SessionDigest {
    type Err = NotADigest;

    /// Reads what `Display` writes, and nothing else.
    fn from_str(text: &str) -> Result<Self, NotADigest> {
        bytes_of(text).map(Self)
    }
}

impl FromStr for UserDigest {
    type Err = NotADigest;

    /// Reads what `Display` writes, and nothing else.
    fn from_str(text: &str) -> Result<Self, NotADigest> {
        bytes_of(text).map(Self)
    }
}

fn bytes_of(text: &str) -> Result<[u8; 32], NotADigest> {
    let (digits, rest) = text.as_bytes().as_chunks::<2>();
    let mut bytes = [0; 32];
    if digits.len() != bytes.len() || !rest.is_empty() {
        return Err(NotADigest);
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(digits) {
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Ok(bytes)
}

fn nibble(digit: u8) -> Result<u8, NotADigest> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(NotADigest),
    }
}

/// A text that is no [`SessionDigest`], or no [`UserDigest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotADigest;

impl fmt::Display for NotADigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a session is named by 64 hexadecimal digits in lower case, as a list of sessions shows them")
    }
}

impl std::error::Error for NotADigest {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_as_it_is_written_and_shows_little_of_itself() {
        let digest = SessionDigest::from_bytes(std::array::from_fn(|at| at as u8 * 7));
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!(format!("{digest:?}"), "SessionDigest(00070e15…)");
        let text = digest.to_string();
        for wrong in ["", &text[1..], &text.to_uppercase(), &format!("{text}00"), &"é".repeat(32)]
        {
            assert_eq!(wrong.parse::<SessionDigest>(), Err(NotADigest), "{wrong}");
        }
    }

    #[test]
    fn limits_are_what_a_script_can_compute() {
        let name = crate::key::Namespace::new("shop").expect("a name").key().text("session");
        let head = name.value("Logins").finish().expect("a key");
        let space = SessionSpace::new(head, Duration::ZERO, Duration::MAX, 0);
        assert_eq!((space.idle().as_millis(), space.per_user()), (1, 1));
        assert!(space.absolute().as_millis() < 1 << 42);
    }
}
