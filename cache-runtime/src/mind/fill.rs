//! The permit to fill: a lease, and the stamps of the tags. And the fill itself, off the caller's path.

use std::slice;
use std::time::Duration;

use bytes::Bytes;

use super::any::AnyAnswer;
use super::flight::Leader;
use super::lease::{Leases, Replaced};
use super::loads::Turn;
use super::look::{Look, Miss};
use super::reader::Reader;
use super::renewal::Life;
use super::spec::{Kept, Spec};
use crate::entry::{Body, Entry, Token, Value, nonce};
use crate::error::{Error, Result};
use crate::key::Key;
use crate::policy::{Remaining, Ttl};
use crate::port::{Fill, LeaseOutcome, LeaseRequest, Step};

/// A lease that changes hands more often than this while a reader looks on is left alone.
pub(super) const MOST_TRIES: usize = 4;
/// Pauses between looks at another process's lease.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(25);
/// A tag's stamp lives longer than most of what is loaded under it; when it runs out, that is a miss.
const STAMP_TTL: Duration = Duration::from_secs(7 * 24 * 3600);

/// What a reader that missed may do.
pub(super) enum Permit {
    /// Return this: another process has filled meanwhile.
    Answer(AnyAnswer),
    /// Load and fill.
    Fill(Filling),
    /// Load, and keep it out of the cache.
    LoadOnly,
}

/// A lease, and what was current when it was granted: the stamps, and the era of the backend.
pub(super) struct Filling {
    leases: Leases,
    stamps: Vec<Token>,
    era: u64,
}

impl Filling {
    /// The value that the lease has replaced.
    pub(super) fn replaced(&self) -> Option<&Replaced> {
        self.leases.replaced()
    }

    pub(super) fn token(&self) -> Token {
        self.leases.token
    }

    /// The era in which the lease was granted.
    pub(super) fn era(&self) -> u64 {
        self.era
    }

    /// The fill that puts back what the lease has replaced, for what is left of its life.
    pub(super) fn put_back(&mut self, key: &Key) -> Option<Fill> {
        self.leases.put_back(key)
    }
}

/// What a value bears beside its body: the stamps and the era that were current before its load, and what that took.
pub(super) struct Envelope {
    pub(super) stamps: Vec<Token>,
    pub(super) era: u64,
    pub(super) took: Duration,
}

/// What a value is that takes its place in the backend.
pub(super) struct Begun {
    pub(super) era: u64,
    pub(super) life: Life,
    /// What it weighs in the tier, where it is kept unpacked.
    pub(super) weight: usize,
}

impl Begun {
    pub(super) fn of(entry: &Bytes, ttl: Ttl) -> Option<Self> {
        let Entry::Value(value) = Entry::parse(entry) else { return None };
        let weight = entry.len() - value.body.len() + value.body.unpacked_len();
        Some(Self { era: value.era, life: Life::of(&value, ttl.into()), weight })
    }
}

