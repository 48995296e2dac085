//! The documentation of generated methods: what they read, under which key, for how long, what they invalidate.

pub(super) mod methods;
pub(super) mod rate_limit;
mod terms;

use proc_macro2::TokenStream;
use quote::quote;

use self::terms::{kept, kept_row};
use crate::model::condition::Condition;
use crate::model::repository::{Index, Repository};
use crate::names;

/// What is said of a method of the repository, and of the same method inside a transaction.
pub(super) struct Docs {
    pub(super) alone: Vec<String>,
    pub(super) within: Vec<String>,
}

/// Each paragraph as doc attributes.
pub(super) fn attributes(paragraphs: &[String]) -> TokenStream {
    let lines = paragraphs.iter().enumerate().flat_map(|(place, paragraph)| {
        (place > 0)
            .then(String::new)
            .into_iter()
            .chain(paragraph.lines().map(|line| format!(" {line}").trim_end().to_owned()))
    });
    quote!(#(#[doc = #lines])*)
}

const READ_ERRORS: &str = "# Errors\n\nThose of sqlx, where the database is asked; and that too many loads wait for their turn \
                           (`ErrorKind::Overloaded`). A failure of the cache is logged, and the database answers.";
const WRITE_ERRORS: &str = "# Errors\n\nThose of sqlx. Where the keys can neither be held in the cache nor, under the policy `Outbox` with a \
                            relay, be left in the outbox, the write is rolled back, and the error says so; under `Proceed` it \
                            is made all the same.";
const WITHIN_ERRORS: &str = "# Errors\n\nThose of sqlx.";

const ROW_KEY: &str = "`{namespace}:{table}:id:={id}`";
const AS_SEEN: &str = "Read from the database, as the transaction sees it.";
const WITH_COMMIT: &str = "What changes is invalidated when the transaction commits.";
const IN_OWN_TRANSACTION: &str = "It runs in a transaction of its own.";

fn read(summary: String, how: String) -> Docs {
    let within = vec![summary.clone(), AS_SEEN.to_owned(), WITHIN_ERRORS.to_owned()];
    Docs { alone: vec![summary, how, READ_ERRORS.to_owned()], within }
}

/// A read that may be answered by the cache.
fn cached_read(repository: &Repository, summary: String, how: String) -> Docs {
    let mut docs = read(summary, how);
    let errors = docs.alone.pop();
    docs.alone.extend(terms::read(&repository.terms, &terms::REPOSITORY).into_iter().chain(errors));
    docs
}

fn write(summary: &str, invalidated: &str) -> Docs {
    Docs {
        alone: vec![
            summary.to_owned(),
            format!("{IN_OWN_TRANSACTION} {invalidated}"),
            WRITE_ERRORS.to_owned(),
        ],
        within: vec![summary.to_owned(), WITH_COMMIT.to_owned(), WITHIN_ERRORS.to_owned()],
    }
}

fn alone(paragraphs: &[&str]) -> Docs {
    Docs {
        alone: paragraphs.iter().map(|paragraph| (*paragraph).to_owned()).collect(),
        within: Vec::new(),
    }
}

pub(super) fn get(repository: &Repository) -> Docs {
    cached_read(
        repository,
        "The row with this id, or `None` where there is none.".to_owned(),
        format!(
            "It comes from the cache, under {ROW_KEY}, else from the database. {}",
            kept(&repository.terms)
        ),
    )
}

pub(super) fn get_for_update() -> Docs {
    read(
        "The row with this id, locked: nobody else changes it before the transaction ends. For a change that depends on what \
         the row is."
            .to_owned(),
        String::new(),
    )
}

pub(super) fn get_many(repository: &Repository) -> Docs {
    cached_read(
        repository,
        "The rows with these ids, in the order of the ids, duplicates included; `None` where there is none.".to_owned(),
        format!(
            "They come from the cache in one read, each under {ROW_KEY}; those that are missing come from the database in one \
             query. {}",
            kept(&repository.terms)
        ),
    )
}

pub(super) fn find(repository: &Repository, index: &Index) -> Docs {
    cached_read(
        repository,
        format!("The row with this {}, or `None` where there is none.", columns(index)),
        format!(
            "Its id comes from the cache, under `{{namespace}}:{{table}}:by:{}`, else from the database; the row is then read by \
             its id. {}",
            key(index),
            kept(&repository.terms)
        ),
    )
}

pub(super) fn list(repository: &Repository, index: &Index) -> Docs {
    cached_read(
        repository,
        format!(
            "The rows with this {}, in the order of their ids: all of them for `..`, a page for a range such as `0..20`.",
            columns(index)
        ),
        format!(
            "Their ids come from the cache, under `{{namespace}}:{{table}}:list:{}`, else from the database; the rows are then \
             read by their ids. {}, and so is the list.",
            key(index),
            kept_row(&repository.terms)
        ),
    )
}

pub(super) fn list_where(repository: &Repository, condition: &Condition) -> Docs {
    let values: String =
        condition.parameters.iter().map(|parameter| format!(":={{{}}}", parameter.name)).collect();
    let order = condition.order.iter().map(|order| {
        let direction = if order.descending { " DESC" } else { "" };
        format!("`{}{direction}`", order.column)
    });
    let order: Vec<String> = order.chain(["their ids".to_owned()]).collect();
    let most =
        condition.limit.map_or_else(String::new, |limit| format!(", the first {limit} of them"));
    cached_read(
        repository,
        format!(
            "The rows for which `{}`, ordered by {}{most}: all of these for `..`, a page for a range such as `0..20`.",
            condition.text,
            order.join(", then by ")
        ),
        format!(
            "They come from the cache, all in one entry under `{{namespace}}:{{table}}:where:{}{values}`, else from the \
             database. A change of a row invalidates the list where the row as it was, or as it is, meets the condition{}. {}, \
             and so is the list.",
            names::plain(&condition.name),
            whatever(condition),
            kept_row(&repository.terms)
        ),
    )
}

/// What a change of a row is not asked for: which values the parameters of its lists have.
fn whatever(condition: &Condition) -> String {
    let pinned = condition.pinned();
    let bucketed = condition.buckets.as_ref().map(|of| of.parameter);
    let free: Vec<String> = (0..)
        .zip(&condition.parameters)
        .filter(|(_, parameter)| !pinned.contains(&parameter.name.as_str()))
        .map(|(place, parameter)| {
            let within = if bucketed == Some(place) { " in the bucket of the list's" } else { "" };
            format!("some value of `{}`{within}", parameter.name)
        })
        .collect();
    if free.is_empty() { String::new() } else { format!(" with {}", free.join(" and ")) }
}

/// `` `country` and `name` ``
fn columns(index: &Index) -> String {
    let names: Vec<String> = index.columns.iter().map(names::plain).collect();
    crate::suggest::quoted(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

/// `country+name:={country}:={name}`
fn key(index: &Index) -> String {
    let values: String =
        index.columns.iter().map(|column| format!(":={{{}}}", names::plain(column))).collect();
    format!("{}{values}", index.name())
}

/// "Everything that the cache holds of the row is invalidated with the commit: …"
fn invalidated(repository: &Repository, row: &str) -> String {
    let mut what = vec!["its key by id".to_owned()];
    if !repository.unique.is_empty() {
        what.push("its unique keys".to_owned());
    }
    if !repository.list.is_empty() || !repository.conditions.is_empty() {
        what.push("the lists that it stands in".to_owned());
    }
    what.push("the table's tag".to_owned());
    let tags: Vec<&str> = repository.tags.iter().map(|tag| tag.text.as_str()).collect();
    if !tags.is_empty() {
        let noun = if tags.len() == 1 { "tag" } else { "tags" };
        what.push(format!("the {noun} {}", crate::suggest::quoted(&tags)));
    }
    format!(
        "Everything that the cache holds of {row} is invalidated with the commit: {}.",
        what.join("; ")
    )
}

const THE_ROW: &str = "the row";
const EACH_ROW: &str = "each row";
const BOTH_STATES: &str = "the row, as it was and as it is,";

pub(super) fn insert(repository: &Repository) -> Docs {
    write(
        "Inserts the row; returns it as the database stored it, with what the database generates.",
        &invalidated(repository, THE_ROW),
    )
}

pub(super) fn insert_many(repository: &Repository) -> Docs {
    write(
        "Inserts the rows, many in one statement, all or none; returns them as they were stored, in their order.",
        &invalidated(repository, EACH_ROW),
    )
}

pub(super) fn update(repository: &Repository) -> Docs {
    write(
        "Updates the row with this row's id; returns it as it was stored, or `None` where there is no such row.",
        &format!(
            "{} A row that does not change invalidates nothing.",
            invalidated(repository, BOTH_STATES)
        ),
    )
}

pub(super) fn upsert(repository: &Repository) -> Docs {
    write(
        "Updates the row with this row's id, or inserts it; returns it as it was stored.",
        &invalidated(repository, BOTH_STATES),
    )
}

pub(super) fn delete(repository: &Repository) -> Docs {
    write(
        "Deletes the row with this id; returns it, or `None` where there was none.",
        &invalidated(repository, THE_ROW),
    )
}

pub(super) fn delete_many(repository: &Repository) -> Docs {
    write(
        "Deletes the rows with these ids, all or none; returns those that were there, in no order.",
        &invalidated(repository, EACH_ROW),
    )
}

pub(super) fn warm(repository: &Repository) -> Docs {
    alone(&[
        "Reads these rows into the cache, for a start with a warm one; returns how many of them there are.",
        &kept(&repository.terms),
        READ_ERRORS,
    ])
}

pub(super) fn warm_all(repository: &Repository) -> Docs {
    alone(&[
        "Begins to read every row into the cache, in batches, at a pace that can be set; `run` does it.",
        &kept(&repository.terms),
    ])
}

pub(super) fn warm_where(repository: &Repository) -> Docs {
    alone(&[
        "Begins to read the rows of which a condition is true into the cache; `run` does it. The condition is SQL, as it \
         stands behind `WHERE`; its parameters, `$1` and so on, are given with `bind`.",
        &kept(&repository.terms),
    ])
}

pub(super) fn invalidate() -> Docs {
    alone(&[
        "Makes the cache forget the row with this id, after a change that passed the repository by.",
        "That is the row, its look-ups and lists as the cache and the database have them now, and its tags. A list or \
         look-up that only an older state of the row belonged to is not known here, and stays until its TTL.",
        "# Errors\n\nWhat keeps the cache or the database from answering; the row may then still be served as it was.",
    ])
}

pub(super) fn invalidate_matching() -> Docs {
    alone(&[
        "Makes the cache forget every entry of this repository whose key, behind `{namespace}:{table}:`, matches a `Pattern`, \
         such as `id:=4*` or `call:largest:*`; returns how many it removed.",
        "What is being loaded meanwhile fills nothing, and the tiers in all processes are emptied. It walks through all keys \
         of the server: for single rows there is `invalidate`, for what depends on them there are tags.",
        "# Errors\n\nA pattern that is none; and what keeps the cache from answering, unless a relay will deliver the whole table \
         out of the outbox.",
    ])
}

pub(super) fn refresh(repository: &Repository) -> Docs {
    read(
        "The row with this id from the database, or `None` where there is none; it takes the place of what is cached."
            .to_owned(),
        format!("The key is {ROW_KEY}. {}", kept(&repository.terms)),
    )
}

pub(super) fn explain() -> Docs {
    alone(&[
        "Where `get` would find the row with this id: the key, its state, what is left of its life, its size.",
        "It changes nothing, and counts as no read.",
    ])
}

pub(super) fn explain_list(condition: &Condition) -> Docs {
    alone(&[
        &format!(
            "Where `{}` would find its list: the key, its state, what is left of its life, its size.",
            condition.method()
        ),
        "It changes nothing, and counts as no read.",
    ])
}

pub(super) fn verify_schema() -> Docs {
    alone(&[
        "Compares the entity with the database: table, columns, types, nullability, unique indexes.",
        "# Errors\n\nEvery difference that there is, in one error; or what sqlx says when the database cannot be asked.",
    ])
}

pub(super) fn watch() -> Docs {
    alone(&[
        "Installs the triggers that write the keys of every changed row of this table into the outbox, in the transaction that \
         changes it: what passes the repository by (psql, another program, the cascade of a foreign key) is invalidated as \
         well, as soon as a relay delivers it.",
        "They take the place of those that stood there: run it again, as after a deploy that changes `unique`, `list` (and \
         its conditions) or `tags`, as often as you like. They ignore the writes of repositories, which hold their keys themselves. \
         Where the program may not create triggers, run what `watch_sql` gives as somebody who may.",
        "# Errors\n\nWhat the database says, such as that there is no such table, or that creating a trigger is not allowed; and what speaks against watching \
         the table, such as a type whose keys SQL cannot write.",
    ])
}

pub(super) fn unwatch() -> Docs {
    alone(&[
        "Removes the triggers that `watch` installed: what passes the repository by is seen again when an entry's TTL is over.",
        "# Errors\n\nWhat the database says, such as that removing a trigger is not allowed.",
    ])
}

pub(super) fn watch_sql() -> Docs {
    alone(&[
        "The statements that `watch` runs, for a migration, or for somebody who may create triggers.",
        "# Errors\n\nThose of `watch`: it asks the database what the table is like, and changes nothing.",
    ])
}

pub(super) fn stats() -> Docs {
    alone(&["What the cache has done for this repository since its manager was built."])
}

pub(super) fn begin() -> Docs {
    alone(&[
        "Begins a transaction on this repository's database, for `within` and for methods that take one.",
        "# Errors\n\nThose of sqlx.",
    ])
}

pub(super) fn within() -> Vec<String> {
    vec!["The same reads and writes inside a transaction, beside those of other repositories of the same database.".to_owned()]
}

pub(super) fn within_type(repository: &Repository) -> Vec<String> {
    vec![
        format!("The reads and writes of [`{}`] inside a transaction.", names::plain(&repository.ident)),
        "Reads see what the transaction sees, and leave the cache alone. Writes are invalidated when it commits; a \
         transaction that is rolled back or dropped invalidates nothing."
            .to_owned(),
    ]
}
