//! How a write-behind is set up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::cached::Cached;
use super::work::Work;
use super::{Shared, Worker, WriteBehind};
use crate::error::{Error, ErrorKind, Result};
use crate::mind::context::Context;
use crate::port::{WriteBehindSource, WriteQueue};

/// What a [`get`](WriteBehind::get) does where the queue cannot say whether a write waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnUnknown {
    /// It fails. The default: the source may lack what was acknowledged, and an answer out of it would take a write back.
    #[default]
    Fail,
    /// The source answers, from before the writes that wait. For data where an old answer is better than none.
    AskSource,
}

#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) bound: u64,
    pub(super) batch: usize,
    pub(super) linger: Duration,
    pub(super) every: Duration,
    pub(super) tries: u32,
    pub(super) backoff: (Duration, Duration),
    pub(super) patience: Duration,
    pub(super) takeover: Duration,
    pub(super) consumer: String,
    pub(super) on_unknown: OnUnknown,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            bound: 100_000,
            batch: 100,
            linger: Duration::from_millis(5),
            every: Duration::from_millis(20),
            tries: 5,
            backoff: (Duration::from_millis(100), Duration::from_secs(30)),
            patience: Duration::from_secs(30),
            takeover: Duration::from_secs(30),
            consumer: format!("{}-{:016x}", std::process::id(), fastrand::u64(..)),
            on_unknown: OnUnknown::default(),
        }
    }
}

/// A write-behind that is about to start: [`WriteBehind::builder`].
#[must_use = "a write-behind is there once it is spawned or built"]
pub struct WriteBehindBuilder<S> {
    context: Arc<Context>,
    name: String,
    source: S,
    queue: Option<Arc<dyn WriteQueue>>,
    options: Options,
}

impl<S: WriteBehindSource> WriteBehindBuilder<S> {
    pub(crate) fn new(context: &Arc<Context>, name: &str, source: S) -> Self {
        Self {
            context: Arc::clone(context),
            name: name.to_owned(),
            source,
            queue: None,
            options: Options::default(),
        }
    }

    /// The queue, where it is another than that of the manager's backend: a hand of one's own, or a second Redis
    /// (`RedisCache::open(…)?.write_queue(…)`), which keeps its data while the cache's own evicts.
    pub fn queue(mut self, queue: Arc<dyn WriteQueue>) -> Self {
        self.queue = Some(queue);
        self
    }

    /// How many writes may wait, dead letters included; one more is refused. At least one. 100,000: minutes of a busy
    /// service, and some hundred megabytes at a kilobyte each.
    pub fn bound(mut self, writes: u64) -> Self {
        self.options.bound = writes.max(1);
        self
    }

    /// How many writes go to the source at once, at most; at least one. 100: enough that a round trip and a commit are
    /// shared by many, few enough that a batch that is refused is soon sorted out one by one.
    pub fn batch(mut self, writes: usize) -> Self {
        self.options.batch = writes.max(1);
        self
    }

    /// How long a batch that is not full waits for more. 5 ms: writes of one burst go together, and of those of one key
    /// only the last.
    pub fn linger(mut self, time: Duration) -> Self {
        self.options.linger = time;
        self
    }

    /// How long a worker pauses when it found nothing, moved by a quarter at random; a write of its own process wakes it at
    /// once. 20 ms, at the price of 50 small commands a second. At least a millisecond.
    pub fn every(mut self, pause: Duration) -> Self {
        self.options.every = pause.max(Duration::from_millis(1));
        self
    }

    /// How often a write may be refused, alone, before it becomes a dead letter. At least once. 5: what is refused for a
    /// passing reason gets over it within some seconds. A source that is away does not count.
    pub fn tries(mut self, times: u32) -> Self {
        self.options.tries = times.max(1);
        self
    }

    /// The pause before the second try, and the longest; each is twice the one before, moved by a quarter at random. From
    /// 100 ms, which a deadlock or a restarted pool needs, to 30 seconds, after which a source that was away is found soon
    /// enough.
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        let first = first.max(Duration::from_millis(1));
        self.options.backoff = (first, longest.max(first));
        self
    }

    /// How long the source may take for a batch. Then it counts as away, and the batch is tried again. 30 seconds: longer
    /// than a commit ever takes.
    pub fn patience(mut self, time: Duration) -> Self {
        self.options.patience = time;
        self
    }

    /// After how long without a sign of life a worker's writes go to another; it gives one three times in that time, also
    /// while the source takes long. 30 seconds: a process that was only paused rarely loses its batch. At least 10 ms.
    pub fn takeover(mut self, time: Duration) -> Self {
        self.options.takeover = time.max(Duration::from_millis(10));
        self
    }

    /// What this worker is called among the others of the queue; each needs a name of its own. The process's number and a
    /// random one. Under a name that stays the same over restarts, such as a pod's, a worker finds at once what it had
    /// taken in its last life.
    pub fn consumer(mut self, name: &str) -> Self {
        name.clone_into(&mut self.options.consumer);
        self
    }

    /// What a read does where the queue cannot be asked. It fails.
    pub fn on_unknown(mut self, does: OnUnknown) -> Self {
        self.options.on_unknown = does;
        self
    }

    /// Starts a worker on the current runtime, beside the handle for callers. Any number of processes may have one each.
    ///
    /// # Errors
    /// [`Unsupported`](ErrorKind::Unsupported) where the manager's backend has no queue and none was given;
    /// [`Config`](ErrorKind::Config) for an empty name, of the queue or of the consumer, and outside a tokio runtime.
    pub fn spawn(self) -> Result<WriteBehind<S>> {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return Err(wrong(
                "the worker of a write-behind runs on a tokio runtime, and there is none here: spawn it inside one",
            ));
        };
        if self.options.consumer.is_empty() || self.options.consumer.starts_with('!') {
            return Err(wrong(
                "the consumer of a write-behind needs a name, which begins with no `!`",
            ));
        }
        let shared = self.shared()?;
        let (stop, stopped) = watch::channel(());
        let task = runtime.spawn(Work::new(Arc::clone(&shared)).run(stopped));
        Ok(WriteBehind::new(shared, Some(Worker { stop, task })))
    }

    /// The handle alone: for a process that writes and reads, and leaves the work to others.
    ///
    /// # Errors
    /// Those of [`spawn`](Self::spawn) but for the runtime.
    pub fn build(self) -> Result<WriteBehind<S>> {
        Ok(WriteBehind::new(self.shared()?, None))
    }

    fn shared(self) -> Result<Arc<Shared<S>>> {
        if self.name.is_empty() {
            return Err(wrong(
                "a write-behind needs a name, such as that of its table: its queue is called by it",
            ));
        }
        let key = self.context.namespace.key().text("behind").value(&self.name).finish()?;
        let queue = match self.queue {
            Some(queue) => queue,
            None => self.context.cache.write_queue(&key)?,
        };
        let tally = Arc::default();
        self.context.behinds.add(&self.name, &tally, &queue);
        // A source with a cache of its own counts there.
        let counters = match S::OWN_CACHE {
            true => Arc::default(),
            false => self.context.beside.of(&format!("behind:{}", self.name)).read("get"),
        };
        Ok(Arc::new(Shared {
            cached: Cached::new(&self.context, counters),
            context: self.context,
            queue,
            source: Arc::new(self.source),
            name: self.name,
            key,
            options: self.options,
            tally,
            poke: Notify::new(),
            hurried: Default::default(),
        }))
    }
}

fn wrong(message: &str) -> Error {
    Error::new(ErrorKind::Config, message)
}

impl<S> fmt::Debug for WriteBehindBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteBehindBuilder")
            .field("name", &self.name)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
