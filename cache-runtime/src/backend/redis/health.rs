//! How the connection is, for whoever watches it.

use std::time::Instant;

use super::breaker::State;
use crate::error::Error;
pub use crate::port::BreakerState as RedisState;

/// How a [`RedisCache`](super::RedisCache) stands with its server at one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RedisHealth {
    /// Whether calls are let through.
    pub state: RedisState,
    /// Since when.
    pub since: Instant,
    /// What went wrong last, also long ago; `None` where nothing ever did. What a single call was answered is not among
    /// it.
    pub last_error: Option<Error>,
}

impl RedisHealth {
    pub(super) fn new(state: State, since: Instant, last_error: Option<Error>) -> Self {
        let state = match state {
            State::Closed => RedisState::Closed,
            State::Open => RedisState::Open,
            State::HalfOpen => RedisState::HalfOpen,
        };
        Self { state, since, last_error }
    }
}
