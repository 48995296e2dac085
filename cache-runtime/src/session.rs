//! Sessions: who is logged in, on which device, until when.
//!
//! `#[cached_repository(session(…))]` on a struct with a [`CacheManager`](crate::CacheManager) generates what stands in
//! [`Sessions`]; [`SessionCookie`] reads and writes the cookie. With `keep = db` they stand in Postgres, and the cache is in
//! front of them. What is promised, and what is not, is in
//! `docs/sessions.md`.
//!
//! ```
//! # #[cfg(all(feature = "macros", feature = "memory"))]
//! # async fn example() -> cache_runtime::Result<()> {
//! use cache_runtime::session::Client;
//! use cache_runtime::{CacheManager, cached_repository};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Clone, Debug, Default, Serialize, Deserialize)]
//! pub struct Login {
//!     pub user_id: Option<i64>,
//!     pub views: u32,
//! }
//!
//! #[cached_repository(session(data = Login, idle = "30m", absolute = "12h", user = user_id))]
//! pub struct Logins {
//!     cache: CacheManager,
//! }
//!
//! let logins = Logins { cache: CacheManager::builder("shop").memory().build()? };
//! let visitor = logins.create(&Login::default(), &Client::default()).await?;
//! logins.update(&visitor, |login| login.views += 1).await?;
//!
//! // At the login the id is another one, and the old one is dead.
//! let ann = logins.rotate(&visitor, |login| login.user_id = Some(7)).await?.expect("it is alive");
//! assert!(logins.get(&visitor).await?.is_none());
//! assert_eq!(logins.get(&ann).await?.expect("it is alive").views, 1);
//! assert_eq!(logins.list(&7).await?.len(), 1);
//!
//! logins.destroy_all(&7).await?; // everywhere, at once
//! assert!(logins.get(&ann).await?.is_none());
//! # Ok(())
//! # }
//! # #[cfg(all(feature = "macros", feature = "memory"))]
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(example()).unwrap();
//! ```

mod client;
mod config;
mod cookie;
mod envelope;
mod id;
mod listed;
mod place;
mod repository;
#[cfg(feature = "tower-sessions")]
mod tower;
mod turns;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

pub use self::client::Client;
pub use self::config::{SessionConfig, SessionData, SessionUser};
pub use self::cookie::{SameSite, SessionCookie};
pub use self::id::SessionId;
pub use self::listed::{ListedSession, Session};
use self::place::Place;
pub use self::repository::{SessionRepository, SessionSlot};
#[cfg(feature = "tower-sessions")]
pub use self::tower::TowerStore;
use self::turns::Kind;
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Namespace};
use crate::port::{
    Changed, NewSession, SessionBackend, SessionChange, SessionDigest, SessionSpace, StoredSession,
    UserDigest,
};

/// For how long a change is tried that others keep coming before. Of as many rivals as there are processes each has its
/// turn within some times their number of round trips.
const PATIENCE: Duration = Duration::from_secs(5);
/// So many attempts follow each other at once: the refusal brings what stands there, and whoever pauses would come back with
/// something old.
const AT_ONCE: u32 = 50;
/// A pause after that, with full jitter, before it is read again.
const PAUSE: Duration = Duration::from_millis(4);

/// The sessions of one kind: what `#[cached_repository(session(…))]` makes methods of.
///
/// Every method fails where the backend cannot be asked, and does not answer for it: a session that nobody can look up is
/// neither admitted nor taken for one that has ended. After an error nobody knows whether a change was made.
#[derive(Debug)]
pub struct Sessions<D: 'static> {
    place: Place,
    space: SessionSpace,
    kind: Arc<Kind<D>>,
    user: fn(&D) -> SessionUser,
}

/// What is asked of the data was asked where they were named: here it would be asked for each method again.
impl<D> Sessions<D> {
    fn of_kind(
        place: Place,
        namespace: &Namespace,
        config: &SessionConfig<D>,
        kind: Arc<Kind<D>>,
    ) -> Result<Self> {
        let space = SessionSpace::new(
            head(namespace, config.name)?,
            config.idle,
            config.absolute,
            config.per_user,
        );
        Ok(Self { place, space, kind, user: config.user })
    }

