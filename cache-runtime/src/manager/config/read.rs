//! Texts as the values of options. An error is a sentence that says what to write; it repeats the text, except that of
//! a secret, which every text is good for.

use std::str::FromStr;
use std::time::Duration;

use super::options::Driver;
use super::secret::Secret;
use super::suggest;
use crate::policy::{Codec, Compression, Level, OnUnreachable, Ttl, parse_duration};

/// A value; none for a text that is as good as nothing.
type Read<T> = Result<Option<T>, String>;

#[expect(clippy::unnecessary_wraps, reason = "as all the others")]
pub(super) fn text(text: &str) -> Read<String> {
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

#[expect(clippy::unnecessary_wraps, reason = "as all the others")]
pub(super) fn secret(text: &str) -> Read<Secret> {
    Ok((!text.is_empty()).then(|| text.into()))
}

pub(super) fn ttl(text: &str) -> Read<Ttl> {
    Ttl::parse(text).map_err(|message| closer(text, message)).map(Some)
}

pub(super) fn time(text: &str) -> Read<Duration> {
    parse_duration(text).map_err(|message| closer(text, message)).map(Some)
}

/// A bare number is what other caches take for seconds: say how that is written.
fn closer(text: &str, message: String) -> String {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number {
        format!(
            "`{text}` has no unit: write \"{text}s\" for seconds, \"{text}ms\" for milliseconds"
        )
    } else {
        message
    }
}

pub(super) fn number<T: FromStr>(text: &str) -> Read<T> {
    text.parse().map(Some).map_err(|_| format!("`{text}` is not a whole number that fits here"))
}

pub(super) fn port(text: &str) -> Read<u16> {
    if text.contains("://") {
        return Err(format!(
            "`{text}` is not a port but an address, as Kubernetes sets for a service of this name: set REDIS_URL"
        ));
    }
    match text.parse() {
        Ok(0) | Err(_) => Err(format!("`{text}` is not a port: write a number from 1 to 65535")),
        Ok(port) => Ok(Some(port)),
    }
}

pub(super) fn share(text: &str) -> Read<f64> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(Some(share)),
        _ => Err(format!("`{text}` is not a share: write a number from 0 to 1, such as 0.1")),
    }
}

/// How readily values are renewed: XFetch's beta.
pub(super) fn beta(text: &str) -> Read<f64> {
    match text.parse::<f64>() {
        Ok(beta) if beta.is_finite() && beta >= 0.0 => Ok(Some(beta)),
        _ => Err(format!(
            "`{text}` is not by how many times the cost of its load a value is renewed ahead of its TTL: write 1.0, or 0 for \
             never"
        )),
    }
}

pub(super) fn flag(text: &str) -> Read<bool> {
    one_of(text, &[("true", true), ("false", false)])
}

pub(super) fn driver(text: &str) -> Read<Driver> {
    let known = [("redis", Driver::Redis), ("memory", Driver::Memory), ("none", Driver::None)];
    one_of(text, &known)
}

pub(super) fn codec(text: &str) -> Read<Codec> {
    #[cfg(not(feature = "msgpack"))]
    if text == "msgpack" {
        return Err(without("msgpack", "msgpack"));
    }
    let known = [
        ("postcard", Codec::Postcard),
        ("json", Codec::Json),
        #[cfg(feature = "msgpack")]
        ("msgpack", Codec::MessagePack),
    ];
    one_of(text, &known)
}

pub(super) fn compression(text: &str) -> Read<Compression> {
    #[cfg(not(feature = "zstd"))]
    if text == "zstd" {
        return Err(without("zstd", "zstd"));
    }
    let known = [
        ("none", Compression::None),
        ("lz4", Compression::Lz4),
        #[cfg(feature = "zstd")]
        ("zstd", Compression::Zstd),
    ];
    one_of(text, &known)
}

pub(super) fn on_unreachable(text: &str) -> Read<OnUnreachable> {
    let known = [
        ("outbox", OnUnreachable::Outbox),
        ("reject", OnUnreachable::Reject),
        ("proceed", OnUnreachable::Proceed),
    ];
    one_of(text, &known)
}

pub(super) fn level(text: &str) -> Read<Level> {
    let known = [("strong", Level::Strong), ("database", Level::Database)];
    if text.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
        let bound = "or a time, such as \"500ms\"";
        return one_of(text, &known).map_err(|message| format!("{message}; {bound}"));
    }
    Ok(time(text)?.map(Level::Bounded))
}

fn one_of<T: Copy>(text: &str, known: &[(&str, T)]) -> Read<T> {
    match known.iter().find(|(name, _)| *name == text) {
        Some((_, value)) => Ok(Some(*value)),
        None => {
            let names = known.iter().map(|(name, _)| *name);
            Err(format!("there is no `{text}`: {}", suggest::instead(text, names)))
        }
    }
}

#[cfg(not(all(feature = "msgpack", feature = "zstd")))]
fn without(what: &str, feature: &str) -> String {
    format!("`{what}` needs the feature `{feature}` of cache-runtime: turn it on in Cargo.toml")
}
