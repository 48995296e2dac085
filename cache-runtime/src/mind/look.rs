//! One look at the cache: what stands at a key, and what that means to a reader.

use std::mem;
use std::time::Duration;

use bytes::Bytes;

use super::any::AnyAnswer;
use super::lease::Replaced;
use super::reader::Reader;
use super::renewal::{Life, Seen};
use super::spec::{Answer, Kept, Spec};
use super::tier::Ticket;
use crate::entry::{Body, Entry, Mark, Token, Value, outlives_its_ttl};
use crate::key::Key;
use crate::policy::{Level, Remaining};
use crate::port::Step;

/// What a look at the cache found.
#[expect(clippy::large_enum_variant, reason = "most are hits, and no hit is to be paid for a box")]
pub(crate) enum Look {
    Hit(Hit),
    Miss(Miss),
}

/// A value that the cache has.
pub(crate) struct Hit {
    pub(crate) value: AnyAnswer,
    body: Body,
    life: Option<Life>,
    /// What a renewal needs, where values are renewed.
    pub(crate) seen: Option<Seen>,
}

impl Hit {
    /// What the tier in the process keeps of it, where its life is known.
    pub(super) fn to_keep(&self) -> Option<((Kept, usize), Life)> {
        Some(((self.value.kept(&self.body), self.body.len()), self.life?))
    }
}

/// Why the cache has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Miss {
    Absent,
    /// Bytes that are no answer: of another type, another version, another era, under a tag that has moved on.
    Foreign(Bytes),
    /// A value that has outlived its TTL, and may still stand in for a load that fails.
    Expired(Replaced),
    /// Somebody is loading.
    Leased(Token),
    /// A writer is about to commit, or has just done so.
    Held,
    /// The cache could not be asked.
    Unreachable,
}

/// What a reader found at a key, as it came from the cache.
pub(crate) struct Found {
    pub(crate) bytes: Option<Bytes>,
    /// Known where it was asked for.
    pub(crate) remaining: Option<Remaining>,
    /// When that was, on the manager's clock; of no meaning elsewhere.
    pub(crate) asked: Duration,
}

impl Found {
    /// Whether somebody keeps this value after its TTL, and nobody here has asked for what is left of it.
    pub(super) fn asks_for_life(&self) -> bool {
        self.remaining.is_none() && self.bytes.as_deref().is_some_and(outlives_its_ttl)
    }
}

/// What stands at the tags of what was asked for.
pub(crate) type Tags = Vec<Option<Bytes>>;

/// How the backend is asked.
#[derive(Clone, Copy)]
enum Asks {
    /// Another data type at the key is an error.
    Exactly,
    /// It counts as nothing: the lease finds it, and the caller has a loader.
    Quickly,
}

