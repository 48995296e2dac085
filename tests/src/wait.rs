//! Waiting that ends: poll until a condition holds, or fail at a deadline.

use std::panic::Location;
use std::time::{Duration, Instant};

/// How long the waiting helpers wait: 10 s.
///
/// Long enough for two busy cores, short enough that a hung test is seen as one.
pub const DEADLINE: Duration = Duration::from_secs(10);

const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(25);

/// Waits until `condition` answers true.
///
/// # Panics
///
/// When the condition has not held by [`DEADLINE`]; the message carries `what` and the caller's line.
#[track_caller]
pub fn eventually<F, Fut>(what: &str, mut condition: F) -> impl Future<Output = ()>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    eventually_some(what, move || {
        let holds = condition();
        async move { holds.await.then_some(()) }
    })
}

/// Waits until `probe` answers with a value, and returns it.
///
/// # Panics
///
/// When there was no value by [`DEADLINE`]; the message carries `what` and the caller's line.
#[track_caller]
pub fn eventually_some<T, F, Fut>(what: &str, mut probe: F) -> impl Future<Output = T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let caller = Location::caller();
    async move {
        let polling = async {
            let mut pause = FIRST_PAUSE;
            loop {
                if let Some(value) = probe().await {
                    return value;
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        };
        match tokio::time::timeout(DEADLINE, polling).await {
            Ok(value) => value,
            Err(_) => panic!("{caller}: not within {DEADLINE:?}: {what}"),
        }
    }
}

/// Runs `future` to its end, bounded by [`DEADLINE`].
///
/// # Panics
///
/// When the future has not ended by then; the message carries `what` and the caller's line.
#[track_caller]
pub fn in_time<T>(what: &str, future: impl Future<Output = T>) -> impl Future<Output = T> {
    let caller = Location::caller();
    async move {
        match tokio::time::timeout(DEADLINE, future).await {
            Ok(value) => value,
            Err(_) => panic!("{caller}: not within {DEADLINE:?}: {what}"),
        }
    }
}

/// The same for the start of a server, which happens outside any runtime: true once `holds` does.
pub(crate) fn poll(deadline: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + deadline;
    let mut pause = FIRST_PAUSE;
    while !holds() {
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    true
}
