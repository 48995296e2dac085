//! Triggers that write the keys of changed rows to the outbox, whoever changes them.

mod body;
mod install;
mod sample;
mod table;

use super::condition::When;
use super::entity::Column;
use crate::key::{Key, Namespace, Prefix};

pub(crate) use install::{install, installed, remove, statements};
pub(crate) use sample::samples;
pub(crate) use table::{Form, Table};

/// What a repository caches of a table: every key that a change of a row makes wrong.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) namespace: Namespace,
    /// The table, quoted, as the repository's statements name it.
    pub(crate) table: &'static str,
    pub(crate) columns: &'static [Column],
    pub(crate) row: KeyText,
    /// Look-ups and lists: wrong where their columns have changed.
    pub(crate) indexes: Vec<KeyText>,
    /// Tags: wrong whatever has changed.
    pub(crate) tags: Vec<KeyText>,
    /// Lists by condition: wrong whatever has changed, where the row meets the condition.
    pub(crate) conditions: Vec<KeyText>,
    /// The tag of the table's name.
    pub(crate) table_tag: Key,
    /// What stands under the table's name.
    pub(crate) table_prefix: Prefix,
}

/// How a row's key is put together.
#[derive(Clone, Debug)]
pub(crate) struct KeyText {
    /// What every such key begins with.
    pub(crate) head: String,
    pub(crate) pieces: Vec<Piece>,
    /// The pieces make a name, which is escaped as a whole; else each column is escaped by itself.
    pub(crate) is_name: bool,
    /// What a row has to meet to have the key.
    pub(crate) when: Option<When>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    /// A place in the columns.
    Column(usize),
}

impl KeyText {
    /// The columns that the key is made of.
    pub(crate) fn columns(&self) -> impl Iterator<Item = usize> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Column(column) => Some(*column),
            Piece::Text(_) => None,
        })
    }
}

impl Plan {
    /// Every kind of key, the row's own first.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &KeyText> {
        std::iter::once(&self.row).chain(&self.indexes).chain(&self.tags).chain(&self.conditions)
    }

    /// The columns that some key is made of, or whose value decides whether a row has it.
    pub(crate) fn keyed(&self) -> std::collections::BTreeSet<usize> {
        let compared = self.conditions.iter().filter_map(|key| key.when);
        let compared = compared.flat_map(|when| when.test.compared());
        self.keys().flat_map(KeyText::columns).chain(compared).collect()
    }

    pub(crate) fn name_of(&self, column: usize) -> &'static str {
        self.columns.get(column).map_or("", |column| column.name)
    }
}

/// A name in SQL.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in SQL, whatever `standard_conforming_strings` says.
pub(crate) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}
