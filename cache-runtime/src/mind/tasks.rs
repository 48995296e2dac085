//! Work that goes on when its caller has gone.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// The commits, fills, releases and leases to give back that are under way under one manager.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks(Arc<Count>);

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
        let runtime = tokio::runtime::Handle::try_current().ok()?;
        let under_way = self.begin();
        Some(runtime.spawn(async move {
            let _under_way = under_way;
            work.await;
        }))
    }

    /// Counts work that somebody else runs, for as long as the answer lives.
    pub(crate) fn begin(&self) -> UnderWay {
        self.0.running.fetch_add(1, Ordering::AcqRel);
        UnderWay(Arc::clone(&self.0))
    }

    /// The same for a caller that waits for it.
    pub(crate) async fn run(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(task) = self.spawn(work) {
            // It panicked, or its runtime is shutting down.
            let _ = task.await;
        }
    }

    /// Waits until none is under way.
    pub(crate) async fn drained(&self) {
        loop {
            let idle = self.0.idle.notified();
            tokio::pin!(idle);
            // Registered before the look at the count, so that no end falls in between.
            idle.as_mut().enable();
            if self.0.running.load(Ordering::Acquire) == 0 {
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
