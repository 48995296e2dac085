//! What the stream of invalidations costs at ten, a hundred and a thousand processes: a simulator that needs no server.
//!
//! [`simulate`] plays processes that read and write, and counts who keeps what; [`Model::bill`] says what each way of
//! spreading the invalidations costs under that, in messages, bytes, and the time of cores; [`page`] prints the tables of
//! docs/scale.md. What one thing costs was measured ([`measure`]) and stands in [`Costs::MEASURED`].
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of a simulation are far below what a float holds"
)]

pub mod bill;
pub mod costs;
pub mod load;
pub mod measure;
pub mod page;
mod process;
pub mod random;
mod server;
pub mod simulation;
pub mod wire;

pub use self::bill::{Bill, Model, Window};
pub use self::costs::Costs;
pub use self::load::Load;
pub use self::simulation::{Counts, simulate};
