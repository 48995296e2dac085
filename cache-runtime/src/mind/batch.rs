//! A batch read: one look at the cache, one load of what is missing, each key on its own.

use std::future::Future;
use std::time::Duration;

use super::lease::Leases;
use super::reader::{Look, Miss, Reader};
use super::spec::{Answer, Spec};
use crate::entry::Token;
use crate::key::Key;
use crate::port::{Fill, LeaseOutcome, LeaseRequest, Step};

/// The answers at `keys`, in their order. `load` is given the places of those that are missing and answers in that
/// order; it is not called where none is. `spec` speaks for all keys; its own key and tags do not count.
pub(crate) async fn read_many<A, E, F, Fut>(
    reader: Reader<'_>,
    spec: &Spec,
    keys: &[Key],
    load: F,
) -> Result<Vec<Option<A::Value>>, E>
where
    A: Answer,
    F: FnOnce(Vec<usize>) -> Fut,
    Fut: Future<Output = Result<Vec<A::Value>, E>>,
{
    let (mut answers, misses) = look_many::<A>(reader, spec, keys).await;
    if misses.is_empty() {
        return Ok(answers);
    }
    reader.counters.misses.add(misses.len());
    let (leases, leased) = lease_many(reader, spec, keys, &misses).await;
    for (at, _) in &misses {
        if let Some(key) = keys.get(*at) {
            reader.context.before(Step::Load, key).await;
        }
    }
    reader.counters.loads.up();
    let began = reader.context.clock.elapsed();
    let loaded = load(misses.iter().map(|(at, _)| *at).collect()).await?;
    let took = reader.context.clock.elapsed().saturating_sub(began);
    let mut fills = Vec::new();
    for (((at, _), value), leased) in misses.iter().zip(loaded).zip(leased) {
        if leased && let Some(key) = keys.get(*at) {
            fills.extend(prepare::<A>(reader, spec, key, leases.token, &value, took));
        }
        if let Some(answer) = answers.get_mut(*at) {
            *answer = Some(value);
        }
    }
    fill_behind(reader, leases, fills);
    Ok(answers)
}

async fn look_many<A: Answer>(
    reader: Reader<'_>,
    spec: &Spec,
    keys: &[Key],
) -> (Vec<Option<A::Value>>, Vec<(usize, Miss)>) {
    reader.context.before_each(Step::Read, keys).await;
    let mut answers = Vec::with_capacity(keys.len());
    let mut misses = Vec::new();
    let found = reader.context.cache.get_many(keys).await;
    let found = found.inspect_err(|error| reader.failed("reading entries", error)).ok();
    for (at, bytes) in found.into_iter().flatten().enumerate() {
        answers.push(match reader.judge::<A>(spec, bytes, &[]) {
            Look::Hit(value) => Some(value),
            Look::Miss(miss) => {
                misses.push((at, miss));
                None
            }
        });
    }
    // What the cache did not answer for, it could not be asked.
    for at in answers.len()..keys.len() {
        answers.push(None);
        misses.push((at, Miss::Unreachable));
    }
    (answers, misses)
}

/// Takes a lease for each missing key that is free; says for each miss whether it was granted.
async fn lease_many(
    reader: Reader<'_>,
    spec: &Spec,
    keys: &[Key],
    misses: &[(usize, Miss)],
) -> (Leases, Vec<bool>) {
    let token = Token::new();
    let mut granted = vec![false; misses.len()];
    let mut requests = Vec::new();
    let mut places = Vec::new();
    if !(spec.ttl.is_zero() && spec.negative_ttl.is_zero()) {
        for (place, (at, miss)) in misses.iter().enumerate() {
            let over = match miss {
                Miss::Absent => None,
                Miss::Foreign(bytes) => Some(bytes.clone()),
                _ => continue,
            };
            if let Some(key) = keys.get(*at) {
                reader.context.before(Step::Lease, key).await;
                requests.push(LeaseRequest { key: key.clone(), token, over });
                places.push(place);
            }
        }
    }
    let wanted: Vec<Key> = requests.iter().map(|request| request.key.clone()).collect();
    // Made before the request is sent: a caller that goes away must not leave a lease behind.
    let mut leases = Leases::new(reader.context, token, wanted);
    if requests.is_empty() {
        return (leases, granted);
    }
    match reader.context.cache.lease(&requests, reader.context.policy.lease_ttl).await {
        Ok(outcomes) => {
            for ((outcome, place), request) in outcomes.into_iter().zip(places).zip(&requests) {
                match outcome {
                    LeaseOutcome::Granted => {
                        granted.get_mut(place).into_iter().for_each(|granted| *granted = true);
                        continue;
                    }
                    LeaseOutcome::Refused(kind) => reader.refused(kind),
                    LeaseOutcome::Taken(_) | LeaseOutcome::Gone => {}
                }
                leases.spend(&request.key);
            }
        }
        Err(error) => reader.failed("taking leases", &error),
    }
    (leases, granted)
}

fn prepare<A: Answer>(
    reader: Reader<'_>,
    spec: &Spec,
    key: &Key,
    token: Token,
    value: &A::Value,
    took: Duration,
) -> Option<Fill> {
    let Some(body) = A::encode(value, spec.codec()) else {
        reader.counters.unencodable.up();
        return None;
    };
    let ttl = reader.lifetime(spec, &body)?;
    let entry = reader.envelope(spec, body, Vec::new(), took);
    Some(Fill { key: key.clone(), token, entry, ttl })
}

/// Fills while the caller goes on. One lost lease never fails the others.
fn fill_behind(reader: Reader<'_>, mut leases: Leases, fills: Vec<Fill>) {
    let filled: std::collections::HashSet<&Key> = fills.iter().map(|fill| &fill.key).collect();
    leases.keep(|key| !filled.contains(key));
    drop(leases);
    if fills.is_empty() {
        return;
    }
    let (context, counters) = (reader.context.clone(), reader.counters.clone());
    reader.context.tasks.spawn(async move {
        for fill in &fills {
            context.before(Step::Fill, &fill.key).await;
        }
        match context.cache.fill(&fills).await {
            Ok(accepted) => {
                let filled = accepted.iter().filter(|accepted| **accepted).count();
                counters.fills.add(filled);
                counters.rejected_fills.add(accepted.len() - filled);
            }
            Err(error) => {
                counters.errors.up();
                context.complain("filling entries", &error);
            }
        }
    });
}
