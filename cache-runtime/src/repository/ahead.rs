//! Holds that are placed beside the statement that changes a row.
//!
//! A write has to hold its keys before its commit, and of a row whose id is known some are known before its statement: their
//! hold travels while the database works. Which others there are only the statement tells; they are held after it, as ever.
//!
//! A write that changes nothing invalidates nothing, and that only its statement tells as well. So nothing is held ahead
//! before [so many](ENOUGH) writes in a row have changed theirs: of as many writes one at most takes a row out of the cache
//! that it then leaves as it was.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;

use super::core::Core;
use crate::mind::Held;
use crate::postgres::Entity;
use crate::transaction::CacheTransaction;

/// So many writes have changed their rows before the next is taken for one that does.
const ENOUGH: u32 = 16;

/// How many writes of rows by their ids have changed them, one after the other.
#[derive(Debug, Default)]
pub(super) struct Habit(AtomicU32);

impl Habit {
    fn is_to_change(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= ENOUGH
    }

    fn note(&self, changed: bool) {
        // Written to only where that says something new.
        if !changed {
            self.0.store(0, Ordering::Relaxed);
        } else if !self.is_to_change() {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Does `work`, which changes the row with this id in a transaction of its own, and has what is known of its keys held
/// meanwhile, if it is likely to change anything. Where it changes nothing nobody waits for the hold, and what was placed is
/// released.
pub(super) async fn holding<E: Entity, T>(
    core: &Arc<Core<E>>,
    id: &E::Id,
    work: impl Future<Output = sqlx::Result<(CacheTransaction, T)>>,
) -> sqlx::Result<(CacheTransaction, T)> {
    let (transaction, stored) = match core.keys_ahead(id) {
        Ok(keys) if core.habit.is_to_change() => {
            let hold = Held::place_ahead(&core.context, &core.operations.write, keys);
            beside(hold, work).await?
        }
        // A key that cannot be written is an error once the row is known.
        _ => work.await?,
    };
    core.habit.note(transaction.has_touched());
    Ok((transaction, stored))
}

async fn beside<T>(
    hold: impl Future<Output = Option<Held>>,
    work: impl Future<Output = sqlx::Result<(CacheTransaction, T)>>,
) -> sqlx::Result<(CacheTransaction, T)> {
    let (mut hold, mut work) = (pin!(hold), pin!(work));
    let mut placed = None;
    let both = poll_fn(|context| {
        // The hold first, so that it is on its way when the statement is.
        if placed.is_none()
            && let Poll::Ready(ahead) = hold.as_mut().poll(context)
        {
            placed = Some(ahead);
        }
        work.as_mut().poll(context)
    });
    let (mut transaction, stored) = both.await?;
    if transaction.has_touched() {
        let ahead = match placed {
            Some(ahead) => ahead,
            None => hold.await,
        };
        transaction.held_ahead(ahead);
    }
    Ok((transaction, stored))
}
