//! The one connection, and its way back after it broke.

use std::future::Future;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult};
use tokio::sync::Notify;

use super::failure::{Place, is_read_only, translate};
use crate::error::{Error, ErrorKind, Result};

/// So many calls in a row without an answer, and the connection counts as half-open.
const SILENT_CALLS: u32 = 2;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Link {
    client: Client,
    place: Place,
    connect_timeout: Duration,
    operation_timeout: Duration,
    state: Mutex<State>,
    changed: Notify,
    /// Calls in a row that ran out of time.
    silent: AtomicU32,
    /// While calls run out of time, the next one that may wait is sent after this: milliseconds since the origin.
    quiet_until: AtomicU64,
    origin: Instant,
}

/// How much a call is worth waiting for while the server is in trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// A reader's: it has the database to go to, and fails at once where another call has just run out of time.
    Reader,
    /// That of a writer's hold: it always tries, because a write depends on it.
    Writer,
}

enum State {
    /// Nobody has asked yet, or the last connection broke.
    Idle {
        pause: Duration,
    },
    /// A task is connecting.
    Connecting,
    Up {
        connection: MultiplexedConnection,
        generation: u64,
    },
    /// The last attempt failed; there is no other until then.
    Down {
        until: Instant,
        pause: Duration,
        error: Error,
    },
    Closed,
}

