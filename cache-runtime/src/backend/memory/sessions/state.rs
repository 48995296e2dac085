//! What the scripts of the Redis hand do, under a lock.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::policy::Ttl;
use crate::port::{
    Changed, NewSession, SessionChange, SessionDigest, SessionSpace, StoredListing, StoredSession,
    UserDigest,
};

/// Sessions that are over are looked for when there are twice as many as were left the last time, and this many more.
const SLACK: usize = 1024;

/// The sessions of one space.
#[derive(Debug, Default)]
pub(super) struct State {
    sessions: HashMap<SessionDigest, Session>,
    records: HashMap<UserDigest, HashSet<SessionDigest>>,
    /// How many were left when those that are over were last taken out.
    left: usize,
}

/// Times are milliseconds of a clock that never goes back.
struct Session {
    data: Bytes,
    about: Bytes,
    version: u64,
    created: u64,
    seen: u64,
    ends: u64,
    user: Option<UserDigest>,
}

/// Never shows the data.
impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("version", &self.version).finish_non_exhaustive()
    }
}

/// One moment, and the limits that hold at it.
pub(super) struct Now {
    at: u64,
    /// What is to be added to it to make it Unix milliseconds.
    epoch: u64,
    idle: u64,
    absolute: u64,
    per_user: usize,
}

impl Now {
    pub(super) fn new(space: &SessionSpace, clock: &dyn Clock) -> Self {
        let millis = |time| Ttl::After(time).millis().unwrap_or(u64::MAX);
        let at = millis(clock.elapsed());
        Self {
            at,
            epoch: clock.unix_millis().saturating_sub(at),
            idle: millis(space.idle()),
            absolute: millis(space.absolute()),
            per_user: usize::try_from(space.per_user()).unwrap_or(usize::MAX),
        }
    }

    fn unix(&self, at: u64) -> u64 {
        self.epoch.saturating_add(at)
    }

    fn after(&self, time: std::time::Duration) -> u64 {
        self.at.saturating_add(Ttl::After(time).millis().unwrap_or(u64::MAX).max(1))
    }
}

impl Session {
    fn ends(&self, now: &Now) -> u64 {
        self.ends.min(self.created.saturating_add(now.absolute))
    }

    fn is_within_limits(&self, now: &Now) -> bool {
        now.at < self.ends(now) && now.at.saturating_sub(self.seen) < now.idle
    }

    fn told(&self, now: &Now) -> StoredSession {
        StoredSession {
            data: self.data.clone(),
            version: self.version,
            user: self.user,
            created: now.unix(self.created),
            seen: now.unix(self.seen),
            ends: now.unix(self.ends(now)),
        }
    }
}

impl State {
    /// The session at `id`, if it is alive; what is not is removed.
    fn alive(&mut self, id: &SessionDigest, now: &Now) -> Option<&mut Session> {
        let session = self.sessions.get(id)?;
        let user = session.user;
        let named = user.is_none_or(|user| self.is_of(&user, id));
        if named && session.is_within_limits(now) {
            return self.sessions.get_mut(id);
        }
        self.remove(id);
        None
    }

    fn remove(&mut self, id: &SessionDigest) {
        if let Some(user) = self.sessions.remove(id).and_then(|session| session.user) {
            self.unname(&user, id);
        }
    }

    fn unname(&mut self, user: &UserDigest, id: &SessionDigest) {
        if let Some(record) = self.records.get_mut(user) {
            record.remove(id);
            if record.is_empty() {
                self.records.remove(user);
            }
        }
    }

    /// Whether the record of `user` names it.
    pub(super) fn is_of(&self, user: &UserDigest, id: &SessionDigest) -> bool {
        self.records.get(user).is_some_and(|record| record.contains(id))
    }

    /// Names a session in its user's record, and ends those that are too many.
    fn name(&mut self, user: UserDigest, id: SessionDigest, now: &Now) {
        let record = self.records.entry(user).or_default();
        record.insert(id);
        if record.len() <= now.per_user {
            return;
        }
        let others: Vec<_> = record.iter().copied().filter(|other| *other != id).collect();
        let mut living = Vec::with_capacity(others.len());
        for other in others {
            match self.alive(&other, now) {
                Some(session) => living.push((session.seen, other)),
                None => self.unname(&user, &other),
            }
        }
        living.sort_unstable();
        let many = (living.len() + 1).saturating_sub(now.per_user);
        for (_, other) in living.iter().take(many) {
            self.remove(other);
        }
    }