    /// Begins a session with these data. Where they name a user who then has more sessions than there may be, the one
    /// that was not used for longest ends.
    ///
    /// # Errors
    /// What keeps the backend from answering; [`Codec`](ErrorKind::Codec) for data that cannot be written; where the
    /// operating system has no random numbers.
    pub async fn create(&self, data: &D, client: &Client) -> Result<SessionId> {
        let id = SessionId::random()?;
        let new = NewSession {
            data: self.kind.closed(data)?,
            about: client.to_bytes(),
            user: self.user_in(data)?,
            lives: self.space.absolute(),
        };
        if self.port().session_create(&self.space, id.digest(), &new).await? {
            tracing::debug!(session = ?id, "a session begins");
            return Ok(id);
        }
        Err(Error::new(ErrorKind::Backend, "the new id of a session is taken: try again"))
    }

    /// The session, which counts as used by that. `None`: there is none of this id, it has ended, its data are of
    /// another version of their type, or it is written down as another user's than they name.
    ///
    /// # Errors
    /// What keeps the backend from answering.
    pub async fn get(&self, id: &SessionId) -> Result<Option<Session<D>>> {
        let stored = self.port().session_read(&self.space, id.digest()).await?;
        let Some(stored) = stored else { return Ok(None) };
        Ok(self.opened(&stored, id)?.map(|data| Session::new(data, &stored)))
    }

    /// Counts the session as used; says whether it is alive.
    ///
    /// # Errors
    /// What keeps the backend from answering.
    pub async fn touch(&self, id: &SessionId) -> Result<bool> {
        self.get(id).await.map(|session| session.is_some())
    }

    /// Changes the data, and answers with what `change` answers. Of many who change one session at once, in whatever
    /// processes, none undoes another's change: `change` is called again on the newer data where somebody came before.
    /// One that leaves the data as they are writes nothing. `None`: there is no such session, and there is none
    /// afterwards.
    ///
    /// # Errors
    /// [`NeedsRotation`](ErrorKind::NeedsRotation) where the change makes the session another user's, and
    /// [`Contended`](ErrorKind::Contended) where others came before for five seconds: nothing has then changed.
    /// [`Codec`](ErrorKind::Codec) for data that cannot be written; what keeps the backend from answering.
    pub async fn update<T>(
        &self,
        id: &SessionId,
        mut change: impl FnMut(&mut D) -> T,
    ) -> Result<Option<T>> {
        let _turn = self.kind.turns.wait(id.digest()).await;
        let port = self.port();
        let Some(mut stored) = port.session_read(&self.space, id.digest()).await? else {
            return Ok(None);
        };
        let began = Instant::now();
        for attempt in 0..u32::MAX {
            let Some(mut data) = self.opened(&stored, id)? else { return Ok(None) };
            let answer = change(&mut data);
            if self.user_in(&data)? != stored.user {
                return Err(Error::new(
                    ErrorKind::NeedsRotation,
                    "the change makes the session another user's, who would then have an id that others may know: \
                     change the user with `rotate`, which gives the session a new id",
                ));
            }
            let change = self.change(&stored, &data)?;
            if change.data == stored.data {
                return Ok(Some(answer));
            }
            match port.session_write(&self.space, id.digest(), &change).await? {
                Changed::Done => return Ok(Some(answer)),
                Changed::Gone => return Ok(None),
                Changed::Conflict(newer) => match self.again(id, newer, began, attempt).await? {
                    Some(newest) => stored = newest,
                    None => return Ok(None),
                },
            }
        }
        Err(contended())
    }

