//! Of the terms on which values are kept and read: no two contradict each other.

use crate::errors::Errors;
use crate::grammar::terms::Terms as Written;
use crate::grammar::value::At;
use crate::model::repository::Terms;

/// The terms that were written.
pub(super) fn terms(written: &Written, errors: &mut Errors) -> Terms {
    let Written {
        ttl,
        negative_ttl,
        codec,
        compression,
        level,
        stale_on_error,
        soft_timeout,
        refresh_ahead,
        stale_while_revalidate,
    } = written;
    if let (Some(stale), Some(At { value: 0, .. })) = (stale_while_revalidate, ttl)
        && stale.value > 0
    {
        errors.at_span(
            stale.span,
            "`ttl = \"0s\"` keeps nothing that could be served while it is renewed: write a short TTL, such as `ttl = \"1s\"`, or \
             remove `stale_while_revalidate`",
        );
    }
    // Without any `stale_on_error` there may be one around: the repository's, or the manager's.
    if let (Some(soft), Some(stale)) = (soft_timeout, stale_on_error)
        && stale.value == 0
    {
        errors.at_span(
            soft.span,
            "`stale_on_error = \"0s\"` leaves no expired answer to serve in place of a slow one: remove `soft_timeout`, or \
             write how long after its TTL an answer may be served, such as `stale_on_error = \"1h\"`",
        );
    }
    let millis = |time: &Option<At<u64>>| time.as_ref().map(|time| time.value);
    Terms {
        ttl: millis(ttl),
        negative_ttl: millis(negative_ttl),
        codec: *codec,
        compression: *compression,
        level: *level,
        stale_on_error: millis(stale_on_error),
        soft_timeout: millis(soft_timeout),
        refresh_ahead: *refresh_ahead,
        stale_while_revalidate: millis(stale_while_revalidate),
    }
}
