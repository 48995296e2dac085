//! Events: what happened, said in the application's own words, and what of the cache it makes wrong.

mod builder;
mod effects;
mod stats;
mod work;

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

pub use self::builder::EventBusBuilder;
pub use self::effects::Effects;
#[cfg(feature = "postgres")]
pub(crate) use self::effects::Target;
pub use self::stats::EventStats;
use self::stats::Tally;
use super::CacheManager;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::port::{DeadLetter, NewWrite, QueueBacklog, WriteQueue};
#[cfg(feature = "postgres")]
use crate::transaction::CacheTransaction;

/// Something that happened, which makes a part of the cache wrong.
///
/// ```
/// use cache_runtime::Event;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct CityRenamed {
///     id: i64,
/// }
///
/// impl Event for CityRenamed {
///     const NAME: &'static str = "geo.city.renamed";
/// }
/// ```
pub trait Event: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What the event is called where it is sent to other processes, which may be older or newer: another name is another
    /// event. What it carries is JSON there, so fields may be added that have a default.
    const NAME: &'static str;
}

/// Handlers of events, and the way to them: [`CacheManager::events`].
///
/// | call | who handles the event | what holds when it returns |
/// |---|---|---|
/// | [`publish`](Self::publish) | the handlers of this process | the invalidations are made, as those of [`CacheManager::invalidate_tags`] are |
/// | [`publish_in`](Self::publish_in) | the same | nothing yet; the keys are held before the transaction's commit and released after it, and nothing happens if it is rolled back |
/// | [`send`](Self::send) | one of the processes that have a worker on the same stream | the event is in the backend, and will be handled at least once |
///
/// The invalidations reach every process of the namespace, whoever handles the event: keys and tags are removed in the
/// backend, and the tiers in the processes hear of it. So an event of a program that shares the cache is `publish`ed, and
/// one that is for another program's handlers is `send`t.
///
/// An event says that something *has* happened. Published or sent before the commit of the change that it speaks of, its
/// invalidation may come before the commit, too, and what it removed be loaded again from the old state.
///
/// ```
/// use cache_runtime::{CacheManager, Cached, Event};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct PricesChanged {
///     category: String,
/// }
///
/// impl Event for PricesChanged {
///     const NAME: &'static str = "shop.prices.changed";
/// }
///
/// # async fn example() -> cache_runtime::Result<()> {
/// let cache = CacheManager::builder("shop").memory().build()?;
/// let events = cache
///     .events()
///     .on::<PricesChanged>(|event, it| it.tag(&format!("prices:{}", event.category)).item("cheapest"))
///     .stream("shop")
///     .spawn()?;
///
/// cache.set("cheapest", &7, std::time::Duration::from_secs(60)).await?;
/// events.publish(&PricesChanged { category: "tea".to_owned() }).await?;
/// assert_eq!(cache.get::<i32>("cheapest").await?, Cached::Miss);
///
/// // For whichever process comes first; here it is this one.
/// events.send(&PricesChanged { category: "tea".to_owned() }).await?;
/// events.flush().await?;
/// assert_eq!(events.stats().handled, 1);
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
///
/// Cheap to clone. When the last clone is dropped its worker stops after the event that it is at.
#[derive(Clone)]
pub struct EventBus {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    worker: Mutex<Option<Worker>>,
}

struct Worker {
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

struct Shared {
    manager: CacheManager,
    handlers: BTreeMap<&'static str, Kind>,
    stream: Option<Stream>,
    options: builder::Options,
    tally: Tally,
    /// Something was sent here, or somebody waits for what was.
    poke: Notify,
}

struct Stream {
    name: Key,
    queue: Arc<dyn WriteQueue>,
}

type Handler = Box<dyn Fn(&dyn Any, Effects) -> Effects + Send + Sync>;

/// One type of events, and what is to be done about them.
struct Kind {
    read: fn(&[u8]) -> Result<Box<dyn Any + Send>>,
    handlers: Vec<Handler>,
}

/// How often a flush looks.
const LOOK: std::time::Duration = std::time::Duration::from_millis(2);

impl EventBus {
    fn new(shared: Arc<Shared>, worker: Option<Worker>) -> Self {
        Self { inner: Arc::new(Inner { shared, worker: Mutex::new(worker) }) }
    }

