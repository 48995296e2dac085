//! The cache: bytes at keys, and the atomic steps of the coherence protocol.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::survey::{Survey, SurveyFrom};
use super::{
    BoxFuture, Counters, Hashes, Keyspace, Lists, Pipelines, RateLimits, SessionBackend, Sets,
    Watched, WriteQueue,
};
use crate::entry::{Mark, Token};
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Namespace, Prefix};
use crate::policy::{Remaining, Ttl};

/// A store of bytes by key, with lifetimes.
///
/// Absent is an answer, never an error. Every method takes effect whole or not at all for each key; a batch is not
/// atomic across its keys. An implementation bounds the time of each call itself (the Redis hand: 250 ms), and a
/// dropped future leaves nothing behind that a later call could take for its own answer.
///
/// Values that a program stores here itself should stay out of the keys that repositories use: those hold
/// [entries](crate::entry), and are changed through [`CoherentCache`] alone.
pub trait Cache: Debug + Send + Sync + 'static {
    /// The bytes at `key`.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) where something other than bytes stands at the key, and whatever
    /// keeps the backend from answering.
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Bytes>>>;

    /// Puts `value` at `key`, whatever was there, of whatever type. A zero TTL removes the key.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering.
    fn set<'a>(&'a self, key: &'a Key, value: Bytes, ttl: Ttl) -> BoxFuture<'a, Result<()>>;

    /// Puts `value` at `key` if nothing stands there, of whatever type; says whether it did. With a zero TTL nothing is
    /// put there, and the answer is the same.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering.
    fn set_if_absent<'a>(
        &'a self,
        key: &'a Key,
        value: Bytes,
        ttl: Ttl,
    ) -> BoxFuture<'a, Result<bool>>;

    /// Removes `key`, and gives the bytes that stood there: of several callers one gets them.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) where something other than bytes stands at the key, which stays; and
    /// whatever keeps the backend from answering.
    fn take<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Bytes>>>;

    /// Removes `key`; says whether it was there.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering.
    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>>;

    /// Whether `key` is there.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering.
    fn exists<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>>;

    /// Gives `key` a new lifetime, [`Ttl::Forever`] included; a zero TTL removes it. Says whether it was there.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering.
    fn expire<'a>(&'a self, key: &'a Key, ttl: Ttl) -> BoxFuture<'a, Result<bool>>;

    /// Makes `key` live for ever; says whether it had a lifetime until now. An absent key has none.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering.
    fn persist<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>>;

    /// What is left of the life of `key`.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering.
    fn ttl<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Remaining>>;

    /// The bytes at each of `keys`, in their order; a key that holds another type counts as absent. Nothing is asked
    /// of the backend for no keys.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering.
    fn get_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Bytes>>>>;

    /// Puts each value at its key, all with one TTL.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering; some of the keys may then be set.
    fn set_many<'a>(&'a self, entries: &'a [(Key, Bytes)], ttl: Ttl) -> BoxFuture<'a, Result<()>>;

    /// Removes all of `keys`; says how many were there.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering; some of the keys may then be gone.
    fn delete_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<u64>>;

    /// Asks the backend for a sign of life.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering.
    fn ping(&self) -> BoxFuture<'_, Result<()>>;

    /// Removes every key of `namespace` and nothing else; says how many it removed. Keys that are set meanwhile may
    /// stay.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering; some of the keys may then be gone.
    fn clear<'a>(&'a self, namespace: &'a Namespace) -> BoxFuture<'a, Result<u64>>;

    /// Lets go of connections and memory. Every later call that asks for something fails with
    /// [`Closed`](crate::ErrorKind::Closed); closing twice is fine.
    ///
    /// # Errors
    /// Whatever keeps the backend from closing in order; it is closed all the same.
    fn close(&self) -> BoxFuture<'_, Result<()>>;

    /// Its counters; `None` for a backend without, as are all of these unless they are written.
    fn counters(&self) -> Option<&dyn Counters> {
        None
    }

    /// Its lists.
    fn lists(&self) -> Option<&dyn Lists> {
        None
    }

    /// Its sets.
    fn sets(&self) -> Option<&dyn Sets> {
        None
    }

    /// Its hashes.
    fn hashes(&self) -> Option<&dyn Hashes> {
        None
    }

    /// Its keys by pattern.
    fn keyspace(&self) -> Option<&dyn Keyspace> {
        None
    }

    /// Its way of taking many commands in one go.
    fn pipelines(&self) -> Option<&dyn Pipelines> {
        None
    }

    /// Its sessions.
    fn sessions(&self) -> Option<&dyn SessionBackend> {
        None
    }

    /// What it says of itself.
    fn watched(&self) -> Option<&dyn Watched> {
        None
    }

    /// Its rate limits.
    fn limits(&self) -> Option<&dyn RateLimits> {
        None
    }
}

