//! The protocol: how a reader reads and fills, how a writer holds and releases. Knows the ports, and no hand.

mod answer;
mod any;
mod batch;
mod cold;
mod complaints;
mod context;
mod fill;
mod flight;
mod gate;
mod lease;
mod listen;
mod loads;
mod look;
mod operation;
mod overdue;
mod owned;
mod put;
mod reader;
#[cfg(feature = "postgres")]
mod relay;
mod renewal;
mod soft;
mod sourced;
mod spec;
mod stand_in;
mod stats;
mod strategy;
mod tasks;
mod tier;
mod timed;
mod times;
mod to_the_end;
mod warm;
mod writer;

pub(crate) use answer::Timed;
pub use answer::{Cacheable, Optional, Shared, Whole};
pub(crate) use any::{AnyAnswer, Form, erased};
pub(crate) use batch::{Answers, read_many};
pub(crate) use context::Context;
pub(crate) use flight::{Erased, Flights};
pub(crate) use loads::Turn;
pub(crate) use look::{Found, Look};
pub(crate) use operation::AllCounters;
#[cfg(feature = "metrics")]
pub(crate) use operation::Operation;
pub(crate) use reader::{Reader, Sharing};
#[cfg(feature = "postgres")]
pub use relay::{Lag, Relay, RelayBuilder, RelayStats};
pub(crate) use renewal::Renewing;
pub(crate) use soft::{Carried, Carry};
pub use sourced::CacheableSource;
pub(crate) use sourced::Sourced;
pub(crate) use spec::Spec;
pub use spec::{Answer, Kept, Origin};
pub(crate) use stats::Counters;
pub use stats::Stats;
pub use strategy::{
    CacheAside, OnUnknown, ReadThrough, RefreshAhead, StaleWhileRevalidate, Trouble, WriteBehind,
    WriteBehindBuilder, WriteBehindError, WriteBehindStats, WriteThrough,
};
pub(crate) use tasks::UnderWay;
#[cfg(feature = "postgres")]
pub(crate) use tier::Tier;
#[cfg(feature = "metrics")]
pub(crate) use times::middle;
pub use times::{Latency, OperationStats};
pub(crate) use to_the_end::ToTheEnd;
#[cfg(feature = "postgres")]
pub(crate) use warm::{Warmed, warm_many};
pub(crate) use writer::{Held, release_all, settle};
