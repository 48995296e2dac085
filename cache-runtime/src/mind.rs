//! The protocol: how a reader reads and fills, how a writer holds and releases. Knows the ports, and no hand.

mod batch;
mod complaints;
mod context;
mod fill;
mod flight;
mod lease;
mod reader;
mod spec;
mod stats;
mod tasks;
mod writer;

pub(crate) use batch::read_many;
pub(crate) use context::Context;
pub(crate) use flight::{Erased, Flights};
pub(crate) use reader::{Reader, Sharing};
pub use spec::Answer;
pub(crate) use spec::Spec;
pub(crate) use stats::Counters;
pub use stats::Stats;
pub(crate) use writer::Held;
