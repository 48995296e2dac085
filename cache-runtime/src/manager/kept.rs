//! Sessions that are kept: they stand in Postgres, and the cache is in front of them.
//!
//! Whether a session is alive says Postgres, by its own clock. What it has said stands in the cache, under the protocol
//! of every other entry, at `namespace:session:=name:=digest`: a look-up that began before a session was changed or ended is
//! kept nowhere, and a session that has ended is taken away before its end is committed. Reads are always at the level
//! `Strong`: nothing of a session is in the process.
//!
//! An entry lives until the session's use has to be written down once more, which is a tenth of the idle limit, and never
//! up to the end of the session. So a hit writes nothing, and whatever else went wrong is over after that time.

mod changes;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sqlx::PgPool;

use super::CacheManager;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::mind::{
    Answer, Context, Counters, Flights, Form, Optional, Reader, Renewing, Spec, Timed, Turn, Whole,
    erased,
};
use crate::policy::{Codec, Compression, Level, Policy, Ttl};
use crate::port::{
    BoxFuture, Changed, NewSession, SessionBackend, SessionChange, SessionDigest, SessionSpace,
    StoredListing, StoredSession, UserDigest,
};
use crate::postgres::sessions::{self as rows, Look};
use crate::shape::Shape;
use crate::transaction::detached;

/// What lives for less is not worth a fill.
const LEAST: Duration = Duration::from_secs(1);

/// An entry, or that there is no session, and how long it may stand in the cache.
type Known = Timed<Optional<Whole<Row>>>;

impl CacheManager {
    /// Sessions that are kept in this database, with this manager's cache in front of them: a Redis that loses everything
    /// logs nobody out, and brings nobody back. For [`Sessions::over`](crate::session::Sessions::over), which says how to
    /// use them; `keep = field` in an annotation does it by itself.
    ///
    /// It has to be the database whose [relay](Self::relay) this manager has, and the pool of its primary.
    /// [`migrate`](crate::migrate) makes the table.
    #[must_use]
    pub fn kept_sessions(&self, pool: &PgPool) -> Arc<dyn SessionBackend> {
        Arc::new(Kept { manager: self.clone(), pool: pool.clone() })
    }
}

/// What the sessions of one manager share.
#[derive(Debug)]
pub(super) struct Shared {
    flights: Arc<Flights>,
    shape: Shape,
    reads: Arc<Counters>,
    writes: Arc<Counters>,
}

impl Shared {
    fn new(context: &Context) -> Self {
        let counters = context.beside.of("sessions");
        Self {
            flights: context.new_flights(),
            shape: Known::shape("kept session"),
            reads: counters.read("get"),
            writes: counters.write(),
        }
    }
}

/// The sessions of one database behind one manager.
#[derive(Clone)]
struct Kept {
    manager: CacheManager,
    pool: PgPool,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("manager", &self.manager).finish_non_exhaustive()
    }
}

/// What stands in the cache: a session that was alive, and the limits by which it was. Whoever has others takes nobody's
/// word for it.
#[derive(Debug, Serialize, Deserialize)]
struct Row {
    data: Vec<u8>,
    version: u64,
    user: Option<[u8; 32]>,
    created: u64,
    seen: u64,
    ends: u64,
    limits: (u64, u64),
}

impl Row {
    fn of(session: StoredSession, space: &SessionSpace) -> Self {
        let StoredSession { data, version, user, created, seen, ends } = session;
        let user = user.map(|user| *user.as_bytes());
        Self { data: data.into(), version, user, created, seen, ends, limits: limits(space) }
    }

    fn into_session(self) -> StoredSession {
        let Self { data, version, user, created, seen, ends, .. } = self;
        let user = user.map(UserDigest::from_bytes);
        StoredSession { data: data.into(), version, user, created, seen, ends }
    }
}