    /// Lets the handlers of this process say what the event makes wrong, and invalidates it. Once this has returned, a
    /// read that begins finds nothing that was cached before the call, nor that was being loaded then: in this process at
    /// every level, in the others at `Strong`, and at `Bounded(t)` within `t`. Of rows that is so of what their cached and
    /// their stored state is found by, as with a repository's `invalidate`: a look-up that only an older state had stays to
    /// its TTL.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) for an event without a handler here. What kept the backend, or the database where rows
    /// are invalidated, from answering: the rest was done all the same, and to publish the event again does it once more.
    /// Where the cache is away, there is a relay and the policy is `Outbox`, what is known of rows has been left in the
    /// outbox; it is an error all the same, because what only the cache knows of them, and items and tags, were not.
    pub async fn publish<E: Event>(&self, event: &E) -> Result<()> {
        let shared = &*self.inner.shared;
        let effects = shared.effects(event)?;
        effects.apply(&shared.manager).await?;
        shared.tally.add(|stats| stats.published += 1);
        Ok(())
    }

    /// The same with the commit of a transaction: what the event makes wrong is held before the commit, and released after
    /// it, like the keys of rows that repositories change. Rolled back, also to a savepoint before this call, nothing of it
    /// happens.
    ///
    /// Rows are read in the transaction, out of the cache, and as others see them, so that lists and look-ups of the old
    /// and of the new state are known: call it after the statements that the event speaks of.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config), found by [`Error::of`], for an event without a handler here, and for a pattern, which
    /// nobody can hold: give what it means a tag. Those of the database. The transaction then refuses to commit.
    #[cfg(feature = "postgres")]
    pub async fn publish_in<E: Event>(
        &self,
        transaction: &mut CacheTransaction,
        event: &E,
    ) -> sqlx::Result<()> {
        let shared = &*self.inner.shared;
        transaction.changing();
        let touched = match shared.effects(event) {
            Ok(effects) => effects.touch(&shared.manager, transaction).await,
            Err(error) => Err(error.into()),
        };
        touched.inspect_err(|error| transaction.refused(error))?;
        transaction.settled();
        shared.tally.add(|stats| stats.published += 1);
        Ok(())
    }

    /// Leaves the event in the stream, for one of the processes that have a worker on it: this one may be among them. It
    /// stays there until somebody has handled it, whoever dies meanwhile, and may be handled more than once.
    ///
    /// While a worker lives and the backend answers, it is handled some 20 ms later.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) where the bus has no stream. [`QueueFull`](ErrorKind::QueueFull), at once, where as many
    /// events and dead letters are there as may. [`Codec`](ErrorKind::Codec) for an event that cannot be written as JSON, or
    /// is longer than the policy's `max_value_bytes`. What keeps the backend from answering: the event may be there all
    /// the same, and to send it again is harmless. Nothing is kept in this process for later.
    pub async fn send<E: Event>(&self, event: &E) -> Result<()> {
        let shared = &*self.inner.shared;
        let stream = shared.stream()?;
        let payload = serde_json::to_vec(event).map_err(|error| {
            let message = format!("the event {} cannot be written as JSON", E::NAME);
            Error::new(ErrorKind::Codec, message).because(error)
        })?;
        let most = shared.manager.policy().max_value_bytes;
        if payload.len() > most {
            let message = format!(
                "the event {} takes {} bytes, more than the {most} that max_value_bytes allows: let it name what has changed, and \
                 not carry it",
                E::NAME,
                payload.len()
            );
            return Err(Error::new(ErrorKind::Codec, message));
        }
        let letter = NewWrite {
            // Each has a key of its own: the queue keeps them apart by it.
            key: shared.manager.key().text("event").value(&unique()).finish()?,
            id: Bytes::from_static(E::NAME.as_bytes()),
            value: Some(payload.into()),
        };
        stream.queue.enqueue(&letter, shared.options.bound).await.map_err(|error| {
            if error.kind() != ErrorKind::QueueFull {
                return error;
            }
            let message = format!(
                "the stream of events is full, with {} of them and dead letters among them: find out why nobody handles them, \
                 or raise the bound",
                shared.options.bound
            );
            Error::new(ErrorKind::QueueFull, message).because(error)
        })?;
        shared.tally.add(|stats| stats.sent += 1);
        shared.poke.notify_one();
        Ok(())
    }

