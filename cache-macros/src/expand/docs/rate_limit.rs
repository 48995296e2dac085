//! The documentation of a rate limit's method.

use crate::grammar::duration::words;
use crate::grammar::rate_limit::OnError;
use crate::model::rate_limit::{Counts, RateLimit, Rule};
use crate::names;

pub(crate) fn rate_limit(limit: &RateLimit) -> Vec<String> {
    let name = names::plain(&limit.name);
    let on_error = match limit.on_error {
        OnError::Allow => "everything is admitted, uncounted",
        OnError::Deny => "nothing is admitted",
    };
    let allowed = (!limit.allow.is_empty()).then(|| {
        let keys: Vec<String> =
            limit.allow.iter().map(|key| format!("`{}`", key.value())).collect();
        format!("Never limited: {}.", keys.join(", "))
    });
    let failing = format!("Where the backend cannot decide, {on_error}, and the decision says so.");
    let mut docs = match &limit.counts {
        Counts::AtOnce { limit: seats, lease } => {
            let lease = words(lease.unwrap_or(10_000));
            vec![
                format!("The rate limit `{name}`: for each key {seats} at the same time."),
                format!(
                    "`acquire(key)` gives a permit that is renewed for as long as it lives; the seat of a process that died \
                     is free after {lease}."
                ),
            ]
        }
        Counts::Calls { rules, local } => {
            let law: Vec<String> = rules.iter().map(law).collect();
            let how = if *local {
                "Calls are leased in batches and decided about in this process; one in a hundred too many are admitted at most."
            } else {
                "Each decision is one round trip, by the backend's own clock."
            };
            vec![
                format!("The rate limit `{name}`: for each key {}.", law.join(", and ")),
                format!(
                    "`check(key)` decides about a call and counts it where it is admitted. {how}"
                ),
            ]
        }
    };
    docs.push(failing);
    docs.extend(allowed);
    docs
}

/// `5 calls in 1 minute (gcra, 2 at once)`
fn law(rule: &Rule) -> String {
    let (limit, per, algorithm) = (rule.limit, words(rule.per), rule.algorithm.name());
    let calls = if limit == 1 { "call" } else { "calls" };
    let burst = rule.burst.map(|burst| format!(", {burst} at once")).unwrap_or_default();
    format!("{limit} {calls} in {per} ({algorithm}{burst})")
}
