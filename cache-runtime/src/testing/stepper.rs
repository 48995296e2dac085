//! Parks readers and writers at the steps of the protocol.

use std::collections::{HashMap, VecDeque};
use std::fmt::{self, Write};
use std::future::Future;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{oneshot, watch};

use super::PATIENCE;
use crate::key::Key;
use crate::port::{BoxFuture, Observer, Step};

/// An [`Observer`] that stops whom a test tells it to, so that an interleaving is forced step by step.
///
/// Clones share one state. Everyone who was not [parked](Self::park) passes without delay.
///
/// ```
/// use std::sync::Arc;
///
/// use cache_runtime::testing::Stepper;
/// use cache_runtime::{Namespace, Observer, Step};
///
/// # async fn example() -> cache_runtime::Result<()> {
/// let key = Namespace::new("shop")?.key().text("users").value(&42).finish()?;
/// let stepper = Stepper::new();
/// let slow_fill = stepper.park(Step::Fill, &key);
///
/// // What the engine does just before it fills:
/// let observer: Arc<dyn Observer> = Arc::new(stepper.clone());
/// let reader = tokio::spawn({
///     let key = key.clone();
///     async move { observer.before(Step::Fill, &key).await }
/// });
///
/// slow_fill.arrived().await; // the reader stands right before its fill …
/// assert!(!reader.is_finished()); // … and here the test lets a writer come between.
/// slow_fill.open();
/// reader.await.unwrap();
/// assert_eq!(stepper.seen(), [(Step::Fill, key)]);
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone)]
pub struct Stepper {
    shared: Arc<Mutex<Shared>>,
    patience: Duration,
}

#[derive(Default)]
struct Shared {
    parked: HashMap<(Step, Key), VecDeque<Parked>>,
    seen: Vec<(Step, Key)>,
}

/// The stepper's end of a gate.
struct Parked {
    arrived: watch::Sender<bool>,
    /// Ends when the gate is opened or dropped.
    gate: oneshot::Receiver<()>,
}

/// Where somebody is parked. Dropping it opens it.
#[must_use = "a gate that is dropped is open"]
pub struct Gate {
    step: Step,
    key: Key,
    stepper: Stepper,
    arrived: watch::Receiver<bool>,
    _shut: oneshot::Sender<()>,
}

impl Stepper {
    /// A stepper that lets everyone pass.
    #[must_use]
    pub fn new() -> Self {
        Self { shared: Arc::default(), patience: PATIENCE }
    }

    /// The same, whose gates wait this long for an arrival before they fail the test. Ten seconds by default: an
    /// interleaving that does not come about should fail and say so, not hang.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Parks the first who arrives at `step` for `key` from now on; who comes later passes. Parks for the same step
    /// and key queue up: the second parks the next arrival, and so on. A gate that is opened or dropped before
    /// anybody arrived parks nobody.
    pub fn park(&self, step: Step, key: &Key) -> Gate {
        let (arrived, watched) = watch::channel(false);
        let (shut, gate) = oneshot::channel();
        let parked = Parked { arrived, gate };
        self.lock().parked.entry((step, key.clone())).or_default().push_back(parked);
        Gate { step, key: key.clone(), stepper: self.clone(), arrived: watched, _shut: shut }
    }

    /// Every arrival so far, in order, parked or not.
    #[must_use]
    pub fn seen(&self) -> Vec<(Step, Key)> {
        self.lock().seen.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Notes an arrival; answers with the gate that it has to wait at.
    fn arrive(&mut self, step: Step, key: &Key) -> Option<oneshot::Receiver<()>> {
        let place = (step, key.clone());
        let queue = self.parked.get_mut(&place);
        self.seen.push(place);
        let queue = queue?;
        while let Some(mut parked) = queue.pop_front() {
            if parked.gate.try_recv() == Err(TryRecvError::Empty) {
                parked.arrived.send_replace(true);
                return Some(parked.gate);
            }
        }
        None
    }
}

impl Observer for Stepper {
    fn before<'a>(&'a self, step: Step, key: &'a Key) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let gate = self.lock().arrive(step, key);
            if let Some(gate) = gate {
                // An error only says that the gate was dropped, which opens it.
                let _ = gate.await;
            }
        })
    }
}

impl Gate {
    /// Waits until somebody is parked here. May be asked again.
    ///
    /// # Panics
    /// When nobody arrived in the stepper's [patience](Stepper::patience); the message names the step, the key and
    /// what was seen instead.
    #[track_caller]
    pub fn arrived(&self) -> impl Future<Output = ()> + Send + use<> {
        let caller = Location::caller();
        let (step, key, stepper) = (self.step, self.key.clone(), self.stepper.clone());
        let mut arrived = self.arrived.clone();
        async move {
            let waited = tokio::time::timeout(stepper.patience, arrived.wait_for(|here| *here));
            // Where the stepper has let go of its end without an arrival, nobody will ever come.
            let came = matches!(waited.await, Ok(Ok(_)));
            assert!(came, "{}", missed(caller, step, &key, &stepper));
        }
    }

    /// Lets the one who is parked here go on.
    pub fn open(self) {}
}

fn missed(caller: &Location<'_>, step: Step, key: &Key, stepper: &Stepper) -> String {
    let mut message = format!(
        "nobody arrived at {step:?} of {key} within {:?} (waited for at {caller}); seen so far:",
        stepper.patience
    );
    let seen = stepper.seen();
    for (step, key) in &seen {
        // Writing to a string does not fail.
        let _ = write!(message, "\n  {step:?} of {key}");
    }
    if seen.is_empty() {
        message.push_str(" nothing; is the stepper the observer of what is tested?");
    }
    message
}

impl Default for Stepper {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Stepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stepper").field("seen", &self.lock().seen.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("step", &self.step)
            .field("key", &self.key)
            .field("arrived", &*self.arrived.borrow())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
