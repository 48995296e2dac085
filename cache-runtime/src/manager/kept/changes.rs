//! Changes of sessions that are kept: of rows, and with the same commit of what is cached of them.
//!
//! Each runs to its end in a task of its own: a logout is one also where whoever asked for it has gone. Those that end a
//! session, or move it, leave its key in the outbox besides where there is a relay, so that not even a process that dies
//! between its commit and its release, while Redis loses its hold, leaves the session there.

use super::Kept;
use crate::error::Result;
use crate::port::{Changed, NewSession, SessionChange, SessionDigest, SessionSpace, UserDigest};
use crate::postgres::applied::BEGIN;
use crate::postgres::sessions as rows;
use crate::transaction::CacheTransaction;

impl Kept {
    /// A transaction that is on disk when it is committed, and that the server ends where this process pauses in it for
    /// ten seconds: long before its holds run out.
    async fn begin(&self) -> sqlx::Result<CacheTransaction> {
        let mut on = CacheTransaction::begin_with(&self.pool, BEGIN).await?;
        on.never_proceeds();
        Ok(on)
    }

    /// The commit takes these sessions out of the cache.
    fn touch(
        &self,
        on: &mut CacheTransaction,
        space: &SessionSpace,
        ids: &[SessionDigest],
    ) -> Result<()> {
        let keys = ids.iter().map(|id| self.key(space, id)).collect::<Result<Vec<_>>>()?;
        on.touch(self.context(), &self.shared().writes, keys);
        Ok(())
    }

    /// The same for sessions that have ended: it must not be undone.
    fn end(
        &self,
        on: &mut CacheTransaction,
        space: &SessionSpace,
        ids: &[SessionDigest],
    ) -> Result<()> {
        on.also_by_outbox();
        self.touch(on, space, ids)
    }

    /// There is no such session: nothing that says otherwise has a place in the cache. Nothing rests on it.
    async fn forget(&self, space: &SessionSpace, id: &SessionDigest) -> Result<()> {
        let key = self.key(space, id)?;
        if let Err(error) = self.context().remove(&[key]).await {
            self.context().complain("removing a session that has ended", &error);
        }
        Ok(())
    }

    pub(super) async fn create(
        self,
        space: SessionSpace,
        id: SessionDigest,
        new: NewSession,
    ) -> sqlx::Result<bool> {
        // Nothing is cached of what was not there.
        let Some(user) = new.user else {
            // Not by itself: what is acknowledged is on disk, whatever the role says.
            let mut on = self.begin().await?;
            let made = rows::create(&mut on, &space, &id, &new).await?;
            on.commit().await?;
            return Ok(made);
        };
        let mut on = self.begin().await?;
        rows::lock_user(&mut on, &space, &user).await?;
        if !rows::create(&mut on, &space, &id, &new).await? {
            on.rollback().await?;
            return Ok(false);
        }
        let ended = rows::make_room(&mut on, &space, &user, &id).await?;
        self.end(&mut on, &space, &ended)?;
        on.commit().await?;
        Ok(true)
    }

    pub(super) async fn write(
        self,
        space: SessionSpace,
        id: SessionDigest,
        change: SessionChange,
    ) -> sqlx::Result<Changed> {
        let mut on = self.begin().await?;
        if !rows::write(&mut on, &space, &id, &change).await? {
            return self.unchanged(on, &space, &id).await;
        }
        self.touch(&mut on, &space, &[id])?;
        on.commit().await?;
        Ok(Changed::Done)
    }

    pub(super) async fn rotate(
        self,
        space: SessionSpace,
        (id, to): (SessionDigest, SessionDigest),
        change: SessionChange,
        user: Option<UserDigest>,
    ) -> sqlx::Result<Changed> {
        let mut on = self.begin().await?;
        if let Some(user) = &user {
            rows::lock_user(&mut on, &space, user).await?;
        }
        if !rows::rotate(&mut on, &space, &id, &to, &change, user.as_ref()).await? {
            return self.unchanged(on, &space, &id).await;
        }
        let mut ended = vec![id];
        if let Some(user) = &user {
            ended.extend(rows::make_room(&mut on, &space, user, &to).await?);
        }
        self.end(&mut on, &space, &ended)?;
        on.commit().await?;
        Ok(Changed::Done)
    }

    /// What stands there instead.
    async fn unchanged(
        &self,
        mut on: CacheTransaction,
        space: &SessionSpace,
        id: &SessionDigest,
    ) -> sqlx::Result<Changed> {
        let look = rows::read(&mut on, space, id).await?;
        on.rollback().await?;
        match look.session {
            Some(newer) => Ok(Changed::Conflict(newer)),
            None => {
                self.forget(space, id).await?;
                Ok(Changed::Gone)
            }
        }
    }

    pub(super) async fn destroy(
        self,
        space: SessionSpace,
        id: SessionDigest,
        user: Option<UserDigest>,
    ) -> sqlx::Result<bool> {
        let mut on = self.begin().await?;
        match rows::end(&mut on, &space, &id, user.as_ref()).await? {
            Some(lived) => {
                self.end(&mut on, &space, &[id])?;
                on.commit().await?;
                Ok(lived)
            }
            None => {
                on.rollback().await?;
                // Of another user's session nothing is wrong.
                if user.is_none() {
                    self.forget(&space, &id).await?;
                }
                Ok(false)
            }
        }
    }

    /// Whoever finds a session that is over removes it: by longer limits it might live elsewhere.
    pub(super) async fn end_what_is_over(self, space: &SessionSpace, id: &SessionDigest) {
        let (this, space, id) = (self.clone(), space.clone(), *id);
        let ended = super::run(async move {
            let mut on = this.begin().await?;
            if rows::end_what_is_over(&mut on, &space, &id).await? {
                this.end(&mut on, &space, &[id])?;
                return on.commit().await;
            }
            on.rollback().await
        });
        if let Err(error) = ended.await {
            self.context().complain("removing a session that is over", &error);
        }
    }

    pub(super) async fn destroy_all(
        self,
        space: SessionSpace,
        user: UserDigest,
        but: Option<SessionDigest>,
    ) -> sqlx::Result<u64> {
        let mut on = self.begin().await?;
        rows::lock_user(&mut on, &space, &user).await?;
        let ended = rows::end_all(&mut on, &space, &user, but.as_ref()).await?;
        self.end(&mut on, &space, &ended)?;
        on.commit().await?;
        Ok(count(&ended))
    }

    pub(super) async fn destroy_everyone(self, space: SessionSpace) -> sqlx::Result<u64> {
        let mut all = 0;
        loop {
            let mut on = self.begin().await?;
            rows::lock_space(&mut on, &space).await?;
            let mut ended = rows::end_some(&mut on, &space).await?;
            let last = ended.len() < usize::try_from(rows::CHUNK).unwrap_or(usize::MAX);
            if last {
                ended.extend(rows::end_everyone(&mut on, &space).await?);
            }
            self.end(&mut on, &space, &ended)?;
            on.commit().await?;
            all += count(&ended);
            if last {
                return Ok(all);
            }
        }
    }
}

fn count(ended: &[SessionDigest]) -> u64 {
    u64::try_from(ended.len()).unwrap_or(u64::MAX)
}
