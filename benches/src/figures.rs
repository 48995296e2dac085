//! Numbers that stand for themselves, with nothing beside them to compare.

/// What is asked of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bound {
    None,
    AtMost(f64),
    AtLeast(f64),
}

impl Bound {
    pub(crate) fn goal(self) -> Option<f64> {
        match self {
            Self::None => None,
            Self::AtMost(goal) | Self::AtLeast(goal) => Some(goal),
        }
    }

    /// Whether a value is what was asked for; nothing where nothing was.
    pub(crate) fn met(self, value: f64) -> Option<bool> {
        match self {
            Self::None => None,
            Self::AtMost(most) => Some(value <= most),
            Self::AtLeast(least) => Some(value >= least),
        }
    }
}

/// One line of the second table.
#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    pub(crate) bound: Bound,
}

impl Figure {
    pub(crate) fn new(name: String, value: f64, unit: &'static str, bound: Bound) -> Self {
        Self { name, value, unit, bound }
    }
}
