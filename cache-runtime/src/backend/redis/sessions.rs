//! Sessions, all of one kind in one slot.
//!
//! | key | type | what |
//! |---|---|---|
//! | `{shop:session:=Logins}:=3f2a…` | hash | a session, under the SHA-256 of its id |
//! | `{shop:session:=Logins}:user:=90c1…` | hash | a user's record: the sessions that are the user's, and since when |
//!
//! A session's fields: `d` data, `m` what is told of it, `v` version, `c` when it began, `s` when it was last used, `a`
//! when it ends at the latest, and `u` its user, where it has one. Times are milliseconds of the server's clock.
//!
//! The braces are a cluster's hash tag: a script may touch a session and its user's record. They also keep sessions out of
//! the namespace, none of whose keys begins with a brace: a cache may be cleared without logging everybody out.

mod scripts;

use bytes::Bytes;
use redis::{Pipeline, Script, Value, cmd};

pub(super) use self::scripts::all;
use super::RedisCache;
use super::link::Patience;
use crate::error::{Error, ErrorKind, Result};
use crate::policy::Ttl;
use crate::port::{
    BoxFuture, Changed, NewSession, NotADigest, SessionBackend, SessionChange, SessionDigest,
    SessionSpace, StoredListing, StoredSession, UserDigest,
};

/// Keys that one step of a `SCAN` looks at.
const WALK: usize = 1000;

/// The arguments that every script begins with.
struct Call<'a> {
    script: &'static Script,
    space: &'a SessionSpace,
    arguments: Vec<Vec<u8>>,
}

impl<'a> Call<'a> {
    fn of(script: &'static Script, space: &'a SessionSpace, id: impl ToString) -> Self {
        let millis = |time| millis(time).into_bytes();
        let arguments = vec![
            head(space).into_bytes(),
            millis(space.idle()),
            millis(space.absolute()),
            space.per_user().to_string().into_bytes(),
            id.to_string().into_bytes(),
        ];
        Self { script, space, arguments }
    }

    fn with(mut self, argument: impl Into<Vec<u8>>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    fn pipeline(&self) -> Pipeline {
        let mut pipeline = Pipeline::with_capacity(1);
        let command = pipeline.cmd("EVALSHA").arg(self.script.get_hash());
        // One key names the slot; the others, which are in it too, are found by the script.
        command.arg(1).arg(head(self.space));
        for argument in &self.arguments {
            command.arg(&argument[..]);
        }
        pipeline
    }
}

fn head(space: &SessionSpace) -> String {
    format!("{{{}}}", space.head())
}

fn millis(time: std::time::Duration) -> String {
    Ttl::After(time).millis().unwrap_or(u64::MAX).max(1).to_string()
}

fn or_empty(value: Option<impl ToString>) -> Vec<u8> {
    value.map(|value| value.to_string().into_bytes()).unwrap_or_default()
}

impl RedisCache {
    /// Runs one script of sessions. All of them are sent once, but for a read, which is the same when it is done twice.
    async fn session_call(&self, call: Call<'_>) -> Result<Value> {
        self.admitted()?;
        let pipeline = call.pipeline();
        let mut answers = if std::ptr::eq(call.script, &*scripts::READ) {
            self.pipeline_again(Patience::Writer, &pipeline).await?
        } else {
            self.pipeline(Patience::Writer, pipeline, &[]).await?
        };
        match answers.pop() {
            Some(answer) => answer.map_err(|error| self.failed(error)),
            None => Err(Error::new(ErrorKind::Backend, "Redis gave no answer to a script")),
        }
    }

    fn stored(&self, answer: Value) -> Result<StoredSession> {
        type Told = (Bytes, u64, u64, u64, u64, String);
        let (data, version, created, seen, ends, user): Told = self.read(answer)?;
        let strange = |error: NotADigest| {
            let message = "as the user of a session stands something that names none: something else has written there";
            Error::new(ErrorKind::Backend, message).because(error)
        };
        let user = (!user.is_empty()).then(|| user.parse().map_err(strange)).transpose()?;
        Ok(StoredSession { data, version, user, created, seen, ends })
    }

    fn changed(&self, answer: Value) -> Result<Changed> {
        match answer {
            Value::Nil => Ok(Changed::Gone),
            Value::Int(1) => Ok(Changed::Done),
            conflict => self.stored(conflict).map(Changed::Conflict),
        }
    }

    fn listing(&self, answer: Value) -> Result<StoredListing> {
        let (id, about, created, seen, ends): (String, Bytes, u64, u64, u64) = self.read(answer)?;
        let strange = |error: NotADigest| {
            let message = "in the record of a user's sessions stands something that names no session: \
                           something else has written there";
            Error::new(ErrorKind::Backend, message).because(error)
        };
        Ok(StoredListing { id: id.parse().map_err(strange)?, about, created, seen, ends })
    }