    pub(super) fn create(&mut self, id: SessionDigest, new: &NewSession, now: &Now) -> bool {
        if self.sessions.contains_key(&id) {
            return false;
        }
        if self.sessions.len() > self.left * 2 + SLACK {
            let all: Vec<_> = self.sessions.keys().copied().collect();
            self.left = all.iter().filter(|id| self.alive(id, now).is_some()).count();
        }
        self.sessions.insert(
            id,
            Session {
                data: new.data.clone(),
                about: new.about.clone(),
                version: 1,
                created: now.at,
                seen: now.at,
                ends: now.after(new.lives),
                user: new.user,
            },
        );
        if let Some(user) = new.user {
            self.name(user, id, now);
        }
        true
    }

    pub(super) fn read(&mut self, id: &SessionDigest, now: &Now) -> Option<StoredSession> {
        let session = self.alive(id, now)?;
        if now.at.saturating_sub(session.seen).saturating_mul(10) >= now.idle {
            session.seen = now.at;
        }
        Some(session.told(now))
    }

    pub(super) fn write(
        &mut self,
        id: &SessionDigest,
        change: &SessionChange,
        now: &Now,
    ) -> Changed {
        let Some(session) = self.alive(id, now) else { return Changed::Gone };
        if change.from.is_some_and(|from| from != session.version) {
            return Changed::Conflict(session.told(now));
        }
        session.data = change.data.clone();
        session.version += 1;
        if let Some(lives) = change.lives {
            session.ends = now.after(lives).min(session.created.saturating_add(now.absolute));
        }
        Changed::Done
    }

    pub(super) fn rotate(
        &mut self,
        id: &SessionDigest,
        to: SessionDigest,
        change: &SessionChange,
        user: Option<UserDigest>,
        now: &Now,
    ) -> Result<Changed> {
        let taken = self.sessions.contains_key(&to);
        let Some(session) = self.alive(id, now) else { return Ok(Changed::Gone) };
        if change.from.is_some_and(|from| from != session.version) {
            return Ok(Changed::Conflict(session.told(now)));
        }
        if taken {
            return Err(Error::new(ErrorKind::Backend, "the new id of a session is taken"));
        }
        let whose = session.user;
        let Some(mut session) = self.sessions.remove(id) else { return Ok(Changed::Gone) };
        if let Some(user) = whose {
            self.unname(&user, id);
        }
        if whose != user {
            session.created = now.at;
            session.ends = change.lives.map_or(session.ends, |lives| now.after(lives));
        }
        session.data = change.data.clone();
        session.version += 1;
        session.seen = now.at;
        session.user = user;
        self.sessions.insert(to, session);
        if let Some(user) = user {
            self.name(user, to, now);
        }
        Ok(Changed::Done)
    }

    pub(super) fn destroy(&mut self, id: &SessionDigest, now: &Now) -> bool {
        let lived = self.alive(id, now).is_some();
        self.remove(id);
        lived
    }

    pub(super) fn destroy_all(&mut self, user: &UserDigest, but: Option<&SessionDigest>) -> u64 {
        let Some(record) = self.records.remove(user) else { return 0 };
        let kept = but.filter(|but| record.contains(*but));
        let named = record.len() - usize::from(kept.is_some());
        if let Some(kept) = kept {
            self.records.insert(*user, HashSet::from([*kept]));
        }
        u64::try_from(named).unwrap_or(u64::MAX)
    }

    pub(super) fn list(&mut self, user: &UserDigest, now: &Now) -> Vec<StoredListing> {
        let named: Vec<_> = self.records.get(user).into_iter().flatten().copied().collect();
        let mut listed = Vec::with_capacity(named.len());
        for id in named {
            match self.alive(&id, now) {
                Some(session) => listed.push(StoredListing {
                    id,
                    about: session.about.clone(),
                    created: now.unix(session.created),
                    seen: now.unix(session.seen),
                    ends: now.unix(session.ends(now)),
                }),
                None => self.unname(user, &id),
            }
        }
        listed
    }

    pub(super) fn destroy_everyone(&mut self) -> u64 {
        let all = self.sessions.len() + self.records.len();
        *self = Self::default();
        u64::try_from(all).unwrap_or(u64::MAX)
    }
}
