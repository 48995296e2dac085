//! Work that must not stop halfway, whoever waits for it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tracing::{Instrument, Span};

/// Work that is done where it is waited for, and goes on as a task of the runtime once nobody waits any more. While somebody
/// does it costs no way from one thread to another and back.
///
/// It goes on in the runtime that it was made in, wherever it is dropped: that has its connections. Without one, or where that is
/// shutting down, it ends.
#[must_use]
pub(crate) struct ToTheEnd<T: Send + 'static> {
    work: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    runtime: Option<Handle>,
    /// What it is done for, also once nobody waits.
    span: Span,
}

impl<T: Send + 'static> ToTheEnd<T> {
    pub(crate) fn of(work: impl Future<Output = T> + Send + 'static) -> Self {
        let runtime = Handle::try_current().ok();
        Self { work: Some(Box::pin(work)), runtime, span: Span::current() }
    }
}

impl<T: Send + 'static> Future for ToTheEnd<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        // Out of its place meanwhile: what panics does not go on.
        let Some(mut work) = self.work.take() else { return Poll::Pending };
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            self.work = Some(work);
        }
        polled
    }
}

impl<T: Send + 'static> Drop for ToTheEnd<T> {
    fn drop(&mut self) {
        if let Some(work) = self.work.take()
            && let Some(runtime) = &self.runtime
        {
            // Nobody waits for what it comes to.
            drop(runtime.spawn(work.instrument(self.span.clone())));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here fails the test")]

    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn it_is_done_where_it_is_waited_for() {
        let here = thread::current().id();
        assert_eq!(ToTheEnd::of(async { thread::current().id() }).await, here);
    }

    #[tokio::test]
    async fn dropped_halfway_it_goes_on() {
        let (go, gone) = oneshot::channel::<()>();
        let (done, is_done) = oneshot::channel();
        let mut work = ToTheEnd::of(async move {
            gone.await.unwrap();
            done.send(()).unwrap();
        });
        assert!(futures_poll(&mut work).is_pending());
        drop(work);
        go.send(()).unwrap();
        is_done.await.unwrap();
    }

    #[tokio::test]
    async fn what_has_panicked_does_not_go_on() {
        let again = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&again);
        let work = tokio::spawn(async move {
            struct Seen(Arc<AtomicBool>);
            impl Drop for Seen {
                fn drop(&mut self) {
                    self.0.store(true, Ordering::SeqCst);
                }
            }
            let seen = Seen(seen);
            ToTheEnd::of(async move {
                let _seen = seen;
                panic!("it fails");
            })
            .await;
        });
        assert!(work.await.unwrap_err().is_panic());
        assert!(again.load(Ordering::SeqCst), "it was dropped");
        assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
    }

    #[test]
    fn dropped_outside_of_its_runtime_it_goes_on_there() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (go, gone) = oneshot::channel::<()>();
        let (done, is_done) = oneshot::channel();
        let inside = runtime.enter();
        let mut work = ToTheEnd::of(async move {
            gone.await.unwrap();
            done.send(()).unwrap();
        });
        drop(inside);
        assert!(futures_poll(&mut work).is_pending());
        drop(work);
        go.send(()).unwrap();
        runtime.block_on(is_done).unwrap();
    }

    #[test]
    fn without_a_runtime_it_ends() {
        let mut work = ToTheEnd::of(std::future::pending::<()>());
        assert!(futures_poll(&mut work).is_pending());
    }

    fn futures_poll<T: Send>(work: &mut ToTheEnd<T>) -> Poll<T> {
        Pin::new(work).poll(&mut Context::from_waker(std::task::Waker::noop()))
    }
}
