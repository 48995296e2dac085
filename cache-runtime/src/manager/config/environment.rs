//! Options out of the environment.

use std::ffi::OsString;

use super::options::{OPTIONS, REFUSED};
use super::suggest;
use super::tree::Lookup;
use super::{CacheConfig, all_at_once};
use crate::error::{Error, ErrorKind, Result};

pub(super) fn config(variable: Lookup<'_>) -> Result<CacheConfig> {
    let set = |name: &str| variable(name).is_some_and(|text| !text.trim().is_empty());
    let (url, addr) = (set("REDIS_URL"), set("REDIS_ADDR"));
    let counts = |path: &str| match path {
        "redis.addr" | "redis.db" | "redis.tls" => !url,
        "redis.host" | "redis.port" => !url && !addr,
        _ => true,
    };
    let mut config = CacheConfig::default();
    let mut mistakes = Vec::new();
    for spec in OPTIONS.iter().filter(|spec| counts(spec.path)) {
        let Some(text) = variable(spec.variable) else { continue };
        let text = text.trim();
        if text.is_empty() {
            continue;
        }
        if let Err(why) = (spec.set)(&mut config, text) {
            mistakes.push(Error::new(ErrorKind::Config, format!("{}: {why}", spec.variable)));
        }
    }
    all_at_once(mistakes)?;
    Ok(config)
}

/// A variable that looks like one of ours and is none may be anybody's: no error, but worth a word.
pub(super) fn warn_of_slips(variables: impl Iterator<Item = (OsString, OsString)>) {
    for name in variables.filter_map(|(name, _)| name.into_string().ok()) {
        if let Some(refused) = REFUSED.iter().find(|refused| refused.variable == name) {
            tracing::warn!(variable = %name, "this is no option here: {}", refused.instead);
        } else if let Some(near) = slip_of(&name) {
            tracing::warn!(variable = %name, "this is no option: was {near} meant?");
        }
    }
}

/// The variable that this name is a slip of.
fn slip_of(name: &str) -> Option<&'static str> {
    let known = || OPTIONS.iter().map(|spec| spec.variable);
    if !name.starts_with("CACHE_") || known().any(|variable| variable == name) {
        return None;
    }
    suggest::closest(name, known())
        // A name that is merely longer is somebody else's: CACHE_TTL_OF_IMAGES.
        .filter(|near| near.len().abs_diff(name.len()) <= 2)
}

#[cfg(test)]
mod tests {
    use super::slip_of;

    #[test]
    fn a_slip_is_told_and_somebody_elses_variable_is_not() {
        assert_eq!(slip_of("CACHE_TLL"), Some("CACHE_TTL"));
        assert_eq!(slip_of("CACHE_NEGATIV_TTL"), Some("CACHE_NEGATIVE_TTL"));
        for name in ["CACHE_TTL", "CACHE_DIR_OF_IMAGES", "CACHE_TTL_OF_IMAGES", "PATH", "CASH_TTL"]
        {
            assert_eq!(slip_of(name), None, "{name}");
        }
    }
}
