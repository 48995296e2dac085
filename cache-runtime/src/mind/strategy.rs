//! Strategies: when a value is read from its source, and when it is written there. None knows another.

mod write_behind;

pub use write_behind::{
    OnUnknown, Trouble, WriteBehind, WriteBehindBuilder, WriteBehindError, WriteBehindStats,
};
