//! What is asked while others ask is asked together.
//!
//! So many exchanges are under way at most. Who comes while there are fewer goes at once, with those who are ready to ask
//! as well; who comes later waits for the first of them to end, and goes with all others who wait by then. Nobody waits for
//! more to come: a question waits for nothing but for questions that were there before it, and for those tasks of its
//! thread that could run anyway.

mod patience;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

/// So many places are given up with nobody waiting before a crowd counts as over.
const CROWD: u8 = 16;

/// For longer nobody leaves a place empty because the last who took one may take others along: that one may have gone, or
/// not be polled.
const TURN: Duration = Duration::from_millis(1);

/// What a task does here, whoever it asks for: a program has one type of task for all of its repositories.
type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Who asks for others.
pub(crate) trait Together: Send + Sync + Sized + 'static {
    /// One question, and how its answer goes to whoever asked. One that is dropped is answered by that: its caller has to
    /// ask by itself.
    type Asked: Send + 'static;

    fn gather(&self) -> &Gather<Self::Asked>;

    /// Who has waited for a place for so long is let go, and nobody waits for twice as long.
    fn patience(&self) -> Duration;

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
    /// How many have ever waited.
    came: u64,
    /// How many exchanges have ended for whom others have waited.
    answered: u64,
    /// How many places may still be given up with nobody waiting before a crowd counts as over.
    crowd: u8,
    /// Since when whoever took a place last looks round for others to take along.
    looks_round: Option<Instant>,
    /// When whoever looks after those who wait has last given a sign of life.
    watched: Option<Instant>,
    /// All places were held for as long as somebody has the patience to wait: they may belong to callers who do not poll
    /// them, and who comes now does not wait for them.
    stuck: bool,
}

impl<T> Gather<T> {
    /// So many exchanges at once; at least one.
    pub(crate) fn new(most: usize) -> Self {
        let state = State {
            under_way: 0,
            queue: VecDeque::new(),
            came: 0,
            answered: 0,
            crowd: 0,
            looks_round: None,
            watched: None,
            stuck: false,
        };
        Self { most: most.max(1), state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<R>(&self, change: impl FnOnce(&mut State<T>) -> R) -> R {
        change(&mut self.lock())
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
    /// Leave to go alone with a question; otherwise what `asked` makes of it goes with others, or waits for one of those
    /// who are under way.
    pub(crate) async fn enter<Q, W>(
        owner: &Arc<O>,
        question: Q,
        asked: impl Fn(Q) -> (O::Asked, W),
    ) -> Result<(Self, Q), W> {
        let (place, question, company) = Self::or_wait(owner, question, &asked)?;
        // Those whom one answer has woken together ask together again. One alone goes straight away: a turn of the scheduler
        // may wake another thread.
        if !company {
            return Ok((place, question));
        }
        tokio::task::yield_now().await;
        place.alone_or_with_those_who_came(question, asked)
    }

    /// A place, and whether somebody may come who wants to be taken along: then nobody else takes one until it is known who
    /// does.
    fn or_wait<Q, W>(
        owner: &Arc<O>,
        question: Q,
        asked: impl FnOnce(Q) -> (O::Asked, W),
    ) -> Result<(Self, Q, bool), W> {
        let mut state = owner.gather().lock();
        let taken_along =
            state.under_way > 0 && state.looks_round.is_some_and(|since| since.elapsed() < TURN);
        if (state.under_way < owner.gather().most || state.stuck) && !taken_along {
            state.under_way += 1;
            let company = state.crowd > 0;
            if company {
                state.looks_round = Some(Instant::now());
            }
            drop(state);
            return Ok((Self::on(owner, Used::Now), question, company));
        }
        let (asked, waits) = asked(question);
        state.queue.push_back(asked);
        state.came += 1;
        state.crowd = CROWD;
        patience::see_to(owner, state);
        Err(waits)
    }

    fn alone_or_with_those_who_came<Q, W>(
        mut self,
        question: Q,
        asked: impl FnOnce(Q) -> (O::Asked, W),
    ) -> Result<(Self, Q), W> {
        let runtime = Handle::try_current();
        let mut state = self.owner.gather().lock();
        state.looks_round = None;
        state.queue.retain(O::is_awaited);
        let (Ok(runtime), false) = (runtime, state.queue.is_empty()) else {
            drop(state);
            return Ok((self, question));
        };
        let (asked, waits) = asked(question);
        state.queue.push_front(asked);
        let first = O::next(&mut state.queue);
        drop(state);
        self.used = Used::NotYet;
        // What is asked for others is a task's: whoever goes away takes nobody's answer along.
        let work: Work = Box::pin(self.go_on(first));
        runtime.spawn(work);
        Err(waits)
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
                state.stuck &= state.under_way >= owner.gather().most;
                state.crowd = state.crowd.saturating_sub(1);
                return None;
            }
            state.answered += 1;
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
                let work: Work = Box::pin(Self::on(&self.owner, Used::NotYet).go_on(followers));
                runtime.spawn(work);
            }
            return;
        }
        // There is no runtime, or it takes no tasks any more: all who wait hear that by being dropped, and ask by themselves.
        let waiting = self.owner.gather().with(|state| {
            state.under_way -= 1;
            state.stuck = false;
            std::mem::take(&mut state.queue)
        });
        drop(waiting);
    }
}

#[cfg(test)]
mod tests;
