//! What is said of an annotated method, below its own documentation.

use super::terms;
use crate::grammar::duration;
use crate::model::key::Key;
use crate::model::method::{Call, Invalidation, Kind};
use crate::{names, suggest};

/// The paragraph that an annotation adds.
pub(in crate::expand) fn of_kind(kind: &Kind) -> String {
    match kind {
        Kind::Cached(call) => {
            format!("The answer is cached under {}. {}", place(call), kept(call))
        }
        Kind::Put(call) => {
            format!(
                "The answer takes the place of what is cached under {}. {}",
                place(call),
                kept(call)
            )
        }
        Kind::Invalidates(invalidation) => invalidated(invalidation),
    }
}

/// The key and the tags.
fn place(call: &Call) -> String {
    match tags(&call.tags) {
        None => key(&call.key),
        Some(tags) => format!("{}, with {tags}", key(&call.key)),
    }
}

fn kept(call: &Call) -> String {
    let ttl = match call.terms.ttl {
        Some(0) => "It is not kept".to_owned(),
        Some(ttl) => format!("It is kept for {}", duration::words(ttl)),
        None => "It is kept for the repository's TTL".to_owned(),
    };
    let negative = match call.terms.negative_ttl {
        _ if !call.answer.optional => String::new(),
        Some(0) => "; a `None` is not kept".to_owned(),
        Some(ttl) => format!("; a `None` for {}", duration::words(ttl)),
        None => "; a `None` for the repository's negative TTL".to_owned(),
    };
    let read = terms::read(&call.terms, &terms::METHOD).map(|read| format!(" {read}"));
    format!("{ttl}{negative}.{}", read.unwrap_or_default())
}

fn key(key: &Key) -> String {
    format!("`{{namespace}}:{{table}}:call:{}`", key.shown)
}

/// "the tags `a` and `b`"
fn tags(tags: &[Key]) -> Option<String> {
    let texts: Vec<&str> = tags.iter().map(|tag| tag.shown.as_str()).collect();
    let noun = if texts.len() == 1 { "tag" } else { "tags" };
    (!texts.is_empty()).then(|| format!("the {noun} {}", suggest::quoted(&texts)))
}

fn invalidated(invalidation: &Invalidation) -> String {
    let rows: Vec<String> =
        invalidation.rows.iter().map(|rows| names::plain(&rows.argument)).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let rows = (!rows.is_empty()).then(|| {
        format!(
            "everything that the cache holds of the rows with the ids in {}",
            suggest::quoted(&rows)
        )
    });
    let keys: Vec<String> = invalidation.keys.iter().map(key).collect();
    let keys = (!keys.is_empty()).then(|| keys.join(", "));
    let what: Vec<String> = [rows, keys, tags(&invalidation.tags)].into_iter().flatten().collect();
    let when = if invalidation.transaction.is_some() {
        "Invalidates, when the transaction commits"
    } else {
        "Invalidates, when it has run (while it runs, readers ask the database)"
    };
    format!("{when}: {}.", what.join("; "))
}
