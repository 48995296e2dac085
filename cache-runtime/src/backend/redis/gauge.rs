//! For how long a connection has been silent while somebody waited for it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// Counts who waits, and remembers when the last byte came: a large answer on its way is a sign of life too.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    waiting: AtomicUsize,
    /// When something came, or somebody began to wait alone, in microseconds.
    heard: AtomicU64,
}

impl Gauge {
    /// Somebody waits until the guard is dropped.
    pub(super) fn wait(&self, now: Duration) -> Waiting<'_> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) == 0 {
            self.hears(now);
        }
        Waiting(self)
    }

    pub(super) fn hears(&self, now: Duration) {
        self.heard.fetch_max(micros(now), Ordering::Relaxed);
    }

    pub(super) fn silence(&self, now: Duration) -> Duration {
        now.saturating_sub(Duration::from_micros(self.heard.load(Ordering::Relaxed)))
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

#[must_use]
pub(super) struct Waiting<'g>(&'g Gauge);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A stream that tells the gauge what comes in.
#[derive(Debug)]
pub(super) struct Metered<S> {
    pub(super) stream: S,
    pub(super) gauge: Arc<Gauge>,
    pub(super) origin: Instant,
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.gauge.hears(self.origin.elapsed());
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn silence_begins_when_somebody_waits_alone_or_something_came() {
        let gauge = Gauge::default();
        let first = gauge.wait(100 * MS);
        assert_eq!(gauge.silence(130 * MS), 30 * MS);
        let second = gauge.wait(110 * MS);
        assert_eq!(
            (gauge.waiting(), gauge.silence(130 * MS)),
            (2, 30 * MS),
            "it is as long for all"
        );
        gauge.hears(120 * MS);
        assert_eq!(gauge.silence(130 * MS), 10 * MS);
        drop((first, second));
        assert_eq!(gauge.waiting(), 0);
        let _third = gauge.wait(500 * MS);
        assert_eq!(gauge.silence(510 * MS), 10 * MS, "nobody waited before");
    }

    #[tokio::test]
    async fn every_byte_that_comes_in_is_heard_and_what_goes_out_is_not() {
        use std::io;
        struct Scripted(Vec<&'static [u8]>);
        impl AsyncRead for Scripted {
            fn poll_read(
                mut self: Pin<&mut Self>,
                _: &mut Context<'_>,
                buffer: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                buffer.put_slice(self.0.pop().unwrap_or_default());
                Poll::Ready(Ok(()))
            }
        }
        impl AsyncWrite for Scripted {
            fn poll_write(
                self: Pin<&mut Self>,
                _: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                Poll::Ready(Ok(bytes.len()))
            }
            fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }
            fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }
        }
        let gauge = Arc::new(Gauge::default());
        let origin = Instant::now();
        std::thread::sleep(MS);
        let stream = Scripted(vec![b"", b"+PONG"]);
        let mut metered = Metered { stream, gauge: Arc::clone(&gauge), origin };
        let second = Duration::from_secs(1);
        let mut space = [0; 16];
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(Pin::new(&mut metered).poll_write(&mut context, b"PING").is_ready());
        assert!(Pin::new(&mut metered).poll_flush(&mut context).is_ready());
        assert_eq!(gauge.silence(second), second, "nothing came");
        let mut buffer = ReadBuf::new(&mut space);
        assert!(Pin::new(&mut metered).poll_read(&mut context, &mut buffer).is_ready());
        assert!(gauge.silence(second) < second, "a byte came");
    }
}