impl Reader<'_> {
    /// Gets leave to load and fill, or the answer of who is loading already.
    ///
    /// The lease is asked for only with a turn to load in hand: waiting for one would let it run out.
    pub(super) async fn permit<E>(
        self,
        leader: &Leader,
        spec: &Spec,
        mut miss: Miss,
        own: fn(&Error) -> Option<E>,
        turn: &mut Option<Turn>,
    ) -> std::result::Result<Permit, E> {
        if spec.keeps_nothing() {
            return Ok(Permit::LoadOnly);
        }
        let began = tokio::time::Instant::now();
        let (mut tries, mut pause) = (0, FIRST_PAUSE);
        loop {
            let (over, replaced) = match miss {
                Miss::Held | Miss::Unreachable => return Ok(Permit::LoadOnly),
                Miss::Leased(lease) if let Some(value) = self.stands_by(spec, lease) => {
                    return Ok(Permit::Answer(value));
                }
                Miss::Leased(lease) if self.flights.is_suspect(&spec.key, lease) => {
                    return Ok(Permit::LoadOnly);
                }
                Miss::Leased(lease) if began.elapsed() >= self.context.policy.lease_wait => {
                    self.flights.suspect(&spec.key, lease);
                    return Ok(Permit::LoadOnly);
                }
                Miss::Leased(_) => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    leader.depart();
                    match self.look(spec).await {
                        Look::Hit(hit) => return Ok(Permit::Answer(hit.value)),
                        Look::Miss(next) => miss = next,
                    }
                    continue;
                }
                Miss::Absent => (None, None),
                Miss::Foreign(bytes) => (Some(bytes), None),
                Miss::Expired(value) => (Some(value.entry.clone()), Some(value)),
            };
            tries += 1;
            if tries > MOST_TRIES {
                return Ok(Permit::LoadOnly);
            }
            if turn.is_none() {
                *turn = Some(self.queue(leader, own).await?);
            }
            match self.take_lease(spec, over, replaced).await {
                Ok(Ok(filling)) => {
                    let filling = self.with_stamps(spec, filling).await;
                    return Ok(filling.map_or(Permit::LoadOnly, Permit::Fill));
                }
                Ok(Err(LeaseOutcome::Gone)) => miss = Miss::Absent,
                Ok(Err(LeaseOutcome::Taken(_))) => {
                    leader.depart();
                    match self.look(spec).await {
                        Look::Hit(hit) => return Ok(Permit::Answer(hit.value)),
                        Look::Miss(next) => miss = next,
                    }
                }
                Ok(Err(LeaseOutcome::Refused(kind))) => {
                    self.refused(kind);
                    return Ok(Permit::LoadOnly);
                }
                Ok(Err(LeaseOutcome::Granted)) => return Ok(Permit::LoadOnly),
                Err(error) => {
                    self.failed("taking a lease", &error);
                    return Ok(Permit::LoadOnly);
                }
            }
        }
    }

    /// Gets leave to replace whatever stands at the key, unless a writer holds it.
    pub(super) async fn permit_to_replace(self, spec: &Spec) -> Option<Filling> {
        let cache = &self.context.cache;
        for _ in 0..MOST_TRIES {
            self.context.before(Step::Read, &spec.key).await;
            let found = match cache.get(&spec.key).await {
                Ok(found) => found,
                Err(error) => {
                    self.failed("reading an entry", &error);
                    return None;
                }
            };
            let replaced = match found.as_ref().map(Entry::parse) {
                Some(Entry::Hold) => return None,
                Some(Entry::Value(_)) => self.lasting(&spec.key, found.clone()).await,
                _ => None,
            };
            // A lease that replaces something announces its key. Where nothing is left to replace, a tier elsewhere may
            // keep what was there; a release with a token that nobody has tells it.
            if found.is_none()
                && let Err(error) = cache.release(slice::from_ref(&spec.key), Token::new()).await
            {
                self.failed("announcing a refresh", &error);
                return None;
            }
            match self.take_lease(spec, found, replaced).await {
                Ok(Ok(filling)) => return self.with_stamps(spec, filling).await,
                Ok(Err(LeaseOutcome::Taken(_) | LeaseOutcome::Gone)) => {}
                Ok(Err(_)) => return None,
                Err(error) => {
                    self.failed("taking a lease", &error);
                    return None;
                }
            }
        }
        None
    }

    /// This value, and until when it lives.
    async fn lasting(self, key: &Key, entry: Option<Bytes>) -> Option<Replaced> {
        let asked = self.context.clock.elapsed();
        let until = match self.context.cache.ttl(key).await {
            Ok(Remaining::Left(left)) => Some(asked.saturating_add(left)),
            Ok(Remaining::Forever) => None,
            _ => return None,
        };
        entry.map(|entry| Replaced { entry, until })
    }

    pub(super) async fn take_lease(
        self,
        spec: &Spec,
        over: Option<Bytes>,
        replaced: Option<Replaced>,
    ) -> Result<std::result::Result<Filling, LeaseOutcome>> {
        self.context.before(Step::Lease, &spec.key).await;
        let token = Token::new();
        // Before the request is sent: a lease that outlives a failover must not fill in the new era.
        let era = self.context.cache.era();
        let request = [LeaseRequest { key: spec.key.clone(), token, over }];
        // Made before the request is sent: a caller that goes away must not leave a lease behind.
        let mut leases = Leases::new(self.context, token, vec![spec.key.clone()]);
        if let Some(value) = replaced {
            leases.replaces(&spec.key, value);
        }
        let outcome =
            self.context.cache.lease(&request, self.context.policy.lease_ttl).await?.pop();
        match outcome {
            Some(LeaseOutcome::Granted) => Ok(Ok(Filling { leases, stamps: Vec::new(), era })),
            other => {
                leases.spend_all();
                Ok(Err(other.unwrap_or(LeaseOutcome::Gone)))
            }
        }
    }

    pub(super) async fn with_stamps(self, spec: &Spec, filling: Filling) -> Option<Filling> {
        let stamps = self.stamps(spec).await?;
        Some(Filling { stamps, ..filling })
    }

    /// Reads the stamp of each tag, and gives one to each that has none: before the load, so that a writer of a tag
    /// that comes later makes the value a miss. `None` where a writer holds a tag.
    pub(super) async fn stamps(self, spec: &Spec) -> Option<Vec<Token>> {
        if spec.tags.is_empty() {
            return Some(Vec::new());
        }
        let fresh = Token::new();
        let requests: Vec<_> = spec
            .tags
            .iter()
            .map(|tag| LeaseRequest { key: tag.clone(), token: fresh, over: None })
            .collect();
        let outcomes = match self.context.cache.lease(&requests, STAMP_TTL).await {
            Ok(outcomes) => outcomes,
            Err(error) => {
                self.failed("reading a tag", &error);
                return None;
            }
        };
        let stamp = |outcome| match outcome {
            LeaseOutcome::Granted => Some(fresh),
            LeaseOutcome::Taken(bytes) => match Entry::parse(&bytes) {
                Entry::Lease(stamp) => Some(stamp),
                _ => None,
            },
            LeaseOutcome::Refused(kind) => {
                self.refused(kind);
                None
            }
            LeaseOutcome::Gone => None,
        };
        let stamps: Vec<_> = outcomes.into_iter().map_while(stamp).collect();
        (stamps.len() == spec.tags.len()).then_some(stamps)
    }

    /// The fill, if there is leave to fill and the value may be cached.
    pub(super) fn prepare(
        self,
        spec: &Spec,
        filling: Option<Filling>,
        (body, said): (Option<Body>, Option<Ttl>),
        took: Duration,
    ) -> Option<Fill> {
        let mut filling = filling?;
        filling.leases.answered();
        let Some(body) = body else {
            self.counters.unencodable.up();
            return None;
        };
        let body = self.packed_to_fill(spec, body);
        let ttl = self.lifetime(spec, &body, said)?;
        filling.leases.spend(&spec.key);
        let envelope = Envelope { stamps: filling.stamps, era: filling.era, took };
        let entry = self.envelope(spec, body, &envelope);
        Some(Fill { key: spec.key.clone(), token: filling.leases.token, entry, ttl })
    }

    /// The body as it is written: compressed where that is wanted and makes it smaller.
    pub(crate) fn packed(self, spec: &Spec, body: Body) -> Body {
        let policy = &self.context.policy;
        body.packed(spec.compression, policy.compress_above, policy.max_unpacked_bytes)
    }

    /// The same for a body that is on its way into the cache, which is counted.
    pub(super) fn packed_to_fill(self, spec: &Spec, body: Body) -> Body {
        let body = self.packed(spec, body);
        if let Body::Packed { .. } = body {
            self.counters.compressed.up();
            let saved = body.unpacked_len().saturating_sub(body.len());
            self.counters.compression_saved_bytes.add(saved);
        }
        body
    }

    /// How long this body may live in the cache: what its load has `said`, or else the spec; `None` where it may not be
    /// there at all.
    pub(super) fn lifetime(self, spec: &Spec, body: &Body, said: Option<Ttl>) -> Option<Ttl> {
        let ttl = match body {
            Body::Nothing => spec.negative_ttl,
            Body::Encoded { payload, .. } | Body::Packed { payload, .. } => {
                if payload.len() > self.context.policy.max_value_bytes {
                    self.counters.too_large.up();
                    tracing::debug!(key = %spec.key, bytes = payload.len(), "a value above the size limit is not cached");
                    return None;
                }
                said.unwrap_or(spec.ttl)
            }
        };
        (!ttl.is_zero()).then(|| match ttl.jittered(self.context.policy.jitter) {
            Ttl::After(time) => Ttl::After(time.saturating_add(spec.kept_for())),
            Ttl::Forever => Ttl::Forever,
        })
    }

    pub(super) fn envelope(
        self,
        spec: &Spec,
        body: Body,
        Envelope { stamps, era, took }: &Envelope,
    ) -> Bytes {
        Value {
            fingerprint: spec.shape.fingerprint,
            era: *era,
            filled_at: self.context.clock.unix_millis(),
            nonce: nonce(),
            kept_millis: u32::try_from(spec.kept_for().as_millis()).unwrap_or(u32::MAX),
            load_micros: u32::try_from(took.as_micros()).unwrap_or(u32::MAX),
            stamps: stamps.clone(),
            body,
        }
        .to_bytes()
    }

    /// Fills while the caller goes on, tells who waited what became of it, and keeps the value in the tier.
    pub(super) fn fill_behind(
        self,
        leader: Leader,
        spec: &Spec,
        fill: Option<Fill>,
        kept: Option<Kept>,
    ) {
        // The lease of a tagged answer outlives a write that changes only the tag, so its fill proves nothing to who
        // came after the load: the stamps will tell at the next look.
        let proves = spec.tags.is_empty();
        let Some(fill) = fill else {
            leader.filled(false);
            return;
        };
        let it = self.owned();
        // Nor may the tier keep it: a value that stays out of the backend has its stamps looked at here.
        let spec = (proves || spec.process_only).then(|| spec.clone());
        let begun = Begun::of(&fill.entry, fill.ttl);
        self.context.tasks.spawn(async move {
            let reader = it.reader();
            let key = fill.key.clone();
            let mut ticket = None;
            let sending = || {
                leader.seal();
                ticket = spec.as_ref().and_then(|spec| reader.ticket(spec, &key));
            };
            let accepted = match &spec {
                Some(spec) if spec.process_only => reader.confirm(spec, &fill, sending).await,
                _ => reader.fill(fill, sending).await,
            };
            // An older state of the backend may have brought the lease back: its fill is accepted, is no answer in the new
            // era, and proves nothing.
            let begun = begun.filter(|begun| accepted && begun.era == reader.context.cache.era());
            leader.filled(begun.is_some() && proves);
            if let (Some(begun), Some(ticket), Some(kept), Some(spec)) = (begun, ticket, kept, spec)
            {
                reader.admit(ticket, &spec, &key, (kept, begun.weight), begun.life).await;
            }
        });
    }

    /// Fills, also where the caller goes away meanwhile: its lease is spent, and would be left behind.
    pub(super) async fn fill_to_the_end(self, fill: Fill) {
        let it = self.owned();
        let filling = async move {
            let reader = it.reader();
            reader.fill(fill, || {}).await;
        };
        self.context.tasks.run(filling).await;
    }

    /// Fills; `sending` is called right before the fill is sent.
    pub(super) async fn fill(self, fill: Fill, sending: impl FnOnce()) -> bool {
        self.context.before(Step::Fill, &fill.key).await;
        let (key, token) = (fill.key.clone(), fill.token);
        sending();
        match self.context.cache.fill(&[fill]).await {
            Ok(accepted) if accepted.first() == Some(&true) => {
                self.counters.fills.up();
                true
            }
            Ok(_) => {
                self.counters.rejected_fills.up();
                false
            }
            Err(error) => {
                self.failed("filling an entry", &error);
                self.unfilled(vec![key], token);
                false
            }
        }
    }

    /// The fill of these leases has failed, if it has not only lost its answer: nobody need wait for them.
    pub(super) fn unfilled(self, keys: Vec<Key>, token: Token) {
        keys.iter().for_each(|key| self.flights.suspect(key, token));
        drop(Leases::new(self.context, token, keys));
    }
}
