//! Nobody waits for a place without a bound: those under way may belong to callers who do not poll them.
//!
//! One task looks after all who wait, for as long as somebody does. A timer for each would cost more than what it guards.

use std::sync::{Arc, MutexGuard, Weak};
use std::time::Instant;

use tokio::runtime::Handle;

use super::{State, Together, Work};

/// Who has given no sign of life for so many pauses belongs to a runtime that nobody drives.
const PAUSES: u32 = 4;

/// Whoever looks after those who wait.
struct Watch<O: Together> {
    owner: Weak<O>,
    /// All who came as these have waited for a whole pause.
    late: u64,
    /// How many exchanges had ended by then.
    answered: u64,
    ended: bool,
}

/// Sends somebody who looks after those who wait, unless somebody does.
pub(super) fn see_to<O: Together>(owner: &Arc<O>, mut state: MutexGuard<'_, State<O::Asked>>) {
    // Without a runtime nobody can wait.
    let Ok(runtime) = Handle::try_current() else { return };
    if state.watched.is_some_and(|seen| seen.elapsed() < owner.patience() * PAUSES) {
        return;
    }
    state.watched = Some(Instant::now());
    let answered = state.answered;
    drop(state);
    let watch = Watch { owner: Arc::downgrade(owner), late: 0, answered, ended: false };
    let work: Work = Box::pin(watch.until_nobody_waits());
    runtime.spawn(work);
}

impl<O: Together> Watch<O> {
    async fn until_nobody_waits(mut self) {
        while !self.ended {
            let Some(patience) = self.owner.upgrade().map(|owner| owner.patience()) else { return };
            tokio::time::sleep(patience).await;
            self.look();
        }
    }

    /// Lets those go who were there at the last look already.
    fn look(&mut self) {
        let Some(owner) = self.owner.upgrade() else { return };
        let late: Vec<_> = {
            let mut state = owner.gather().lock();
            let waiting = state.queue.len();
            if waiting == 0 {
                state.watched = None;
                self.ended = true;
                return;
            }
            state.watched = Some(Instant::now());
            let late = (self.late + waiting as u64).saturating_sub(state.came);
            let late = usize::try_from(late).unwrap_or(usize::MAX).min(waiting);
            if late > 0 && self.answered == state.answered {
                state.stuck = state.under_way >= owner.gather().most;
            }
            (self.late, self.answered) = (state.came, state.answered);
            state.queue.drain(..late).collect()
        };
        drop(late);
    }
}

impl<O: Together> Drop for Watch<O> {
    /// Its runtime has ended: all who wait hear that by being dropped, and who comes sends another.
    fn drop(&mut self) {
        if let (false, Some(owner)) = (self.ended, self.owner.upgrade()) {
            let waiting = {
                let mut state = owner.gather().lock();
                state.watched = None;
                std::mem::take(&mut state.queue)
            };
            drop(waiting);
        }
    }
}
