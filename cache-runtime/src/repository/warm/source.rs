//! Where the ids come from that are to be warmed.

use sqlx::postgres::{PgArguments, PgPool};
use sqlx::{Arguments, AssertSqlSafe, Row};

use super::parameters::highest;
use crate::postgres::{Entity, Pages, Statements};
use crate::transaction::detached;

pub(super) enum Source<E: Entity> {
    Ids(Box<dyn Iterator<Item = E::Id> + Send>),
    Rows(Box<Walk<E>>),
}

/// A walk through a table, or a part of it, in the order of the ids.
pub(super) struct Walk<E: Entity> {
    pub(super) condition: Option<&'static str>,
    /// What was bound to the condition; the first failure to do so is told when the walk begins.
    pub(super) bound: sqlx::Result<PgArguments>,
    pages: Option<Pages>,
    last: Option<E::Id>,
    ended: bool,
}

impl<E: Entity> Source<E> {
    pub(super) fn rows(condition: Option<&'static str>) -> Self {
        let bound = Ok(PgArguments::default());
        Self::Rows(Box::new(Walk { condition, bound, pages: None, last: None, ended: false }))
    }

    /// How many ids there are, as far as it is known without having seen them.
    pub(super) async fn total(&mut self, pool: &PgPool) -> sqlx::Result<Option<u64>> {
        match self {
            Self::Ids(ids) => {
                let (least, most) = ids.size_hint();
                Ok(most.filter(|most| *most == least).map(|ids| ids as u64))
            }
            Self::Rows(walk) => walk.count(pool).await.map(Some),
        }
    }

    /// The next ids, so many at most; none at the end.
    pub(super) async fn next(&mut self, pool: &PgPool, most: usize) -> sqlx::Result<Vec<E::Id>> {
        match self {
            Self::Ids(ids) => Ok(ids.by_ref().take(most).collect()),
            Self::Rows(walk) => walk.page(pool, most).await,
        }
    }
}

impl<E: Entity> Walk<E> {
    fn begin(&mut self) -> sqlx::Result<(&Pages, PgArguments)> {
        let bound = match &mut self.bound {
            Ok(bound) => bound.clone(),
            failed => return Err(take(failed)),
        };
        // Behind them stand parameters of the walk's own, which a condition must not read.
        let (named, given) = (highest(self.condition.unwrap_or_default()), bound.len());
        if named != given {
            return Err(sqlx::Error::InvalidArgument(match self.condition {
                Some(condition) => format!(
                    "the condition `{condition}` of warm_where names {named} parameters, and {given} were given: call bind once \
                     for each, in the order of their numbers"
                ),
                None => {
                    format!("{given} values were bound, and there is no condition: use warm_where")
                }
            }));
        }
        let pages = self.pages.get_or_insert_with(|| {
            let width = E::COLUMNS.iter().filter(|column| column.id).count();
            Statements::of::<E>().pages(self.condition, bound.len(), width)
        });
        Ok((pages, bound))
    }

    async fn count(&mut self, pool: &PgPool) -> sqlx::Result<u64> {
        let (pages, bound) = self.begin()?;
        let (sql, pool) = (pages.count.clone(), pool.clone());
        let counting = async move {
            let count = sqlx::query_with(AssertSqlSafe(sql), bound).persistent(false);
            count.fetch_one(&pool).await?.try_get::<i64, _>(0)
        };
        Ok(detached(counting).await?.unsigned_abs())
    }

    async fn page(&mut self, pool: &PgPool, most: usize) -> sqlx::Result<Vec<E::Id>> {
        if self.ended {
            return Ok(Vec::new());
        }
        let last = self.last.clone();
        let (pages, mut bound) = self.begin()?;
        let limit = i64::try_from(most).unwrap_or(i64::MAX);
        bound.add(limit).map_err(sqlx::Error::Encode)?;
        let sql = match &last {
            None => pages.first.clone(),
            Some(last) => {
                E::bind_id(last, &mut bound).map_err(sqlx::Error::Encode)?;
                pages.next.clone()
            }
        };
        let pool = pool.clone();
        // The statement's text is made of the entity's names, and of a condition that is written in the program.
        let reading = async move {
            let rows = sqlx::query_with(AssertSqlSafe(sql), bound).fetch_all(&pool).await?;
            rows.iter().map(E::id_of_row).collect::<sqlx::Result<Vec<_>>>()
        };
        let ids = detached(reading).await?;
        self.ended = ids.len() < most;
        self.last = ids.last().cloned();
        Ok(ids)
    }
}

/// The failure, once; what is left says the same in few words.
fn take(failed: &mut sqlx::Result<PgArguments>) -> sqlx::Error {
    let again = sqlx::Error::InvalidArgument("a value could not be bound to the condition".into());
    match std::mem::replace(failed, Err(again)) {
        Err(error) => error,
        Ok(_) => sqlx::Error::InvalidArgument("nothing was wrong with what was bound".into()),
    }
}
