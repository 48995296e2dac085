//! A cache that goes wrong where a test says so.

mod forward;
mod limits;
mod op;
mod plan;
mod ports;
mod sessions;
mod stream;

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

pub use self::op::Op;
use self::plan::{Fault, Plan};
use super::PATIENCE;
use crate::error::{Error, ErrorKind, Result};
use crate::port::{BoxFuture, CoherentCache};

/// Any cache, with faults at chosen calls. Clones share one plan and one set of counts, so that a test keeps one and
/// gives the other away.
///
/// Each [`Op`] has one fault at a time: setting another replaces it. A fault is looked up when the call begins, that
/// is, when its future is first polled.
///
/// ```
/// use std::sync::Arc;
///
/// use cache_runtime::backend::NullCache;
/// use cache_runtime::testing::{FaultyCache, Op};
/// use cache_runtime::{Cache, ErrorKind};
///
/// # async fn example() -> cache_runtime::Result<()> {
/// let cache = FaultyCache::over(Arc::new(NullCache::new()));
/// cache.fail_next(Op::Ping, 1, ErrorKind::Unreachable);
/// assert_eq!(cache.ping().await.unwrap_err().kind(), ErrorKind::Unreachable);
/// assert!(cache.ping().await.is_ok());
/// assert_eq!(cache.calls(Op::Ping), 2);
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone)]
pub struct FaultyCache {
    inner: Arc<dyn CoherentCache>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    plan: Mutex<Plan>,
    stalled: Notify,
}

impl FaultyCache {
    /// A cache that does what `inner` does, until it is told otherwise.
    #[must_use]
    pub fn over(inner: Arc<dyn CoherentCache>) -> Self {
        Self { inner, shared: Arc::default() }
    }

    /// From now on every call of `op` fails, without any effect.
    pub fn fail(&self, op: Op, kind: ErrorKind) {
        self.plan().set(op, Fault::Fail(kind), None);
    }

    /// The next `calls` calls of `op` fail, without any effect.
    pub fn fail_next(&self, op: Op, calls: usize, kind: ErrorKind) {
        self.plan().set(op, Fault::Fail(kind), Some(calls));
    }

    /// From now on every call fails, without any effect: the server is away. Closing fails too.
    pub fn fail_all(&self, kind: ErrorKind) {
        let mut plan = self.plan();
        for op in Op::ALL {
            plan.set(op, Fault::Fail(kind), None);
        }
    }

    /// From now on every call of `op` takes effect and fails all the same: the reply is lost.
    pub fn lose_reply(&self, op: Op, kind: ErrorKind) {
        self.plan().set(op, Fault::LoseReply(kind), None);
    }

    /// The next `calls` calls of `op` take effect and fail all the same.
    pub fn lose_next_reply(&self, op: Op, calls: usize, kind: ErrorKind) {
        self.plan().set(op, Fault::LoseReply(kind), Some(calls));
    }

    /// From now on no call of `op` answers, nor takes effect, until it is [resumed](Self::resume). A call that is
    /// dropped meanwhile never takes effect.
    pub fn stall(&self, op: Op) {
        self.plan().set(op, Fault::Stall, None);
    }

    /// From now on every call of `op` takes effect at once, but does not answer until it is
    /// [resumed](Self::resume).
    pub fn stall_reply(&self, op: Op) {
        self.plan().set(op, Fault::StallReply, None);
    }

    /// Ends the stall of `op`: the calls that wait go on, and those that come are not stalled. A fault that has
    /// replaced the stall since stays.
    pub fn resume(&self, op: Op) {
        self.plan().resume(op);
    }

    /// Ends every fault and every stall. The counts stay.
    pub fn heal(&self) {
        self.plan().heal();
    }

    /// How many calls of `op` have begun, failed and stalled ones included. A batch is one call.
    #[must_use]
    pub fn calls(&self, op: Op) -> usize {
        self.plan().calls(op)
    }

    /// How many calls of `op` are stalled at this moment.
    #[must_use]
    pub fn stalled(&self, op: Op) -> usize {
        self.plan().stalled(op)
    }

    /// Waits until at least one call of `op` is stalled.
    ///
    /// # Panics
    /// When there is none within ten seconds.
    #[track_caller]
    pub fn until_stalled(&self, op: Op) -> impl Future<Output = ()> + Send + use<> {
        let caller = Location::caller();
        let cache = self.clone();
        async move {
            let stalled = async {
                loop {
                    let mut change = std::pin::pin!(cache.shared.stalled.notified());
                    // Registered before the look, so that no call falls in between.
                    change.as_mut().enable();
                    if cache.stalled(op) > 0 {
                        return;
                    }
                    change.await;
                }
            };
            let came = tokio::time::timeout(PATIENCE, stalled).await.is_ok();
            let calls = cache.calls(op);
            assert!(
                came,
                "no call of {op:?} was stalled within {PATIENCE:?} (waited for at {caller}; it was called {calls} times)"
            );
        }
    }

    /// Sends one call through the plan.
    fn pass<'a, T: Send + 'a>(
        &'a self,
        op: Op,
        call: impl FnOnce(&'a dyn CoherentCache) -> BoxFuture<'a, Result<T>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T>> {
        self.through(op, move || call(&*self.inner))
    }

    fn through<'a, T: Send + 'a>(
        &'a self,
        op: Op,
        call: impl FnOnce() -> BoxFuture<'a, Result<T>> + Send + 'a,
    ) -> BoxFuture<'a, Result<T>> {
        Box::pin(async move {
            let fault = self.plan().take(op);
            match fault {
                None => call().await,
                Some(Fault::Fail(kind)) => Err(injected(op, kind)),
                Some(Fault::LoseReply(kind)) => {
                    call().await?;
                    Err(injected(op, kind))
                }
                // What is taken from a stream by a call that is then dropped would be lost, and never is.
                Some(Fault::StallReply) if op != Op::Hear => {
                    let answer = call().await;
                    self.wait(op).await;
                    answer
                }
                Some(Fault::Stall | Fault::StallReply) => {
                    self.wait(op).await;
                    call().await
                }
            }
        })
    }

    async fn wait(&self, op: Op) {
        let stall = self.plan().wait(op);
        if let Some(mut stall) = stall {
            self.shared.stalled.notify_waiters();
            // Nothing is ever sent: it ends when the stall does.
            while stall.changed().await.is_ok() {}
        }
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.shared.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn injected(op: Op, kind: ErrorKind) -> Error {
    Error::new(kind, format!("a fault that the test put at {op:?}: {kind:?}"))
}

impl fmt::Debug for FaultyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyCache").field("inner", &self.inner).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(feature = "memory")]
mod tests;
