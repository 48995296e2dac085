//! A batch read: one look at the cache, one load of what is missing, each key on its own.

use std::borrow::Cow;
use std::collections::HashSet;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;

use super::any::AnyAnswer;
use super::complaints::Topic;
use super::context::Context;
use super::fill::{Begun, Envelope};
use super::lease::Leases;
use super::loads::Turn;
use super::look::{Found, Look, Miss, Tags};
use super::reader::Reader;
use super::renewal::Seen;
use super::spec::{Kept, Spec};
use super::tier::Ticket;
use crate::entry::{Entry, Token};
use crate::error::Error;
use crate::key::Key;
use crate::policy::{Level, Remaining};
use crate::port::{Fill, LeaseOutcome, LeaseRequest, Step};

/// The answers of a batch, in the order of the keys; and the values among them that are to be renewed, by their place.
pub(crate) struct Answers {
    pub(crate) answers: Vec<Option<AnyAnswer>>,
    pub(crate) due: Vec<(usize, Seen)>,
}

/// The answers at `keys`, in their order. `load` is given the places of those that are missing, and its turn, and answers
/// in that order; it is not called where none is. `spec` speaks for all keys, its tags included; its own key does not
/// count.
pub(crate) async fn read_many<E, F, Fut>(
    reader: Reader<'_>,
    spec: &Spec,
    keys: &[Key],
    own: fn(&Error) -> Option<E>,
    load: F,
) -> Result<Answers, E>
where
    F: FnOnce(Vec<usize>, Turn) -> Fut,
    Fut: Future<Output = Result<Vec<AnyAnswer>, E>>,
{
    let unseen = lease_many_unseen(reader, spec, keys).await;
    let mut answers = Vec::with_capacity(keys.len());
    let (mut misses, mut due) = (Vec::new(), Vec::new());
    let each = |look: Look| match look {
        Look::Hit(hit) => {
            reader.count(&hit);
            let at = answers.len();
            due.extend(hit.seen.filter(|seen| seen.is_due(spec)).map(|seen| (at, seen)));
            answers.push(Some(hit.value));
        }
        Look::Miss(miss) => {
            misses.push((answers.len(), miss));
            answers.push(None);
        }
    };
    match &unseen {
        None => look_each(reader, spec, keys, each).await,
        Some(unseen) => look_again(reader, spec, keys, &unseen.granted, each).await,
    }
    if unseen.is_none() {
        let found = answers.len() > misses.len();
        let nothing = misses.iter().all(|(_, miss)| *miss == Miss::Absent);
        reader.flights.cold.note(found, nothing);
    }
    if misses.is_empty() {
        return Ok(Answers { answers, due });
    }
    reader.counters.misses.add(misses.len());
    let (turn, era, granted) = match unseen {
        Some(Unseen { turn, era, mut granted }) => {
            let each = misses.iter().map(|(at, _)| granted.each.get(*at) == Some(&true)).collect();
            granted.each = each;
            (turn, era, granted)
        }
        None => (
            reader.turn(own).await?,
            reader.context.cache.era(),
            Granted::none(reader, misses.len()),
        ),
    };
    let Granted { mut leases, each: mut leased, .. } =
        lease_more(reader, spec, keys, &misses, granted).await;
    // After the leases and before the load.
    let stamps = reader.stamps(spec).await;
    if stamps.is_none() {
        leased.fill(false);
    }
    let stamps = stamps.unwrap_or_default();
    for (at, _) in &misses {
        if let Some(key) = keys.get(*at) {
            reader.context.before(Step::Load, key).await;
        }
    }
    reader.counters.loads.up();
    let began = reader.context.clock.elapsed();
    let missing = misses.iter().map(|(at, _)| *at).collect();
    let loaded = reader.timed(load(missing, turn)).await;
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(error) => {
            return match stand_in(reader, spec, keys, (leases, &leased, era), &misses).await {
                Some(expired) => {
                    for ((at, _), value) in misses.iter().zip(expired) {
                        if let Some(answer) = answers.get_mut(*at) {
                            *answer = Some(value);
                        }
                    }
                    Ok(Answers { answers, due })
                }
                None => Err(error),
            };
        }
    };
    leases.answered();
    let took = reader.context.clock.elapsed().saturating_sub(began);
    let envelope = Envelope { stamps, era, took };
    let mut filled = Filled::default();
    for (((at, _), value), leased) in misses.iter().zip(loaded).zip(leased) {
        if leased && let Some(key) = keys.get(*at) {
            match value.again() {
                Some(again) => filled.later.push((key.clone(), again)),
                None => {
                    filled.now.extend(prepare(reader, spec, key, leases.token, (&value, &envelope)))
                }
            }
        }
        if let Some(answer) = answers.get_mut(*at) {
            *answer = Some(value);
        }
    }
    fill_behind(reader, spec, leases, filled, envelope);
    Ok(Answers { answers, due })
}

