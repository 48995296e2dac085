//! Writes from elsewhere: triggers on the table that write the keys of changed rows to the outbox.

use std::collections::BTreeSet;

use sqlx::FromRow;

use super::Repository;
use super::config::{CachedRepository, Index, TagPiece};
use super::core::{Core, Kind};
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, KeyBuilder};
use crate::postgres::watch::{self, Form, KeyText, Piece, Plan, Table};
use crate::postgres::{Entity, Lent, Statements};

impl<R: CachedRepository> Repository<'_, R> {
    /// Watches the table: from now on every change of its rows that passes the repositories by, plain SQL, `COPY`, a
    /// cascade, another program's, writes the keys of the old and the new rows to the outbox in its own transaction, and a
    /// [relay](crate::CacheManager::relay) removes them from the cache within some milliseconds of the commit. What this
    /// repository writes is held as before, and not written twice.
    ///
    /// It makes four statement-level triggers, from the annotations. Run it at the start of a service, after
    /// [`migrate`](crate::migrate): where the triggers are there and up to date it only looks. Before that it
    /// compares, by rows of the table and by made-up ones, the keys that the triggers would write with those of this
    /// program.
    ///
    /// # Errors
    /// [`Outbox`](ErrorKind::Outbox) where the table cannot be watched: it is partitioned or a view, the schema differs
    /// from the annotations ([`verify_schema`](Self::verify_schema)), a column's values are written into keys otherwise
    /// than Postgres writes them, the table is in use for too long, or the role does not own it. The message says what to
    /// do; [`watch_sql`](Self::watch_sql) gives an administrator the statements.
    pub async fn watch(&self) -> Result<()> {
        let plan = self.plan()?;
        let mut on = Lent::of(self.host.db()).await?;
        let table = self.verified(&mut on, &plan).await?;
        let installed = watch::installed(&mut on, &plan, &table).await?;
        on.give_back();
        if !installed {
            watch::install(self.host.db(), &plan, &table).await?;
        }
        Ok(())
    }

    /// Takes the triggers of this namespace off the table again.
    ///
    /// # Errors
    /// [`Outbox`](ErrorKind::Outbox) where there is no such table, it is in use for too long, or the role does not own it.
    pub async fn unwatch(&self) -> Result<()> {
        let plan = self.plan()?;
        let mut on = Lent::of(self.host.db()).await?;
        let table = Table::read(&mut on, &plan).await?;
        on.give_back();
        watch::remove(self.host.db(), &plan, &table).await
    }

    /// The statements that [`watch`](Self::watch) would run, for an administrator with psql. Once they have run, any role
    /// may call `watch`.
    ///
    /// # Errors
    /// Those of [`watch`](Self::watch), but for the role and the lock.
    pub async fn watch_sql(&self) -> Result<String> {
        let plan = self.plan()?;
        let mut on = Lent::of(self.host.db()).await?;
        let table = self.verified(&mut on, &plan).await?;
        on.give_back();
        let statements = watch::statements(&plan, &table).join(";\n\n");
        Ok(format!("BEGIN;\n\n{statements};\n\nCOMMIT;\n"))
    }

    /// The table, once it is sure that its triggers write the keys that this program reads.
    async fn verified(&self, on: &mut Lent, plan: &Plan) -> Result<Table> {
        let mut table = Table::read(on, plan).await?;
        self.differences(on).await.map_err(|error| {
            Error::new(
                ErrorKind::Outbox,
                format!(
                    "table {} cannot be watched: its schema differs from its annotations",
                    plan.table
                ),
            )
            .because(error)
        })?;
        self.learn_labels(on, plan, &mut table).await?;
        self.compare(on, plan, &table).await?;
        Ok(table)
    }

    /// Enums often have other names in the program than in the database: what they are is seen by reading each.
    async fn learn_labels(&self, on: &mut Lent, plan: &Plan, table: &mut Table) -> Result<()> {
        let is_enum = |form: &Form| matches!(form, Form::Labels(_));
        if !table.forms.values().any(is_enum) {
            return Ok(());
        }
        let (real, made_up) = watch::samples(on, plan, table).await?;
        for (column, form) in &mut table.forms {
            let Form::Labels(labels) = form else { continue };
            for sampled in real.iter().chain(&made_up) {
                let Ok(row) = R::Entity::from_row(sampled.row()) else { continue };
                let label = sampled.part(*column).map_err(unreadable)?;
                let Some((label, name)) = label.zip(self.core.part(&row, *column)?) else {
                    continue;
                };
                let pair = (unescaped(&label), unescaped(&name));
                if label != name && !labels.contains(&pair) {
                    labels.push(pair);
                }
            }
            labels.sort();
        }
        Ok(())
    }

    /// Compares what the triggers would write of some rows with what this program calls them.
    async fn compare(&self, on: &mut Lent, plan: &Plan, table: &Table) -> Result<()> {
        let (real, made_up) = watch::samples(on, plan, table).await?;
        let mut seen = BTreeSet::new();
        let mut unread = None;
        for sampled in real.iter().chain(&made_up) {
            // What the program cannot read it does not cache.
            let row = match R::Entity::from_row(sampled.row()) {
                Ok(row) => row,
                Err(error) => {
                    unread.get_or_insert(error);
                    continue;
                }
            };
            for column in plan.keyed() {
                let (ours, theirs) =
                    (self.core.part(&row, column)?, sampled.part(column).map_err(unreadable)?);
                if ours != theirs {
                    return Err(differing(plan, column, ours, theirs));
                }
                if ours.is_some() {
                    seen.insert(column);
                }
            }
            for (number, ours) in self.core.keys_in_order(&row)?.into_iter().enumerate() {
                let theirs = sampled.key(number).map_err(unreadable)?;
                if ours.as_ref().map(Key::as_str) != theirs.as_deref() {
                    return Err(Error::new(
                        ErrorKind::Outbox,
                        format!(
                            "table {} cannot be watched: the program calls a row {}, and the triggers would call it {}",
                            plan.table,
                            shown(ours.as_ref().map(Key::as_str)),
                            shown(theirs.as_deref())
                        ),
                    ));
                }
            }
        }
        let unseen: Vec<&str> =
            plan.keyed().difference(&seen).map(|column| plan.name_of(*column)).collect();
        if unseen.is_empty() {
            return Ok(());
        }
        let refused = Error::new(
            ErrorKind::Outbox,
            format!(
                "table {} cannot be watched yet: it has no row with a value in column {}, and none could be made up that \
                 the program can read, so it is not known how it writes one into a key; call `watch` again once there is \
                 such a row",
                plan.table,
                unseen.join(", ")
            ),
        );
        Err(match unread {
            Some(error) => refused.because(error),
            None => refused,
        })
    }

    fn plan(&self) -> Result<Plan> {
        let core = self.core;
        let ids = || (0..).zip(R::Entity::COLUMNS).filter(|(_, column)| column.id);
        let mut row = Vec::new();
        for (at, _) in ids() {
            if !row.is_empty() {
                row.push(Piece::Text(":".to_owned()));
            }
            row.push(Piece::Column(at));
        }
        let index = |(kind, index): (Kind, &Index)| -> Result<KeyText> {
            let mut pieces = Vec::new();
            for column in index.columns {
                pieces.push(Piece::Text(":=".to_owned()));
                pieces.push(Piece::Column(*column));
            }
            let head = core.index_key(kind, index).finish()?.as_str().to_owned();
            Ok(KeyText { head, pieces, is_name: false, when: None })
        };
        let tag_head = core.context.namespace.tag().finish()?.as_str().to_owned();
        let tags = core.config.tags.iter().map(|tag| KeyText {
            head: tag_head.clone(),
            pieces: tag.pieces.iter().map(piece).collect(),
            is_name: true,
            when: None,
        });
        Ok(Plan {
            namespace: core.context.namespace.clone(),
            table: &Statements::of::<R::Entity>().table,
            columns: R::Entity::COLUMNS,
            row: KeyText {
                head: format!("{}:=", core.key().text("id").finish()?),
                pieces: row,
                is_name: false,
                when: None,
            },
            indexes: core.indexes().map(index).collect::<Result<_>>()?,
            tags: tags.collect(),
            conditions: core.condition_texts(),
            table_tag: core.context.namespace.tag().text(R::Entity::TABLE).finish()?,
            table_prefix: core.context.namespace.prefix(R::Entity::TABLE),
        })
    }
}

