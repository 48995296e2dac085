//! The loads of single rows. Those that come while others are under way go in one statement.
//!
//! Each has its lease before it comes here, and the statement is sent after the last of them has come: so what is loaded
//! together is as new as what is loaded alone.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use sqlx::PgPool;
use tokio::sync::oneshot;

use super::share::{again, is_everybodys};
use crate::gather::{Gather, Place, Together};
use crate::mind::Turn;
use crate::postgres::{Entity, Rows};
use crate::transaction::detached;

/// With these a database on another machine is kept busy; the more there are, the fewer rows go in one statement.
const AT_ONCE: usize = 4;
/// Rows in one statement: as many as the default cap on loads lets come, and few enough that nobody waits for the rows of
/// others for long.
const MOST_ROWS: usize = 128;

type Row<E> = Option<Arc<E>>;

/// The loads of one repository's rows.
pub(super) struct Loading<E: Entity> {
    gather: Gather<Asked<E>>,
}

/// One caller's row.
pub(super) struct Asked<E: Entity> {
    pool: PgPool,
    id: E::Id,
    turn: Turn,
    answer: oneshot::Sender<Answer<E>>,
}

enum Answer<E> {
    Row(sqlx::Result<Row<E>>),
    /// Together it failed, maybe because of another's row.
    Alone(Turn),
}

impl<E: Entity> Loading<E> {
    pub(super) fn new() -> Self {
        Self { gather: Gather::new(AT_ONCE) }
    }

    /// Loads a row, and goes on with that where its caller goes away.
    pub(super) async fn row(
        self: Arc<Self>,
        pool: PgPool,
        id: E::Id,
        turn: Turn,
    ) -> sqlx::Result<Row<E>> {
        let asked = |(pool, id, turn): (PgPool, E::Id, Turn)| {
            let (answer, answered) = oneshot::channel();
            let waits = (pool.clone(), id.clone(), answered);
            (Asked { pool, id, turn, answer }, waits)
        };
        match Place::or_wait(&self, (pool, id, turn), asked) {
            Ok((place, (pool, id, turn))) => {
                detached(async move {
                    let _place = place;
                    alone(&pool, &id, turn).await
                })
                .await
            }
            Err((pool, id, answered)) => match answered.await {
                Ok(Answer::Row(row)) => row,
                Ok(Answer::Alone(turn)) => {
                    detached(async move { alone(&pool, &id, turn).await }).await
                }
                Err(_) => Err(sqlx::Error::WorkerCrashed),
            },
        }
    }
}

async fn alone<E: Entity>(pool: &PgPool, id: &E::Id, turn: Turn) -> sqlx::Result<Row<E>> {
    let _turn = turn;
    Ok(Rows::load(pool, id).await?.map(Arc::new))
}

impl<E: Entity> Together for Loading<E> {
    type Asked = Asked<E>;

    fn gather(&self) -> &Gather<Asked<E>> {
        &self.gather
    }

    /// Those of one pool. Who does not wait any more is left out.
    fn next(queue: &mut VecDeque<Asked<E>>) -> Vec<Asked<E>> {
        let (mut next, mut others) = (Vec::new(), VecDeque::new());
        let mut pool = None;
        for asked in queue.drain(..).filter(|asked| !asked.answer.is_closed()) {
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
        let Some(Asked { pool, .. }) = asked.first() else { return };
        let pool = pool.clone();
        if asked.len() == 1
            && let Some(Asked { id, turn, answer, .. }) = asked.pop()
        {
            // Where nobody is told any more, nobody waits.
            drop(answer.send(Answer::Row(alone(&pool, &id, turn).await)));
            return;
        }
        let ids: Vec<E::Id> = asked.iter().map(|asked| asked.id.clone()).collect();
        match Rows::<E>::load_many(&pool, &ids).await {
            Ok(rows) => {
                let by_id: HashMap<_, _> =
                    rows.into_iter().map(|row| (row.id(), Arc::new(row))).collect();
                // A row that comes under another id than it was asked for: equal to the database, and not here. Who
                // misses one asks alone.
                let strangers = by_id.keys().any(|id| !ids.contains(id));
                for Asked { id, turn, answer, .. } in asked {
                    let row = by_id.get(&id).cloned();
                    drop(answer.send(match row {
                        None if strangers => Answer::Alone(turn),
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
            Err(_) => {
                for Asked { turn, answer, .. } in asked {
                    drop(answer.send(Answer::Alone(turn)));
                }
            }
        }
    }
}