/// What the cache has at each key.
pub(super) async fn look_many(reader: Reader<'_>, spec: &Spec, keys: &[Key]) -> Vec<Look> {
    let mut looks = Vec::with_capacity(keys.len());
    look_each(reader, spec, keys, |look| looks.push(look)).await;
    looks
}

/// The same, given one after the other.
async fn look_each(
    reader: Reader<'_>,
    spec: &Spec,
    keys: &[Key],
    mut each: impl FnMut(Look) + Send,
) {
    let Asked { found, tags, tickets, asked } = ask_many(reader, spec, keys).await;
    // What the cache did not answer for, it could not be asked.
    let unanswered = keys.len().saturating_sub(found.len());
    let mut tickets = tickets.into_iter();
    for ((bytes, remaining), key) in found.into_iter().zip(keys) {
        let mut found = Found { bytes, remaining, asked };
        if found.asks_for_life() {
            found = reader.with_life(key, found).await;
        }
        let look = reader.judge(spec, found, &tags);
        let kept = match (tickets.next().flatten(), &look) {
            (Some(ticket), Look::Hit(hit)) => hit.to_keep().map(|kept| (ticket, kept)),
            _ => None,
        };
        if let Some((ticket, (kept, life))) = kept {
            reader.admit(ticket, spec, key, kept, life).await;
        }
        each(look);
    }
    (0..unanswered).for_each(|_| each(Look::Miss(Miss::Unreachable)));
}

/// The expired values that leases have replaced, put back because the load failed. They stand in for the load where
/// each that is missing was put back under its very lease, which proves that no writer came between.
async fn stand_in(
    reader: Reader<'_>,
    spec: &Spec,
    keys: &[Key],
    (mut leases, leased, era): (Leases, &[bool], u64),
    misses: &[(usize, Miss)],
) -> Option<Vec<AnyAnswer>> {
    let mut fills = Vec::new();
    let (mut values, mut stamps) = (Vec::new(), Vec::new());
    for ((at, miss), leased) in misses.iter().zip(leased) {
        if let (Miss::Expired(expired), true, Some(key)) = (miss, leased, keys.get(*at)) {
            fills.extend(leases.put_back(key));
            if let Entry::Value(value) = Entry::parse(&expired.entry) {
                stamps.push(value.stamps);
                values.extend(reader.open(spec, value.body).map(|(value, _)| value));
            }
        }
    }
    if fills.is_empty() {
        return None;
    }
    // They were found in one look under one set of tags, so that the stamps of one are those of all.
    let under_its_tags = match stamps.split_first() {
        Some((first, rest)) if rest.iter().all(|stamps| stamps == first) => {
            reader.is_under(&spec.tags, first).await
        }
        _ => false,
    };
    let accepted = reader.context.cache.fill(&fills).await.ok()?;
    let proven = accepted.iter().filter(|accepted| **accepted).count();
    let whole = under_its_tags && proven == misses.len() && values.len() == misses.len();
    // An older state of the backend may have brought the leases back.
    (whole && era == reader.context.cache.era()).then(|| {
        reader.counters.stale.add(values.len());
        let Context { complaints, clock, .. } = &**reader.context;
        if let Some(repeated) = complaints.may_say(&**clock, Topic::Stale) {
            tracing::warn!(
                rows = values.len(),
                repeated,
                "a load failed: values that have outlived their TTL are served"
            );
        }
        values
    })
}

/// What the backend has at several keys.
struct Asked {
    /// Empty where it did not answer.
    found: Vec<(Option<Bytes>, Option<Remaining>)>,
    tags: Tags,
    /// What has to be shown where the tier is to keep it; empty where it is to keep nothing.
    tickets: Vec<Option<Ticket>>,
    asked: Duration,
}