    /// Changes the data and gives the session a new id in one step: at a login, a logout that keeps the data, and any
    /// change of what the user may do. From then on the old id is nobody's. Where the user is another one than before, the
    /// absolute limit begins anew; otherwise it goes on. `None`: there is no such session.
    ///
    /// What `change` leaves alone goes along. At a login rotate the session of a visitor only, and take over what a visitor
    /// may choose: over a session that is somebody else's, it would be that user's data and rights.
    ///
    /// # Errors
    /// [`Contended`](ErrorKind::Contended) where others changed it before for five seconds: nothing has then changed.
    /// [`Codec`](ErrorKind::Codec) for data that cannot be written; what keeps the backend from answering: the old id may
    /// then be dead already, and the user has to log in again.
    pub async fn rotate(
        &self,
        id: &SessionId,
        mut change: impl FnMut(&mut D),
    ) -> Result<Option<SessionId>> {
        let _turn = self.kind.turns.wait(id.digest()).await;
        let (port, to) = (self.port(), SessionId::random()?);
        let Some(mut stored) = port.session_read(&self.space, id.digest()).await? else {
            return Ok(None);
        };
        let began = Instant::now();
        for attempt in 0..u32::MAX {
            let Some(mut data) = self.opened(&stored, id)? else { return Ok(None) };
            change(&mut data);
            let user = self.user_in(&data)?;
            let mut change = self.change(&stored, &data)?;
            change.lives = Some(self.space.absolute());
            let (from, to_digest) = (id.digest(), to.digest());
            let moved = port.session_rotate(&self.space, from, to_digest, &change, user.as_ref());
            match moved.await? {
                Changed::Done => {
                    tracing::debug!(session = ?id, to = ?to, "a session has a new id");
                    return Ok(Some(to));
                }
                Changed::Gone => return Ok(None),
                Changed::Conflict(newer) => match self.again(id, newer, began, attempt).await? {
                    Some(newest) => stored = newest,
                    None => return Ok(None),
                },
            }
        }
        Err(contended())
    }

    /// Ends the session; says whether it was alive. A change that is under way cannot bring it back.
    ///
    /// # Errors
    /// What keeps the backend from answering: the session may then live on.
    pub async fn destroy(&self, id: &SessionId) -> Result<bool> {
        let lived = self.port().session_destroy(&self.space, id.digest()).await?;
        tracing::debug!(session = ?id, lived, "a session is ended");
        Ok(lived)
    }

    /// Ends every session of a user, in every process at once and however many they are. Says how many there were, some
    /// of which may have been over already. A login that begins after it is a new session, also where its password was checked
    /// before.
    ///
    /// A user is known by its text, as it would stand in a key: `7_i64`, `7_u8` and `"7"` are the same one.
    ///
    /// # Errors
    /// What keeps the backend from answering: the sessions may then live on. [`Config`](ErrorKind::Config) where no user
    /// is named.
    pub async fn destroy_all<U: Serialize + ?Sized>(&self, user: &U) -> Result<u64> {
        let user = self.named(user)?;
        let ended = self.port().session_destroy_all(&self.space, &user, None).await?;
        tracing::debug!(?user, ended, "all sessions of a user are ended");
        Ok(ended)
    }

    /// Ends every other session of this one's user: after a change of the password, say. Says how many there were. None
    /// where this one has ended, or has no user.
    ///
    /// # Errors
    /// What keeps the backend from answering: the sessions may then live on.
    pub async fn destroy_others(&self, id: &SessionId) -> Result<u64> {
        let port = self.port();
        let stored = port.session_read(&self.space, id.digest()).await?;
        let Some(stored) = stored else { return Ok(0) };
        match (self.opened(&stored, id)?, stored.user) {
            (Some(_), Some(user)) => {
                port.session_destroy_all(&self.space, &user, Some(id.digest())).await
            }
            _ => Ok(0),
        }
    }

    /// Ends one of the sessions that [`list`](Self::list) shows to this user, and no other's; says whether it was alive.
    ///
    /// # Errors
    /// Those of [`destroy_all`](Self::destroy_all).
    pub async fn destroy_listed<U: Serialize + ?Sized>(
        &self,
        user: &U,
        session: &SessionDigest,
    ) -> Result<bool> {
        let user = self.named(user)?;
        self.port().session_destroy_listed(&self.space, &user, session).await
    }

