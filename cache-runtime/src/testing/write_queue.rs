//! One suite for every [`WriteQueue`].
//!
//! A queue joins with one small implementation of [`QueueBackend`] and one line, as a cache does with
//! [`conformance`](super::conformance):
//!
//! ```
//! # #[cfg(feature = "memory")] mod example {
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use cache_runtime::backend::MemoryCache;
//! use cache_runtime::testing::ManualClock;
//! use cache_runtime::testing::write_queue::QueueBackend;
//! use cache_runtime::{CoherentCache, Namespace, WriteQueue};
//!
//! struct Memory(ManualClock);
//!
//! impl QueueBackend for Memory {
//!     async fn fresh(&self) -> Arc<dyn WriteQueue> {
//!         let cache = MemoryCache::builder().clock(self.0.shared()).build();
//!         let name = Namespace::new("shop").expect("it is not empty").key().text("orders");
//!         cache.write_queue(&name.finish().expect("it is a key")).expect("it has queues")
//!     }
//!
//!     async fn pass(&self, _: &dyn WriteQueue, time: Duration) {
//!         self.0.advance(time);
//!     }
//! }
//!
//! cache_runtime::write_queue_suite!(Memory(ManualClock::new()));
//! # }
//! ```

pub mod cases;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::port::WriteQueue;

/// What the suite needs to know of a queue. One value serves one case.
pub trait QueueBackend: Send + Sync {
    /// An empty queue. Called once in a case.
    fn fresh(&self) -> impl Future<Output = Arc<dyn WriteQueue>> + Send;

    /// Makes whatever was taken look as if its consumer had been silent for so much longer.
    fn pass(&self, queue: &dyn WriteQueue, time: Duration) -> impl Future<Output = ()> + Send;
}

/// Makes one `#[test]` of each case of the suite, for the
/// [`QueueBackend`](crate::testing::write_queue::QueueBackend) that the expression makes. It is evaluated once for each
/// case, in a tokio runtime, and may `.await`.
#[macro_export]
macro_rules! write_queue_suite {
    ($backend:expr $(,)?) => {
        $crate::write_queue_suite! { @cases $backend;
            what_was_written_is_taken_in_order
            a_write_is_pending_until_it_is_acknowledged
            a_delete_is_a_write
            the_newest_write_of_a_key_is_the_pending_one
            versions_only_rise
            a_full_queue_refuses_at_once_and_changes_nothing
            dead_letters_count_against_the_bound
            a_write_is_taken_by_one_consumer
            what_a_silent_consumer_has_taken_goes_to_another
            a_touched_write_stays_its_consumers
            an_acknowledgement_counts_whoever_gives_it
            a_write_that_failed_too_often_is_a_dead_letter
            failures_are_counted_across_consumers
            a_failure_of_what_is_gone_changes_nothing
            the_death_of_an_older_write_leaves_the_newer_pending
            a_dead_letter_that_is_retried_keeps_its_version
            a_dead_letter_that_is_discarded_is_gone
            who_leaves_gives_back_what_it_has_taken
            a_flush_waits_for_what_was_before_it
            the_backlog_is_what_is_there
            any_bytes_come_back
            of_many_writers_and_consumers_each_write_has_one
        }
    };
    (@cases $backend:expr; $($case:ident)+) => {
        $(
            #[test]
            fn $case() {
                $crate::testing::conformance::run(async {
                    let backend = $backend;
                    $crate::testing::write_queue::cases::$case(&backend).await;
                });
            }
        )+
    };
}
