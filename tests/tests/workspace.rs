//! Rules that the workspace as a whole keeps.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail it"
)]

#[path = "workspace/msrv.rs"]
mod msrv;
#[path = "workspace/paths.rs"]
mod paths;
#[path = "workspace/rooms.rs"]
mod rooms;
#[path = "workspace/twins.rs"]
mod twins;
