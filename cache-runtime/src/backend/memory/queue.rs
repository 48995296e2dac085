//! The queue of a write-behind in this process's memory. It is not durable: what is acknowledged here and not applied yet
//! is lost with the process.

mod state;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::state::{Now, State};
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::port::{
    BoxFuture, DeadLetter, Failed, NewWrite, Pending, QueueBacklog, QueuedWrite, WriteQueue,
};

/// The queues of one cache, by their names.
#[derive(Debug, Default)]
pub(super) struct Queues(Mutex<HashMap<Key, Arc<MemoryWriteQueue>>>);

impl Queues {
    /// The queue of this name: the same one for everybody.
    pub(super) fn of(&self, name: &Key, clock: &Arc<dyn Clock>) -> Arc<dyn WriteQueue> {
        let make = || {
            Arc::new(MemoryWriteQueue {
                state: Mutex::default(),
                clock: Arc::clone(clock),
                closed: AtomicBool::new(false),
            })
        };
        self.lock().entry(name.clone()).or_insert_with(make).clone()
    }

    pub(super) fn close(&self) {
        for queue in self.lock().values() {
            queue.closed.store(true, Ordering::Release);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Arc<MemoryWriteQueue>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct MemoryWriteQueue {
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
    closed: AtomicBool,
}

impl MemoryWriteQueue {
    fn step<T>(
        &self,
        step: impl FnOnce(&mut State, Now) -> Result<T>,
    ) -> BoxFuture<'static, Result<T>>
    where
        T: Send + 'static,
    {
        let answer = if self.closed.load(Ordering::Acquire) {
            Err(Error::new(ErrorKind::Closed, "the cache was closed"))
        } else {
            let now = Now { elapsed: self.clock.elapsed(), unix_millis: self.clock.unix_millis() };
            // A step that panicked would leave it between two states; none does.
            step(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner), now)
        };
        Box::pin(std::future::ready(answer))
    }
}

impl WriteQueue for MemoryWriteQueue {
    fn enqueue<'a>(&'a self, write: &'a NewWrite, bound: u64) -> BoxFuture<'a, Result<u64>> {
        self.step(|state, now| state.enqueue(write, bound, now))
    }

    fn pending<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Pending>>> {
        self.step(|state, _| Ok(keys.iter().map(|key| state.pending(key)).collect()))
    }

    fn take<'a>(
        &'a self,
        consumer: &'a str,
        most: usize,
        idle: Duration,
    ) -> BoxFuture<'a, Result<Vec<QueuedWrite>>> {
        self.step(|state, now| Ok(state.take(consumer, most, idle, now)))
    }

    fn touch<'a>(
        &'a self,
        consumer: &'a str,
        places: &'a [u64],
    ) -> BoxFuture<'a, Result<Vec<u64>>> {
        self.step(|state, now| {
            Ok(places.iter().copied().filter(|place| state.touch(consumer, *place, now)).collect())
        })
    }

    fn acknowledge<'a>(&'a self, writes: &'a [QueuedWrite]) -> BoxFuture<'a, Result<()>> {
        self.step(|state, _| {
            writes.iter().for_each(|write| drop(state.remove(write.place)));
            Ok(())
        })
    }

    fn fail<'a>(
        &'a self,
        write: &'a QueuedWrite,
        tries: u32,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<Failed>> {
        self.step(|state, now| Ok(state.fail(write.place, tries, reason, now)))
    }

    fn leave<'a>(&'a self, consumer: &'a str) -> BoxFuture<'a, Result<()>> {
        self.step(|state, _| {
            state.leave(consumer);
            Ok(())
        })
    }

    fn backlog(&self) -> BoxFuture<'_, Result<QueueBacklog>> {
        self.step(|state, now| Ok(state.backlog(now)))
    }

    fn head(&self) -> BoxFuture<'_, Result<u64>> {
        self.step(|state, _| Ok(state.last))
    }

    fn waits(&self, head: u64) -> BoxFuture<'_, Result<bool>> {
        self.step(move |state, _| Ok(state.writes.range(..=head).next().is_some()))
    }

    fn dead_letters(&self, most: usize) -> BoxFuture<'_, Result<Vec<DeadLetter>>> {
        self.step(move |state, _| Ok(state.dead.values().take(most).cloned().collect()))
    }

    fn retry<'a>(&'a self, letter: &'a str) -> BoxFuture<'a, Result<bool>> {
        self.step(|state, now| Ok(state.retry(letter, now)))
    }

    fn discard<'a>(&'a self, letter: &'a str) -> BoxFuture<'a, Result<bool>> {
        self.step(|state, _| Ok(state.discard(letter).is_some()))
    }

    fn caveats(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.step(|_, _| {
            Ok(vec![
                "the queue is in this process's memory: acknowledged writes that are not in the source yet are lost with \
                 the process"
                    .to_owned(),
            ])
        })
    }
}

/// Never shows keys or values.
impl fmt::Debug for MemoryWriteQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("MemoryWriteQueue")
            .field("waiting", &state.writes.len())
            .field("dead", &state.dead.len())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests;
