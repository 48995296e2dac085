//! What is asked while others ask is asked together.
//!
//! So many exchanges are under way at most. Who comes while there are fewer goes straight away, as if nobody gathered
//! anything; who comes later waits for the first of them to end, and goes with all others who wait by then. Nobody waits
//! for more to come: a question waits for nothing but for questions that were there before it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;

/// Who asks for others.
pub(crate) trait Together: Send + Sync + Sized + 'static {
    /// One question, and how its answer goes to whoever asked. One that is dropped is answered by that: its caller has to
    /// ask by itself.
    type Asked: Send + 'static;

    fn gather(&self) -> &Gather<Self::Asked>;

    /// Whether somebody still waits for the answer.
    fn is_awaited(asked: &Self::Asked) -> bool;

    /// Takes from the queue, which is not empty, what goes into one exchange: one question at least.
    fn next(queue: &mut VecDeque<Self::Asked>) -> Vec<Self::Asked>;

    /// Asks all of these and answers them.
    fn ask(self: Arc<Self>, asked: Vec<Self::Asked>) -> impl Future<Output = ()> + Send;
}

#[derive(Debug)]
pub(crate) struct Gather<T> {
    most: usize,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    under_way: usize,
    queue: VecDeque<T>,
}

impl<T> Gather<T> {
    /// So many exchanges at once; at least one.
    pub(crate) fn new(most: usize) -> Self {
        let state = State { under_way: 0, queue: VecDeque::new() };
        Self { most: most.max(1), state: Mutex::new(state) }
    }

    fn with<R>(&self, change: impl FnOnce(&mut State<T>) -> R) -> R {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A place among the exchanges that are under way. Whoever gives it up, by being dropped too, sends those who have waited
/// for it.
#[must_use]
pub(crate) struct Place<O: Together> {
    owner: Arc<O>,
    used: Used,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Used {
    /// By a task that was not polled yet. One that never is was dropped by a runtime that is shutting down.
    NotYet,
    Now,
    NoMore,
}

impl<O: Together> Place<O> {
    /// Leave to go straight away with a question; otherwise what `asked` makes of it waits for one of those who are under
    /// way.
    pub(crate) fn or_wait<Q, W>(
        owner: &Arc<O>,
        question: Q,
        asked: impl FnOnce(Q) -> (O::Asked, W),
    ) -> Result<(Self, Q), W> {
        owner.gather().with(|state| {
            if state.under_way < owner.gather().most {
                state.under_way += 1;
                return Ok((Self::on(owner, Used::Now), question));
            }
            let (asked, waits) = asked(question);
            state.queue.push_back(asked);
            Err(waits)
        })
    }

    fn on(owner: &Arc<O>, used: Used) -> Self {
        Self { owner: Arc::clone(owner), used }
    }

    /// Those who take this place next. Where nobody waits, it is free.
    fn followers(owner: &O) -> Option<Vec<O::Asked>> {
        owner.gather().with(|state| {
            state.queue.retain(O::is_awaited);
            if state.queue.is_empty() {
                state.under_way -= 1;
                return None;
            }
            Some(O::next(&mut state.queue))
        })
    }

    /// Asks for these, and then for those who came meanwhile, until there are none.
    async fn go_on(mut self, mut asked: Vec<O::Asked>) {
        self.used = Used::Now;
        loop {
            Arc::clone(&self.owner).ask(asked).await;
            match Self::followers(&self.owner) {
                Some(followers) => asked = followers,
                None => {
                    self.used = Used::NoMore;
                    return;
                }
            }
        }
    }
}

impl<O: Together> Drop for Place<O> {
    fn drop(&mut self) {
        if self.used == Used::NoMore {
            return;
        }
        if self.used == Used::Now
            && let Ok(runtime) = Handle::try_current()
        {
            if let Some(followers) = Self::followers(&self.owner) {
                runtime.spawn(Self::on(&self.owner, Used::NotYet).go_on(followers));
            }
            return;
        }
        // There is no runtime, or it takes no tasks any more: all who wait hear that by being dropped, and ask by themselves.
        let waiting = self.owner.gather().with(|state| {
            state.under_way -= 1;
            std::mem::take(&mut state.queue)
        });
        drop(waiting);
    }
}

#[cfg(test)]
mod tests;
