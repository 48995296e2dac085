//! How the cache is, for a probe.

use std::fmt;
use std::time::{Duration, Instant};

use super::CacheManager;
use crate::error::ErrorKind;
use crate::port::BreakerState;

/// How the cache is at one moment: [`CacheManager::health`].
///
/// `Display` says it in a line, for a log or the answer to a probe. Nothing in it is a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// Whether the server is asked, or bypassed.
    pub state: BreakerState,
    /// Since when; `None` for a backend that does not tell.
    pub since: Option<Instant>,
    /// What went wrong last, also long ago and made good since; `None` where nothing ever did.
    pub last_error: Option<ErrorKind>,
    /// How long a ping took to be answered, or why it was not.
    pub ping: Result<Duration, ErrorKind>,
    /// Why nothing that the cache says is believed, so that reads go to the database although it answers: mostly that the
    /// relay has not drained the outbox, and with what it fails. `None` where it is believed.
    pub disbelief: Option<String>,
}

impl Health {
    /// Whether the cache answers. Whether its answers are believed is told by [`disbelief`](Self::disbelief).
    ///
    /// Not the same as whether the service is ready: without its cache it answers out of the database. A probe that
    /// takes a service out of rotation because of this takes all out together, at the moment at which Redis fails.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.state == BreakerState::Closed && self.ping.is_ok()
    }

    fn word(&self) -> &'static str {
        match (self.state, &self.ping) {
            (BreakerState::Closed, Ok(_)) => "up",
            (BreakerState::Closed, Err(_)) => "failing",
            (BreakerState::Open | BreakerState::HalfOpen, _) => "bypassed",
        }
    }
}

impl CacheManager {
    /// How the cache is now: whether its server is asked or bypassed, since when, what went wrong last, and how long a
    /// ping takes. For probes and dashboards; it takes no longer than one operation, and nothing but a memory access
    /// while the server is bypassed.
    ///
    /// Nothing has to be done where it is bypassed: probes of its own look for a server that answers, at most half a
    /// second apart, and the first that does ends it.
    ///
    /// ```
    /// # #[cfg(feature = "memory")]
    /// # async fn example() -> cache_runtime::Result<()> {
    /// let cache = cache_runtime::CacheManager::builder("shop").memory().build()?;
    /// let health = cache.health().await;
    /// assert!(health.is_up(), "{health}");
    /// # Ok(())
    /// # }
    /// # #[cfg(feature = "memory")]
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(example()).unwrap();
    /// ```
    pub async fn health(&self) -> Health {
        let began = Instant::now();
        let ping = self.backend().ping().await;
        let ping = ping.map(|()| began.elapsed()).map_err(|error| error.kind());
        // After the ping, which may begin another session.
        let disbelief = self.0.context.disbelief();
        match self.backend().watched().and_then(|watched| watched.connection()) {
            Some(connection) => Health {
                state: connection.breaker,
                since: Some(connection.since),
                last_error: connection.last_error.map(|error| error.kind()).or(ping.err()),
                ping,
                disbelief,
            },
            None => Health {
                state: BreakerState::Closed,
                since: None,
                last_error: ping.err(),
                ping,
                disbelief,
            },
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the cache is {}", self.word())?;
        if let Some(since) = self.since {
            write!(f, " for {:.1} s", since.elapsed().as_secs_f64())?;
        }
        match self.ping {
            Ok(took) => write!(f, ", answers in {:.1} ms", took.as_secs_f64() * 1e3)?,
            Err(kind) => write!(f, ", does not answer: {kind:?}")?,
        }
        match self.last_error {
            Some(kind) if self.ping.is_ok() => write!(f, ", last failure: {kind:?}")?,
            _ => {}
        }
        match &self.disbelief {
            Some(why) => write!(f, ", and is not believed: {why}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(state: BreakerState, ping: Result<Duration, ErrorKind>) -> Health {
        Health { state, since: Some(Instant::now()), last_error: ping.err(), ping, disbelief: None }
    }

    #[test]
    fn a_cache_is_up_where_it_is_asked_and_answers() {
        let took = Ok(Duration::from_millis(1));
        assert!(health(BreakerState::Closed, took).is_up());
        assert!(!health(BreakerState::Closed, Err(ErrorKind::Timeout)).is_up());
        assert!(!health(BreakerState::Open, took).is_up());
        assert!(!health(BreakerState::HalfOpen, took).is_up());
    }

    #[test]
    fn a_probe_is_answered_in_a_line() {
        let up = health(BreakerState::Closed, Ok(Duration::from_micros(1500)));
        assert_eq!(up.to_string(), "the cache is up for 0.0 s, answers in 1.5 ms");
        let away = health(BreakerState::Open, Err(ErrorKind::Unreachable));
        assert_eq!(
            away.to_string(),
            "the cache is bypassed for 0.0 s, does not answer: Unreachable"
        );
        let back = Health { last_error: Some(ErrorKind::Timeout), ..up };
        assert!(back.to_string().ends_with("answers in 1.5 ms, last failure: Timeout"), "{back}");
        let doubted = Health { disbelief: Some("there is no outbox".to_owned()), ..back };
        assert!(
            doubted.to_string().ends_with(", and is not believed: there is no outbox"),
            "{doubted}"
        );
    }
}
