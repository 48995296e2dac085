//! What is asked of a backend, and what it answers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Quota, wrong};
use crate::error::Result;
use crate::key::Namespace;

/// Where a limit is counted: `{shop:limit:=9f86…}:login:gcra`, the namespace, whose calls these are, the name of the limit,
/// and the algorithm. Cheap to clone.
///
/// The braces are a cluster's hash tag: the limits of one subject stand in one slot, so that one script may count under
/// several. They also keep what is counted out of the namespace, none of whose keys begins with a brace: emptying a cache
/// must not let in whoever has used up a limit.
///
/// The algorithm stands in the key because each leaves something else there: a limit that changes its algorithm begins anew.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LimitKey(Arc<str>);

impl LimitKey {
    /// The key under which the limit `name` is counted for `subject`, which should be a digest: it is stored as it is.
    /// `kind` is the name of the algorithm.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) for a name or subject that is empty or has other characters than letters,
    /// digits, `_`, `-` and `.`.
    pub fn new(namespace: &Namespace, name: &str, subject: &str, kind: &str) -> Result<Self> {
        check("name of a limit", name)?;
        check("subject of a limit", subject)?;
        Ok(Self(format!("{{{namespace}:limit:={subject}}}:{name}:{kind}").into()))
    }

    /// The key as the server sees it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the keys of one subject have in common.
    #[cfg(feature = "memory")]
    pub(crate) fn subject(&self) -> &str {
        self.0.split_once('}').map_or(&*self.0, |(subject, _)| subject)
    }
}

fn check(what: &str, text: &str) -> Result<()> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.');
    if text.is_empty() || !text.chars().all(fits) {
        let message = format!(
            "the {what} is empty or has characters that a key cannot have: write letters, digits, `_`, `-` and `.`"
        );
        return Err(wrong(message));
    }
    Ok(())
}

impl fmt::Display for LimitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for LimitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LimitKey").field(&self.as_str()).finish()
    }
}

/// One limit that a call comes under.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Where it is counted.
    pub key: LimitKey,
    /// How it is counted.
    pub quota: Quota,
    /// How much the call counts.
    pub cost: u64,
    /// How much more is taken with it, as far as there is room under every limit: what is leased ahead.
    pub extra: u64,
}

impl Ask {
    /// A call that counts `cost`.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) for a cost of 0, and for one that the quota could never admit.
    pub fn new(key: LimitKey, quota: Quota, cost: u64) -> Result<Self> {
        let most = quota.at_once();
        if cost == 0 {
            let message = "a call that counts 0 asks for nothing: write at least 1, or use `peek`";
            return Err(wrong(message.to_owned()));
        }
        if cost > most {
            let message = format!(
                "a call that counts {cost} can never be admitted, {quota} lets through {most} at once: ask for less, or \
                 raise the limit or its burst"
            );
            return Err(wrong(message));
        }
        Ok(Self { key, quota, cost, extra: 0 })
    }

    /// Fails where one key is asked for twice: the second would not see what the first has counted.
    #[cfg(any(feature = "memory", feature = "redis"))]
    pub(crate) fn distinct(asks: &[Self]) -> Result<()> {
        let twice = asks
            .iter()
            .enumerate()
            .any(|(place, ask)| asks.iter().take(place).any(|earlier| earlier.key == ask.key));
        if twice {
            let message =
                "one limit is asked twice in one decision: ask once, with the sum of the costs";
            return Err(wrong(message.to_owned()));
        }
        Ok(())
    }
}

/// What one limit says to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// Whether this limit admits the call. It is counted only where all that were asked do.
    pub admitted: bool,
    /// What was counted: 0, or the cost and what was taken with it.
    pub granted: u64,
    /// How much would still be admitted now.
    pub remaining: u64,
    /// How long until nothing is counted any more, if nothing else comes.
    pub reset: Duration,
    /// How long until a call of this cost is admitted, if nothing else comes; zero where it would be now.
    pub retry_after: Duration,
    /// The time of the decision on the clock of whoever decided, since an origin of its own: on Redis the Unix epoch. To
    /// compare decisions with each other, and with no other clock.
    pub at: Duration,
}

impl Verdict {
    /// A verdict; times in microseconds.
    #[cfg(any(feature = "memory", feature = "redis"))]
    pub(crate) fn new(
        admitted: bool,
        granted: u64,
        remaining: u64,
        [reset, retry_after, at]: [u64; 3],
    ) -> Self {
        let time = Duration::from_micros;
        let (reset, retry_after, at) = (time(reset), time(retry_after), time(at));
        Self { admitted, granted, remaining, reset, retry_after, at }
    }
}
