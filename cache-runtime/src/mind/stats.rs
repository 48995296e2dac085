//! What happened, counted.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use super::operation::Operation;
use super::times::{OperationStats, Times};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// The counters of one operation of a repository.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            pub(crate) of: Operation,
            /// How long its loads took, failed ones included.
            pub(crate) load_times: Times,
            $(pub(crate) $name: Counter,)*
        }

        /// What an operation, a repository, or all under a manager did since it began. Plain counts of events.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Stats {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            pub(crate) fn of(operation: Operation) -> Self {
                Self { of: operation, ..Self::default() }
            }

            pub(crate) fn report(&self) -> OperationStats {
                OperationStats {
                    repository: self.of.repository.clone().into_owned(),
                    operation: self.of.name.clone().into_owned(),
                    stats: self.snapshot(),
                    load_time: self.load_times.latency(),
                }
            }

            pub(crate) fn snapshot(&self) -> Stats {
                Stats { $($name: self.$name.0.load(Ordering::Relaxed),)* }
            }
        }

        impl std::ops::AddAssign for Stats {
            fn add_assign(&mut self, other: Self) {
                $(self.$name += other.$name;)*
            }
        }

        /// What happened between two snapshots.
        impl std::ops::Sub for Stats {
            type Output = Self;

            fn sub(self, earlier: Self) -> Self {
                Self { $($name: self.$name.saturating_sub(earlier.$name),)* }
            }
        }

        impl Stats {
            /// Each count with its name, in a fixed order.
            #[must_use]
            pub fn rows(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name)),*]
            }
        }
    };
}

counters! {
    /// Reads that the tier in the process answered.
    tier_hits,
    /// Reads that asked the tier in the process, and had to go on to the cache.
    tier_misses,
    /// Reads that the cache answered with a value.
    hits,
    /// Reads that the cache answered with "there is none".
    negative_hits,
    /// Reads that the cache could not answer.
    misses,
    /// Misses that were answered by another caller's load in this process.
    coalesced,
    /// Queries sent to the database for reads; a batch is one.
    loads,
    /// Queries among them that failed.
    failed_loads,
    /// Values put into the cache.
    fills,
    /// Fills that were refused because their lease was gone: a writer came between load and fill, the load took longer
    /// than a lease lives, or the backend has evicted it or keeps nothing.
    rejected_fills,
    /// Values put into the tier in the process.
    admitted,
    /// Values that the tier in the process did not take, because an invalidation came in between.
    refused_admits,
    /// Expired values that were served because the load failed, or took longer than the soft timeout.
    stale,
    /// Values that were renewed while they were served.
    renewals,
    /// Renewals that were refused because a writer or another reader came between.
    refused_renewals,
    /// Renewals whose load failed; the value before went on being served.
    failed_renewals,
    /// Loads that were refused because too many wait for their turn.
    shed,
    /// Reads that found a writer about to commit, and went to the database.
    held,
    /// Values above the size limit, returned but not cached.
    too_large,
    /// Values that no codec could write, returned but not cached.
    unencodable,
    /// Entries that this program does not understand, and replaced.
    foreign,
    /// Values that were written smaller than they are.
    compressed,
    /// Bytes that this has saved.
    compression_saved_bytes,
    /// Cache operations that failed: reads were answered from the database, writes did what the policy says.
    errors,
    /// Keys that writes invalidated: held, or left in the outbox.
    invalidations,
    /// Writes that left keys in the outbox because they could not be held.
    outboxed,
    /// Writes that were refused because their keys could neither be held nor be left in the outbox.
    refused,
    /// Writes that went on although their keys could not be held, by [`OnUnreachable::Proceed`](crate::OnUnreachable).
    proceeded,
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn up(&self) {
        self.add(1);
    }

    pub(crate) fn add(&self, count: usize) {
        self.0.fetch_add(count as u64, Ordering::Relaxed);
    }
}

impl Stats {
    /// The share of reads that the cache answered, from 0 to 1; `None` before the first read.
    #[must_use]
    pub fn hit_ratio(&self) -> Option<f64> {
        let answered = self.tier_hits + self.hits + self.negative_hits;
        let reads = answered + self.misses;
        #[expect(clippy::cast_precision_loss, reason = "a ratio needs no more than a double holds")]
        (reads > 0).then(|| answered as f64 / reads as f64)
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, count)) in
            self.rows().into_iter().filter(|(_, count)| *count > 0).enumerate()
        {
            write!(f, "{}{name} {count}", if at > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}
