//! The cap on loads from the database: so many at once, so many in the queue, and an error for the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, ErrorKind};
use crate::policy::Policy;

/// The loads of all repositories under one manager.
#[derive(Debug)]
pub(crate) struct Loads {
    running: Arc<Semaphore>,
    most_running: usize,
    waiting: AtomicUsize,
    most_waiting: usize,
}

/// Leave to load. Ends when it is dropped, so it goes with the load itself: one that goes on without its caller counts
/// until it has ended.
#[derive(Debug)]
pub(crate) struct Turn {
    _own: Option<OwnedSemaphorePermit>,
    _all: Option<OwnedSemaphorePermit>,
}

impl Turn {
    /// Does this in the turn, which ends with it.
    pub(crate) async fn during<Fut: Future>(self, work: Fut) -> Fut::Output {
        let _turn = self;
        work.await
    }
}

impl Loads {
    pub(crate) fn new(policy: &Policy) -> Self {
        let most_running = policy.max_loads.min(Semaphore::MAX_PERMITS);
        Self {
            running: Arc::new(Semaphore::new(most_running)),
            most_running,
            waiting: AtomicUsize::new(0),
            most_waiting: policy.max_waiting_loads,
        }
    }

    /// Waits for a turn, under the repository's own cap first.
    ///
    /// # Errors
    /// [`Overloaded`](ErrorKind::Overloaded) where as many wait as may.
    pub(crate) async fn turn(&self, own: Option<&Arc<Semaphore>>) -> Result<Turn, Error> {
        if let Some(turn) = self.at_once(own) {
            return Ok(turn);
        }
        let place = Place::of(&self.waiting);
        if place.number > self.most_waiting {
            return Err(Error::new(
                ErrorKind::Overloaded,
                format!(
                    "the database was not asked: as many loads run as the repository or its manager allows (at most {}), \
                     and {} wait for their turn; try again later, or raise max_loads",
                    self.most_running, self.most_waiting
                ),
            ));
        }
        Ok(self.wait(own).await)
    }

    /// Waits for a turn in a queue without an end.
    pub(crate) async fn wait(&self, own: Option<&Arc<Semaphore>>) -> Turn {
        // An error would mean that the semaphore is closed, which it never is.
        let own = match own {
            Some(own) => Arc::clone(own).acquire_owned().await.ok(),
            None => None,
        };
        Turn { _own: own, _all: Arc::clone(&self.running).acquire_owned().await.ok() }
    }

    /// How many run, and how many wait for their turn.
    #[cfg_attr(not(feature = "metrics"), allow(dead_code, reason = "only metrics ask for it"))]
    pub(crate) fn now(&self) -> (usize, usize) {
        let running = self.most_running.saturating_sub(self.running.available_permits());
        (running, self.waiting.load(Ordering::Acquire))
    }

    /// A load inside a load, which has its turn already.
    pub(crate) fn nested() -> Turn {
        Turn { _own: None, _all: None }
    }

    /// A turn, where nobody has to wait for one.
    pub(crate) fn at_once(&self, own: Option<&Arc<Semaphore>>) -> Option<Turn> {
        let own = match own {
            Some(own) => Some(Arc::clone(own).try_acquire_owned().ok()?),
            None => None,
        };
        Some(Turn { _own: own, _all: Some(Arc::clone(&self.running).try_acquire_owned().ok()?) })
    }
}

/// A place in the queue, given up when it is dropped.
struct Place<'l> {
    waiting: &'l AtomicUsize,
    number: usize,
}

impl<'l> Place<'l> {
    fn of(waiting: &'l AtomicUsize) -> Self {
        Self { waiting, number: waiting.fetch_add(1, Ordering::AcqRel) + 1 }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "what fails here fails the test")]
    use super::*;

    fn loads(max_loads: usize, max_waiting_loads: usize) -> Loads {
        Loads::new(&Policy { max_loads, max_waiting_loads, ..Policy::default() })
    }

    #[tokio::test]
    async fn one_above_cap_and_queue_is_refused_and_the_queue_moves_on() {
        let loads = loads(1, 1);
        let first = loads.turn(None).await.unwrap();
        let mut second = Box::pin(loads.turn(None));
        assert!(futures_poll(second.as_mut()).await.is_none());
        let refused = loads.turn(None).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Overloaded);
        assert!(refused.to_string().contains("at most 1), and 1 wait"), "{refused}");
        drop(first);
        let second = second.await.unwrap();
        drop(second);
        assert!(loads.turn(None).await.is_ok());
    }

    #[tokio::test]
    async fn who_gives_up_waiting_leaves_its_place() {
        let loads = loads(1, 1);
        let _first = loads.turn(None).await.unwrap();
        let mut second = Box::pin(loads.turn(None));
        assert!(futures_poll(second.as_mut()).await.is_none());
        drop(second);
        let mut third = Box::pin(loads.turn(None));
        assert!(futures_poll(third.as_mut()).await.is_none());
    }

    #[tokio::test]
    async fn a_repositorys_own_cap_leaves_the_others_theirs() {
        let loads = loads(2, 8);
        let own = Arc::new(Semaphore::new(1));
        let _first = loads.turn(Some(&own)).await.unwrap();
        let mut second = Box::pin(loads.turn(Some(&own)));
        assert!(futures_poll(second.as_mut()).await.is_none());
        assert!(loads.turn(None).await.is_ok());
    }

    /// Polls once.
    async fn futures_poll<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(match std::pin::Pin::new(&mut future).poll(context) {
                std::task::Poll::Ready(output) => Some(output),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }
}
