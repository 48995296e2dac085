#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tower_layer::Layer;
use tower_service::Service;

use super::*;
use crate::backend::MemoryCache;
use crate::error::ErrorKind;
use crate::manager::CacheManager;
use crate::quota::{Algorithm, Quota};
use crate::rate_limit::{OnError, RateLimit};
use crate::testing::{FaultyCache, ManualClock, Op};

/// Answers 200 to whatever reaches it.
#[derive(Clone)]
struct Reached;

impl Service<Request<()>> for Reached {
    type Response = Response<Bytes>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Bytes>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        std::future::ready(Ok(Response::new(Bytes::from_static(b"reached"))))
    }
}

fn limit(on_error: OnError) -> (RateLimit, FaultyCache) {
    let clock = ManualClock::new();
    let memory = MemoryCache::builder().clock(clock.shared()).build();
    let cache = FaultyCache::over(Arc::new(memory));
    let builder = CacheManager::builder("shop").backend(Arc::new(cache.clone()));
    let manager = builder.clock(clock.shared()).build().unwrap();
    let quota = |limit, seconds| {
        Quota::new(Algorithm::FixedWindow, limit, Duration::from_secs(seconds)).unwrap()
    };
    let builder = manager.rate_limit("api").quota(quota(2, 60)).and("daily", quota(1_000, 86_400));
    (builder.on_error(on_error).build().unwrap(), cache)
}

fn peer(extensions: &http::Extensions) -> Option<SocketAddr> {
    extensions.get::<SocketAddr>().copied()
}

fn from(address: &str, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder().uri("/cities?ids=1,2,3");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(()).unwrap();
    if let Ok(address) = address.parse::<IpAddr>() {
        request.extensions_mut().insert(SocketAddr::new(address, 4711));
    }
    request
}

async fn send<C: Caller>(layer: &RateLimitLayer<C>, request: Request<()>) -> Response<Bytes> {
    let Ok(response) = layer.layer(Reached).call(request).await;
    response
}

fn field<'r>(response: &'r Response<Bytes>, name: &str) -> Option<&'r str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn each_response_tells_the_policy_and_what_is_left() {
    let (limit, _) = limit(OnError::Deny);
    let layer = RateLimitLayer::new(limit, ClientAddress::of(peer));
    let response = send(&layer, from("192.0.2.1", &[])).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        field(&response, "ratelimit-policy"),
        Some(r#""api";q=2;w=60, "api.daily";q=1000;w=86400"#)
    );
    let left = r#""api";r=1;t=60, "api.daily";r=999;t=86400"#;
    assert_eq!(field(&response, "ratelimit"), Some(left));
}

#[tokio::test]
async fn a_call_too_many_is_answered_with_429_and_when_to_come_again() {
    let (limit, _) = limit(OnError::Deny);
    let layer = RateLimitLayer::new(limit, ClientAddress::of(peer));
    for _ in 0..2 {
        assert_eq!(send(&layer, from("192.0.2.1", &[])).await.status(), StatusCode::OK);
    }
    let response = send(&layer, from("192.0.2.1", &[])).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(field(&response, "retry-after"), Some("60"));
    assert_eq!(field(&response, "content-type"), Some("application/problem+json"));
    let left = r#""api";r=0;t=60, "api.daily";r=998"#;
    assert_eq!(field(&response, "ratelimit"), Some(left));
    let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(body["type"], "https://iana.org/assignments/http-problem-types#quota-exceeded");
    assert_eq!(body["status"], 429);
    assert_eq!(body["violated-policies"], serde_json::json!(["api"]));
    let other = send(&layer, from("192.0.2.2", &[])).await;
    assert_eq!(other.status(), StatusCode::OK, "another client is counted apart");
}

#[tokio::test]
async fn what_cannot_be_decided_is_no_fault_of_the_client() {
    for (on_error, status) in
        [(OnError::Allow, StatusCode::OK), (OnError::Deny, StatusCode::SERVICE_UNAVAILABLE)]
    {
        let (limit, cache) = limit(on_error);
        cache.fail(Op::Decide, ErrorKind::Unreachable);
        let layer = RateLimitLayer::new(limit, ClientAddress::of(peer));
        let response = send(&layer, from("192.0.2.1", &[])).await;
        assert_eq!(response.status(), status);
        assert_eq!(field(&response, "ratelimit"), None, "nothing is known");
        assert_eq!(field(&response, "retry-after").is_some(), on_error == OnError::Deny);
    }
}

