//! The steps of the protocol, by name, and who may watch them.

use std::fmt::Debug;

use super::BoxFuture;
use crate::key::Key;

/// A step of the coherence protocol. The names are those of `docs/coherence.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// A reader reads the entry.
    Read,
    /// A reader takes the lease.
    Lease,
    /// A reader loads from the database.
    Load,
    /// A reader fills the entry.
    Fill,
    /// A reader puts the value into the tier in the process.
    Admit,
    /// A writer holds its keys; reported once for each key.
    Hold,
    /// A writer's keys become worthless to the tier in its own process; reported once for each key, after the hold and after
    /// the commit.
    Forget,
    /// A writer commits; reported once for each key.
    Commit,
    /// A writer releases its keys; reported once for each key.
    Release,
    /// What the tier in the process has at a key becomes worthless, by an invalidation that came on the stream.
    Evict,
    /// A relay delivers a key from the outbox; reported once for each key.
    Deliver,
}

impl Step {
    /// Every step, readers' first, in the order in which they are taken.
    pub const ALL: [Self; 11] = [
        Self::Read,
        Self::Lease,
        Self::Load,
        Self::Fill,
        Self::Admit,
        Self::Hold,
        Self::Forget,
        Self::Commit,
        Self::Release,
        Self::Evict,
        Self::Deliver,
    ];
}

/// Somebody who is told of each step just before it is taken, and may delay it. For tests that force an interleaving:
/// the stepper of the `testing` feature is one.
pub trait Observer: Debug + Send + Sync + 'static {
    /// Called before `step` is taken for `key`; the step is taken when the future is done.
    fn before<'a>(&'a self, step: Step, key: &'a Key) -> BoxFuture<'a, ()>;
}