/// Idle and absolute, in milliseconds.
fn limits(space: &SessionSpace) -> (u64, u64) {
    (millis(space.idle()), millis(space.absolute()))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// How long what was found may stand in the cache.
fn lifetime(look: &Look, session: &StoredSession, space: &SessionSpace, policy: &Policy) -> Ttl {
    let since = |then: u64| Duration::from_millis(then.saturating_sub(look.now));
    // A fill comes as late as its lease lives, and nobody knows by how much: it must not carry a session past its end.
    let alive = since(look.until.min(session.ends)).saturating_sub(policy.lease_ttl);
    let unwritten = since(session.seen + millis(space.idle()) / 10);
    let time = match policy.ttl {
        Ttl::After(most) => alive.min(unwritten).min(most),
        Ttl::Forever => alive.min(unwritten),
    };
    // Nor may the share by which every lifetime is moved.
    let time = time.div_f64(1.0 + policy.jitter.clamp(0.0, 1.0));
    Ttl::After(if time < LEAST { Duration::ZERO } else { time })
}

impl Kept {
    fn context(&self) -> &Arc<Context> {
        &self.manager.0.context
    }

    fn shared(&self) -> &Shared {
        self.manager.0.kept.get_or_init(|| Shared::new(self.context()))
    }

    /// Where a session stands in the cache.
    fn key(&self, space: &SessionSpace, id: &SessionDigest) -> Result<Key> {
        let (head, namespace) = (space.head(), &self.context().namespace);
        if !namespace.owns(head.as_str()) {
            let message = format!(
                "sessions that are kept stand in the namespace of their manager, {namespace}, and these are of {}: give its own",
                head.namespace()
            );
            return Err(Error::new(ErrorKind::Config, message));
        }
        Ok(Key::from_text(&format!("{head}:={id}")))
    }

    fn spec(&self, space: &SessionSpace, id: &SessionDigest) -> Result<Spec> {
        let policy = &self.context().policy;
        let mut shape = self.shared().shape;
        // What was alive by other limits is a miss.
        let (idle, absolute) = limits(space);
        for limit in [idle, absolute] {
            shape.fingerprint =
                (shape.fingerprint ^ limit).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
        }
        Ok(Spec {
            key: self.key(space, id)?,
            tags: Vec::new(),
            ttl: policy.ttl,
            // Whoever makes up ids gets nothing kept.
            negative_ttl: Ttl::After(Duration::ZERO),
            codec: Codec::Postcard,
            // What a session has of its user beside what others may have put there should not show in its size.
            compression: Compression::None,
            shape,
            form: Form::of::<Known>(),
            level: match Level::Strong.here() {
                Level::Database => Level::Database,
                _ => Level::Strong,
            },
            stale_for: Duration::ZERO,
            soft_timeout: Duration::ZERO,
            renewing: Renewing::default(),
            process_only: false,
        })
    }

    async fn read(
        &self,
        space: &SessionSpace,
        id: &SessionDigest,
    ) -> Result<Option<StoredSession>> {
        let (shared, spec) = (self.shared(), self.spec(space, id)?);
        let is_over = Arc::new(AtomicBool::new(false));
        let load = |turn: Turn| {
            let (this, space, id) = (self.clone(), space.clone(), *id);
            let is_over = Arc::clone(&is_over);
            erased::<Known, _>(run(turn.during(async move {
                let mut on = this.pool.acquire().await?;
                let mut look = rows::used(&mut on, &space, &id).await?;
                is_over.store(look.is_over, Ordering::Relaxed);
                let session = look.session.take();
                let ttl = session
                    .as_ref()
                    .map(|session| lifetime(&look, session, &space, &this.context().policy));
                Ok((session.map(|session| Row::of(session, &space)), ttl))
            })))
        };
        let reader = Reader {
            context: self.context(),
            flights: &shared.flights,
            counters: &shared.reads,
            cap: None,
        };
        let sharing = self.manager.0.shelf.sharing::<Error>();
        let answer = reader.read(&spec, sharing, (load, None)).await?;
        let (found, _) = answer.into_answer::<Known>();
        if is_over.load(Ordering::Relaxed) {
            self.clone().end_what_is_over(space, id).await;
        }
        match found {
            // Somebody with other limits was looking at the same time.
            Some(row) if row.limits != limits(space) => self.read_past(space, id).await,
            found => Ok(found.map(Row::into_session)),
        }
    }

    /// Looks, and keeps nothing.
    async fn read_past(
        &self,
        space: &SessionSpace,
        id: &SessionDigest,
    ) -> Result<Option<StoredSession>> {
        let (pool, space, id) = (self.pool.clone(), space.clone(), *id);
        run(async move {
            let mut on = pool.acquire().await?;
            Ok(rows::used(&mut on, &space, &id).await?.session)
        })
        .await
    }
}

/// Runs to its end, whoever waits for it.
async fn run<T: Send + 'static>(
    work: impl Future<Output = sqlx::Result<T>> + Send + 'static,
) -> Result<T> {
    detached(work).await.map_err(rows::failed)
}