/// The atomic steps of the coherence protocol, on top of [`Cache`].
///
/// What stands at a key is an [entry](crate::entry): a value, a lease or a hold; absent is the fourth state. Each step
/// is atomic for each key. In a batch each key stands for itself, taken in the batch's order: what happens to one never
/// changes another's outcome. A time to live of zero counts as a millisecond.
pub trait CoherentCache: Cache {
    /// Takes a lease for each request, where the key is absent, or still bears exactly the bytes that the request
    /// means to replace, which are never those of a hold. Called by a reader after it found the key so; a lease that is
    /// granted stands until it is filled, abandoned, held over, or `ttl` has passed. One that has replaced something
    /// announces its key on the stream: what is kept of it elsewhere is about to be renewed.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering; leases may then have been taken, and run out by themselves.
    fn lease<'a>(
        &'a self,
        requests: &'a [LeaseRequest],
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Vec<LeaseOutcome>>>;

    /// Puts each value at its key if the very lease that it names still stands there; says for each whether it stands
    /// there now. A value that the backend has no room for may be refused like one without a lease; the key is then
    /// absent.
    /// Called after the load; a lease that is gone means that a writer came between, and the value must be dropped.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering.
    fn fill<'a>(&'a self, fills: &'a [Fill]) -> BoxFuture<'a, Result<Vec<bool>>>;

    /// Puts each value at its key if the very value that it names still stands there, with the new value's lifetime; says
    /// for each whether it stands there now. Called by a reader that loaded while the value before was being served: where
    /// that value is gone, a writer or another reader came between, and what was loaded must be dropped. Announces
    /// nothing: what is kept of the value before elsewhere is older, and not wrong. A value that the backend has no room
    /// for may be refused; the key is then absent.
    ///
    /// Unless this method is written it is done in two steps, a lease over the value and a fill: as safe, but readers miss
    /// in between, and the lease is announced; a backend that has a stream writes it.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering.
    fn replace<'a>(&'a self, replacements: &'a [Replacement]) -> BoxFuture<'a, Result<Vec<bool>>> {
        Box::pin(async move {
            let mut stands = Vec::with_capacity(replacements.len());
            for replacement in replacements {
                stands.push(replacement.in_two_steps(self).await?);
            }
            Ok(stands)
        })
    }

    /// Takes the lease of `token` away from each key where it still stands, so that the next reader need not wait for
    /// it to run out. Called when a load failed or its caller went away.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering.
    fn abandon<'a>(&'a self, keys: &'a [Key], token: Token) -> BoxFuture<'a, Result<()>>;

    /// Sets the writer's token at each key: value and lease are gone, other writers' live tokens stay. Called before
    /// the commit, for every key that the commit changes; called again with the same token it renews the deadline.
    ///
    /// # Errors
    /// [`WrongType`](crate::ErrorKind::WrongType) where a value of another data type stands at a key: it is not ours to
    /// remove.
    /// Any error means that not every key is held, and the commit must not be sent as if they were.
    fn hold<'a>(
        &'a self,
        keys: &'a [Key],
        token: Token,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<()>>;

