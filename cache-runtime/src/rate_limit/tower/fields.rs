//! The header fields, and the answer to a call that is denied.
//!
//! After `draft-ietf-httpapi-ratelimit-headers-11` of May 2026: lists of strings with parameters (RFC 9651). The policy has
//! `q`, the quota, and `w`, the window in seconds, where it is a whole number of them. What is available is `r`, and `t` the
//! effective window: whoever sends no more than `r` within so many seconds stays within the limit. Revision 10 has the same
//! syntax.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use crate::rate_limit::{Decision, Rule};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// `"login";q=5;w=60`. A rule's name has no character that would have to be escaped.
pub(super) fn policy(rules: &[Rule]) -> Option<HeaderValue> {
    let item = |rule: &Rule| {
        let (quota, period) = (rule.quota(), rule.quota().period());
        let window = match period.subsec_nanos() {
            0 => format!(";w={}", period.as_secs()),
            _ => String::new(),
        };
        format!("\"{}\";q={}{window}", rule.name(), quota.limit())
    };
    list(rules.iter().map(item))
}

/// `"login";r=3;t=12`
fn left(rules: &[Rule], decision: &Decision) -> Option<HeaderValue> {
    let item = |(rule, verdict): (&Rule, &crate::quota::Verdict)| {
        let until = match (verdict.admitted, decision.admitted) {
            (false, _) => Some(verdict.retry_after),
            // Where another rule denies, no time is told that would be later than `Retry-After`.
            (true, false) => None,
            // At the very limit the next is admitted sooner than all are; a decision of this process does not know when.
            (true, true) if verdict.remaining == 0 && !verdict.retry_after.is_zero() => {
                Some(verdict.retry_after)
            }
            (true, true) => Some(verdict.reset),
        };
        let until = until.map(|until| format!(";t={}", seconds(until))).unwrap_or_default();
        format!("\"{}\";r={}{until}", rule.name(), verdict.remaining)
    };
    list(rules.iter().zip(decision.verdicts()).map(item))
}

fn list(items: impl Iterator<Item = String>) -> Option<HeaderValue> {
    let items: Vec<String> = items.collect();
    if items.is_empty() { None } else { HeaderValue::try_from(items.join(", ")).ok() }
}

/// Not too few.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// Says how it stands, on any response.
pub(super) fn tell(
    headers: &mut HeaderMap,
    policy: Option<&HeaderValue>,
    rules: &[Rule],
    decision: &Decision,
) {
    if decision.exempt {
        return;
    }
    if let Some(policy) = policy {
        headers.append(POLICY, policy.clone());
    }
    if let Some(left) = left(rules, decision) {
        headers.append(LIMIT, left);
    }
}

/// The answer in place of the service's.
pub(super) fn denial<B: From<Bytes>>(rules: &[Rule], decision: &Decision) -> Response<B> {
    let (status, kind, title) = if decision.by_failure {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "temporary-reduced-capacity",
            "The service cannot tell at the moment whether there is capacity for this request",
        )
    } else {
        (StatusCode::TOO_MANY_REQUESTS, "quota-exceeded", "The quota for these requests is used up")
    };
    let verdicts = decision.verdicts();
    let violated: Vec<&str> = match verdicts {
        [] => rules.iter().map(Rule::name).collect(),
        _ => rules
            .iter()
            .zip(verdicts)
            .filter(|(_, verdict)| !verdict.admitted)
            .map(|(rule, _)| rule.name())
            .collect(),
    };
    let mut response = problem(
        status,
        &serde_json::json!({
            "type": format!("https://iana.org/assignments/http-problem-types#{kind}"),
            "title": title,
            "status": status.as_u16(),
            "violated-policies": violated,
        }),
    );
    let wait = seconds(decision.retry_after).max(1);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait));
    response
}

/// The answer where the limit was asked for what makes no sense.
pub(super) fn broken<B: From<Bytes>>() -> Response<B> {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    let problem_of = serde_json::json!({
        "title": "The rate limit of this service is set up wrongly",
        "status": status.as_u16(),
    });
    problem(status, &problem_of)
}

fn problem<B: From<Bytes>>(status: StatusCode, body: &serde_json::Value) -> Response<B> {
    let mut response = Response::new(Bytes::from(body.to_string()).into());
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
