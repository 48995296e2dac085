//! What each way of spreading invalidations costs under one load.

use crate::costs::Costs;
use crate::load::{self, BEAT, Load, NAMESPACE, VIGIL};
use crate::server::Traffic;
use crate::simulation::Counts;
use crate::wire;

/// A way of spreading them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// One channel of a namespace, which all listen to: what the library does.
    ToAll,
    /// The server remembers which connection has read which key, and tells those alone.
    Tracking,
    /// The server tells each connection of every key that begins with the namespace.
    Broadcast,
    /// A channel a shard in a cluster of so many, all of which each process listens to; each key is announced on its own.
    Sharded(usize),
    /// The same, but all keys of a write are announced on one of them.
    Gathered(usize),
    /// The server of each shard remembers.
    TrackingSharded(usize),
    /// A channel a table or partition, of which each process listens to one in so many.
    Partitioned(usize),
}

/// What is sent and done in a second.
#[derive(Clone, Debug)]
pub struct Bill {
    /// Messages and pushes out of Redis, beats among them; out of all servers where there are several.
    pub messages: f64,
    /// Their bytes, and those of the answers that the stream is the reason of.
    pub bytes: f64,
    /// The same with the headers of packets, in bits.
    pub wire_bits: f64,
    /// Share of a core of the busiest server.
    pub server: f64,
    /// Messages into a process.
    pub heard: f64,
    /// Bytes into a process.
    pub heard_bytes: f64,
    /// Share of a core of a process.
    pub process: f64,
    /// Share of the keys heard that were not kept there.
    pub idle: f64,
    /// Seconds until a value under a tag is taken for old because a key's counter is its tag's, too.
    pub false_eviction: f64,
    /// Milliseconds until an announcement is sent to the last that has to hear of it, median and 99 %.
    pub delay: Option<(f64, f64)>,
    /// Bytes that the server remembers.
    pub memory: f64,
}

/// Counters of generations that keys share (`mind/tier/generations.rs`).
const GENERATIONS: f64 = 32_768.0;

impl Model {
    /// What it costs, given what the processes do.
    #[must_use]
    pub fn bill(self, load: &Load, counts: &Counts, costs: &Costs) -> Bill {
        let processes = load.processes as f64;
        let keys = load::mean(|keys| keys.len() as f64);
        let all = keys * load.writes;
        let announced =
            |sharded| load::mean(|keys| wire::announced(NAMESPACE, keys, sharded) as f64);
        let beats = processes / BEAT;
        let beat_bytes = wire::beat(NAMESPACE, 1_000) as f64;
        let vigil_bytes = wire::VIGIL as f64;
        // A beat is a command of its own, and a push to its own sender.
        let beat = costs.turn + costs.message + costs.push + costs.flush;
        let everyone = [(processes, processes)];
        let plain = Traffic {
            announcements: load.writes,
            told: &everyone,
            push: costs.push,
            listeners: processes,
            beats: (beats, beat),
            vigils: processes / VIGIL,
            besides: 0.0,
        };
        match self {
            Self::ToAll => Sums {
                traffic: plain,
                servers: 1.0,
                pushes: load.writes * processes,
                push_bytes: announced(false),
                keys: all * processes,
                useful: counts.useful,
                unwritten: 0.0,
                memory: 0.0,
            }
            .bill(load, costs, (beat_bytes, vigil_bytes)),
            Self::Partitioned(parts) => {
                let listeners = processes / parts as f64;
                let told = [(listeners, listeners)];
                Sums {
                    traffic: Traffic { told: &told, ..plain },
                    servers: 1.0,
                    pushes: load.writes * listeners,
                    push_bytes: announced(false),
                    keys: all * listeners,
                    // Each process reads its part alone, and keeps as much of it as all would of the whole.
                    useful: counts.useful / parts as f64,
                    unwritten: 0.0,
                    memory: 0.0,
                }
                .bill(load, costs, (beat_bytes, vigil_bytes))
            }
            Self::Sharded(shards) | Self::Gathered(shards) => {
                let (shards_of_write, of_each) = match self {
                    Self::Sharded(_) => (touched(shards), spread_bytes(shards)),
                    _ => (1.0, announced(true)),
                };
                let announcements = load.writes * shards_of_write;
                Sums {
                    traffic: Traffic { announcements: announcements / shards as f64, ..plain },
                    servers: shards as f64,
                    pushes: announcements * processes,
                    push_bytes: of_each,
                    keys: all * processes,
                    useful: counts.useful,
                    unwritten: 0.0,
                    memory: 0.0,
                }
                .bill(load, costs, (beat_bytes, vigil_bytes))
            }
            Self::Tracking | Self::TrackingSharded(_) => {
                let shards =
                    if let Self::TrackingSharded(shards) = self { shards as f64 } else { 1.0 };
                let pushes = counts.pushes + counts.expired + counts.crowded;
                // A write's keys stand on different shards, and are pushed there.
                let per_shard = touched(shards as usize) / shards;
                let told: Vec<_> = counts
                    .told
                    .iter()
                    .map(|(heard, pushes)| {
                        let share = 1.0 / (per_shard * shards);
                        ((heard * share).min(processes), pushes * share)
                    })
                    .collect();
                let unwritten = counts.expired + counts.crowded;
                Sums {
                    traffic: Traffic {
                        announcements: load.writes * per_shard,
                        told: &told,
                        push: costs.tracked_push,
                        // The beat is a PING on the connection that the pushes come on.
                        beats: (beats, costs.turn),
                        besides: (counts.far() * costs.tracked_read) / shards
                            + unwritten / shards * (costs.tracked_push + costs.flush),
                        ..plain
                    },
                    servers: shards,
                    pushes,
                    push_bytes: counts.pushed_bytes / pushes.max(1.0),
                    keys: pushes,
                    useful: counts.useful,
                    unwritten,
                    memory: counts.table_keys * costs.table_key
                        + counts.table_pairs * costs.table_pair,
                }
                .bill(load, costs, (PONG, vigil_bytes))
            }
            Self::Broadcast => {
                // Hold and release each change all keys of a write, a lease and a fill one key each.
                let loops = 2.0 * load.writes + 2.0 * counts.fills;
                let changed = 2.0 * all + 2.0 * counts.fills;
                let of_each = changed / loops;
                let told = [(processes, processes)];
                // Each with its length before it.
                let key = load::mean(|keys| keys.iter().sum::<usize>() as f64) / keys + 7.0;
                Sums {
                    traffic: Traffic {
                        announcements: loops,
                        told: &told,
                        push: of_each * costs.broadcast_key,
                        beats: (beats, 2.0 * costs.turn),
                        ..plain
                    },
                    servers: 1.0,
                    pushes: loops * processes,
                    push_bytes: wire::invalidate(&[]) as f64 + of_each * key,
                    keys: changed * processes,
                    useful: counts.useful,
                    unwritten: 0.0,
                    memory: 0.0,
                }
                .bill(load, costs, (2.0 * PONG, vigil_bytes))
            }
        }
    }
}