impl SessionBackend for Kept {
    fn session_create<'a>(
        &'a self,
        space: &'a SessionSpace,
        id: &'a SessionDigest,
        new: &'a NewSession,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(run(self.clone().create(space.clone(), *id, new.clone())))
    }

    fn session_read<'a>(
        &'a self,
        space: &'a SessionSpace,
        id: &'a SessionDigest,
    ) -> BoxFuture<'a, Result<Option<StoredSession>>> {
        Box::pin(self.read(space, id))
    }

    fn session_write<'a>(
        &'a self,
        space: &'a SessionSpace,
        id: &'a SessionDigest,
        change: &'a SessionChange,
    ) -> BoxFuture<'a, Result<Changed>> {
        Box::pin(run(self.clone().write(space.clone(), *id, change.clone())))
    }

    fn session_rotate<'a>(
        &'a self,
        space: &'a SessionSpace,
        id: &'a SessionDigest,
        to: &'a SessionDigest,
        change: &'a SessionChange,
        user: Option<&'a UserDigest>,
    ) -> BoxFuture<'a, Result<Changed>> {
        let (change, user) = (change.clone(), user.copied());
        Box::pin(run(self.clone().rotate(space.clone(), (*id, *to), change, user)))
    }

    fn session_destroy<'a>(
        &'a self,
        space: &'a SessionSpace,
        id: &'a SessionDigest,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(run(self.clone().destroy(space.clone(), *id, None)))
    }

    fn session_destroy_listed<'a>(
        &'a self,
        space: &'a SessionSpace,
        user: &'a UserDigest,
        id: &'a SessionDigest,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(run(self.clone().destroy(space.clone(), *id, Some(*user))))
    }

    fn session_destroy_all<'a>(
        &'a self,
        space: &'a SessionSpace,
        user: &'a UserDigest,
        but: Option<&'a SessionDigest>,
    ) -> BoxFuture<'a, Result<u64>> {
        Box::pin(run(self.clone().destroy_all(space.clone(), *user, but.copied())))
    }

    fn session_list<'a>(
        &'a self,
        space: &'a SessionSpace,
        user: &'a UserDigest,
    ) -> BoxFuture<'a, Result<Vec<StoredListing>>> {
        let (pool, space, user) = (self.pool.clone(), space.clone(), *user);
        Box::pin(run(async move {
            let mut on = pool.acquire().await?;
            rows::list(&mut on, &space, &user).await
        }))
    }

    fn session_destroy_everyone<'a>(
        &'a self,
        space: &'a SessionSpace,
    ) -> BoxFuture<'a, Result<u64>> {
        Box::pin(run(self.clone().destroy_everyone(space.clone())))
    }

    fn session_remove_ended<'a>(&'a self, space: &'a SessionSpace) -> BoxFuture<'a, Result<u64>> {
        let (pool, space) = (self.pool.clone(), space.clone());
        Box::pin(run(async move {
            let (mut on, mut removed) = (pool.acquire().await?, 0);
            loop {
                let some = rows::remove_ended(&mut on, &space).await?;
                removed += some;
                if some < rows::CHUNK.unsigned_abs() {
                    return Ok(removed);
                }
            }
        }))
    }
}

#[cfg(test)]
mod tests;
