//! What one of each costs.

/// Microseconds of a core, and bytes of memory.
#[derive(Clone, Copy, Debug)]
pub struct Costs {
    /// A message that is published with other commands, before anybody hears it.
    pub message: f64,
    /// A message for one more listener: it is put into that one's buffer.
    pub push: f64,
    /// A listener whose buffer is written to its socket, with whatever is in it.
    pub flush: f64,
    /// The push of one key to one client that tracks it, without the flush.
    pub tracked_push: f64,
    /// What a read costs more where it is tracked.
    pub tracked_read: f64,
    /// A key for one client that hears of a whole prefix, without the flush.
    pub broadcast_key: f64,
    /// A client that has sent something: it is read from, and answered. `PING`, one at a time.
    pub turn: f64,
    /// The questions of the vigil, one after the other: `INFO server`, `INFO replication`, `ROLE`, `PING`.
    pub vigil: f64,
    /// Bytes of a key in the server's table of tracked keys.
    pub table_key: f64,
    /// Bytes of one client at such a key.
    pub table_pair: f64,
    /// In the process: a message that is heard.
    pub heard: f64,
    /// In the process: a key in it that is evicted.
    pub evicted: f64,
}

impl Costs {
    /// As measured on the machine where docs/scale.md was written.
    pub const MEASURED: Self = Self {
        message: 0.7,
        push: 0.11,
        flush: 3.9,
        turn: 25.0,
        vigil: 30.0,
        tracked_push: 0.38,
        tracked_read: 0.36,
        broadcast_key: 0.10,
        table_key: 76.0,
        table_pair: 23.0,
        heard: 20.0,
        evicted: 0.3,
    };
}