impl Reader<'_> {
    /// What the tier in the process has at a key, where the level allows to ask it.
    pub(crate) fn near<A: Answer>(self, spec: &Spec, key: &Key) -> Option<A::Value> {
        let (Level::Bounded(bound), Some(tier)) = (spec.level, &self.context.tier) else {
            return None;
        };
        let proven = tier.proven(bound);
        let kept = proven
            .and_then(|proven| tier.get(key.as_str(), spec.shape.fingerprint, proven))
            .and_then(|(kept, _)| A::recall(kept));
        self.counters.tier_answered(kept.is_some());
        kept
    }

    /// Asks the backend alone, and keeps what it has in the tier where the read may be answered from there.
    pub(crate) async fn look(self, spec: &Spec) -> Look {
        let look = self.find(spec).await;
        if let Look::Hit(hit) = &look {
            self.count(hit);
        }
        look
    }

    /// The same for a caller that wants to know why the backend has no answer.
    pub(crate) async fn try_look(self, spec: &Spec) -> crate::error::Result<Look> {
        let look = self.try_find(spec, Asks::Exactly).await?;
        if let Look::Hit(hit) = &look {
            self.count(hit);
        }
        Ok(look)
    }

    pub(super) fn count(self, hit: &Hit) {
        match hit.body {
            Body::Nothing => self.counters.negative_hits.up(),
            Body::Encoded { .. } | Body::Packed { .. } => self.counters.hits.up(),
        }
    }

    /// The same for no caller: nobody counts a hit.
    pub(super) async fn find(self, spec: &Spec) -> Look {
        self.try_find(spec, Asks::Quickly).await.unwrap_or_else(|error| {
            self.failed("reading an entry", &error);
            Look::Miss(Miss::Unreachable)
        })
    }

    async fn try_find(self, spec: &Spec, asks: Asks) -> crate::error::Result<Look> {
        if !self.context.trusts() {
            return Ok(Look::Miss(Miss::Unreachable));
        }
        self.context.before(Step::Read, &spec.key).await;
        let ticket = self.ticket_to_look(spec, &spec.key);
        let (found, tags) = self.ask(spec, ticket.is_some(), asks).await?;
        let look = self.judge(spec, self.with_life(&spec.key, found).await, &tags);
        let kept = match &look {
            Look::Hit(hit) => hit.to_keep(),
            Look::Miss(_) => None,
        };
        if let Some((ticket, (kept, life))) = ticket.zip(kept) {
            self.admit(ticket, spec, &spec.key, kept, life).await;
        }
        Ok(look)
    }

    async fn ask(
        self,
        spec: &Spec,
        keeps: bool,
        asks: Asks,
    ) -> crate::error::Result<(Found, Tags)> {
        let cache = &self.context.cache;
        let live = keeps || spec.asks_for_life();
        let asked = if live { self.context.clock.elapsed() } else { Duration::ZERO };
        if spec.tags.is_empty() && !live {
            let bytes = match asks {
                Asks::Exactly => cache.get(&spec.key).await?,
                Asks::Quickly => cache.read(&spec.key).await?,
            };
            return Ok((Found { bytes, remaining: None, asked }, Tags::new()));
        }
        let keys: Vec<Key> = std::iter::once(&spec.key).chain(&spec.tags).cloned().collect();
        if !live {
            let mut tags = cache.get_many(&keys).await?;
            let bytes = if tags.is_empty() { None } else { tags.remove(0) };
            return Ok((Found { bytes, remaining: None, asked }, tags));
        }
        let mut found = cache.get_live(&keys).await?.into_iter();
        let (bytes, remaining) = found.next().flatten().unzip();
        let tags = found.map(|tag| tag.map(|(bytes, _)| bytes)).collect();
        Ok((Found { bytes, remaining, asked }, tags))
    }

    /// Asks for what is left of a value that somebody keeps after its TTL, where nobody here does.
    pub(super) async fn with_life(self, key: &Key, mut found: Found) -> Found {
        if found.asks_for_life() {
            found.asked = self.context.clock.elapsed();
            found.remaining = Some(match self.context.cache.ttl(key).await {
                Ok(remaining @ (Remaining::Left(_) | Remaining::Forever)) => remaining,
                // Where that cannot be known any more it counts as past it.
                Ok(Remaining::NoKey) | Err(_) => Remaining::Left(Duration::ZERO),
            });
        }
        found
    }

    /// Whether what a read finds may be kept in the tier in the process.
    pub(super) fn keeps(self, spec: &Spec) -> bool {
        matches!(spec.level, Level::Bounded(_)) && self.context.tier.is_some()
    }

    /// What has to be shown with a value that the tier is to keep; `None` where it is to keep none.
    pub(super) fn ticket(self, spec: &Spec, key: &Key) -> Option<Ticket> {
        let tier = self.context.tier.as_ref().filter(|_| self.keeps(spec))?;
        self.context.listen();
        tier.ticket(key, &spec.tags)
    }

    /// The same for who only looks at what the backend has; `None` also where the tier does not take in what it has.
    pub(super) fn ticket_to_look(self, spec: &Spec, key: &Key) -> Option<Ticket> {
        let tier = self.context.tier.as_ref().filter(|_| self.keeps(spec))?;
        self.context.listen();
        tier.ticket_to_look(key, &spec.tags)
    }

    pub(super) async fn admit(
        self,
        ticket: Ticket,
        spec: &Spec,
        key: &Key,
        kept: (Kept, usize),
        life: Life,
    ) {
        self.context.before(Step::Admit, key).await;
        let Some(tier) = &self.context.tier else { return };
        if tier.admit(ticket, spec.shape.fingerprint, kept, (life, spec.renewing)) {
            self.counters.admitted.up();
        } else {
            self.counters.refused_admits.up();
        }
    }

    /// Decides what bytes at a key mean to a reader of this type.
    pub(crate) fn judge(self, spec: &Spec, found: Found, tags: &[Option<Bytes>]) -> Look {
        // The era and the session of the answer, or later ones.
        let era = self.context.cache.era();
        if !self.context.trusts() {
            return Look::Miss(Miss::Unreachable);
        }
        let Some(bytes) = found.bytes else { return Look::Miss(Miss::Absent) };
        let mark = if spec.renewing.is_off() { None } else { Mark::of(&bytes) };
        let mut value = match Value::parse(bytes) {
            Ok(value) => value,
            Err(bytes) => match Entry::parse(&bytes) {
                Entry::Lease(token) => return Look::Miss(Miss::Leased(token)),
                Entry::Hold => return self.held(),
                Entry::Value(_) | Entry::Foreign => return self.foreign(bytes),
            },
        };
        let mut stamps = value.stamps.iter();
        for tag in tags {
            match tag.as_ref().map(Entry::parse) {
                Some(Entry::Lease(stamp)) if stamps.next() == Some(&stamp) => {}
                Some(Entry::Hold) => return self.held(),
                // The tag has moved on.
                _ => return Look::Miss(Miss::Foreign(value.to_bytes())),
            }
        }
        if value.fingerprint != spec.shape.fingerprint
            || value.era != era
            || stamps.next().is_some()
        {
            return self.foreign(value.to_bytes());
        }
        let life = found.remaining.map(|remaining| Life::of(&value, remaining));
        if let (Some(Remaining::Left(left)), Some(life)) = (found.remaining, life)
            && life.served(spec.renewing) == Remaining::Left(Duration::ZERO)
        {
            let (bytes, until) = (value.to_bytes(), Some(found.asked.saturating_add(left)));
            return Look::Miss(match life.stands_in(spec.stale_for) {
                true => Miss::Expired(Replaced { entry: bytes, until }),
                false => Miss::Foreign(bytes),
            });
        }
        let renewed = mark.zip(life);
        let seen = renewed.map(|(mark, life)| Seen::of(mark, value.era, &value.stamps, life));
        let opened = match &mut value.body {
            packed @ Body::Packed { .. } => self.open(spec, packed.clone()),
            // It is not shared, which would cost an allocation.
            body => spec.form.decode(body).map(|found| (found, mem::replace(body, Body::Nothing))),
        };
        match opened {
            Some((value, body)) => Look::Hit(Hit { value, body, life, seen }),
            None => self.foreign(value.to_bytes()),
        }
    }

    /// The answer in an entry's body, and the body unpacked; `None` where they make none.
    pub(super) fn open(self, spec: &Spec, body: Body) -> Option<(AnyAnswer, Body)> {
        let body = body.unpacked(self.context.policy.max_unpacked_bytes)?;
        Some((spec.form.decode(&body)?, body))
    }

    /// The expired value that stands in for the load of this process that holds this lease.
    pub(super) fn stands_by(self, spec: &Spec, lease: Token) -> Option<AnyAnswer> {
        let (era, now) = (self.context.cache.era(), self.context.clock.elapsed());
        let body = self.flights.stands_by(&spec.key, lease, era, now)?;
        let value = spec.form.decode(&body)?;
        self.counters.stale.up();
        Some(value)
    }

    fn held(self) -> Look {
        self.counters.held.up();
        Look::Miss(Miss::Held)
    }

    fn foreign(self, bytes: Bytes) -> Look {
        self.counters.foreign.up();
        Look::Miss(Miss::Foreign(bytes))
    }
}
