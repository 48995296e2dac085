//! The loads of single rows. Those that come while others are under way go in one statement.
//!
//! Each has its lease before it comes here, and the statement is sent after the last of them has come: so what is loaded
//! together is as new as what is loaded alone.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::oneshot;
use tracing::{Instrument, Span};

use super::share::{again, is_everybodys};
use crate::gather::{Gather, Place, Together};
use crate::mind::Turn;
use crate::postgres::{Entity, Rows};
use crate::transaction::detached;

/// With these a database on another machine is kept busy; the more there are, the fewer rows go in one statement.
const AT_ONCE: usize = 2;
/// Rows in one statement: few enough that nobody waits for the rows of others for long.
const MOST_ROWS: usize = 128;

/// Twice as long, and no longer, a caller waits for one of the statements of others to end, with a lease that runs; then it
/// goes alone. Once its row is asked for it waits for that statement as it would for its own.
const PATIENCE: Duration = Duration::from_millis(125);
/// For longer nobody waits for a statement of others: the runtime that sent it may be driven by nobody.
const SILENCE: Duration = Duration::from_secs(10);

type Row<E> = Option<Arc<E>>;

/// The loads of one repository's rows.
pub(super) struct Loading<E: Entity> {
    gather: Gather<Asked<E>>,
}

/// One caller's row.
pub(super) struct Asked<E: Entity> {
    pool: PgPool,
    id: E::Id,
    answer: oneshot::Sender<Answer<E>>,
    /// It goes on until the statement has ended, whoever of those who wait has gone.
    _turn: Arc<Turn>,
    /// What the statement is done for, with others.
    span: Span,
}

enum Answer<E> {
    Row(sqlx::Result<Row<E>>),
    /// Together it failed, maybe because of another's row.
    Alone,
}

impl<E: Entity> Loading<E> {
    pub(super) fn new() -> Self {
        Self { gather: Gather::new(AT_ONCE) }
    }

    /// Loads a row. A statement that was sent is read to its end where its caller goes away.
    pub(super) async fn row(
        self: Arc<Self>,
        pool: PgPool,
        id: E::Id,
        turn: Turn,
    ) -> sqlx::Result<Row<E>> {
        let turn = Arc::new(turn);
        let asked = |(pool, id, turn): (PgPool, E::Id, Arc<Turn>)| {
            let (answer, answered) = oneshot::channel();
            let (span, _turn) = (Span::current(), Arc::clone(&turn));
            let asked = Asked { pool: pool.clone(), id: id.clone(), answer, _turn, span };
            (asked, (pool, id, turn, answered))
        };
        let (place, pool, id, turn) = match Place::enter(&self, (pool, id, turn), asked).await {
            Ok((place, (pool, id, turn))) => (Some(place), pool, id, turn),
            Err((pool, id, turn, answered)) => {
                match tokio::time::timeout(SILENCE, answered).await {
                    Ok(Ok(Answer::Row(row))) => return row,
                    // Or whoever was to ask has died, or those before take long.
                    Ok(Ok(Answer::Alone) | Err(_)) | Err(_) => (None, pool, id, turn),
                }
            }
        };
        detached(async move {
            let (_place, _turn) = (place, turn);
            alone(&pool, &id).await
        })
        .await
    }
}

async fn alone<E: Entity>(pool: &PgPool, id: &E::Id) -> sqlx::Result<Row<E>> {
    Ok(Rows::load(pool, id).await?.map(Arc::new))
}

impl<E: Entity> Together for Loading<E> {
    type Asked = Asked<E>;

    fn gather(&self) -> &Gather<Asked<E>> {
        &self.gather
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }

    fn is_awaited(asked: &Asked<E>) -> bool {
        !asked.answer.is_closed()
    }

    /// Those of one pool.
    fn next(queue: &mut VecDeque<Asked<E>>) -> Vec<Asked<E>> {
        let (mut next, mut others) = (Vec::new(), VecDeque::new());
        let mut pool = None;
        for asked in queue.drain(..) {
            // Clones of a pool share its options, and nothing else does.
            let options = asked.pool.connect_options();
            if next.len() < MOST_ROWS
                && Arc::ptr_eq(pool.get_or_insert_with(|| options.clone()), &options)
            {
                next.push(asked);
            } else {
                others.push_back(asked);
            }
        }
        *queue = others;
        next
    }

    async fn ask(self: Arc<Self>, mut asked: Vec<Asked<E>>) {
        // Where an answer cannot be sent nobody waits for it any more.
        let (pool, span) = match &asked[..] {
            [] => return,
            [first, ..] => (first.pool.clone(), first.span.clone()),
        };
        if asked.len() == 1
            && let Some(Asked { id, answer, _turn, .. }) = asked.pop()
        {
            drop(answer.send(Answer::Row(alone(&pool, &id).instrument(span).await)));
            return;
        }
        let ids: Vec<E::Id> = asked.iter().map(|asked| asked.id.clone()).collect();
        match Rows::<E>::load_many(&pool, &ids).instrument(span).await {
            Ok(rows) => {
                let by_id: HashMap<_, _> =
                    rows.into_iter().map(|row| (row.id(), Arc::new(row))).collect();
                // A row that comes under another id than it was asked for: equal to the database, and not here. Who
                // misses one asks alone.
                let strangers = by_id.keys().any(|id| !ids.contains(id));
                for Asked { id, answer, .. } in asked {
                    drop(answer.send(match by_id.get(&id).cloned() {
                        None if strangers => Answer::Alone,
                        row => Answer::Row(Ok(row)),
                    }));
                }
            }
            Err(error) if is_everybodys(&error) => {
                let error = Arc::new(error);
                for Asked { answer, .. } in asked {
                    drop(answer.send(Answer::Row(Err(again(&error)))));
                }
            }
            // Maybe because of one row: each asks alone.
            Err(_) => asked.into_iter().for_each(|asked| drop(asked.answer.send(Answer::Alone))),
        }
    }
}