    /// Waits until all that was sent before this call, by whomever, has been handled or has become a dead letter; for ever,
    /// where nobody works.
    ///
    /// # Errors
    /// Where the bus has no stream, and what keeps the backend from answering.
    pub async fn flush(&self) -> Result<()> {
        let queue = &self.inner.shared.stream()?.queue;
        let head = queue.head().await?;
        while queue.waits(head).await? {
            self.inner.shared.poke.notify_one();
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Stops the worker after the event that it is at, and gives back what it has taken and not handled.
    pub async fn stop(&self) {
        let worker = self.inner.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(worker) = worker {
            let _ = worker.stop.send(());
            // A worker that panicked has stopped as well.
            let _ = worker.task.await;
        }
    }

    /// How many events wait, for how long, and how many dead letters there are, whoever sent them.
    ///
    /// # Errors
    /// Where the bus has no stream, and what keeps the backend from answering.
    pub async fn backlog(&self) -> Result<QueueBacklog> {
        self.inner.shared.stream()?.queue.backlog().await
    }

    /// Events that nobody could handle, the oldest first, `most` of them at most: `id` is the event's name, `value` what it
    /// carries, `reason` why.
    ///
    /// # Errors
    /// Where the bus has no stream, and what keeps the backend from answering.
    pub async fn dead_letters(&self, most: usize) -> Result<Vec<DeadLetter>> {
        self.inner.shared.stream()?.queue.dead_letters(most).await
    }

    /// Puts a dead letter back into the stream; says whether it was there.
    ///
    /// # Errors
    /// Where the bus has no stream, and what keeps the backend from answering.
    pub async fn retry(&self, letter: &DeadLetter) -> Result<bool> {
        let there = self.inner.shared.stream()?.queue.retry(&letter.letter).await?;
        self.inner.shared.poke.notify_one();
        Ok(there)
    }

    /// Removes a dead letter for good; says whether it was there.
    ///
    /// # Errors
    /// Where the bus has no stream, and what keeps the backend from answering.
    pub async fn discard(&self, letter: &DeadLetter) -> Result<bool> {
        self.inner.shared.stream()?.queue.discard(&letter.letter).await
    }

    /// What this process has done so far.
    #[must_use]
    pub fn stats(&self) -> EventStats {
        self.inner.shared.tally.snapshot()
    }
}

impl Shared {
    /// What the handlers say.
    fn effects<E: Event>(&self, event: &E) -> Result<Effects> {
        match self.handlers.get(E::NAME) {
            Some(kind) => Ok(kind.effects(event, &self.manager)),
            None => Err(Error::new(
                ErrorKind::Config,
                format!(
                    "nobody handles the event {} here: say what it invalidates with `on`, or `send` it to those who know",
                    E::NAME
                ),
            )),
        }
    }

    fn stream(&self) -> Result<&Stream> {
        self.stream.as_ref().ok_or_else(|| {
            Error::new(
                ErrorKind::Config,
                "the bus has no stream: name the one that its processes share with `stream`",
            )
        })
    }
}

impl Kind {
    fn effects(&self, event: &dyn Any, manager: &CacheManager) -> Effects {
        let none = Effects::new(manager);
        self.handlers.iter().fold(none, |effects, handler| handler(event, effects))
    }
}

/// 128 bits at random.
fn unique() -> String {
    format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..))
}

impl CacheManager {
    /// Begins a bus of events over this manager.
    pub fn events(&self) -> EventBusBuilder {
        EventBusBuilder::new(self)
    }
}

impl fmt::Debug for EventBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = &self.inner.shared;
        f.debug_struct("EventBus")
            .field("events", &shared.handlers.keys())
            .field("stream", &shared.stream.as_ref().map(|stream| &stream.name))
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
