//! Several values at once: one look at the cache, one load of what is missing.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::{CacheableSource, Found, Row, Sourced};
use crate::key::Key;
use crate::mind::any::AnyAnswer;
use crate::mind::batch::{Answers, read_many};
use crate::mind::loads::Turn;
use crate::mind::soft::Carried;
use crate::mind::spec::Answer;
use crate::policy::Level;

/// Values in one batch: a longer one goes in several.
const MOST_IN_BATCH: usize = 1000;

type Loaded<S, E> = Result<Vec<Found<S>>, E>;

/// What is left of a batch once the tier has been asked.
struct Batch<S: CacheableSource> {
    /// Each key's place among the values.
    order: Vec<usize>,
    values: Vec<Found<S>>,
    /// The places that the tier had nothing for, and their keys.
    far: Vec<usize>,
    far_keys: Vec<S::Key>,
    /// What is to be renewed of what it had: keys, and nonces.
    due_keys: Vec<S::Key>,
    due: Vec<(Key, u64)>,
}

impl<S: CacheableSource> Sourced<S> {
    /// The values of `keys`, in their order, duplicates included.
    pub(crate) async fn get_many(&self, keys: &[S::Key]) -> Loaded<S, S::Error> {
        let mut values = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(MOST_IN_BATCH) {
            values.extend(self.get_batch(chunk).await?);
        }
        Ok(values)
    }

    async fn get_batch(&self, keys: &[S::Key]) -> Loaded<S, S::Error> {
        let level = self.level_here();
        let mut batch = self.approach(level, keys);
        let first = batch.due.first().map(|(key, _)| key.clone());
        if let Some(spec) = first.and_then(|key| self.spec(level, key)) {
            let load = self.load_places(batch.due_keys);
            self.reader().renew_many_near(&spec, batch.due, load);
        }
        if !batch.far.is_empty() {
            let found = self.get_far(level, batch.far_keys).await?;
            for (place, value) in batch.far.into_iter().zip(found) {
                if let Some(empty) = batch.values.get_mut(place) {
                    *empty = value;
                }
            }
        }
        let value = |at: usize| batch.values.get(at).cloned().flatten();
        Ok(batch.order.into_iter().map(value).collect())
    }

    fn approach(&self, level: Level, keys: &[S::Key]) -> Batch<S> {
        let mut places = HashMap::with_capacity(keys.len());
        let mut batch = Batch {
            order: Vec::with_capacity(keys.len()),
            values: Vec::with_capacity(keys.len()),
            far: Vec::new(),
            far_keys: Vec::new(),
            due_keys: Vec::new(),
            due: Vec::new(),
        };
        for key in keys {
            let place = match places.entry(key) {
                Entry::Occupied(place) => *place.get(),
                Entry::Vacant(place) => *place.insert(self.approach_one(level, key, &mut batch)),
            };
            batch.order.push(place);
        }
        batch
    }

    fn approach_one(&self, level: Level, key: &S::Key, batch: &mut Batch<S>) -> usize {
        let place = batch.values.len();
        match self.near(level, key) {
            Some((value, due)) => {
                batch.values.push(value);
                if let Some(due) = due.and_then(|nonce| Some((self.key(key)?, nonce))) {
                    batch.due_keys.push(key.clone());
                    batch.due.push(due);
                }
            }
            None => {
                batch.values.push(None);
                batch.far.push(place);
                batch.far_keys.push(key.clone());
            }
        }
        place
    }

    async fn get_far(&self, level: Level, keys: Vec<S::Key>) -> Loaded<S, S::Error> {
        let written: Option<Vec<Key>> = keys.iter().map(|key| self.key(key)).collect();
        let spec = written.as_ref().and_then(|all| self.spec(level, all.first()?.clone()));
        let (Some(written), Some(spec)) = (written, spec) else {
            let load = |turn| self.load_all(keys, turn);
            let loaded = self.reader().load_alone(None, self.shared.sharing.own, load).await?;
            return Ok(loaded.into_iter().map(AnyAnswer::into_answer::<Row<S>>).collect());
        };
        let reader = self.reader();
        let load = |missing: Vec<usize>, turn| {
            let missing = missing.into_iter().filter_map(|at| keys.get(at).cloned());
            self.load_all(missing.collect(), turn)
        };
        let Answers { answers, due } =
            read_many(reader, &spec, &written, self.shared.sharing.own, load).await?;
        if !due.is_empty() {
            let renewed = due.iter().filter_map(|(at, _)| keys.get(*at).cloned()).collect();
            let key = |(at, seen): (usize, _)| Some((written.get(at)?.clone(), seen));
            let due = due.into_iter().filter_map(key).collect();
            reader.renew_many_behind(&spec, due, self.load_places(renewed));
        }
        let value = |answer: Option<AnyAnswer>| answer.and_then(AnyAnswer::into_answer::<Row<S>>);
        Ok(answers.into_iter().map(value).collect())
    }

    fn load_all(&self, keys: Vec<S::Key>, turn: Turn) -> Carried<Result<Vec<AnyAnswer>, S::Error>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let _turn = turn;
            let loaded = shared.source.load_many(&keys).await?;
            Ok(loaded.into_iter().map(|value| Row::<S>::erase(value.map(Arc::new))).collect())
        })
    }

    /// The load of those values whose places among `keys` are given later.
    fn load_places(
        &self,
        keys: Vec<S::Key>,
    ) -> impl FnOnce(Vec<usize>, Turn) -> Carried<Result<Vec<AnyAnswer>, S::Error>> + Send + 'static
    {
        let it = self.clone();
        move |places, turn| {
            let wanted = places.into_iter().filter_map(|at| keys.get(at).cloned());
            it.load_all(wanted.collect(), turn)
        }
    }
}
