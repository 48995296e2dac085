//! Statements that walk through a table by its ids, page by page, so that no connection is held in between.

use super::{Statements, parameters};

/// The statements of one walk. `$1` and those that follow are the condition's own parameters; behind them come the
/// page's length and, on every page but the first, the id that the last one ended with.
#[derive(Debug)]
pub(crate) struct Pages {
    pub(crate) first: String,
    pub(crate) next: String,
    pub(crate) count: String,
}

impl Statements {
    /// The walk through the rows of which `condition` is true, whose parameters are so many.
    pub(crate) fn pages(
        &self,
        condition: Option<&str>,
        parameters_of_it: usize,
        width: usize,
    ) -> Pages {
        let Self { table, ids, .. } = self;
        // In lines of its own: it may end with a comment.
        let narrowed = condition.map(|condition| format!("(\n{condition}\n)"));
        let filter = narrowed.as_ref().map_or(String::new(), |filter| format!(" WHERE {filter}"));
        let further = narrowed.as_ref().map_or(String::new(), |filter| format!("{filter} AND "));
        let limit = parameters_of_it + 1;
        let last = parameters(limit + 1, width);
        Pages {
            first: format!("SELECT {ids} FROM {table}{filter} ORDER BY {ids} LIMIT ${limit}"),
            next: format!(
                "SELECT {ids} FROM {table} WHERE {further}({ids}) > ({last}) ORDER BY {ids} LIMIT ${limit}"
            ),
            count: format!("SELECT count(*) FROM {table}{filter}"),
        }
    }
}
