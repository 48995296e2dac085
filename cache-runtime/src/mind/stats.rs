//! What happened, counted.

use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use super::operation::Operation;
use super::times::{OperationStats, Times};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident: $counter:ty),* $(,)?) => {
        /// The counters of one operation of a repository.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            pub(crate) of: Operation,
            /// How long its loads took, failed ones included.
            pub(crate) load_times: Times,
            $(pub(crate) $name: $counter,)*
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
                Stats { $($name: self.$name.sum(),)* }
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
    tier_hits: Striped,
    /// Reads that asked the tier in the process, and had to go on to the cache.
    tier_misses: Counter,
    /// Reads that the cache answered with a value.
    hits: Counter,
    /// Reads that the cache answered with "there is none".
    negative_hits: Counter,
    /// Reads that the cache could not answer.
    misses: Counter,
    /// Misses that were answered by another caller's load in this process.
    coalesced: Counter,
    /// Queries sent to the database for reads; a batch is one.
    loads: Counter,
    /// Queries among them that failed.
    failed_loads: Counter,
    /// Values put into the cache.
    fills: Counter,
    /// Fills that were refused because their lease was gone: a writer came between load and fill, the load took longer
    /// than a lease lives, or the backend has evicted it or keeps nothing.
    rejected_fills: Counter,
    /// Values put into the tier in the process.
    admitted: Counter,
    /// Values that the tier in the process did not take, because an invalidation came in between.
    refused_admits: Counter,
    /// Expired values that were served because the load failed, or took longer than the soft timeout.
    stale: Counter,
    /// Values that were renewed while they were served.
    renewals: Counter,
    /// Renewals that were refused because a writer or another reader came between.
    refused_renewals: Counter,
    /// Renewals whose load failed; the value before went on being served.
    failed_renewals: Counter,
    /// Loads that were refused because too many wait for their turn.
    shed: Counter,
    /// Reads that found a writer about to commit, and went to the database.
    held: Counter,
    /// Values above the size limit, returned but not cached.
    too_large: Counter,
    /// Values that no codec could write, returned but not cached.
    unencodable: Counter,
    /// Entries that this program does not understand, and replaced.
    foreign: Counter,
    /// Values that were written smaller than they are.
    compressed: Counter,
    /// Bytes that this has saved.
    compression_saved_bytes: Counter,
    /// Cache operations that failed: reads were answered from the database, writes did what the policy says.
    errors: Counter,
    /// Keys that writes invalidated: held, or left in the outbox.
    invalidations: Counter,
    /// Writes that left keys in the outbox because they could not be held.
    outboxed: Counter,
    /// Writes that were refused because their keys could neither be held nor be left in the outbox.
    refused: Counter,
    /// Writes that went on although their keys could not be held, by [`OnUnreachable::Proceed`](crate::OnUnreachable).
    proceeded: Counter,
}

impl Counters {
    /// The tier in the process was asked.
    pub(crate) fn tier_answered(&self, hit: bool) {
        if hit { self.tier_hits.up() } else { self.tier_misses.up() }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    #[inline]
    pub(crate) fn up(&self) {
        self.add(1);
    }

    pub(crate) fn add(&self, count: usize) {
        self.0.fetch_add(count as u64, Ordering::Relaxed);
    }

    fn sum(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A count of what takes less time than it takes processors to hand a counter to each other: threads that add at once do so
/// in different places.
#[derive(Debug, Default)]
pub(crate) struct Striped([Stripe; STRIPES]);

const STRIPES: usize = 16;
/// So many of them are each one thread's alone, as long as it lives: it adds without an atomic operation, the dearest part of a
/// count. Other threads share the rest.
const OWNED: usize = 12;

/// Two lines of a processor's cache, which many fetch in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe(Counter);

/// Bits of the stripes that have an owner.
static OWNERS: AtomicU32 = AtomicU32::new(0);

/// What a thread adds to.
struct Place(usize);

impl Place {
    fn take() -> Self {
        static SHARED: AtomicUsize = AtomicUsize::new(0);
        let free = |owners: u32| {
            let place = owners.trailing_ones();
            (place < OWNED as u32).then_some(owners | 1 << place)
        };
        // Whoever had it before has added its last.
        match OWNERS.fetch_update(Ordering::AcqRel, Ordering::Acquire, free) {
            Ok(owners) => Self(owners.trailing_ones() as usize),
            Err(_) => Self(OWNED + SHARED.fetch_add(1, Ordering::Relaxed) % (STRIPES - OWNED)),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.0 < OWNED {
            OWNERS.fetch_and(!(1 << self.0), Ordering::AcqRel);
        }
    }
}

thread_local! {
    static MINE: Place = Place::take();
}

impl Striped {
    #[inline]
    pub(crate) fn up(&self) {
        // A thread that ends has given its place back.
        let place = MINE.try_with(|mine| mine.0).unwrap_or(OWNED);
        let Some(Stripe(Counter(counter))) = self.0.get(place) else { return };
        if place < OWNED {
            counter.store(counter.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        } else {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn sum(&self) -> u64 {
        self.0.iter().map(|Stripe(counter)| counter.sum()).sum()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_count_of_many_threads_is_lost() {
        let (hits, all) = (Striped::default(), std::sync::Barrier::new(40));
        // More at once than have a place of their own, and then others in the places of those.
        for _ in 0..2 {
            std::thread::scope(|scope| {
                for _ in 0..40 {
                    scope.spawn(|| {
                        all.wait();
                        (0..5000).for_each(|_| hits.up());
                    });
                }
            });
        }
        assert_eq!(hits.sum(), 2 * 40 * 5000);
    }
}