impl Link {
    pub(super) fn new(
        client: Client,
        place: Place,
        connect_timeout: Duration,
        operation_timeout: Duration,
    ) -> Self {
        Self {
            client,
            place,
            connect_timeout,
            operation_timeout,
            state: Mutex::new(State::Idle { pause: FIRST_PAUSE }),
            changed: Notify::new(),
            silent: AtomicU32::new(0),
            quiet_until: AtomicU64::new(0),
            origin: Instant::now(),
        }
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Runs one exchange with the server within the operation timeout.
    pub(super) async fn run<T, F, Fut>(
        self: &Arc<Self>,
        patience: Patience,
        exchange: F,
    ) -> Result<T>
    where
        F: FnOnce(MultiplexedConnection) -> Fut,
        Fut: Future<Output = RedisResult<T>>,
    {
        if patience == Patience::Reader && self.is_quiet() {
            return Err(self.too_slow());
        }
        let mut used = None;
        let attempt = async {
            let (connection, generation) = self.connection(patience).await?;
            used = Some(generation);
            exchange(connection).await.map_err(|error| {
                if error.is_unrecoverable_error() || error.is_io_error() || is_read_only(&error) {
                    self.broke(generation);
                }
                translate(&self.place, error)
            })
        };
        let outcome = tokio::time::timeout(self.operation_timeout, attempt).await;
        match outcome {
            Ok(answer) => {
                if self.silent.load(Ordering::Relaxed) > 0 {
                    self.silent.store(0, Ordering::Relaxed);
                }
                answer
            }
            Err(_) => {
                self.quiet_until.store(self.millis() + self.timeout_millis(), Ordering::Relaxed);
                let silent = self.silent.fetch_add(1, Ordering::Relaxed) + 1;
                if let Some(generation) = used
                    && silent >= SILENT_CALLS
                {
                    self.broke(generation);
                }
                Err(self.too_slow())
            }
        }
    }

    /// Whether a call has just run out of time. One reader after another tries again, a timeout apart; the others are
    /// spared the wait.
    fn is_quiet(&self) -> bool {
        if self.silent.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let (now, until) = (self.millis(), self.quiet_until.load(Ordering::Relaxed));
        let next = now + self.timeout_millis();
        now < until
            || self
                .quiet_until
                .compare_exchange(until, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_err()
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn timeout_millis(&self) -> u64 {
        u64::try_from(self.operation_timeout.as_millis()).unwrap_or(u64::MAX)
    }

    fn too_slow(&self) -> Error {
        let millis = self.operation_timeout.as_millis();
        Error::new(
            ErrorKind::Timeout,
            format!("Redis at {} did not answer within {millis} ms", self.place),
        )
    }

    pub(super) fn close(&self) {
        *self.lock() = State::Closed;
        self.changed.notify_waiters();
    }

    async fn connection(
        self: &Arc<Self>,
        patience: Patience,
    ) -> Result<(MultiplexedConnection, u64)> {
        if let State::Up { connection, generation } = &*self.lock() {
            return Ok((connection.clone(), *generation));
        }
        let mut tried = false;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registered before the look at the state, so that no change falls in between.
            changed.as_mut().enable();
            {
                let mut state = self.lock();
                let pause = match &*state {
                    State::Up { connection, generation } => {
                        return Ok((connection.clone(), *generation));
                    }
                    State::Closed => return Err(closed()),
                    // A writer tries again at once, but only once.
                    State::Down { until, error, .. }
                        if tried || (patience == Patience::Reader && Instant::now() < *until) =>
                    {
                        return Err(error.clone());
                    }
                    State::Down { pause, .. } | State::Idle { pause } => Some(*pause),
                    State::Connecting => None,
                };
                if let Some(pause) = pause {
                    *state = State::Connecting;
                    // In a task of its own: a caller that gives up must not undo the attempt for all others.
                    tokio::spawn(Arc::clone(self).connect(pause));
                }
            }
            changed.await;
            tried = true;
        }
    }

    async fn connect(self: Arc<Self>, pause: Duration) {
        static GENERATION: AtomicU64 = AtomicU64::new(0);
        let _attempt = Attempt(&self);
        // The answers are timed by the caller of each exchange.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.connect_timeout))
            .set_response_timeout(None);
        let connecting = async {
            let mut connection =
                self.client.get_multiplexed_async_connection_with_config(&config).await?;
            refuse_a_replica(&mut connection).await?;
            Ok(connection)
        };
        let outcome = tokio::time::timeout(self.connect_timeout, connecting).await;
        let next = match outcome {
            Ok(Ok(connection)) => {
                let generation = GENERATION.fetch_add(1, Ordering::Relaxed);
                self.silent.store(0, Ordering::Relaxed);
                tracing::info!(server = %self.place, "connected to Redis");
                State::Up { connection, generation }
            }
            failed => {
                let error = match failed {
                    Ok(Err(error)) => translate(&self.place, error),
                    _ => Error::new(
                        ErrorKind::Unreachable,
                        format!("Redis at {} let the connection time out", self.place),
                    ),
                };
                let until = Instant::now() + pause;
                State::Down { until, pause: (pause * 2).min(LONGEST_PAUSE), error }
            }
        };
        let mut state = self.lock();
        if !matches!(*state, State::Closed) {
            *state = next;
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// Forgets the connection in use.
    pub(super) fn leave(&self) {
        let mut state = self.lock();
        if matches!(*state, State::Up { .. }) {
            *state = State::Idle { pause: FIRST_PAUSE };
        }
    }

    /// Forgets the connection of this generation, if it is still the one in use.
    fn broke(&self, broken: u64) {
        let mut state = self.lock();
        if matches!(*state, State::Up { generation, .. } if generation == broken) {
            *state = State::Idle { pause: FIRST_PAUSE };
            tracing::debug!(server = %self.place, "the connection to Redis broke");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A replica lags behind its primary, so what it answers is no answer. Where the server does not say what it is, its
/// refusal of the first write will.
async fn refuse_a_replica(connection: &mut MultiplexedConnection) -> RedisResult<()> {
    let role: RedisResult<Vec<redis::Value>> = redis::cmd("ROLE").query_async(connection).await;
    let name = role.ok().and_then(|role| role.into_iter().next());
    match name {
        Some(redis::Value::BulkString(name)) if name == b"slave" => Err((
            redis::ErrorKind::Server(redis::ServerErrorKind::ReadOnly),
            "the server is a replica",
        )
            .into()),
        _ => Ok(()),
    }
}

/// An attempt that dies, with its runtime or by a panic, must not leave everyone waiting for it.
struct Attempt<'l>(&'l Link);

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if matches!(*state, State::Connecting) {
            *state = State::Idle { pause: FIRST_PAUSE };
            drop(state);
            self.0.changed.notify_waiters();
        }
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the cache was closed")
}
