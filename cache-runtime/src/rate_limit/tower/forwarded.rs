//! What proxies say whom they speak for, from the one that is nearest to the one that is farthest.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, HeaderValue};

/// Which field the trusted proxies write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

/// One more hop away each; `None` for one that says no address, behind which nothing is known.
pub(super) fn hops(headers: &HeaderMap, field: Field) -> Vec<Option<IpAddr>> {
    let name = match field {
        Field::XForwardedFor => HeaderName::from_static("x-forwarded-for"),
        Field::Forwarded => http::header::FORWARDED,
    };
    // Several fields of one name are one, in their order.
    let mut hops: Vec<Option<IpAddr>> = Vec::new();
    for value in headers.get_all(name) {
        match HeaderValue::to_str(value) {
            Ok(text) => hops.extend(parts(text, ',').into_iter().map(|hop| match field {
                Field::XForwardedFor => address(hop.trim()),
                Field::Forwarded => said_for(hop),
            })),
            Err(_) => hops.push(None),
        }
    }
    hops.reverse();
    hops
}

/// `for=192.0.2.60;proto=http`: the address in it.
fn said_for(hop: &str) -> Option<IpAddr> {
    let value = parts(hop, ';').into_iter().find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value.trim())
    })?;
    let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    address(unquoted.unwrap_or(value))
}

/// `192.0.2.60`, `192.0.2.60:4711`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:4711`
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let address = bare.unwrap_or(text).parse().ok();
    address.or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// The parts between separators that stand in no quotes.
fn parts(text: &str, separator: char) -> Vec<&str> {
    let mut quoted = false;
    let mut escaped = false;
    let outside = |letter: char| {
        let was_escaped = escaped;
        escaped = quoted && !was_escaped && letter == '\\';
        if letter == '"' && !was_escaped {
            quoted = !quoted;
        }
        letter == separator && !quoted
    };
    text.split(outside).collect()
}
