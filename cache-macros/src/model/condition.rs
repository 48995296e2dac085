//! A list of the rows that meet a condition.

use proc_macro2::{Ident, Span};

use crate::grammar::condition::Order;
use crate::grammar::condition::test::{By, Operand, Test};
use crate::names;

/// `list(name = big, where = "…", …)`
pub(crate) struct Condition {
    pub(crate) name: Ident,
    /// The condition as it was written, and where.
    pub(crate) text: String,
    pub(crate) span: Span,
    pub(crate) test: Test,
    /// In the order in which they first stand in the condition.
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) order: Vec<Order>,
    pub(crate) order_span: Span,
    pub(crate) limit: Option<u32>,
    pub(crate) buckets: Option<Buckets>,
}

/// A parameter, and the column that it is compared with.
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) column: String,
}

/// The bounds by which the values of one parameter are told apart.
pub(crate) struct Buckets {
    /// The parameter's place.
    pub(crate) parameter: usize,
    pub(crate) bounds: Vec<i64>,
}

impl Condition {
    /// `list_big`
    pub(crate) fn method(&self) -> String {
        format!("list_{}", names::plain(&self.name))
    }

    /// The place of a parameter.
    pub(crate) fn parameter(&self, name: &str) -> usize {
        self.parameters.iter().position(|parameter| parameter.name == name).unwrap_or_default()
    }

    /// The parameters whose values follow from a row that meets the condition: each is equal to a column, in any case, and
    /// stands nowhere else.
    pub(crate) fn pinned(&self) -> Vec<&str> {
        let conjuncts = match &self.test {
            Test::All(tests) => tests.as_slice(),
            one => std::slice::from_ref(one),
        };
        let all = self.test.comparisons();
        let once = |name: &str| {
            all.iter().filter(|(.., to)| matches!(to, Operand::Parameter(of) if of == name)).count()
                == 1
        };
        conjuncts
            .iter()
            .filter_map(|test| match test {
                Test::Compare { by: By::Equal, to: Operand::Parameter(name), .. } => {
                    Some(name.as_str())
                }
                _ => None,
            })
            .filter(|name| once(name))
            .collect()
    }
}
