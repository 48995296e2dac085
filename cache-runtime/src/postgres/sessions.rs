//! Sessions in a table of Postgres: the statements, and what they mean.
//!
//! A session is alive while its row is there and within its limits by this server's clock: those of whoever asks, and
//! `until`, which stands in the row, so that limits that become longer bring nothing back. Each statement sees what is
//! committed when it begins. A session that gets another id stays the same row, so that a statement that ends all sessions
//! of a user, and has to wait for that row, finds it under either id.

mod failures;
mod statements;

use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection};

pub(crate) use self::failures::failed;
use self::failures::{follows, is_conflict};
use self::statements::{
    CREATE, END, END_ALL, END_EVERYONE, END_SOME, END_WHAT_IS_OVER, LIST, LOCK_SPACE, LOCK_USER,
    MAKE_ROOM, READ, REMOVE_ENDED, ROTATE, USE, WRITE,
};
use crate::error::{Error, ErrorKind};
use crate::port::{
    NewSession, SessionChange, SessionDigest, SessionSpace, StoredListing, StoredSession,
    UserDigest,
};

/// Rows that one statement deletes.
pub(crate) const CHUNK: i64 = 1000;

/// What a look at a session found.
#[derive(Debug)]
pub(crate) struct Look {
    /// The session, if it is alive.
    pub(crate) session: Option<StoredSession>,
    /// It is there, and over.
    pub(crate) is_over: bool,
    /// Its last use has to be written down.
    is_due: bool,
    /// When it was looked at, by the server's clock.
    pub(crate) now: u64,
    /// When it is over if nobody uses it.
    pub(crate) until: u64,
}

#[cfg(test)]
impl Look {
    /// One of a session that is alive.
    pub(crate) fn of(now: u64, until: u64) -> Self {
        Self { session: None, is_over: false, is_due: false, now, until }
    }
}

impl FromRow<'_, PgRow> for Look {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        type Columns = (
            (bool, i64, bool, bool),
            (Option<Vec<u8>>, Option<i64>, Option<i64>, Option<i64>, Option<i64>, Option<i64>),
        );
        use sqlx::Row as _;
        let ((standby, now, alive, is_due), (data, version, created, seen, ends, until)): Columns = (
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?),
            (
                row.try_get(4)?,
                row.try_get(5)?,
                row.try_get(6)?,
                row.try_get(7)?,
                row.try_get(8)?,
                row.try_get(9)?,
            ),
        );
        if standby {
            return Err(follows());
        }
        let is_there = data.is_some();
        let user: Option<[u8; 32]> = row.try_get(10)?;
        let session = data.filter(|_| alive).map(|data| StoredSession {
            data: data.into(),
            version: number(version),
            user: user.map(UserDigest::from_bytes),
            created: number(created),
            seen: number(seen),
            ends: number(ends),
        });
        Ok(Self {
            is_over: is_there && session.is_none(),
            session,
            is_due,
            now: number(Some(now)),
            until: number(until),
        })
    }
}

/// Looks at a session, which counts as used: that is written down where it has to be.
pub(crate) async fn used(
    on: &mut PgConnection,
    space: &SessionSpace,
    id: &SessionDigest,
) -> sqlx::Result<Look> {
    let look = read(on, space, id).await?;
    if look.session.is_none() || !look.is_due {
        return Ok(look);
    }
    let used = of_one(sqlx::query(USE), space, id).execute(&mut *on).await;
    match used {
        Ok(_) => {}
        // Somebody else was at it, in a database whose statements are isolated from each other.
        Err(error) if is_conflict(&error) => {}
        Err(error) => return Err(error),
    }
    // By now somebody may have ended it.
    read(on, space, id).await
}

/// Looks at a session.
pub(crate) async fn read(
    on: &mut PgConnection,
    space: &SessionSpace,
    id: &SessionDigest,
) -> sqlx::Result<Look> {
    of_one(sqlx::query(READ), space, id).fetch_one(on).await.and_then(|row| Look::from_row(&row))
}

