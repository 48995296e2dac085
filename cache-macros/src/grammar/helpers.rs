//! What a struct can be given beside rows, or in their place: each its own option with a list of options in it.

use super::options::Spec;
use super::session;

/// Such an option, as it was read.
pub(crate) enum Helper {
    /// `session(…)`
    Session(session::Annotation),
}

/// Whether an option is one of these.
pub(super) fn have(option: &str) -> bool {
    option == SESSION.name
}

pub(super) const SESSION: Spec = Spec::once(
    "session",
    "session(data = Login, idle = \"30m\", absolute = \"12h\", user = user_id)",
);
