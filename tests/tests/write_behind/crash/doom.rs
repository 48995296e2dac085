//! A process that dies at a step: a queue, a source and an observer that kill it there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cache_runtime::{
    BoxFuture, DataSource, DeadLetter, Failed, Key, NewWrite, Observer, Pending, QueueBacklog,
    QueuedWrite, Result, Step, Write, WriteBehindSource, WriteQueue,
};
use rustix::process::{Signal, getpid, kill_process};

use crate::world::{Note, Notes};

pub(super) const OF_WRITERS: [&str; 4] = ["enqueue", "enqueued", "pending", "read"];
pub(super) const OF_WORKERS: [&str; 11] = [
    "leave",
    "take",
    "taken",
    "apply",
    "Hold",
    "Commit",
    "Release",
    "applied",
    "touch",
    "acknowledge",
    "acknowledged",
];

/// At which step to die, and how often it is passed before.
#[derive(Debug, Default)]
pub(super) struct Doom {
    step: String,
    passes: AtomicU32,
}

impl Doom {
    pub(super) fn new(step: &str, passes: u32) -> Arc<Self> {
        Arc::new(Self { step: step.to_owned(), passes: AtomicU32::new(passes) })
    }

    pub(super) fn at(&self, step: &str) {
        if step == self.step && self.passes.fetch_sub(1, Ordering::SeqCst) == 1 {
            let _ = kill_process(getpid(), Signal::KILL);
            loop {
                std::thread::park();
            }
        }
    }
}

impl Observer for Doom {
    fn before<'a>(&'a self, step: Step, _: &'a Key) -> BoxFuture<'a, ()> {
        self.at(&format!("{step:?}"));
        Box::pin(std::future::ready(()))
    }
}

/// The repository, with a death before and after each batch.
pub(super) struct DoomedSource {
    pub(super) notes: Notes,
    pub(super) doom: Arc<Doom>,
}

impl DataSource for DoomedSource {
    type Key = i64;
    type Value = Note;
    type Error = sqlx::Error;

    async fn load(&self, key: &i64) -> sqlx::Result<Option<Note>> {
        self.notes.load(key).await
    }

    async fn load_many(&self, keys: &[i64]) -> sqlx::Result<Vec<Option<Note>>> {
        self.notes.load_many(keys).await
    }

    async fn store(&self, value: &Note) -> sqlx::Result<Note> {
        self.notes.store(value).await
    }

    async fn delete(&self, key: &i64) -> sqlx::Result<bool> {
        DataSource::delete(&self.notes, key).await
    }
}

impl WriteBehindSource for DoomedSource {
    const OWN_CACHE: bool = true;

    async fn apply(&self, queue: &str, writes: &[Write<i64, Note>]) -> sqlx::Result<()> {
        self.doom.at("apply");
        let done = self.notes.apply(queue, writes).await;
        self.doom.at("applied");
        done
    }

    fn is_away(&self, error: &sqlx::Error) -> bool {
        self.notes.is_away(error)
    }

    async fn read(&self, key: &i64) -> sqlx::Result<Option<Arc<Note>>> {
        self.doom.at("read");
        self.notes.read(key).await
    }
}

/// The queue, with a death before and after what changes it; now and then it dawdles before, for longer than a worker may
/// be silent.
#[derive(Debug)]
pub(super) struct DoomedQueue {
    pub(super) queue: Arc<dyn WriteQueue>,
    pub(super) doom: Arc<Doom>,
}

impl DoomedQueue {
    async fn dawdle(&self) {
        if fastrand::u32(0..40) == 0 {
            tokio::time::sleep(Duration::from_millis(fastrand::u64(0..500))).await;
        }
    }
}

impl WriteQueue for DoomedQueue {
    fn enqueue<'a>(&'a self, write: &'a NewWrite, bound: u64) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            self.doom.at("enqueue");
            let done = self.queue.enqueue(write, bound).await;
            self.doom.at("enqueued");
            done
        })
    }

    fn pending<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Pending>>> {
        self.doom.at("pending");
        self.queue.pending(keys)
    }

    fn take<'a>(
        &'a self,
        consumer: &'a str,
        most: usize,
        idle: Duration,
    ) -> BoxFuture<'a, Result<Vec<QueuedWrite>>> {
        Box::pin(async move {
            self.doom.at("take");
            let taken = self.queue.take(consumer, most, idle).await;
            if taken.as_ref().is_ok_and(|taken| !taken.is_empty()) {
                self.doom.at("taken");
                self.dawdle().await;
            }
            taken
        })
    }

    fn touch<'a>(
        &'a self,
        consumer: &'a str,
        places: &'a [u64],
    ) -> BoxFuture<'a, Result<Vec<u64>>> {
        self.doom.at("touch");
        self.queue.touch(consumer, places)
    }

    fn acknowledge<'a>(&'a self, writes: &'a [QueuedWrite]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.dawdle().await;
            self.doom.at("acknowledge");
            let done = self.queue.acknowledge(writes).await;
            self.doom.at("acknowledged");
            done
        })
    }

    fn fail<'a>(
        &'a self,
        write: &'a QueuedWrite,
        tries: u32,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<Failed>> {
        self.queue.fail(write, tries, reason)
    }

    fn leave<'a>(&'a self, consumer: &'a str) -> BoxFuture<'a, Result<()>> {
        self.doom.at("leave");
        self.queue.leave(consumer)
    }

    fn backlog(&self) -> BoxFuture<'_, Result<QueueBacklog>> {
        self.queue.backlog()
    }

    fn head(&self) -> BoxFuture<'_, Result<u64>> {
        self.queue.head()
    }

    fn waits(&self, head: u64) -> BoxFuture<'_, Result<bool>> {
        self.queue.waits(head)
    }

    fn dead_letters(&self, most: usize) -> BoxFuture<'_, Result<Vec<DeadLetter>>> {
        self.queue.dead_letters(most)
    }

    fn retry<'a>(&'a self, letter: &'a str) -> BoxFuture<'a, Result<bool>> {
        self.queue.retry(letter)
    }

    fn discard<'a>(&'a self, letter: &'a str) -> BoxFuture<'a, Result<bool>> {
        self.queue.discard(letter)
    }

    fn caveats(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.queue.caveats()
    }
}