    /// Ends every session of every user, in pieces; says how many keys it removed. For an emergency: a session that is
    /// created meanwhile may stay, and so may one without a user that is given a new id meanwhile.
    ///
    /// # Errors
    /// What keeps the backend from answering: some of the sessions may then live on.
    pub async fn destroy_everyone(&self) -> Result<u64> {
        self.port().session_destroy_everyone(&self.space).await
    }

    /// Removes what is left of sessions that are over, in pieces; says of how many. None of them admits anybody anyway: it
    /// is for the room that they take where sessions are kept in a database. Call it now and then, once an hour say, in
    /// one process or in all. In Redis alone it does nothing, because there it goes by itself.
    ///
    /// # Errors
    /// What keeps the backend from answering.
    pub async fn remove_ended(&self) -> Result<u64> {
        self.port().session_remove_ended(&self.space).await
    }

    /// The sessions of a user that are alive, the one that was used last first. None of them counts as used by that.
    ///
    /// # Errors
    /// What keeps the backend from answering; [`Config`](ErrorKind::Config) where no user is named.
    pub async fn list<U: Serialize + ?Sized>(&self, user: &U) -> Result<Vec<ListedSession>> {
        let user = self.named(user)?;
        let stored = self.port().session_list(&self.space, &user).await?;
        let mut listed: Vec<_> = stored.into_iter().map(ListedSession::from).collect();
        listed.sort_by_key(|session| (std::cmp::Reverse(session.seen), session.digest));
        Ok(listed)
    }

    /// How long a session lives at most, for a cookie's `Max-Age`.
    #[must_use]
    pub fn absolute(&self) -> Duration {
        self.space.absolute()
    }

    /// What the next attempt is made from.
    async fn again(
        &self,
        id: &SessionId,
        newer: StoredSession,
        began: Instant,
        attempt: u32,
    ) -> Result<Option<StoredSession>> {
        if began.elapsed() >= PATIENCE {
            return Err(contended());
        }
        if attempt < AT_ONCE {
            return Ok(Some(newer));
        }
        tokio::time::sleep(PAUSE.mul_f64(fastrand::f64())).await;
        self.port().session_read(&self.space, id.digest()).await
    }

    fn port(&self) -> &dyn SessionBackend {
        self.place.port()
    }

    fn change(&self, stored: &StoredSession, data: &D) -> Result<SessionChange> {
        Ok(SessionChange { from: Some(stored.version), data: self.kind.closed(data)?, lives: None })
    }

    /// The data, unless they are of another version, or name another user than the one whose the session is: no `destroy_all`
    /// of that user would reach it.
    fn opened(&self, stored: &StoredSession, id: &SessionId) -> Result<Option<D>> {
        let Some(data) = self.kind.opened(&stored.data, id) else { return Ok(None) };
        if self.user_in(&data)? == stored.user {
            return Ok(Some(data));
        }
        self.kind.complain_of_user(id);
        Ok(None)
    }

    fn user_in(&self, data: &D) -> Result<Option<UserDigest>> {
        (self.user)(data).digest(&self.space)
    }

    fn named<U: Serialize + ?Sized>(&self, user: &U) -> Result<UserDigest> {
        SessionUser::of(user).digest(&self.space)?.ok_or_else(|| {
            let message =
                "no user was named: an empty text and `None` stand for a session without one";
            Error::new(ErrorKind::Config, message)
        })
    }
}

/// The name that the keys of a kind have in common.
fn head(namespace: &Namespace, name: &str) -> Result<Key> {
    namespace.key().text("session").value(name).finish()
}

fn contended() -> Error {
    let seconds = PATIENCE.as_secs();
    Error::new(
        ErrorKind::Contended,
        format!(
            "others changed the session before this change, for {seconds} seconds: try again, or change it less often"
        ),
    )
}

#[cfg(all(test, feature = "testing", feature = "memory"))]
mod tests;
