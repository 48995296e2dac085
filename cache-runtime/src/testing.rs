//! For tests of what stands on this crate, and of this crate itself (feature `testing`).
//!
//! - [`ManualClock`]: time passes when the test says so, so that no test sleeps for a TTL.
//! - [`FaultyCache`]: fails, stalls or loses the reply of chosen calls to any cache.
//! - [`Stepper`]: parks a reader or writer at a step of the protocol, so that an interleaving is forced and not hoped
//!   for.
//! - [`conformance`]: the suite that every implementation of the ports must pass.
//! - [`sessions`]: the same for sessions.
//! - [`write_queue`]: the same for the queue of a write-behind.
//!
//! A failed expectation here panics with a message that says what was expected: that is how a test fails.

mod clock;
pub mod conformance;
mod faulty;
pub mod sessions;
mod stepper;
pub mod write_queue;

use std::time::Duration;

pub use clock::ManualClock;
pub use faulty::{FaultyCache, Op};
pub use stepper::{Gate, Stepper};

/// How long a test waits for something that should happen at once, before it fails instead of hanging. Ten seconds:
/// far more than a busy machine needs, and short enough to be waited for.
const PATIENCE: Duration = Duration::from_secs(10);
