//! What generated repositories stand on: a user's struct with a pool and a manager, and the reads and writes over it.

mod ahead;
mod behind;
mod call;
mod condition;
mod config;
mod core;
mod detached;
mod explain;
mod invalidation;
mod loading;
mod operations;
mod page;
mod pattern;
mod places;
mod read;
mod row_hash;
mod share;
mod slip;
mod source;
mod warm;
mod watch;
mod within;
mod write;

pub use call::{Call, CallSpec};
pub use config::{
    Buckets, CachedRepository, Condition, Index, RepositoryConfig, Slot, TagPiece, TagTemplate,
};
pub(crate) use core::{Core, Registry};
pub(crate) use detached::Detached;
pub use explain::{Explanation, State};
pub(crate) use invalidation::may_have_changed;
pub use invalidation::{Changing, Invalidation};
pub use page::Page;
pub(crate) use share::sharing;
pub use slip::check_tag;
pub use warm::{Warm, WarmProgress, WarmReport};
pub use within::Within;

use std::sync::Arc;

/// The reads and writes of one repository: a borrowed view that every generated method goes through, and that a
/// hand-written one may use as well.
#[derive(Debug)]
pub struct Repository<'r, R: CachedRepository> {
    host: &'r R,
    core: &'r Arc<Core<R::Entity>>,
}
