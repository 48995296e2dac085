//! Warming: a batch of keys is read into the cache ahead of its readers, through leases like any fill.

use std::future::Future;

use tokio::sync::oneshot;

use super::any::AnyAnswer;
use super::batch::{Granted, filling, lease_many, look_many, prepare};
use super::fill::Envelope;
use super::loads::Turn;
use super::look::{Look, Miss};
use super::reader::Reader;
use super::spec::Spec;
use crate::key::Key;
use crate::policy::Level;
use crate::port::Step;

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Warmed {
    /// Keys that had their value.
    pub(crate) warm: usize,
    /// Keys that have one now.
    pub(crate) filled: usize,
    /// Keys that have none: others load or change them, the cache is out of reach, or the value may not be cached.
    pub(crate) unfilled: usize,
    /// Those among them for which the cache could not be asked, or is not believed.
    pub(crate) unreachable: usize,
}

/// Fills those of `keys` that have no value. `load` is given their places, and its turn, and answers in that order; what
/// others load or change just now is left to them. It waits for its turn to load however long that takes: nobody waits for it.
pub(crate) async fn warm_many<E, F, Fut>(
    reader: Reader<'_>,
    spec: &Spec,
    keys: &[Key],
    load: F,
) -> Result<Warmed, E>
where
    F: FnOnce(Vec<usize>, Turn) -> Fut,
    Fut: Future<Output = Result<Vec<AnyAnswer>, E>>,
{
    let looks = look_many(reader, spec, keys).await.into_iter().enumerate();
    let misses: Vec<(usize, Miss)> = looks
        .filter_map(|(at, look)| match look {
            Look::Hit(_) => None,
            Look::Miss(miss) => Some((at, miss)),
        })
        .collect();
    let unreachable = misses.iter().filter(|(_, miss)| matches!(miss, Miss::Unreachable)).count();
    let nobody = |misses: usize| Warmed {
        warm: keys.len().saturating_sub(misses),
        filled: 0,
        unfilled: misses,
        unreachable,
    };
    let open = |miss: &Miss| matches!(miss, Miss::Absent | Miss::Foreign(_) | Miss::Expired(_));
    if !misses.iter().any(|(_, miss)| open(miss)) || spec.level == Level::Database {
        return Ok(nobody(misses.len()));
    }
    reader.counters.misses.add(misses.len());
    let turn = reader.turn::<E>(|_| None).await?;
    let era = reader.context.cache.era();
    let Granted { mut leases, each: leased, .. } = lease_many(reader, spec, keys, &misses).await;
    // After the leases and before the load.
    let Some(stamps) = reader.stamps(spec).await else { return Ok(nobody(misses.len())) };
    let places: Vec<usize> =
        misses.iter().zip(&leased).filter(|(_, leased)| **leased).map(|((at, _), _)| *at).collect();
    if places.is_empty() {
        return Ok(nobody(misses.len()));
    }
    for key in places.iter().filter_map(|at| keys.get(*at)) {
        reader.context.before(Step::Load, key).await;
    }
    reader.counters.loads.up();
    let began = reader.context.clock.elapsed();
    // Where it fails, the leases put back what they have replaced.
    let loaded = reader.timed(load(places.clone(), turn)).await?;
    leases.answered();
    let took = reader.context.clock.elapsed().saturating_sub(began);
    let mut fills = Vec::with_capacity(loaded.len());
    let envelope = Envelope { stamps, era, took };
    for (at, value) in places.iter().zip(&loaded) {
        if let Some(key) = keys.get(*at) {
            fills.extend(prepare(reader, spec, key, leases.token, (value, &envelope)));
        }
    }
    let (done, filled) = oneshot::channel();
    if let Some(filling) = filling(reader, spec, leases, fills) {
        // In a task of its own: dropped halfway it would leave leases behind.
        reader.context.tasks.spawn(async move {
            let _ = done.send(filling.await);
        });
    } else {
        drop(done);
    }
    let filled = filled.await.unwrap_or(0);
    Ok(Warmed { filled, unfilled: misses.len().saturating_sub(filled), ..nobody(misses.len()) })
}