    /// Takes the writer's token out of each key. Where it was the last, or where no hold stands any more, whatever is
    /// at the key is removed. Called after the commit or the rollback.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering; the caller tries again until the hold has run out by itself.
    fn release<'a>(
        &'a self,
        keys: &'a [Key],
        token: Token,
    ) -> BoxFuture<'a, Result<Vec<ReleaseOutcome>>>;

    /// The bytes at `key`, as [`get_many`](Cache::get_many) gives them: what a reader asks first. A backend may send it
    /// together with the reads of others, where that costs nobody anything.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering.
    fn read<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Bytes>>> {
        self.get(key)
    }

    /// The bytes at each of `keys` as [`get_many`](Cache::get_many) gives them, each with what is left of its life.
    /// Called by a reader that will keep the value elsewhere for as long as it lives here. The two may be of different
    /// moments, the bytes of the earlier one.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering.
    fn get_live<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Live>>> {
        Box::pin(async move {
            let found = self.get_many(keys).await?;
            let mut live = Vec::with_capacity(found.len());
            for (key, bytes) in keys.iter().zip(found) {
                live.push(match bytes {
                    Some(bytes) => Some((bytes, self.ttl(key).await?)),
                    None => None,
                });
            }
            Ok(live)
        })
    }

    /// Takes the value that stands at each of `keys` away, and answers with it and with what was left of its life: of
    /// many who ask at once, one gets it. What is no value, a lease, a hold or bytes that begin like neither, stays and
    /// counts as absent. Each key is announced on the stream, whatever stood there, together with its removal: what is
    /// kept of it elsewhere is not to be had any more either.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering; some of the values may then be gone, and nobody has them.
    fn pull<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Live>>>;

    /// Does what [`release`](Self::release) with a token that nobody has does, to every key that begins with `prefix`,
    /// and announces [`Everything`](Heard::Everything) on the stream before and after. Says how many keys it removed;
    /// keys that are set meanwhile may stay.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering; some of the keys may then be gone.
    fn sweep<'a>(&'a self, prefix: &'a Prefix) -> BoxFuture<'a, Result<u64>>;

    /// Opens the stream of the namespace's invalidations. [`hold`](Self::hold) announces its keys on it before it
    /// answers; [`release`](Self::release) those whose hold was gone, together with their removal, as
    /// [`pull`](Self::pull) does with all of its keys; a [`clear`](Cache::clear), a [`sweep`](Self::sweep) and a
    /// [`delete_matching`](crate::Keyspace::delete_matching) announce everything. What is announced after this call has
    /// answered is heard, in order, or the stream ends with an error.
    ///
    /// A backend that has none answers with [`Unsupported`](ErrorKind::Unsupported), as it does unless this method is
    /// written: there is then no tier in the process, and [`Level::Bounded`](crate::Level::Bounded) reads are answered
    /// by the backend.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering.
    fn invalidations<'a>(
        &'a self,
        namespace: &'a Namespace,
    ) -> BoxFuture<'a, Result<Box<dyn InvalidationStream>>> {
        let _ = namespace;
        Box::pin(async {
            Err(Error::new(ErrorKind::Unsupported, "the backend announces no invalidations"))
        })
    }

    /// The queue of a write-behind of this name, on the same backend. What is acknowledged there outlives the process,
    /// and even the backend, exactly where the backend's own data does.
    ///
    /// A backend that has none answers with [`Unsupported`](ErrorKind::Unsupported), as it does unless this method is
    /// written.
    ///
    /// # Errors
    /// See above; nothing is asked of the backend yet.
    fn write_queue(&self, name: &Key) -> Result<Arc<dyn WriteQueue>> {
        let _ = name;
        Err(Error::new(ErrorKind::Unsupported, "the backend has no queue for a write-behind"))
    }

    /// A piece of a survey of the namespace's keys. A key that is there all the while is passed at least once; one that
    /// comes or goes meanwhile may be, and one may be passed twice where the backend moves its keys about. Looking at
    /// keys makes none of them count as used, as far as the backend can help it, and keeps nobody else waiting for more
    /// than a few milliseconds.
    ///
    /// A backend that cannot tell answers with [`Unsupported`](ErrorKind::Unsupported), as it does unless this method is
    /// written.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering.
    fn survey<'a>(
        &'a self,
        namespace: &'a Namespace,
        from: SurveyFrom,
    ) -> BoxFuture<'a, Result<Survey>> {
        let _ = (namespace, from);
        Box::pin(async {
            Err(Error::new(ErrorKind::Unsupported, "the backend does not tell what stands in it"))
        })
    }

    /// Which life of its data the backend is in: another number once the data may have gone back in time, as after a
    /// restart or a failover. It changes before the first answer out of the new life. A backend whose data cannot go
    /// back has only one.
    fn era(&self) -> u64 {
        0
    }

    /// Which connection the backend is at: another number whenever it was out of reach in between. It changes before
    /// the first answer of the new connection.
    fn session(&self) -> u64 {
        0
    }
}

