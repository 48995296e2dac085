//! How a bus of events is set up.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::work::Work;
use super::{Effects, Event, EventBus, Handler, Kind, Shared, Stream, Worker};
use crate::error::{Error, ErrorKind, Result};
use crate::manager::CacheManager;
use crate::port::WriteQueue;

#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) bound: u64,
    pub(super) batch: usize,
    pub(super) every: Duration,
    pub(super) tries: u32,
    pub(super) takeover: Duration,
    pub(super) longest_pause: Duration,
    pub(super) consumer: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            bound: 100_000,
            batch: 100,
            every: Duration::from_millis(20),
            tries: 5,
            takeover: Duration::from_secs(30),
            longest_pause: Duration::from_secs(10),
            consumer: format!("{}-{:016x}", std::process::id(), fastrand::u64(..)),
        }
    }
}

/// A bus of events that is about to be there: [`CacheManager::events`].
#[must_use = "a bus is there once it is spawned or built"]
pub struct EventBusBuilder {
    manager: CacheManager,
    kinds: BTreeMap<&'static str, (TypeId, Kind)>,
    /// A name that two types of events have.
    twice: Option<&'static str>,
    stream: Option<String>,
    queue: Option<Arc<dyn WriteQueue>>,
    options: Options,
}

impl EventBusBuilder {
    pub(super) fn new(manager: &CacheManager) -> Self {
        Self {
            manager: manager.clone(),
            kinds: BTreeMap::new(),
            twice: None,
            stream: None,
            queue: None,
            options: Options::default(),
        }
    }

    /// Says what an event makes wrong. Several handlers of one event are all asked.
    ///
    /// A handler names things and does nothing itself, so that it may be asked more than once, and before a commit. It
    /// gives back what it was given, with what it has added.
    pub fn on<E: Event>(
        mut self,
        handler: impl Fn(&E, Effects) -> Effects + Send + Sync + 'static,
    ) -> Self {
        let of = TypeId::of::<E>();
        let (known, kind) = self
            .kinds
            .entry(E::NAME)
            .or_insert_with(|| (of, Kind { read: read::<E>, handlers: Vec::new() }));
        if *known != of {
            self.twice = Some(E::NAME);
            return self;
        }
        let handler: Handler = Box::new(move |event, effects| match event.downcast_ref::<E>() {
            Some(event) => handler(event, effects),
            // Events are kept by their types, so there is no other one.
            None => effects,
        });
        kind.handlers.push(handler);
        self
    }

    /// The stream that events are [sent](EventBus::send) to and taken from. Every bus that gives the same name over the
    /// same namespace shares it; of their workers one handles each event. In memory it is lost with the process.
    pub fn stream(mut self, name: &str) -> Self {
        self.stream = Some(name.to_owned());
        self
    }

    /// Where the stream is, if it is not on the manager's backend: a second Redis (`RedisCache::open(…)?.write_queue(…)`),
    /// which keeps its data while the cache's own evicts, or a hand of one's own.
    pub fn queue(mut self, queue: Arc<dyn WriteQueue>) -> Self {
        self.queue = Some(queue);
        self
    }

    /// How many events may wait in the stream, dead letters included; one more is refused. At least one. 100,000: some ten
    /// megabytes of small ones.
    pub fn bound(mut self, events: u64) -> Self {
        self.options.bound = events.max(1);
        self
    }

    /// How long the worker pauses when it found nothing; what was sent in its own process wakes it at once. 20 ms, at the
    /// price of 50 small commands a second. At least a millisecond.
    pub fn every(mut self, pause: Duration) -> Self {
        self.options.every = pause.max(Duration::from_millis(1));
        self
    }

    /// How often handling an event may fail for a reason of its own before it becomes a dead letter. At least once. 5. That
    /// the cache or the database is away does not count; an event that nobody knows or can read is a dead letter at
    /// once.
    pub fn tries(mut self, times: u32) -> Self {
        self.options.tries = times.max(1);
        self
    }

    /// After how long without a sign of life what a worker has taken goes to another; also how long an event that could not
    /// be handled waits until it is tried again. 30 seconds. At least 10 ms.
    pub fn takeover(mut self, time: Duration) -> Self {
        self.options.takeover = time.max(Duration::from_millis(10));
        self
    }

    /// What the worker is called among the others of the stream; each needs a name of its own. The process's number and a
    /// random one. Under a name that stays the same over restarts a worker finds at once what it had taken in its last
    /// life.
    pub fn consumer(mut self, name: &str) -> Self {
        name.clone_into(&mut self.options.consumer);
        self
    }

    /// The bus without a worker: for a process that publishes to its own handlers, or only sends.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) for two types of events under one name, and for a stream without a name;
    /// [`Unsupported`](ErrorKind::Unsupported) where the backend has no queues.
    pub fn build(self) -> Result<EventBus> {
        Ok(EventBus::new(self.shared()?, None))
    }

    /// The bus, and a worker on the current runtime that handles what was sent. Any number of processes may have one each.
    ///
    /// # Errors
    /// Those of [`build`](Self::build); and [`Config`](ErrorKind::Config) without a stream, for a consumer without a name,
    /// and outside a tokio runtime.
    pub fn spawn(self) -> Result<EventBus> {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return Err(wrong(
                "the worker of events runs on a tokio runtime, and there is none here: spawn it inside one",
            ));
        };
        if self.options.consumer.is_empty() || self.options.consumer.starts_with('!') {
            return Err(wrong(
                "the consumer of a stream of events needs a name, which begins with no `!`",
            ));
        }
        if self.stream.is_none() {
            return Err(wrong(
                "there is no stream that a worker could take events from: name it with `stream`, or `build` the bus",
            ));
        }
        let shared = self.shared()?;
        let (stop, stopped) = watch::channel(());
        let task = runtime.spawn(Work::new(Arc::clone(&shared)).run(stopped));
        Ok(EventBus::new(shared, Some(Worker { stop, task })))
    }

    fn shared(self) -> Result<Arc<Shared>> {
        if let Some(name) = self.twice {
            return Err(wrong(&format!(
                "two types of events are called {name}: give one of them another `NAME`"
            )));
        }
        let stream = match self.stream {
            None => None,
            Some(name) if name.is_empty() => {
                return Err(wrong(
                    "a stream of events needs a name, such as that of the service that sends them",
                ));
            }
            Some(name) => {
                let name = self.manager.key().text("events").value(&name).finish()?;
                let queue = match self.queue {
                    Some(queue) => queue,
                    None => self.manager.backend().write_queue(&name)?,
                };
                Some(Stream { name, queue })
            }
        };
        Ok(Arc::new(Shared {
            manager: self.manager,
            handlers: self.kinds.into_iter().map(|(name, (_, kind))| (name, kind)).collect(),
            stream,
            options: self.options,
            tally: Default::default(),
            poke: Notify::new(),
        }))
    }
}

fn read<E: Event>(payload: &[u8]) -> Result<Box<dyn Any + Send>> {
    match serde_json::from_slice::<E>(payload) {
        Ok(event) => Ok(Box::new(event)),
        Err(error) => Err(Error::new(
            ErrorKind::Codec,
            format!("what the event {} carries is not what this program expects", E::NAME),
        )
        .because(error)),
    }
}

fn wrong(message: &str) -> Error {
    Error::new(ErrorKind::Config, message)
}

impl fmt::Debug for EventBusBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBusBuilder")
            .field("events", &self.kinds.keys())
            .field("stream", &self.stream)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