async fn ask_many(reader: Reader<'_>, spec: &Spec, keys: &[Key]) -> Asked {
    let cache = &reader.context.cache;
    let asked = reader.context.clock.elapsed();
    if spec.level == Level::Database || !reader.context.trusts() {
        return Asked { found: Vec::new(), tags: Tags::new(), tickets: Vec::new(), asked };
    }
    reader.context.before_each(Step::Read, keys).await;
    let asked = reader.context.clock.elapsed();
    let mut tickets = Vec::new();
    if reader.keeps(spec) {
        tickets.extend(keys.iter().map(|key| reader.ticket_to_look(spec, key)));
    }
    let live = tickets.iter().any(Option::is_some) || spec.asks_for_life();
    let wanted: Cow<'_, [Key]> = match &*spec.tags {
        [] => keys.into(),
        tags => keys.iter().chain(tags).cloned().collect(),
    };
    let found = if live {
        cache.get_live(&wanted).await.map(|found| found.into_iter().map(Option::unzip).collect())
    } else {
        let plain = |found: Vec<_>| found.into_iter().map(|bytes| (bytes, None)).collect();
        cache.get_many(&wanted).await.map(plain)
    };
    let mut found: Vec<(Option<Bytes>, _)> =
        found.inspect_err(|error| reader.failed("reading entries", error)).unwrap_or_default();
    let tags = found.split_off(keys.len().min(found.len()));
    let tags = tags.into_iter().map(|(bytes, _)| bytes).collect();
    Asked { found, tags, tickets, asked }
}

/// The leases of a batch.
pub(super) struct Granted {
    pub(super) leases: Leases,
    /// For each miss whether its lease was granted.
    pub(super) each: Vec<bool>,
    /// Whether the backend has answered.
    answered: bool,
}

impl Granted {
    fn none(reader: Reader<'_>, misses: usize) -> Self {
        let leases = Leases::new(reader.context, Token::new(), Vec::new());
        Self { leases, each: vec![false; misses], answered: true }
    }
}

/// The leases of a batch that were asked for without a look, and what else stands before its load.
struct Unseen {
    turn: Turn,
    era: u64,
    /// Of all keys.
    granted: Granted,
}

/// The leases without a look, where none is likely to find anything.
async fn lease_many_unseen(reader: Reader<'_>, spec: &Spec, keys: &[Key]) -> Option<Unseen> {
    let turn = reader.turn_unseen(spec)?;
    // Before the request is sent: a lease that outlives a failover must not fill in the new era.
    let era = reader.context.cache.era();
    reader.context.before_each(Step::Read, keys).await;
    let all: Vec<_> = (0..keys.len()).map(|at| (at, Miss::Absent)).collect();
    let granted = lease_many(reader, spec, keys, &all).await;
    if granted.each.contains(&false) {
        reader.flights.cold.ends();
    }
    Some(Unseen { turn, era, granted })
}

/// What stands at the keys whose leases were not granted; the others have nothing.
async fn look_again(
    reader: Reader<'_>,
    spec: &Spec,
    keys: &[Key],
    granted: &Granted,
    mut each: impl FnMut(Look) + Send,
) {
    let taken = || keys.iter().zip(&granted.each).filter(|(_, granted)| !**granted);
    let taken: Vec<Key> = match granted.answered {
        true => taken().map(|(key, _)| key.clone()).collect(),
        // Who has not said anything is not asked once more.
        false => Vec::new(),
    };
    let looks = match taken.is_empty() {
        true => Vec::new(),
        false => look_many(reader, spec, &taken).await,
    };
    let mut looks = looks.into_iter();
    for granted in &granted.each {
        each(match granted {
            true => Look::Miss(Miss::Absent),
            false => looks.next().unwrap_or(Look::Miss(Miss::Unreachable)),
        });
    }
}

/// Takes a lease for each missing key that is free.
pub(super) async fn lease_many(
    reader: Reader<'_>,
    spec: &Spec,
    keys: &[Key],
    misses: &[(usize, Miss)],
) -> Granted {
    lease_more(reader, spec, keys, misses, Granted::none(reader, misses.len())).await
}

/// The same where some were granted already.
async fn lease_more(
    reader: Reader<'_>,
    spec: &Spec,
    keys: &[Key],
    misses: &[(usize, Miss)],
    Granted { mut leases, mut each, answered }: Granted,
) -> Granted {
    let token = leases.token;
    let mut requests = Vec::new();
    let mut places = Vec::new();
    if spec.level != Level::Database && !spec.keeps_nothing() {
        for (place, (at, miss)) in misses.iter().enumerate() {
            let over = match miss {
                _ if each.get(place) == Some(&true) => continue,
                Miss::Absent => None,
                Miss::Foreign(bytes) => Some(bytes.clone()),
                Miss::Expired(expired) => Some(expired.entry.clone()),
                _ => continue,
            };
            if let Some(key) = keys.get(*at) {
                reader.context.before(Step::Lease, key).await;
                requests.push(LeaseRequest { key: key.clone(), token, over });
                places.push(place);
            }
        }
    }
    // Before the request is sent: a caller that goes away must not leave a lease behind.
    leases.wants(requests.iter().map(|request| request.key.clone()));
    for (at, miss) in misses {
        if let (Miss::Expired(expired), Some(key)) = (miss, keys.get(*at)) {
            leases.replaces(key, expired.clone());
        }
    }
    if requests.is_empty() {
        return Granted { leases, each, answered };
    }
    let answered =
        match reader.context.cache.lease(&requests, reader.context.policy.lease_ttl).await {
            Ok(outcomes) => {
                for ((outcome, place), request) in outcomes.into_iter().zip(places).zip(&requests) {
                    match outcome {
                        LeaseOutcome::Granted => {
                            each.get_mut(place).into_iter().for_each(|granted| *granted = true);
                            continue;
                        }
                        LeaseOutcome::Refused(kind) => reader.refused(kind),
                        LeaseOutcome::Taken(_) | LeaseOutcome::Gone => {}
                    }
                    leases.spend(&request.key);
                }
                true
            }
            Err(error) => {
                reader.failed("taking leases", &error);
                false
            }
        };
    Granted { leases, each, answered }
}