/// The invalidations of one namespace, in the order in which they were announced.
pub trait InvalidationStream: Debug + Send {
    /// Waits for the next. Dropped before it is done, it loses nothing.
    ///
    /// # Errors
    /// The stream is lost: what was announced since the last answer may never be heard.
    fn next(&mut self) -> BoxFuture<'_, Result<Heard>>;

    /// Sends a beat through the backend that comes back on this stream alone, behind everything that was announced
    /// before it was sent: it proves that nothing is missing up to here.
    ///
    /// # Errors
    /// Whatever keeps the backend from taking it.
    fn beat(&mut self, number: u64) -> BoxFuture<'_, Result<()>>;
}

/// What an [`InvalidationStream`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// What stands at these keys is not what it was.
    Keys(Vec<Key>),
    /// Nothing that is kept of the namespace can be trusted.
    Everything,
    /// The beat of this number has come back.
    Beat(u64),
}

/// What stands at a key, and what is left of its life; `None` where nothing does.
pub type Live = Option<(Bytes, Remaining)>;

/// One key that a reader wants to fill.
#[derive(Clone, Debug)]
pub struct LeaseRequest {
    /// The key.
    pub key: Key,
    /// The reader's token.
    pub token: Token,
    /// What the lease may replace: `None` means that the key must be absent, `Some` that it must bear these bytes
    /// (an undecodable entry, or a value that is to be refreshed).
    pub over: Option<Bytes>,
}

/// What became of a [`LeaseRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseOutcome {
    /// The lease stands: load, then fill.
    Granted,
    /// This stands at the key instead.
    Taken(Bytes),
    /// The key was to be replaced and is absent now.
    Gone,
    /// The backend refused this key alone: a value of another data type stands there.
    Refused(ErrorKind),
}

/// One value that a reader loaded under a lease.
#[derive(Clone, Debug)]
pub struct Fill {
    /// The key.
    pub key: Key,
    /// The token of the lease it was loaded under.
    pub token: Token,
    /// The whole entry, header included.
    pub entry: Bytes,
    /// How long it lives. Never zero: what is not to be stored is abandoned instead.
    pub ttl: Ttl,
}

/// One value that a reader loaded while another one stood.
#[derive(Clone, Debug)]
pub struct Replacement {
    /// The key.
    pub key: Key,
    /// The value that it was to take the place of when it was loaded.
    pub over: Mark,
    /// The whole entry, header included.
    pub entry: Bytes,
    /// How long it lives. Never zero.
    pub ttl: Ttl,
}

impl Replacement {
    /// A lease that lives so long is filled at once, or its holder has died.
    const BETWEEN: Duration = Duration::from_secs(1);

    async fn in_two_steps<C: CoherentCache + ?Sized>(&self, cache: &C) -> Result<bool> {
        let found = cache.get(&self.key).await?;
        let Some(found) = found.filter(|found| Mark::of(found) == Some(self.over)) else {
            return Ok(false);
        };
        let (key, token) = (self.key.clone(), Token::new());
        let request = [LeaseRequest { key, token, over: Some(found) }];
        if cache.lease(&request, Self::BETWEEN).await?.pop() != Some(LeaseOutcome::Granted) {
            return Ok(false);
        }
        let (key, entry, ttl) = (self.key.clone(), self.entry.clone(), self.ttl);
        let filled = cache.fill(&[Fill { key, token, entry, ttl }]).await?;
        Ok(filled.first() == Some(&true))
    }
}

/// What became of a writer's hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleaseOutcome {
    /// The hold stood, and was taken out.
    Released,
    /// The hold was gone: it had run out, or the server lost it.
    WasGone,
}