#[tokio::test]
async fn whoever_tells_no_key_is_counted_with_all_who_do_not() {
    let (limit, _) = limit(OnError::Deny);
    let layer = RateLimitLayer::new(limit, HeaderKey::new("x-api-key".parse().unwrap()));
    let twice: [(&str, &str); 2] = [("x-api-key", "a"), ("x-api-key", "b")];
    for headers in [&[][..], &[("x-api-key", "")], &twice] {
        let response = send(&layer, from("192.0.2.1", headers)).await;
        let admitted = headers.len() < 2;
        assert_eq!(response.status() == StatusCode::OK, admitted, "{headers:?}");
    }
    for key in ["a", "b"] {
        let response = send(&layer, from("192.0.2.1", &[("x-api-key", key)])).await;
        assert_eq!(response.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn requests_may_be_exempt_and_may_cost_more() {
    let (limit, _) = limit(OnError::Deny);
    let office: Network = "192.0.2.0/24".parse().unwrap();
    let layer = RateLimitLayer::new(limit, ClientAddress::of(peer))
        .exempt(move |head| peer(head.extensions).is_some_and(|peer| office.contains(peer.ip())))
        .cost(|head| head.uri.query().map_or(1, |query| query.split(',').count() as u64));
    for _ in 0..5 {
        let response = send(&layer, from("192.0.2.9", &[])).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(field(&response, "ratelimit"), None);
    }
    // Three cities cost all that there is.
    let response = send(&layer, from("198.51.100.1", &[])).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(field(&response, "ratelimit").unwrap().starts_with(r#""api";r=0;"#));
}

fn key(callers: &ClientAddress, address: &str, headers: &[(&str, &str)]) -> Option<String> {
    callers.key(&Head::of(&from(address, headers)))
}

#[test]
fn a_client_is_known_by_its_address_and_a_site_by_its_prefix() {
    let callers = ClientAddress::of(peer);
    for (address, known) in [
        ("192.0.2.1", Some("192.0.2.1")),
        ("::ffff:192.0.2.1", Some("192.0.2.1")),
        ("2001:db8:1:2:3:4:5:6", Some("2001:db8:1:2::/64")),
        ("nobody", None),
    ] {
        assert_eq!(key(&callers, address, &[]).as_deref(), known, "{address}");
    }
    let wide = callers.ipv6_prefix(48).unwrap();
    assert_eq!(key(&wide, "2001:db8:1:2::9", &[]).as_deref(), Some("2001:db8:1::/48"));
    assert!(wide.ipv6_prefix(8).is_err());
}

#[test]
fn a_proxys_word_counts_only_as_far_as_the_chain_is_trusted() {
    let callers = ClientAddress::of(peer).trust("10.0.0.0/8, 2001:db8::/32").unwrap();
    let known = |address: &str, chain: &[&str]| {
        let headers: Vec<(&str, &str)> =
            chain.iter().map(|value| ("x-forwarded-for", *value)).collect();
        key(&callers, address, &headers)
    };
    for (address, chain, client) in [
        ("192.0.2.1", &["203.0.113.7"][..], "192.0.2.1"), // the peer is no proxy of ours
        ("10.0.0.1", &[], "10.0.0.1"),
        ("10.0.0.1", &["203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", &["1.1.1.1, 203.0.113.7, 10.0.0.2"], "203.0.113.7"), // the client wrote the first
        ("10.0.0.1", &["1.1.1.1", "203.0.113.7"], "203.0.113.7"),         // two fields are one
        ("::ffff:10.0.0.1", &["::ffff:203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", &["203.0.113.7:8080"], "203.0.113.7"),
        ("10.0.0.1", &["[2001:dba::1]:8080"], "2001:dba::/64"),
        ("2001:db8::5", &["2001:dba::1"], "2001:dba::/64"),
        ("10.0.0.1", &["203.0.113.7, rubbish"], "10.0.0.1"),
        ("10.0.0.1", &["203.0.113.7, rubbish, 10.0.0.3"], "10.0.0.3"),
        ("10.0.0.1", &["203.0.113.7,"], "10.0.0.1"),
        ("10.0.0.1", &["10.0.0.9, 10.0.0.8"], "10.0.0.9"), // all are ours: the farthest
    ] {
        assert_eq!(known(address, chain).as_deref(), Some(client), "{address} {chain:?}");
    }
}

#[test]
fn only_one_of_the_two_fields_is_read() {
    let trusting = ClientAddress::of(peer).trust("10.0.0.0/8").unwrap();
    let both = [
        ("forwarded", r#"for=1.1.1.1, for="[2001:dba:cafe::17]:4711";proto=https;by=10.0.0.1"#),
        ("x-forwarded-for", "203.0.113.7"),
    ];
    assert_eq!(key(&trusting, "10.0.0.1", &both).as_deref(), Some("203.0.113.7"));
    let callers = trusting.by_forwarded();
    assert_eq!(key(&callers, "10.0.0.1", &both).as_deref(), Some("2001:dba:cafe::/64"));
    for (value, client) in [
        ("For=203.0.113.7;proto=http", "203.0.113.7"),
        (r#"proto="a;b,c";for="203.0.113.7:80""#, "203.0.113.7"),
        ("for=203.0.113.7, for=unknown", "10.0.0.1"),
        ("for=203.0.113.7, for=_hidden, for=10.0.0.7", "10.0.0.7"),
        ("by=10.0.0.1", "10.0.0.1"),
    ] {
        let found = key(&callers, "10.0.0.1", &[("forwarded", value)]);
        assert_eq!(found.as_deref(), Some(client), "{value}");
    }
}

/// The client's key, where the trusted proxy sent these lines.
fn known(callers: &ClientAddress, name: &'static str, lines: &[&[u8]]) -> Option<String> {
    let mut request = from("10.0.0.1", &[]);
    for line in lines {
        request.headers_mut().append(name, http::HeaderValue::from_bytes(line).unwrap());
    }
    callers.key(&Head::of(&request))
}

/// A line that the client wrote, to which the proxy has appended.
fn appended(written: &[u8], said: &str) -> [Vec<u8>; 2] {
    [b", ", b"," as &[u8]].map(|comma| [written, comma, said.as_bytes()].concat())
}

#[test]
fn nothing_that_a_client_writes_into_x_forwarded_for_changes_how_the_proxys_word_is_read() {
    let trusting = ClientAddress::of(peer).trust("10.0.0.0/8").unwrap();
    for written in [&b"\""[..], b"\"1.1.1.1", b"\xff", b"1.1.1.1\"\\", b"\xc3, \"\xff", b", ,"] {
        for line in appended(written, "203.0.113.7") {
            let found = known(&trusting, "x-forwarded-for", &[&line]);
            assert_eq!(found.as_deref(), Some("203.0.113.7"), "{}", line.escape_ascii());
        }
        let found = known(&trusting, "x-forwarded-for", &[written, b"203.0.113.7"]);
        assert_eq!(found.as_deref(), Some("203.0.113.7"), "{}", written.escape_ascii());
        let hidden = [b"203.0.113.7, ", written].concat();
        let found = known(&trusting, "x-forwarded-for", &[&hidden]);
        assert_eq!(found.as_deref(), Some("10.0.0.1"), "{}", hidden.escape_ascii());
    }
}

#[test]
fn nothing_that_a_client_writes_into_forwarded_changes_how_the_proxys_word_is_read() {
    let callers = ClientAddress::of(peer).trust("10.0.0.0/8").unwrap().by_forwarded();
    for written in [
        &b"for=9.9.9.9;x=\""[..],
        b"for=9.9.9.9;x=\"\\",
        b"for=9.9.9.9;x=\"\\\"",
        b"for=9.9.9.9;x=\", for=8.8.8.8",
        b"for=\"9.9.9.9",
        b"for=\xff",
        b"\"",
    ] {
        for (said, client) in [
            ("for=203.0.113.7", "203.0.113.7"),
            ("for=203.0.113.7;proto=\"https\"", "203.0.113.7"),
            ("for=\"[2001:dba::1]:4711\"", "2001:dba::/64"),
            ("for=\"[2001:dba::1]:4711\", for=10.0.0.7", "2001:dba::/64"),
            // What the proxy was told of the host is in quotes, its own quotes and backslashes escaped.
            (r#"host="a\", for=1.1.1.1;x=\"b";for=203.0.113.7"#, "203.0.113.7"),
            (r#"for=203.0.113.7;host="a, for=1.1.1.1\\""#, "203.0.113.7"),
            (r#"for=203.0.113.7;host="a, for=1.1.1.1\\\"""#, "203.0.113.7"),
        ] {
            for line in appended(written, said) {
                let found = known(&callers, "forwarded", &[&line]);
                assert_eq!(found.as_deref(), Some(client), "{}", line.escape_ascii());
            }
            let found = known(&callers, "forwarded", &[written, said.as_bytes()]);
            assert_eq!(found.as_deref(), Some(client), "{}", written.escape_ascii());
        }
    }
    let twice = known(&callers, "forwarded", &[b"for=203.0.113.7;for=203.0.113.8"]);
    assert_eq!(twice.as_deref(), Some("10.0.0.1"), "no proxy says two");
}

#[test]
fn networks_are_read_strictly() {
    for (text, shown) in [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.1.2.3", "10.1.2.3/32"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("::/0", "::/0"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
    ] {
        assert_eq!(text.parse::<Network>().unwrap().to_string(), shown);
    }
    for text in [
        "",
        "10.0.0.0/33",
        "10.0.0.1/8",
        "10.0.0/8",
        "::/129",
        "10.0.0.0/",
        "a/8",
        "::ffff:10.0.0.0/8",
    ] {
        let error = text.parse::<Network>().unwrap_err();
        assert!(error.to_string().contains("write an address"), "{text}: {error}");
    }
    let all: Network = "0.0.0.0/0".parse().unwrap();
    assert!(all.contains("::ffff:1.2.3.4".parse().unwrap()));
    assert!(!all.contains("::1".parse().unwrap()));
}
