//! What is said of the terms on which values are kept and read.

use crate::grammar::duration;
use crate::grammar::level::Level;
use crate::model::repository::Terms;

/// "A row is kept for 15 minutes, and that there is none is remembered for 30 seconds."
pub(super) fn kept(terms: &Terms) -> String {
    let negative = match terms.negative_ttl {
        Some(0) => "is not remembered".to_owned(),
        Some(ttl) => format!("is remembered for {}", duration::words(ttl)),
        None => "is remembered for the manager's negative TTL".to_owned(),
    };
    format!("{}, and that there is none {negative}.", kept_row(terms))
}

/// "A row is kept for 15 minutes"
pub(super) fn kept_row(terms: &Terms) -> String {
    match terms.ttl {
        Some(0) => "A row is not kept".to_owned(),
        Some(ttl) => format!("A row is kept for {}", duration::words(ttl)),
        None => "A row is kept for the manager's TTL".to_owned(),
    }
}

/// Whose terms they are.
pub(super) struct Owner {
    /// Who decides where they are silent.
    around: &'static str,
    /// What a level depends on, beside writes through repositories.
    as_far_as: &'static str,
    /// Who waits for a renewal, if anyone does.
    while_renewed: Option<&'static str>,
}

pub(super) const REPOSITORY: Owner =
    Owner { around: "the manager", as_far_as: "", while_renewed: None };
pub(super) const METHOD: Owner = Owner {
    around: "the repository",
    as_far_as: ", as far as writes invalidate it",
    while_renewed: Some("The one caller that renews it waits for the body."),
};

/// How old an answer may be, and when an expired one is served, as far as it was said.
pub(super) fn read(terms: &Terms, owner: &Owner) -> Option<String> {
    let level = terms.level.map(|given| level(given, owner));
    let said = [level, renewed(terms, owner), expired(terms, owner)];
    let said: Vec<String> = said.into_iter().flatten().collect();
    (!said.is_empty()).then(|| said.join(" "))
}

fn level(level: Level, Owner { as_far_as, .. }: &Owner) -> String {
    match level {
        Level::Strong => format!(
            "Level strong: no answer is older than what was committed when the read began{as_far_as}."
        ),
        Level::Bounded(bound) => {
            let bound = duration::words(bound);
            format!(
                "Level bounded by {bound}: no answer is older than what was committed {bound} before the read began, nor than \
                 what this process has written{as_far_as}."
            )
        }
        Level::Database => {
            "Level database: the cache is passed over, unless the caller asks for another level."
                .to_owned()
        }
    }
}

/// When a value is renewed while it is served.
fn renewed(terms: &Terms, Owner { while_renewed, .. }: &Owner) -> Option<String> {
    let ahead = terms.refresh_ahead.map(|beta| {
        if beta > 0.0 {
            format!(
                "An answer is renewed ahead of its TTL while it is served, the likelier the nearer that is and the longer its load took \
                 (XFetch, beta {beta})."
            )
        } else {
            "No answer is renewed ahead of its TTL.".to_owned()
        }
    });
    let after = terms.stale_while_revalidate.map(|time| match time {
        0 => "No answer is served after its TTL while it is renewed.".to_owned(),
        _ => format!(
            "For up to {} after its TTL an answer is served while it is renewed; never one that a write has invalidated.",
            duration::words(time)
        ),
    });
    let renews = terms.refresh_ahead.is_some_and(|beta| beta > 0.0)
        || terms.stale_while_revalidate.is_some_and(|time| time > 0);
    let cost = while_renewed.filter(|_| renews).map(str::to_owned);
    let said: Vec<String> = [ahead, after, cost].into_iter().flatten().collect();
    (!said.is_empty()).then(|| said.join(" "))
}

fn expired(terms: &Terms, Owner { around, .. }: &Owner) -> Option<String> {
    let slow =
        terms.soft_timeout.map(|time| format!("takes longer than {}", duration::words(time)));
    Some(match (terms.stale_on_error, slow) {
        (None, None) => return None,
        (Some(0), _) => "Where a load fails, no expired answer is served.".to_owned(),
        (Some(stale), slow) => {
            let slow = slow.map(|slow| format!(", or {slow}")).unwrap_or_default();
            format!(
                "Where a load fails{slow}, an answer is served for up to {} after its TTL; never one that a write has \
                 invalidated.",
                duration::words(stale)
            )
        }
        (None, Some(slow)) => format!(
            "Where a load {slow}, an expired answer is served, for as long after its TTL as {around} allows; never one that a \
             write has invalidated."
        ),
    })
}
