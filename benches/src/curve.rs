//! How something grows: a value at several sizes, for one or several sides.

use serde::{Deserialize, Serialize};

/// One plot. What is asked of a curve is asked of a figure or a pair beside it.
#[derive(Debug)]
pub(crate) struct Curve {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) plot: Plot,
}

/// Its axes and lines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plot {
    /// What grows from left to right, such as "entries under the tag".
    pub(crate) across: String,
    /// What is measured, such as "one invalidation".
    pub(crate) up: String,
    pub(crate) lines: Vec<Series>,
}

/// One line: what is at which size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}
