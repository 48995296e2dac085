//! Opening a connection, and finding out whom it leads to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisError, RedisResult};
use tokio::sync::Mutex;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::address::Address;
use super::failure::{Place, translate};
use super::gauge::{Gauge, Metered};
use super::identity::Identity;
use crate::error::{Error, ErrorKind, Result};

/// A server that answers in so long has not hung until it is silent for several times that: the network is far.
const ROUND_TRIPS: u32 = 4;

/// Opens connections.
pub(super) struct Dialer {
    pub(super) address: Address,
    pub(super) place: Place,
    pub(super) timeout: Duration,
    pub(super) hang_after: Duration,
    /// The time that everything here is measured from.
    pub(super) origin: Instant,
}

/// A connection that answered, to a primary.
pub(super) struct Live {
    connection: MultiplexedConnection,
    pub(super) gauge: Arc<Gauge>,
    /// Another one for each connection of the process; never zero.
    pub(super) generation: u64,
    /// How long the server took to say who it is.
    pub(super) round_trip: Duration,
    pub(super) identity: Identity,
    /// For how long several calls may wait in silence.
    pub(super) hang_after: Duration,
    /// When the server last said that it is who it was, in milliseconds.
    proven: AtomicU64,
    /// When it was last asked.
    asked: AtomicU64,
    /// Whoever has it asks; the others wait for what comes of it.
    pub(super) asking: Mutex<()>,
    _driver: Driver,
}

/// The task that moves the bytes; it ends with the connection, also where the server still owes answers.
pub(super) struct Driver(AbortHandle);

impl Driver {
    pub(super) fn spawn(driver: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(driver).abort_handle())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Dialer {
    pub(super) fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// A connection to a primary that answers.
    pub(super) async fn dial(&self) -> Result<Live> {
        match tokio::time::timeout(self.timeout, self.connect()).await {
            Ok(dialled) => dialled.map_err(|error| translate(&self.place, error)),
            Err(_) => {
                let (place, millis) = (&self.place, self.timeout.as_millis());
                let message = format!(
                    "Redis at {place} did not answer within {millis} ms while a connection was opened"
                );
                Err(Error::new(ErrorKind::Timeout, message))
            }
        }
    }

    async fn connect(&self) -> RedisResult<Live> {
        static GENERATION: AtomicU64 = AtomicU64::new(1);
        let gauge = Arc::new(Gauge::default());
        let stream = self.address.reach().await?;
        let stream = Metered { stream, gauge: Arc::clone(&gauge), origin: self.origin };
        // Each call is timed by who makes it.
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let settings = self.address.settings();
        let (connection, driver) =
            MultiplexedConnection::new_with_config(settings, stream, config).await?;
        let driver = Driver::spawn(driver);
        let asked = self.now();
        let (identity, alive) = Identity::ask(connection.clone()).await?;
        if identity.replica {
            return Err(refusal_of_a_replica());
        }
        alive?;
        let answered = self.now();
        let live = Live {
            connection,
            gauge,
            generation: GENERATION.fetch_add(1, Ordering::Relaxed),
            identity,
            hang_after: self.hang_after.max((answered - asked) * ROUND_TRIPS),
            round_trip: answered - asked,
            proven: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            asking: Mutex::new(()),
            _driver: driver,
        };
        live.prove(asked);
        Ok(live)
    }
}

impl Live {
    pub(super) fn connection(&self) -> MultiplexedConnection {
        self.connection.clone()
    }

    /// The server was asked at this time, and is who it was.
    pub(super) fn prove(&self, asked: Duration) {
        self.proven.fetch_max(millis(asked), Ordering::Relaxed);
        self.asked.fetch_max(millis(asked), Ordering::Relaxed);
    }

    /// For how long that has not been known.
    pub(super) fn unproven(&self, now: Duration) -> Duration {
        now.saturating_sub(Duration::from_millis(self.proven.load(Ordering::Relaxed)))
    }

    /// Whether it is this caller's turn to ask: nobody has, for so long.
    pub(super) fn is_to_ask(&self, now: Duration, pause: Duration) -> bool {
        let asked = self.asked.load(Ordering::Relaxed);
        now.saturating_sub(Duration::from_millis(asked)) >= pause
            && self
                .asked
                .compare_exchange(asked, millis(now), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

/// A replica lags behind its primary, so what it answers is no answer.
pub(super) fn refusal_of_a_replica() -> RedisError {
    (redis::ErrorKind::Server(redis::ServerErrorKind::ReadOnly), "the server is a replica").into()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
