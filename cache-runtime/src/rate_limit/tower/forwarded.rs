//! What proxies say whom they speak for, from the one that is nearest to the one that is farthest.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};

/// Which field the trusted proxies write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

/// One more hop away each; `None` for one that says no address, behind which nothing is known.
///
/// All is read from its end, because that is what the trusted proxies have written: each appends to what it was sent, and its own
/// part has as many closing quotes as opening ones. So nothing that stands before can change how it is read.
pub(super) fn hops(headers: &HeaderMap, field: Field) -> impl Iterator<Item = Option<IpAddr>> {
    let name = match field {
        Field::XForwardedFor => HeaderName::from_static("x-forwarded-for"),
        Field::Forwarded => http::header::FORWARDED,
    };
    // Several fields of one name are one, in their order.
    headers.get_all(name).iter().rev().flat_map(move |line| {
        let quotes = field == Field::Forwarded;
        from_the_end(line.as_bytes(), b',', quotes).map(move |hop| match field {
            Field::XForwardedFor => address(text(hop)?),
            Field::Forwarded => said_for(hop),
        })
    })
}

/// `for=192.0.2.60;proto=http`: the address in it, if there is one and no other.
fn said_for(hop: &[u8]) -> Option<IpAddr> {
    let mut values = from_the_end(hop, b';', true).filter_map(|pair| {
        let (name, value) = text(pair)?.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value.trim())
    });
    let (value, more) = (values.next()?, values.next());
    let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    more.is_none().then(|| address(unquoted.unwrap_or(value)))?
}

/// What can be read by itself; whatever else stands in the line may be no text at all.
fn text(part: &[u8]) -> Option<&str> {
    str::from_utf8(part).ok().map(str::trim)
}

/// `192.0.2.60`, `192.0.2.60:4711`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:4711`
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let address = bare.unwrap_or(text).parse().ok();
    address.or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// The parts between separators, from the last to the first; with `quotes`, separators in quotes are none.
fn from_the_end(line: &[u8], separator: u8, quotes: bool) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        let mut quoted = false;
        for (at, byte) in line.iter().enumerate().rev() {
            let (before, part) = line.split_at(at);
            if quotes && *byte == b'"' {
                // Seen from the end, quotes begin with the one that closes them. One that is escaped in between does not open them.
                quoted = !quoted || is_escaped(before);
            } else if *byte == separator && !quoted {
                rest = Some(before);
                return part.get(1..);
            }
        }
        rest.take()
    })
}

/// Whether what follows is escaped: by the last of a row of backslashes, each of which may itself be.
fn is_escaped(before: &[u8]) -> bool {
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}
