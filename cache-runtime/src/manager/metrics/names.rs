//! What is published, by name: the one list that the descriptions, the documentation and the code are held to.

use metrics::Unit;

/// A metric that is published.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct MetricName {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: MetricKind,
    /// In what it is counted or measured.
    pub unit: Unit,
    /// The labels that it bears, beside `namespace`, which all bear.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetricKind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Many values: how they are spread.
    Histogram,
}

const OPERATION: &[&str] = &["repository", "operation"];
const TIER: &[&str] = &["repository", "operation", "tier"];
const REASON: &[&str] = &["repository", "operation", "reason"];
const OUTCOME: &[&str] = &["repository", "operation", "outcome"];
const REPOSITORY: &[&str] = &["repository"];
const QUEUE: &[&str] = &["queue"];
const NONE: &[&str] = &[];

macro_rules! names {
    ($($constant:ident = $name:literal, $kind:ident, $unit:ident, $labels:expr, $help:literal;)*) => {
        $(pub(super) const $constant: &str = $name;)*

        pub(super) static ALL: &[MetricName] = &[$(MetricName {
            name: $name,
            kind: MetricKind::$kind,
            unit: Unit::$unit,
            labels: $labels,
            help: $help,
        },)*];
    };
}

names! {
    HITS = "cache_hits_total", Counter, Count, TIER,
        "Reads of an entry that a tier answered";
    MISSES = "cache_misses_total", Counter, Count, TIER,
        "Reads of an entry that a tier was asked for and could not answer";
    NEGATIVE_HITS = "cache_negative_hits_total", Counter, Count, OPERATION,
        "Hits of the backend that said that there is no such row";
    COALESCED = "cache_coalesced_total", Counter, Count, OPERATION,
        "Misses that were answered by another caller's load in this process";
    HELD = "cache_held_reads_total", Counter, Count, OPERATION,
        "Reads that found a writer about to commit, and went to the database";
    LOADS = "cache_loads_total", Counter, Count, OPERATION,
        "Queries sent to the database for reads; a batch is one, and rows that several callers ask for at once count each";
    FAILED_LOADS = "cache_failed_loads_total", Counter, Count, OPERATION,
        "Queries for reads that failed";
    SHED_LOADS = "cache_shed_loads_total", Counter, Count, OPERATION,
        "Loads that were refused because too many waited for their turn";
    LOAD_SECONDS = "cache_load_seconds", Histogram, Seconds, OPERATION,
        "How long queries for reads took, failed ones included, to a sixteenth";
    FILLS = "cache_fills_total", Counter, Count, OPERATION,
        "Values put into the backend";
    REJECTED_FILLS = "cache_rejected_fills_total", Counter, Count, REASON,
        "Values that were loaded and not cached: a writer came between, too large, no codec";
    RENEWALS = "cache_renewals_total", Counter, Count, OUTCOME,
        "Renewals of values while they were served: done, refused because a writer or another reader came between, failed";
    ADMITTED = "cache_tier_admissions_total", Counter, Count, OPERATION,
        "Values put into the tier in the process";
    REFUSED = "cache_tier_refusals_total", Counter, Count, OPERATION,
        "Values that the tier in the process did not take, because an invalidation came in between";
    STALE = "cache_stale_served_total", Counter, Count, OPERATION,
        "Expired values that were served because the load failed or took too long";
    FOREIGN = "cache_foreign_entries_total", Counter, Count, OPERATION,
        "Entries that this program does not understand, and replaced";
    ERRORS = "cache_errors_total", Counter, Count, OPERATION,
        "Operations of the backend that failed, those of writes included";
    COMPRESSED = "cache_compressed_values_total", Counter, Count, OPERATION,
        "Values that were made smaller on their way into the backend";
    SAVED = "cache_compression_saved_bytes_total", Counter, Bytes, OPERATION,
        "Bytes that compression has saved on the way into the backend";
    INVALIDATED = "cache_invalidated_keys_total", Counter, Count, REPOSITORY,
        "Keys that writes of this process invalidated: held, or left in the outbox";
    OUTBOXED = "cache_outboxed_writes_total", Counter, Count, REPOSITORY,
        "Writes that left keys in the outbox because they could not be held";
    REFUSED_WRITES = "cache_refused_writes_total", Counter, Count, REPOSITORY,
        "Writes that were refused because their keys could neither be held nor be left in the outbox";
    PROCEEDED = "cache_proceeded_writes_total", Counter, Count, REPOSITORY,
        "Writes that went on although their keys could not be held";
    LOADS_RUNNING = "cache_loads_running", Gauge, Count, NONE,
        "Loads that run now";
    LOADS_WAITING = "cache_loads_waiting", Gauge, Count, NONE,
        "Loads that wait for their turn now";
    BREAKER = "cache_breaker_state", Gauge, Count, NONE,
        "Whether calls are let through to the backend: 0 closed, 1 half open, 2 open";
    RECONNECTS = "cache_reconnects_total", Counter, Count, NONE,
        "Connections to the backend that were opened after the first one";
    RETRIED = "cache_retried_reads_total", Counter, Count, NONE,
        "Reads that were sent to the backend again because the connection broke under them";
    BACKEND_KEYS = "cache_backend_keys", Gauge, Count, NONE,
        "Keys that stand in the backend, those of others included; not a number where it did not say";
    BACKEND_MEMORY = "cache_backend_memory_bytes", Gauge, Bytes, NONE,
        "Memory that the backend's data takes, that of others included; not a number where it did not say";
    BACKEND_LIMIT = "cache_backend_memory_limit_bytes", Gauge, Bytes, NONE,
        "Memory that the backend's data may take before something is evicted; not a number where there is no bound";
    BACKEND_EVICTED = "cache_backend_evicted_keys", Gauge, Count, NONE,
        "Keys that the backend has evicted for lack of room since it was started; not a number where it did not say";
    BELIEVED = "cache_believed", Gauge, Count, NONE,
        "1 while the backend's answers are believed, 0 while the outbox may know better";
    TIER_ENTRIES = "cache_tier_entries", Gauge, Count, NONE,
        "Entries in the tier in the process";
    TIER_BYTES = "cache_tier_bytes", Gauge, Bytes, NONE,
        "Bytes of the tier in the process";
    PROOF_AGE = "cache_tier_proof_age_seconds", Gauge, Seconds, NONE,
        "How old the proof is that no invalidation is missing here; not a number while there is none";
    INVALIDATION_LAG = "cache_invalidation_lag_seconds", Histogram, Seconds, NONE,
        "How long a beat took through the backend and back on the stream of invalidations, behind all that was announced before";
    RELAY_LAG = "cache_relay_lag_seconds", Histogram, Seconds, NONE,
        "From the moment a row of the outbox was written until this process's relay had its keys out of the backend";
    RELAY_ROWS = "cache_relay_rows_total", Counter, Count, NONE,
        "Rows of the outbox that this process's relay delivered";
    RELAY_FAILURES = "cache_relay_failures_total", Counter, Count, NONE,
        "Rounds of this process's relay that failed";
    RELAY_EMPTIED = "cache_relay_emptied_total", Counter, Count, NONE,
        "How often the relay emptied the namespace because the database was in another life";
    OUTBOX_ROWS = "cache_outbox_rows", Gauge, Count, NONE,
        "Rows that wait in the outbox; not a number where the database did not say";
    OUTBOX_AGE = "cache_outbox_oldest_seconds", Gauge, Seconds, NONE,
        "How long ago the oldest row of the outbox was written; not a number where the database did not say";
    BEHIND_ACCEPTED = "cache_write_behind_accepted_total", Counter, Count, QUEUE,
        "Writes that this process has acknowledged";
    BEHIND_REFUSED = "cache_write_behind_refused_total", Counter, Count, QUEUE,
        "Writes that were refused because the queue was full";
    BEHIND_APPLIED = "cache_write_behind_applied_total", Counter, Count, QUEUE,
        "Writes that this process's worker brought to the source, those that a newer one made needless included";
    BEHIND_COLLAPSED = "cache_write_behind_collapsed_total", Counter, Count, QUEUE,
        "Writes among them that were never sent, because a newer one of their key was in the same batch";
    BEHIND_RETRIED = "cache_write_behind_retried_total", Counter, Count, QUEUE,
        "Times that the source was tried and did not take what it was given";
    BEHIND_TAKEN_AGAIN = "cache_write_behind_taken_again_total", Counter, Count, QUEUE,
        "Writes that were taken a second time or oftener, because their worker had died, was slow, or had stopped";
    BEHIND_DEAD = "cache_write_behind_dead_total", Counter, Count, QUEUE,
        "Writes that this process's worker has made dead letters";
    BEHIND_LOST = "cache_write_behind_lost_total", Counter, Count, QUEUE,
        "Acknowledged writes that a reader of this process found missing from the queue";
    BEHIND_TROUBLE = "cache_write_behind_trouble", Gauge, Count, QUEUE,
        "What this process's worker waits for: 0 nothing, 1 the queue, 2 the source";
    BEHIND_WAITING = "cache_write_behind_waiting", Gauge, Count, QUEUE,
        "Writes in the queue that are not in the source yet; not a number where the queue did not say";
    BEHIND_OLDEST = "cache_write_behind_oldest_seconds", Gauge, Seconds, QUEUE,
        "How long ago the oldest of them was acknowledged; not a number where the queue did not say";
    BEHIND_LETTERS = "cache_write_behind_dead_letters", Gauge, Count, QUEUE,
        "Dead letters in the queue; not a number where the queue did not say";
}
