//! The worker: takes events out of the stream and handles them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::{Shared, Stream};
use crate::error::{Error, ErrorKind, Result};
use crate::port::{Failed, QueuedWrite};

/// Signs of life in the time after which a worker counts as dead.
const SIGNS_OF_LIFE: u32 = 3;
/// An event that was taken so many times and never came to an end kills its workers.
const DELIVERIES: u64 = 1000;

pub(super) struct Work {
    shared: Arc<Shared>,
    /// How often in a row the stream did not answer.
    away: u32,
    /// Whether it was said that events wait.
    told: bool,
    /// Whether it was said what the stream is worth.
    cautioned: bool,
}

/// What became of an event.
enum Outcome {
    Handled,
    /// It says nothing about the event.
    Away(Error),
    /// Of the event's own making.
    Failed(String),
    /// It would fail in the same way again.
    Hopeless(String),
}

impl Work {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, away: 0, told: false, cautioned: false }
    }

    /// Works until `stop` says so, or its other end is gone. An event is never left halfway.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<()>) {
        let shared = Arc::clone(&self.shared);
        let Some(stream) = &shared.stream else { return };
        let mut settled = false;
        loop {
            let round = if settled {
                self.round(stream, &stop).await
            } else {
                self.settle_in(stream).await.map(|()| true)
            };
            let pause = match round {
                Ok(busy) => {
                    settled = true;
                    if busy && self.away == 0 { Duration::ZERO } else { self.pause() }
                }
                Err(error) if error.kind() == ErrorKind::Closed => return,
                Err(error) => {
                    // What was taken and not handled is given back before the next round.
                    settled = false;
                    self.troubled(stream, &error);
                    self.away = self.away.saturating_add(1);
                    self.pause()
                }
            };
            if pause.is_zero() {
                if !matches!(stop.has_changed(), Ok(false)) {
                    break;
                }
                // A stream that is all in memory would never let anybody else run.
                tokio::task::yield_now().await;
                continue;
            }
            tokio::select! {
                _ = stop.changed() => break,
                () = shared.poke.notified(), if self.away == 0 => {}
                () = sleep(pause) => {}
            }
        }
        if let Err(error) = stream.queue.leave(&shared.options.consumer).await {
            tracing::debug!(stream = %stream.name, %error, "a worker could not give back the events that it had taken");
        }
    }

    /// Gives back what an earlier life under this name has taken, and says what the stream is worth.
    async fn settle_in(&mut self, stream: &Stream) -> Result<()> {
        stream.queue.leave(&self.shared.options.consumer).await?;
        if !self.cautioned {
            for caveat in stream.queue.caveats().await? {
                tracing::warn!(stream = %stream.name, "{caveat}");
            }
            self.cautioned = true;
        }
        Ok(())
    }

    /// Takes events and handles them; says whether there were any.
    async fn round(&mut self, stream: &Stream, stop: &watch::Receiver<()>) -> Result<bool> {
        let shared = Arc::clone(&self.shared);
        let options = &shared.options;
        let mut taken =
            stream.queue.take(&options.consumer, options.batch, options.takeover).await?;
        if taken.is_empty() {
            // The stream answers; what failed for want of others comes again once it is idle.
            self.away = 0;
            self.told = false;
            return Ok(false);
        }
        let mut touched = Instant::now();
        let mut failed = 0;
        taken.reverse();
        while let Some(event) = taken.pop() {
            if touched.elapsed() > options.takeover / SIGNS_OF_LIFE {
                let places: Vec<u64> =
                    taken.iter().chain([&event]).map(|event| event.place).collect();
                let own = stream.queue.touch(&options.consumer, &places).await?;
                taken.retain(|event| own.contains(&event.place));
                touched = Instant::now();
                if !own.contains(&event.place) {
                    continue;
                }
            }
            failed += u32::from(!self.bring(stream, event).await?);
            if !matches!(stop.has_changed(), Ok(false)) {
                break;
            }
        }
        // The stream itself answers: what others keep from being handled does not hold up the rest.
        self.away = 0;
        self.told &= failed > 0;
        Ok(true)
    }

    /// Handles one event; says whether that came to an end. One that did not is taken again once it is idle, and the
    /// others go on.
    async fn bring(&mut self, stream: &Stream, event: QueuedWrite) -> Result<bool> {
        let outcome = if event.deliveries > DELIVERIES {
            Outcome::Hopeless(format!(
                "it was taken {} times and never brought to an end",
                event.deliveries
            ))
        } else {
            self.handle(event.clone()).await
        };
        let (reason, tries) = match outcome {
            Outcome::Handled => {
                stream.queue.acknowledge(std::slice::from_ref(&event)).await?;
                self.shared.tally.add(|stats| stats.handled += 1);
                return Ok(true);
            }
            Outcome::Away(error) => {
                self.troubled(stream, &error);
                self.shared.tally.add(|stats| stats.retried += 1);
                return Ok(false);
            }
            Outcome::Failed(reason) => (reason, self.shared.options.tries),
            Outcome::Hopeless(reason) => (reason, 1),
        };
        if stream.queue.fail(&event, tries, &reason).await? == Failed::Dead {
            self.shared.tally.add(|stats| stats.dead += 1);
            // The reason may quote what the event carries.
            tracing::error!(
                stream = %stream.name,
                event = %String::from_utf8_lossy(&event.id).escape_debug(),
                "an event could not be handled: it is a dead letter, and what it makes wrong is not invalidated"
            );
        } else {
            self.shared.tally.add(|stats| stats.retried += 1);
        }
        Ok(true)
    }

    /// In a task of its own: a handler that panics must not end the worker.
    async fn handle(&self, event: QueuedWrite) -> Outcome {
        let shared = Arc::clone(&self.shared);
        let handling = tokio::spawn(async move {
            let name = String::from_utf8_lossy(&event.id);
            let Some(kind) = shared.handlers.get(&*name) else {
                return Outcome::Hopeless(format!("nobody handles an event of the name {name:?}"));
            };
            let read = match (kind.read)(event.value.as_deref().unwrap_or_default()) {
                Ok(read) => read,
                Err(error) => return Outcome::Hopeless(told(&error)),
            };
            let effects = kind.effects(&*read, &shared.manager);
            drop(read);
            match effects.apply(&shared.manager).await {
                Ok(()) => Outcome::Handled,
                Err(error) if is_its_own(error.kind()) => Outcome::Failed(told(&error)),
                Err(error) => Outcome::Away(error),
            }
        });
        handling.await.unwrap_or_else(|_| Outcome::Failed("its handler panicked".to_owned()))
    }

    /// Says it once, until something moves again.
    fn troubled(&mut self, stream: &Stream, error: &Error) {
        if !std::mem::replace(&mut self.told, true) {
            tracing::warn!(stream = %stream.name, %error, "events cannot be handled for now: they wait");
        }
    }

    fn pause(&self) -> Duration {
        let options = &self.shared.options;
        let doubled = 1_u32.checked_shl(self.away).unwrap_or(u32::MAX);
        let pause = options.every.saturating_mul(doubled).min(options.longest_pause);
        // Moved by up to a quarter either way, so that processes do not come all at once.
        pause.mul_f64(0.75 + fastrand::f64() / 2.0)
    }
}

/// Whether the failure is the event's own, and not that of somebody who is away.
fn is_its_own(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Codec | ErrorKind::Config | ErrorKind::Unsupported | ErrorKind::WrongType
    )
}

/// An error and what lies beneath it, in one line.
fn told(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut beneath = error.source();
    while let Some(cause) = beneath {
        told.push_str(": ");
        told.push_str(&cause.to_string());
        beneath = cause.source();
    }
    told
}