pub(super) fn prepare(
    reader: Reader<'_>,
    spec: &Spec,
    key: &Key,
    token: Token,
    (value, envelope): (&AnyAnswer, &Envelope),
) -> Option<(Fill, Kept)> {
    let Some(body) = spec.form.encode(value, spec.codec()) else {
        reader.counters.unencodable.up();
        return None;
    };
    let kept = value.kept(&body);
    let body = reader.packed_to_fill(spec, body);
    let ttl = reader.lifetime(spec, &body, value.lives())?;
    let entry = reader.envelope(spec, body, envelope);
    Some((Fill { key: key.clone(), token, entry, ttl }, kept))
}

/// What is to be filled.
#[derive(Default)]
struct Filled {
    /// Written already.
    now: Vec<(Fill, Kept)>,
    /// To be written behind the caller.
    later: Vec<(Key, AnyAnswer)>,
}

/// Fills while the caller goes on.
fn fill_behind(
    reader: Reader<'_>,
    spec: &Spec,
    leases: Leases,
    Filled { now, later }: Filled,
    envelope: Envelope,
) {
    if now.is_empty() && later.is_empty() {
        return;
    }
    let (it, spec) = (reader.owned(), spec.clone());
    reader.context.tasks.spawn(async move {
        let (reader, mut prepared) = (it.reader(), now);
        prepared.reserve(later.len());
        for (key, value) in later {
            let value = (&value, &envelope);
            prepared.extend(prepare(reader, &spec, &key, leases.token, value));
        }
        if let Some(filling) = filling(reader, &spec, leases, prepared) {
            filling.await;
        }
    });
}

/// Fills, and says how many were accepted; `None` where there is nothing to fill. One lost lease never fails the others.
pub(super) fn filling(
    reader: Reader<'_>,
    spec: &Spec,
    mut leases: Leases,
    prepared: Vec<(Fill, Kept)>,
) -> Option<impl Future<Output = usize> + Send + use<>> {
    if prepared.len() == leases.len() {
        leases.spend_all();
    } else {
        let filled: HashSet<&Key> = prepared.iter().map(|(fill, _)| &fill.key).collect();
        leases.keep(|key| !filled.contains(key));
    }
    let token = leases.token;
    drop(leases);
    if prepared.is_empty() {
        return None;
    }
    let it = reader.owned();
    let spec = spec.clone();
    Some(async move {
        let reader = it.reader();
        let (fills, kept): (Vec<_>, Vec<_>) = prepared.into_iter().unzip();
        for fill in &fills {
            reader.context.before(Step::Fill, &fill.key).await;
        }
        // The lease of a tagged answer outlives a write that changes only the tag.
        let ticket = |fill: &Fill| {
            let proves = spec.tags.is_empty();
            proves.then(|| reader.ticket(&spec, &fill.key)).flatten()
        };
        let tickets: Vec<_> = fills.iter().map(ticket).collect();
        let accepted = match reader.context.cache.fill(&fills).await {
            Ok(accepted) => accepted,
            Err(error) => {
                reader.failed("filling entries", &error);
                reader.unfilled(fills.into_iter().map(|fill| fill.key).collect(), token);
                return 0;
            }
        };
        let count = accepted.iter().filter(|accepted| **accepted).count();
        reader.counters.fills.add(count);
        reader.counters.rejected_fills.add(accepted.len() - count);
        for (((fill, kept), ticket), accepted) in fills.iter().zip(kept).zip(tickets).zip(accepted)
        {
            if accepted
                && let Some(begun) = Begun::of(&fill.entry, fill.ttl)
                && begun.era == reader.context.cache.era()
                && let Some(ticket) = ticket
            {
                let kept = (kept, begun.weight);
                reader.admit(ticket, &spec, &fill.key, kept, begun.life).await;
            }
        }
        count
    })
}
