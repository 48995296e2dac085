//! What a struct can be given beside rows, or in their place: each its own option with a list of options in it.

use super::options::Spec;
use super::{rate_limit, session};

/// Such an option, as it was read.
pub(crate) enum Helper {
    /// `session(…)`
    Session(session::Annotation),
    /// `rate_limit(…)`
    RateLimit(rate_limit::RateLimit),
}

/// Whether an option is one of these.
pub(super) fn have(option: &str) -> bool {
    [SESSION, RATE_LIMIT].iter().any(|spec| spec.name == option)
}

pub(super) const SESSION: Spec = Spec::once(
    "session",
    "session(data = Login, idle = \"30m\", absolute = \"12h\", user = user_id)",
);
pub(super) const RATE_LIMIT: Spec = Spec::repeated(
    "rate_limit",
    "rate_limit(name = login, algorithm = \"gcra\", limit = 5, per = \"1m\", on_error = \"deny\")",
);