/// Answers whether the id was free.
pub(crate) async fn create(
    on: &mut PgConnection,
    space: &SessionSpace,
    id: &SessionDigest,
    new: &NewSession,
) -> sqlx::Result<bool> {
    let made = of_one(sqlx::query(CREATE), space, id)
        .bind(new.user.as_ref().map(|user| &user.as_bytes()[..]))
        .bind(millis(new.lives))
        .bind(&new.about[..])
        .bind(&new.data[..])
        .execute(on)
        .await?;
    Ok(made.rows_affected() == 1)
}

/// Answers whether there was such a session, in the version that the change was made from.
pub(crate) async fn write(
    on: &mut PgConnection,
    space: &SessionSpace,
    id: &SessionDigest,
    change: &SessionChange,
) -> sqlx::Result<bool> {
    let changed = changing(sqlx::query(WRITE), space, id, change).execute(on).await?;
    Ok(changed.rows_affected() == 1)
}

/// The same, under another id and with this user.
pub(crate) async fn rotate(
    on: &mut PgConnection,
    space: &SessionSpace,
    id: &SessionDigest,
    to: &SessionDigest,
    change: &SessionChange,
    user: Option<&UserDigest>,
) -> sqlx::Result<bool> {
    let moved = changing(sqlx::query(ROTATE), space, id, change)
        .bind(&to.as_bytes()[..])
        .bind(user.map(|user| &user.as_bytes()[..]))
        .execute(on)
        .await;
    match moved {
        Ok(moved) => Ok(moved.rows_affected() == 1),
        Err(error)
            if error.as_database_error().is_some_and(|error| error.is_unique_violation()) =>
        {
            Err(Error::new(ErrorKind::Backend, "the new id of a session is taken").into())
        }
        Err(error) => Err(error),
    }
}

/// Ends those of a user's sessions that are over or too many, but never this one; answers with their ids.
pub(crate) async fn make_room(
    on: &mut PgConnection,
    space: &SessionSpace,
    user: &UserDigest,
    but: &SessionDigest,
) -> sqlx::Result<Vec<SessionDigest>> {
    let ended: Vec<Vec<u8>> = sqlx::query_scalar(MAKE_ROOM)
        .bind(space.head().as_str())
        .bind(&user.as_bytes()[..])
        .bind(millis(space.idle()))
        .bind(millis(space.absolute()))
        .bind(&but.as_bytes()[..])
        .bind(i64::from(space.per_user()) - 1)
        .fetch_all(on)
        .await?;
    digests(ended)
}

/// Answers whether the session was there, and whether it was alive.
pub(crate) async fn end(
    on: &mut PgConnection,
    space: &SessionSpace,
    id: &SessionDigest,
    user: Option<&UserDigest>,
) -> sqlx::Result<Option<bool>> {
    use sqlx::Row as _;
    let ended = of_one(sqlx::query(END), space, id)
        .bind(user.map(|user| &user.as_bytes()[..]))
        .fetch_optional(on)
        .await?;
    ended.map(|row| row.try_get(0)).transpose()
}

/// Removes a session if it is over by the limits of this space.
pub(crate) async fn end_what_is_over(
    on: &mut PgConnection,
    space: &SessionSpace,
    id: &SessionDigest,
) -> sqlx::Result<bool> {
    let ended = of_one(sqlx::query(END_WHAT_IS_OVER), space, id).execute(on).await?;
    Ok(ended.rows_affected() == 1)
}

/// Ends all sessions of a user but this one; answers with their ids.
pub(crate) async fn end_all(
    on: &mut PgConnection,
    space: &SessionSpace,
    user: &UserDigest,
    but: Option<&SessionDigest>,
) -> sqlx::Result<Vec<SessionDigest>> {
    let ended: Vec<Vec<u8>> = sqlx::query_scalar(END_ALL)
        .bind(space.head().as_str())
        .bind(&user.as_bytes()[..])
        .bind(but.map(|but| &but.as_bytes()[..]))
        .fetch_all(on)
        .await?;
    digests(ended)
}

/// Ends some sessions of a space; answers with their ids.
pub(crate) async fn end_some(
    on: &mut PgConnection,
    space: &SessionSpace,
) -> sqlx::Result<Vec<SessionDigest>> {
    let some = sqlx::query_scalar(END_SOME).bind(space.head().as_str()).bind(CHUNK);
    digests(some.fetch_all(on).await?)
}

