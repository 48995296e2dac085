//! Drops a future at a chosen await.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// In which moment of an await the future is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// Right after the poll: what it asks for is not on its way yet, or only just.
    Sent,
    /// A turn of the runtime later: what runs in the background has begun.
    UnderWay,
    /// When it was woken: the answer is there, and nobody has read it.
    Answered,
}

impl At {
    const ALL: [Self; 3] = [Self::Sent, Self::UnderWay, Self::Answered];
}

/// Where to drop a future: before it was polled, then in each moment of its first await, of its second, and so on.
pub(crate) fn places() -> impl Iterator<Item = (usize, At)> {
    let further = (1..).flat_map(|awaits| At::ALL.map(|at| (awaits, at)));
    std::iter::once((0, At::Sent)).chain(further)
}

/// Polls `future` until it has been pending `awaits` times, and drops it then; `None` where it was dropped. Between two
/// polls it was woken, so that each of them is one await further.
pub(crate) async fn dropped_after<F: Future>(
    awaits: usize,
    at: At,
    future: F,
) -> Option<F::Output> {
    dropped_after_all(awaits, at, future, async |_| {}).await
}

/// The same for a future that others wait for: each time that it is pending, and before it is dropped, `meanwhile` is
/// told how often it has been.
pub(crate) async fn dropped_after_all<F: Future>(
    awaits: usize,
    at: At,
    future: F,
    mut meanwhile: impl AsyncFnMut(usize),
) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let alarm = Arc::new(Alarm::default());
    for left in (0..awaits).rev() {
        if let Poll::Ready(output) = polled(future.as_mut(), &alarm).await {
            return Some(output);
        }
        meanwhile(awaits - left).await;
        match at {
            At::Sent if left == 0 => {}
            At::UnderWay if left == 0 => {
                for _ in 0..2 {
                    tokio::task::yield_now().await;
                }
            }
            _ => alarm.rung().await,
        }
    }
    None
}

async fn polled<F: Future>(mut future: Pin<&mut F>, alarm: &Arc<Alarm>) -> Poll<F::Output> {
    let waker = Waker::from(Arc::clone(alarm));
    poll_fn(|_| Poll::Ready(future.as_mut().poll(&mut Context::from_waker(&waker)))).await
}

/// Rings when the future was woken, whatever else wakes the task that it is polled in.
#[derive(Default)]
struct Alarm {
    rung: AtomicBool,
    listener: Mutex<Option<Waker>>,
}

impl Alarm {
    async fn rung(&self) {
        poll_fn(|context| {
            *self.listener.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(context.waker().clone());
            if self.rung.swap(false, Ordering::AcqRel) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(listener) = listener {
            listener.wake();
        }
    }
}

#[tokio::test]
async fn each_poll_is_one_await_further_and_the_last_is_dropped() {
    let reached = AtomicBool::new(false);
    let call = || async {
        for _ in 0..3 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        reached.store(true, Ordering::Relaxed);
    };
    for at in At::ALL {
        for awaits in 0..=3 {
            assert_eq!(dropped_after(awaits, at, call()).await, None, "{awaits} {at:?}");
            assert!(!reached.load(Ordering::Relaxed));
        }
        assert_eq!(dropped_after(4, at, call()).await, Some(()));
        assert!(reached.swap(false, Ordering::Relaxed));
    }
}