/// Bytes of the answer to a `PING`.
const PONG: f64 = 7.0;

/// On how many of so many shards so many keys stand, on average.
fn shards_of(keys: usize, shards: usize) -> f64 {
    let none = (1.0 - 1.0 / shards as f64).powi(i32::try_from(keys).unwrap_or(i32::MAX));
    shards as f64 * (1.0 - none)
}

/// The same of the keys of a write.
fn touched(shards: usize) -> f64 {
    load::mean(|keys| shards_of(keys.len(), shards))
}

/// The bytes of what a write announces on one of its shards.
fn spread_bytes(shards: usize) -> f64 {
    let empty = wire::announced(NAMESPACE, &[], true) as f64;
    let all = load::mean(|keys| wire::announced(NAMESPACE, keys, true) as f64);
    empty + (all - empty) / touched(shards)
}

/// What the bill of each model is made of.
struct Sums<'t> {
    traffic: Traffic<'t>,
    servers: f64,
    /// Pushes a second because of invalidations, out of all servers, and the bytes of one.
    pushes: f64,
    push_bytes: f64,
    /// Keys in them.
    keys: f64,
    useful: f64,
    /// Pushes a second that no write is the reason of, each in a packet of its own.
    unwritten: f64,
    memory: f64,
}

impl Sums<'_> {
    fn bill(self, load: &Load, costs: &Costs, (beat_bytes, vigil_bytes): (f64, f64)) -> Bill {
        let processes = load.processes as f64;
        let turns = self.traffic.play(costs);
        let (beats, vigils) =
            (self.traffic.beats.0 * self.servers, self.traffic.vigils * self.servers);
        let messages = self.pushes + beats;
        let bytes = self.pushes * self.push_bytes + beats * beat_bytes + vigils * vigil_bytes;
        // A beat and its answer are a packet each.
        let packets = turns.flushes * self.servers + 2.0 * beats + vigils + self.unwritten;
        let (keys, heard) = (self.keys / processes, messages / processes);
        Bill {
            messages,
            bytes,
            wire_bits: 8.0 * (bytes + packets * wire::PACKET),
            server: turns.busy,
            heard,
            heard_bytes: bytes / processes,
            process: (heard * costs.heard + keys * costs.evicted) / 1e6,
            idle: (1.0 - self.useful / self.keys).max(0.0),
            false_eviction: GENERATIONS / keys,
            delay: turns.delay,
            memory: self.memory,
        }
    }
}

/// What happens while somebody writes and others listen: what a test does with a real server.
#[derive(Clone, Copy, Debug)]
pub struct Window<'w> {
    /// Who listens.
    pub listeners: usize,
    /// Bytes of the namespace's name.
    pub namespace: usize,
    /// Writes, one after the other: how many of them announce keys of these lengths.
    pub writes: &'w [(usize, &'w [usize])],
    /// Beats that are sent meanwhile.
    pub beats: f64,
    /// How often the vigil asks meanwhile.
    pub vigils: f64,
}

impl Window<'_> {
    /// Bytes out of the server, where all is published to all; answers to writers, beats and vigils are among them.
    #[must_use]
    pub fn bytes_to_all(&self) -> f64 {
        let standing =
            self.beats * wire::beat(self.namespace, 10) as f64 + self.vigils * wire::VIGIL as f64;
        let of = |(writes, keys): &(usize, &[usize])| {
            let message = wire::announced(self.namespace, keys, false) * self.listeners;
            (writes * (message + wire::answers(keys.len(), self.listeners))) as f64
        };
        standing + self.writes.iter().map(of).sum::<f64>()
    }
}