/// Ends the others; also those that got another id while [`end_some`] ran.
pub(crate) async fn end_everyone(
    on: &mut PgConnection,
    space: &SessionSpace,
) -> sqlx::Result<Vec<SessionDigest>> {
    let all = sqlx::query_scalar(END_EVERYONE).bind(space.head().as_str());
    digests(all.fetch_all(on).await?)
}

/// The sessions of a user that are alive.
pub(crate) async fn list(
    on: &mut PgConnection,
    space: &SessionSpace,
    user: &UserDigest,
) -> sqlx::Result<Vec<StoredListing>> {
    type Row = (bool, Option<Vec<u8>>, Option<Vec<u8>>, Option<i64>, Option<i64>, Option<i64>);
    let rows: Vec<Row> = sqlx::query_as(LIST)
        .bind(space.head().as_str())
        .bind(&user.as_bytes()[..])
        .bind(millis(space.idle()))
        .bind(millis(space.absolute()))
        .fetch_all(on)
        .await?;
    let mut listed = Vec::with_capacity(rows.len());
    for (standby, id, about, created, seen, ends) in rows {
        if standby {
            return Err(follows());
        }
        let Some(id) = id else { continue };
        listed.push(StoredListing {
            id: digest(id)?,
            about: about.unwrap_or_default().into(),
            created: number(created),
            seen: number(seen),
            ends: number(ends),
        });
    }
    Ok(listed)
}

/// Deletes some rows of sessions that are over; answers how many.
pub(crate) async fn remove_ended(on: &mut PgConnection, space: &SessionSpace) -> sqlx::Result<u64> {
    let removed = sqlx::query(REMOVE_ENDED)
        .bind(space.head().as_str())
        .bind(CHUNK)
        .persistent(false)
        .execute(on)
        .await?;
    Ok(removed.rows_affected())
}

/// Before more than one session of a user is changed.
pub(crate) async fn lock_user(
    on: &mut PgConnection,
    space: &SessionSpace,
    user: &UserDigest,
) -> sqlx::Result<()> {
    let lock = sqlx::query(LOCK_USER).bind(space.head().as_str()).bind(&user.as_bytes()[..]);
    lock.execute(on).await.map(drop)
}

/// Before all sessions of a space are ended.
pub(crate) async fn lock_space(on: &mut PgConnection, space: &SessionSpace) -> sqlx::Result<()> {
    sqlx::query(LOCK_SPACE).bind(space.head().as_str()).execute(on).await.map(drop)
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

/// The first four arguments of what is about one session.
fn of_one<'q>(query: Query<'q>, space: &'q SessionSpace, id: &'q SessionDigest) -> Query<'q> {
    query
        .bind(space.head().as_str())
        .bind(&id.as_bytes()[..])
        .bind(millis(space.idle()))
        .bind(millis(space.absolute()))
}

/// The first seven of what changes it.
fn changing<'q>(
    query: Query<'q>,
    space: &'q SessionSpace,
    id: &'q SessionDigest,
    change: &'q SessionChange,
) -> Query<'q> {
    of_one(query, space, id)
        .bind(&change.data[..])
        .bind(change.from.map(|version| i64::try_from(version).unwrap_or(i64::MAX)))
        .bind(change.lives.map(millis))
}

/// Milliseconds, a hundred years at most: what is added to a time stays one.
fn millis(time: Duration) -> i64 {
    const CENTURY: i64 = 100 * 365 * 86_400 * 1000;
    i64::try_from(time.as_millis()).map_or(CENTURY, |millis| millis.clamp(1, CENTURY))
}

fn number(column: Option<i64>) -> u64 {
    column.and_then(|number| u64::try_from(number).ok()).unwrap_or_default()
}

fn digests(ids: Vec<Vec<u8>>) -> sqlx::Result<Vec<SessionDigest>> {
    ids.into_iter().map(digest).collect()
}

fn digest(id: Vec<u8>) -> sqlx::Result<SessionDigest> {
    id.try_into().map(SessionDigest::from_bytes).map_err(|_| {
        let message =
            "in cache_runtime.sessions stands an id that is none: something else has written there";
        Error::new(ErrorKind::Backend, message).into()
    })
}
