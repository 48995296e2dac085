//! Holds, read and written by the suite's own hand: it must not share a mistake with a backend.

use bytes::Bytes;

use crate::entry::{HOLD, Token};

/// A deadline that is past on every clock.
pub(super) const PAST: u64 = 0;
/// A deadline far ahead on every clock, be it the Unix time (it is in the year 2109) or a time since the start.
pub(super) const AHEAD: u64 = 1 << 42;

/// The entry of these writers, each with its deadline in milliseconds of the backend's clock.
pub(super) fn entry(writers: &[(Token, u64)]) -> Bytes {
    let mut bytes = vec![HOLD];
    for (token, deadline) in writers {
        bytes.extend_from_slice(token.as_bytes());
        bytes.extend_from_slice(&deadline.to_le_bytes());
    }
    bytes.into()
}

/// The writers of an entry, with their deadlines; `None` where it is no hold, or one of another format.
pub(super) fn writers(entry: &Bytes) -> Option<Vec<(Token, u64)>> {
    let writers = entry.strip_prefix(&[HOLD])?;
    if writers.is_empty() || !writers.len().is_multiple_of(24) {
        return None;
    }
    let read = |writer: &[u8]| {
        let (token, deadline) = writer.split_at_checked(16)?;
        Some((Token::from_slice(token)?, u64::from_le_bytes(deadline.try_into().ok()?)))
    };
    writers.chunks(24).map(read).collect()
}

/// The writers of an entry.
pub(super) fn tokens(entry: &Bytes) -> Option<Vec<Token>> {
    Some(writers(entry)?.into_iter().map(|(token, _)| token).collect())
}

/// In an order of their own: a backend may keep them in any.
pub(super) fn sorted(mut tokens: Vec<Token>) -> Vec<Token> {
    tokens.sort_by(|one, other| one.as_bytes().cmp(other.as_bytes()));
    tokens
}