    /// Removes every key of a space, in pieces. A cursor belongs to the connection that it was heard on: beyond it there may
    /// be another server, or the same one after a restart, which has its keys in another order.
    async fn clear_sessions(&self, space: &SessionSpace) -> Result<u64> {
        let pattern = format!("{}:*", head(space));
        let (mut cursor, mut removed, mut session) = (0_u64, 0, self.link.session());
        loop {
            let walk = || {
                let mut walk = cmd("SCAN");
                walk.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(WALK);
                walk
            };
            let (next, keys): (u64, Vec<Bytes>) = self.one(walk).await?;
            if !keys.is_empty() {
                let unlink = || {
                    let mut unlink = cmd("UNLINK");
                    for key in &keys {
                        unlink.arg(&key[..]);
                    }
                    unlink
                };
                removed += self.one::<u64>(unlink).await?;
            }
            let now = self.link.session();
            cursor = if now == session { next } else { 0 };
            if now == session && next == 0 {
                return Ok(removed);
            }
            session = now;
        }
    }
}

impl SessionBackend for RedisCache {
    fn session_create<'a>(
        &'a self,
        space: &'a SessionSpace,
        id: &'a SessionDigest,
        new: &'a NewSession,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let call = Call::of(&scripts::CREATE, space, id)
                .with(millis(new.lives))
                .with(&new.data[..])
                .with(&new.about[..])
                .with(or_empty(new.user));
            let answer = self.session_call(call).await?;
            self.read(answer)
        })
    }

    fn session_read<'a>(
        &'a self,
        space: &'a SessionSpace,
        id: &'a SessionDigest,
    ) -> BoxFuture<'a, Result<Option<StoredSession>>> {
        Box::pin(async move {
            match self.session_call(Call::of(&scripts::READ, space, id)).await? {
                Value::Nil => Ok(None),
                session => self.stored(session).map(Some),
            }
        })
    }

    fn session_write<'a>(
        &'a self,
        space: &'a SessionSpace,
        id: &'a SessionDigest,
        change: &'a SessionChange,
    ) -> BoxFuture<'a, Result<Changed>> {
        Box::pin(async move {
            let call = Call::of(&scripts::WRITE, space, id)
                .with(or_empty(change.from))
                .with(&change.data[..])
                .with(or_empty(change.lives.map(millis)));
            let answer = self.session_call(call).await?;
            self.changed(answer)
        })
    }

    fn session_rotate<'a>(
        &'a self,
        space: &'a SessionSpace,
        id: &'a SessionDigest,
        to: &'a SessionDigest,
        change: &'a SessionChange,
        user: Option<&'a UserDigest>,
    ) -> BoxFuture<'a, Result<Changed>> {
        Box::pin(async move {
            let call = Call::of(&scripts::ROTATE, space, id)
                .with(or_empty(change.from))
                .with(&change.data[..])
                .with(or_empty(change.lives.map(millis)))
                .with(to.to_string())
                .with(or_empty(user));
            let answer = self.session_call(call).await?;
            self.changed(answer)
        })
    }

    fn session_destroy<'a>(
        &'a self,
        space: &'a SessionSpace,
        id: &'a SessionDigest,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let answer = self.session_call(Call::of(&scripts::DESTROY, space, id).with("")).await?;
            self.read(answer)
        })
    }

    fn session_destroy_listed<'a>(
        &'a self,
        space: &'a SessionSpace,
        user: &'a UserDigest,
        id: &'a SessionDigest,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let call = Call::of(&scripts::DESTROY, space, id).with(user.to_string());
            let answer = self.session_call(call).await?;
            self.read(answer)
        })
    }

    fn session_destroy_all<'a>(
        &'a self,
        space: &'a SessionSpace,
        user: &'a UserDigest,
        but: Option<&'a SessionDigest>,
    ) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let call = Call::of(&scripts::DESTROY_ALL, space, user).with(or_empty(but));
            let answer = self.session_call(call).await?;
            self.read(answer)
        })
    }

    fn session_list<'a>(
        &'a self,
        space: &'a SessionSpace,
        user: &'a UserDigest,
    ) -> BoxFuture<'a, Result<Vec<StoredListing>>> {
        Box::pin(async move {
            let answer = self.session_call(Call::of(&scripts::LIST, space, user)).await?;
            let rows: Vec<Value> = self.read(answer)?;
            rows.into_iter().map(|row| self.listing(row)).collect()
        })
    }

    fn session_destroy_everyone<'a>(
        &'a self,
        space: &'a SessionSpace,
    ) -> BoxFuture<'a, Result<u64>> {
        Box::pin(self.clear_sessions(space))
    }
}
