//! What goes wrong with Redis, in our words.

use std::fmt;

use redis::{RedisError, ServerErrorKind};

use crate::error::{Error, ErrorKind};

/// Which server it is, without its secrets.
#[derive(Clone)]
pub(super) struct Place(String);

impl Place {
    pub(super) fn new(shown: String) -> Self {
        Self(shown)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(super) fn translate(place: &Place, error: RedisError) -> Error {
    let kind = kind_of(&error);
    let message = match kind {
        ErrorKind::Unreachable => format!("Redis at {place} cannot be reached"),
        ErrorKind::Timeout => format!("Redis at {place} did not answer in time"),
        ErrorKind::Denied => {
            format!(
                "Redis at {place} refused the login or the command: check user, password and ACL"
            )
        }
        ErrorKind::ReadOnly => {
            format!(
                "Redis at {place} takes no writes: it is a replica, the URL should name the primary"
            )
        }
        ErrorKind::OutOfMemory => {
            format!("Redis at {place} is out of memory: raise maxmemory or set an eviction policy")
        }
        ErrorKind::WrongType => {
            format!("another data type stands at a key of this cache in Redis at {place}")
        }
        ErrorKind::NotANumber => {
            format!(
                "what stands there in Redis at {place} is no whole number of 64 bits: it cannot be counted up or down"
            )
        }
        ErrorKind::Overflow => {
            format!(
                "the counter in Redis at {place} would leave the range of 64 bits: it stays as it is"
            )
        }
        ErrorKind::Config => format!("the options for Redis at {place} are wrong"),
        _ if error.detail().is_some_and(|text| text.contains("syntax error")) => {
            format!(
                "Redis at {place} does not know a command's option: Redis 7.0 or newer, or Valkey, is needed"
            )
        }
        _ => format!("Redis at {place} answered with an error"),
    };
    Error::new(kind, message).because(error)
}

pub(super) fn kind_of(error: &RedisError) -> ErrorKind {
    use redis::ErrorKind as Theirs;
    match error.code() {
        Some("WRONGTYPE") => return ErrorKind::WrongType,
        Some("OOM") => return ErrorKind::OutOfMemory,
        Some("WRONGPASS" | "NOAUTH" | "NOPERM") => return ErrorKind::Denied,
        Some("READONLY") => return ErrorKind::ReadOnly,
        Some("ERR") if error.detail().is_some_and(denied_to_a_script) => {
            return ErrorKind::Denied;
        }
        // Redis has no code for these two.
        Some("ERR") if detail_has(error, "not an integer") => return ErrorKind::NotANumber,
        Some("ERR") if detail_has(error, "would overflow") => return ErrorKind::Overflow,
        _ => {}
    }
    match error.kind() {
        Theirs::AuthenticationFailed => ErrorKind::Denied,
        Theirs::InvalidClientConfig => ErrorKind::Config,
        Theirs::Server(ServerErrorKind::ReadOnly) => ErrorKind::ReadOnly,
        Theirs::Server(ServerErrorKind::NoPerm) => ErrorKind::Denied,
        Theirs::Server(
            ServerErrorKind::BusyLoading
            | ServerErrorKind::MasterDown
            | ServerErrorKind::ClusterDown,
        ) => ErrorKind::Unreachable,
        _ if error.is_timeout() => ErrorKind::Timeout,
        _ if error.is_io_error() || error.is_unrecoverable_error() => ErrorKind::Unreachable,
        _ => ErrorKind::Backend,
    }
}

fn detail_has(error: &RedisError, words: &str) -> bool {
    error.detail().is_some_and(|text| text.contains(words))
}

/// What a script was refused comes back as an error of the script: so in Redis 7.0, and so later.
fn denied_to_a_script(text: &str) -> bool {
    text.starts_with("The user executing the script can't")
        || text.starts_with("ACL failure in script")
}

/// A script's error reply keeps its code only in the text where Redis wraps it.
pub(super) fn is_wrong_type(error: &RedisError) -> bool {
    kind_of(error) == ErrorKind::WrongType
        || error.detail().is_some_and(|text| text.contains("WRONGTYPE"))
}

pub(super) fn is_no_script(error: &RedisError) -> bool {
    matches!(error.kind(), redis::ErrorKind::Server(ServerErrorKind::NoScript))
}

pub(super) fn is_read_only(error: &RedisError) -> bool {
    kind_of(error) == ErrorKind::ReadOnly
}
