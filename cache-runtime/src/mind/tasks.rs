//! Work that goes on when its caller has gone.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// What is repeated because the cache is away is not waited for longer than this: time for each to try once more, and for a
/// cache that is back to be told.
const GRACE: Duration = Duration::from_secs(2);

/// What a task does. All tasks are of this one type: what a runtime has of each is a lot to compile, and a program would
/// have it for each of its repositories.
type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The commits, fills, releases and leases to give back that are under way under one manager.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks {
    running: Arc<Count>,
    /// Those that have failed, and are tried again until they succeed or run out by themselves.
    repeating: Arc<Count>,
}

#[derive(Debug, Default)]
struct Count {
    running: AtomicUsize,
    idle: Notify,
}

impl Tasks {
    /// Runs `work` to its end, whoever goes away. Without a runtime there is nobody to run it, and the deadlines in the
    /// cache take its place.
    pub(crate) fn spawn(
        &self,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> Option<JoinHandle<()>> {
        Self::counted(self.begin(), Box::pin(work))
    }

    /// The same for what has failed once and goes on trying: who ends waits for it a short while, and no longer.
    pub(crate) fn repeat(&self, work: impl Future<Output = ()> + Send + 'static) {
        // Nobody waits for the handle.
        drop(Self::counted(self.repeating.begin(), Box::pin(work)));
    }

    fn counted(under_way: UnderWay, work: Work) -> Option<JoinHandle<()>> {
        let runtime = tokio::runtime::Handle::try_current().ok()?;
        Some(runtime.spawn(async move {
            let _under_way = under_way;
            work.await;
        }))
    }

    /// Counts work that somebody else runs, for as long as the answer lives.
    pub(crate) fn begin(&self) -> UnderWay {
        self.running.begin()
    }

    /// The same for a caller that waits for it.
    pub(crate) async fn run(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(task) = self.spawn(work) {
            // It panicked, or its runtime is shutting down.
            let _ = task.await;
        }
    }

    /// Waits until none is under way; and for those that are repeated, a short while.
    pub(crate) async fn drained(&self) {
        self.running.none().await;
        // What is left runs out by itself.
        let _ = tokio::time::timeout(GRACE, self.repeating.none()).await;
    }
}

impl Count {
    fn begin(self: &Arc<Self>) -> UnderWay {
        self.running.fetch_add(1, Ordering::AcqRel);
        UnderWay(Arc::clone(self))
    }

    async fn none(&self) {
        loop {
            let idle = self.idle.notified();
            tokio::pin!(idle);
            // Registered before the look at the count, so that no end falls in between.
            idle.as_mut().enable();
            if self.running.load(Ordering::Acquire) == 0 {
                return;
            }
            idle.await;
        }
    }
}

/// Counts down also when the work panics or its runtime shuts down.
#[derive(Debug)]
#[must_use]
pub(crate) struct UnderWay(Arc<Count>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}
