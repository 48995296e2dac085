//! The protocol: how a reader reads and fills, how a writer holds and releases. Knows the ports, and no hand.

mod answer;
mod batch;
mod complaints;
mod context;
mod fill;
mod flight;
mod gate;
mod lease;
mod listen;
mod loads;
mod overdue;
mod put;
mod reader;
#[cfg(feature = "postgres")]
mod relay;
mod soft;
mod spec;
mod stand_in;
mod stats;
mod strategy;
mod tasks;
mod tier;
mod writer;

pub(crate) use answer::Timed;
pub use answer::{Cacheable, Optional, Shared, Whole};
pub(crate) use batch::read_many;
pub(crate) use context::Context;
pub(crate) use flight::{Erased, Flights};
pub(crate) use loads::Turn;
pub(crate) use reader::{Found, Look, Reader, Sharing};
#[cfg(feature = "postgres")]
pub use relay::{Lag, Relay, RelayBuilder, RelayStats};
pub(crate) use soft::Carry;
pub(crate) use spec::Spec;
pub use spec::{Answer, Kept, Origin};
pub(crate) use stats::Counters;
pub use stats::Stats;
pub use strategy::{
    OnUnknown, Trouble, WriteBehind, WriteBehindBuilder, WriteBehindError, WriteBehindStats,
};
pub(crate) use tasks::UnderWay;
pub(crate) use writer::{Held, release_all, settle};
