//! How old an answer may be, and how a caller says so.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

/// How old the answer of a read may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Level {
    /// Never older than what was committed when the read began. Asks Redis.
    Strong,
    /// Never older than what was committed this long before the read began, and never older than what the same manager's own
    /// writes have acknowledged; of another manager in the same process it is the bound that counts. Asks the tier in the
    /// process first. A bound below some 20 ms is seldom proven in time, and the read is then answered as `Strong` would be.
    Bounded(Duration),
    /// What the database says: both tiers are passed over, and nothing is cached.
    Database,
}

impl Default for Level {
    /// Bounded by one second: a hit costs no round trip, and a second is what a page that is being looked at is old
    /// anyway.
    fn default() -> Self {
        Self::Bounded(Duration::from_secs(1))
    }
}

/// What the future that is being polled says of the reads in it.
#[derive(Clone, Copy, Default)]
struct Scope {
    asked: Option<Level>,
    /// It is the load of another read, whose answer will be cached.
    loading: bool,
}

thread_local! {
    static SCOPE: Cell<Scope> = const { Cell::new(Scope { asked: None, loading: false }) };
}

impl Level {
    /// The level of a read where `self` is configured. What a load reads is cached for readers of every level, so it is
    /// never only bounded.
    #[inline]
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "only repositories read"))]
    pub(crate) fn here(self) -> Self {
        let scope = SCOPE.get();
        match scope.asked.unwrap_or(self) {
            Self::Bounded(_) if scope.loading => Self::Strong,
            level => level,
        }
    }

    /// Whether the future that is being polled is the load of a read.
    pub(crate) fn is_loading() -> bool {
        SCOPE.get().loading
    }
}

/// Sets the level of every read inside a future.
pub trait ReadAt: Future + Sized {
    /// This future, with every read inside it at `level`, whatever the repository says.
    ///
    /// ```
    /// use cache_runtime::{Level, ReadAt};
    ///
    /// # async fn read() -> u32 { 7 }
    /// # async fn example() {
    /// // `cities.get(id).at(Level::Strong).await` reads one row; a whole block may be set as well.
    /// let seven = async { read().await }.at(Level::Strong).await;
    /// assert_eq!(seven, 7);
    /// # }
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(example());
    /// ```
    fn at(self, level: Level) -> At<Self> {
        At { future: self, level }
    }
}

impl<F: Future> ReadAt for F {}

pin_project! {
    /// What [`ReadAt::at`] makes. Reads in tasks that the future spawns are not inside it.
    #[derive(Debug)]
    #[must_use = "a future does nothing until it is awaited"]
    pub struct At<F> {
        #[pin]
        future: F,
        level: Level,
    }
}

impl<F: Future> Future for At<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _around = Around::enter(|scope| scope.asked = Some(*this.level));
        this.future.poll(context)
    }
}

pin_project! {
    /// The load of a read.
    pub(crate) struct Loading<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Loading<F> {
    pub(crate) fn of(future: F) -> Self {
        Self { future }
    }
}

impl<F: Future> Future for Loading<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _around = Around::enter(|scope| scope.loading = true);
        self.project().future.poll(context)
    }
}

/// Puts back the scope around, also when a poll panics.
struct Around(Scope);

impl Around {
    fn enter(change: impl FnOnce(&mut Scope)) -> Self {
        let around = SCOPE.get();
        let mut scope = around;
        change(&mut scope);
        SCOPE.set(scope);
        Self(around)
    }
}

impl Drop for Around {
    fn drop(&mut self) {
        SCOPE.set(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIGURED: Level = Level::Bounded(Duration::from_secs(1));

    async fn here() -> Level {
        CONFIGURED.here()
    }

    #[tokio::test]
    async fn the_innermost_level_holds_and_ends_with_its_future() {
        assert_eq!(here().await, CONFIGURED);
        let both = async {
            let inner = here().at(Level::Database).await;
            tokio::task::yield_now().await;
            (inner, here().await)
        };
        assert_eq!(both.at(Level::Strong).await, (Level::Database, Level::Strong));
        assert_eq!(here().await, CONFIGURED);
    }

    #[tokio::test]
    async fn what_a_load_reads_is_never_only_bounded() {
        assert_eq!(Loading::of(here()).await, Level::Strong);
        assert_eq!(Loading::of(here().at(CONFIGURED)).await, Level::Strong);
        assert_eq!(Loading::of(here()).at(Level::Database).await, Level::Database);
        assert!(!Level::is_loading());
    }
}