fn piece(piece: &TagPiece) -> Piece {
    match piece {
        TagPiece::Text(text) => Piece::Text((*text).to_owned()),
        TagPiece::Column(column) => Piece::Column(*column),
    }
}

impl<E: Entity> Core<E> {
    /// A column's text as a part of a key; `None` where it is `NULL`.
    fn part(&self, row: &E, column: usize) -> Result<Option<String>> {
        let mut key: KeyBuilder = self.context.namespace.key();
        if !row.write_key(column, &mut key) {
            return Ok(None);
        }
        let key = key.finish()?;
        let head = self.context.namespace.as_str().len() + ":=".len();
        Ok(key.as_str().get(head..).map(str::to_owned))
    }

    /// The row's keys in the order of [`Plan::keys`].
    fn keys_in_order(&self, row: &E) -> Result<Vec<Option<Key>>> {
        let mut keys = vec![Some(self.row_key(&row.id())?)];
        for (kind, index) in self.indexes() {
            keys.push(self.row_index_key(kind, index, row)?);
        }
        for template in self.config.tags {
            keys.push(self.tag_of(template.pieces, row)?);
        }
        for key in self.condition_keys(row) {
            keys.push(key?);
        }
        Ok(keys)
    }
}

fn differing(plan: &Plan, column: usize, ours: Option<String>, theirs: Option<String>) -> Error {
    let field = plan.columns.get(column).map_or("the field", |column| column.rust_type);
    Error::new(
        ErrorKind::Outbox,
        format!(
            "table {} cannot be watched: the program writes a value of column {} into keys as {}, and the triggers would \
             write {}: make {field} serialise its value as Postgres shows it, or leave the column out of `unique`, `list` \
             and `tags`",
            plan.table,
            plan.name_of(column),
            shown(ours.as_deref()),
            shown(theirs.as_deref())
        ),
    )
}

fn shown(text: Option<&str>) -> String {
    text.map_or_else(|| "nothing".to_owned(), |text| format!("\"{text}\""))
}

fn unreadable(error: sqlx::Error) -> Error {
    Error::new(ErrorKind::Outbox, "the rows that the triggers are tried on could not be read")
        .because(error)
}

/// The text that was escaped to this one.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let code = (*first == b'%').then(|| text_of(behind.get(..2)?)).flatten();
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { behind.get(2..).unwrap_or_default() } else { behind };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

fn text_of(hex: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::escaped;

    #[test]
    fn what_was_escaped_comes_back() {
        for text in ["", "plain", "a b%{}", "Größe\u{3000}", "%N", "%25"] {
            assert_eq!(unescaped(&escaped(text)), text);
        }
    }
}
