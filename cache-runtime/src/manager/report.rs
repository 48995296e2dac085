//! What the keys of a namespace take, and whose they are.

mod group;
mod table;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use self::group::Groups;
pub use self::group::MemoryGroup;
use crate::error::Result;
use crate::key::Key;
use crate::mind::Context;
use crate::policy::Remaining;
use crate::port::{Standing, SurveyFrom, Surveyed};

/// How often a report that waits for its pace looks at the clock.
const LOOK: Duration = Duration::from_millis(20);
/// So many keys without expiry are named; all are counted.
const MOST_NAMED: usize = 20;

/// A report that is about to be made: [`CacheManager::memory_report`](crate::CacheManager::memory_report).
#[must_use = "a report is made by `run`"]
pub struct MemoryReportBuilder {
    context: Arc<Context>,
    every: u64,
    rate: Option<f64>,
    progress: Option<Progress>,
}

type Progress = Box<dyn FnMut(&MemoryReportProgress) + Send>;

/// How far a report is. How many keys there will be nobody knows before the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryReportProgress {
    /// Keys that were passed.
    pub seen: u64,
    /// Those that were looked at.
    pub sampled: u64,
    /// How long it has gone on.
    pub elapsed: Duration,
}

/// What the keys of a namespace take in the backend.
///
/// Where only a sample was looked at, keys and bytes are estimates for all, and the named keys are those of the sample.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct MemoryReport {
    /// One for each kind of key, the largest first.
    pub groups: Vec<MemoryGroup>,
    /// Keys, all together.
    pub keys: u64,
    /// Bytes, all together, with the keys' own text and the backend's overhead.
    pub bytes: u64,
    /// Keys that never expire. What a repository caches always does, unless its TTL says
    /// [`Forever`](crate::Ttl::Forever).
    pub without_expiry: u64,
    /// The first twenty of them.
    pub named: Vec<Key>,
    /// Writers' holds that stand: many, or the same for long, mean writers that die.
    pub holds: u64,
    /// Readers' leases that stand.
    pub leases: u64,
    /// How it went.
    pub progress: MemoryReportProgress,
}

impl MemoryReportBuilder {
    pub(super) fn new(context: &Arc<Context>) -> Self {
        Self { context: Arc::clone(context), every: 1, rate: None, progress: None }
    }

    /// Looks at one key of so many, and multiplies; zero counts as one. One: every key. Of a million keys one in a
    /// hundred tells the large groups to some per cent.
    pub fn sample(mut self, every: u64) -> Self {
        self.every = every.max(1);
        self
    }

    /// How many keys are passed in a second, at most, some hundreds at once. No limit: as quick as the backend answers,
    /// which keeps it busy for a part of the time, and others waiting for a millisecond or so. Anything that is not
    /// above zero counts as no limit.
    pub fn rate(mut self, keys_per_second: f64) -> Self {
        self.rate = (keys_per_second > 0.0).then_some(keys_per_second);
        self
    }

    /// Who is told after each piece.
    pub fn progress(mut self, told: impl FnMut(&MemoryReportProgress) + Send + 'static) -> Self {
        self.progress = Some(Box::new(told));
        self
    }

    /// Makes the report. It only looks: nothing is changed, removed, or counted as used.
    ///
    /// # Errors
    /// Whatever keeps the backend from answering; [`Denied`](crate::ErrorKind::Denied) where its user may not send
    /// `SCAN`, `MEMORY USAGE`, `PTTL` or `GETRANGE`; [`Unsupported`](crate::ErrorKind::Unsupported) where it does not
    /// tell what stands in it.
    pub async fn run(mut self) -> Result<MemoryReport> {
        let (context, every) = (Arc::clone(&self.context), self.every);
        let (cache, namespace) = (&context.cache, &context.namespace);
        let began = context.clock.elapsed();
        let elapsed = || context.clock.elapsed().saturating_sub(began);
        let mut report = MemoryReport::default();
        let mut groups = Groups::default();
        let mut cursor = 0;
        loop {
            let from = SurveyFrom { cursor, seen: report.progress.seen, every };
            let piece = cache.survey(namespace, from).await?;
            report.progress.seen += piece.seen;
            report.progress.sampled += piece.keys.len() as u64;
            for key in &piece.keys {
                report.count(key);
                groups.count(namespace, key);
            }
            report.progress.elapsed = elapsed();
            if let Some(told) = &mut self.progress {
                told(&report.progress);
            }
            let Some(next) = piece.next else { break };
            cursor = next;
            if let Some(rate) = self.rate {
                #[expect(clippy::cast_precision_loss, reason = "a pace need not be exact")]
                let due = Duration::try_from_secs_f64(report.progress.seen as f64 / rate);
                let due = due.unwrap_or(Duration::MAX);
                loop {
                    let wait = due.saturating_sub(elapsed());
                    if wait.is_zero() {
                        break;
                    }
                    tokio::time::sleep(wait.min(LOOK)).await;
                }
            }
        }
        report.groups = groups.largest_first();
        report.estimate();
        Ok(report)
    }
}

impl MemoryReport {
    fn count(&mut self, key: &Surveyed) {
        self.keys += 1;
        self.bytes += key.bytes;
        match key.standing {
            Standing::Hold => self.holds += 1,
            Standing::Lease if !group::is_tag(&key.key) => self.leases += 1,
            _ => {}
        }
        if key.remaining == Remaining::Forever {
            self.without_expiry += 1;
            if self.named.len() < MOST_NAMED {
                self.named.push(key.key.clone());
            }
        }
    }

    /// From the sample to the whole.
    fn estimate(&mut self) {
        let MemoryReportProgress { seen, sampled, .. } = self.progress;
        let whole = |part: &mut u64| {
            if sampled > 0 {
                let scaled =
                    u128::from(*part) * u128::from(seen.max(sampled)) / u128::from(sampled);
                *part = u64::try_from(scaled).unwrap_or(u64::MAX);
            }
        };
        for part in [
            &mut self.keys,
            &mut self.bytes,
            &mut self.without_expiry,
            &mut self.holds,
            &mut self.leases,
        ] {
            whole(part);
        }
        for group in &mut self.groups {
            for part in [&mut group.keys, &mut group.bytes, &mut group.without_expiry] {
                whole(part);
            }
        }
    }
}

impl fmt::Debug for MemoryReportBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryReportBuilder")
            .field("namespace", &self.context.namespace)
            .field("sample", &self.every)
            .field("rate", &self.rate)
            .finish_non_exhaustive()
    }
}
