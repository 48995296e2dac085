//! The renewal of several values in one load.

use super::run::Anew;
use super::{Claim, Seen};
use crate::key::Key;
use crate::mind::any::AnyAnswer;
use crate::mind::batch::look_many;
use crate::mind::loads::Turn;
use crate::mind::look::{Hit, Look};
use crate::mind::reader::Reader;
use crate::mind::soft::Carried;
use crate::mind::spec::Spec;
use crate::port::Step;

/// The load of the values at these places, in their order, in its turn.
pub(crate) trait LoadMany<T>:
    FnOnce(Vec<usize>, Turn) -> Carried<T> + Send + 'static
{
}

impl<T, F: FnOnce(Vec<usize>, Turn) -> Carried<T> + Send + 'static> LoadMany<T> for F {}

/// A value that was seen, at a place among those that are asked for.
struct Place {
    at: usize,
    key: Key,
    seen: Seen,
    claim: Claim,
}

impl Reader<'_> {
    /// Renews those values that nobody here is at, while their reader goes on. The places of `load` are those in `due`.
    pub(crate) fn renew_many_behind<E>(
        self,
        spec: &Spec,
        due: Vec<(Key, Seen)>,
        load: impl LoadMany<Result<Vec<AnyAnswer>, E>>,
    ) where
        E: Send + 'static,
    {
        let place = |(at, (key, seen)): (usize, (Key, Seen))| {
            let claim = self.flights.renew(self.context, &key, seen.nonce())?;
            Some(Place { at, key, seen, claim })
        };
        let places: Vec<_> = due.into_iter().enumerate().filter_map(place).collect();
        if places.is_empty() {
            return;
        }
        let (it, spec) = (self.owned(), spec.clone());
        self.context.tasks.spawn(async move {
            it.reader().renew_places(&spec, places, load).await;
        });
    }

    /// The same for values that the tier in the process has served, where the backend still has these very values.
    pub(crate) fn renew_many_near<E>(
        self,
        spec: &Spec,
        due: Vec<(Key, u64)>,
        load: impl LoadMany<Result<Vec<AnyAnswer>, E>>,
    ) where
        E: Send + 'static,
    {
        let claimed = |(at, (key, nonce)): (usize, (Key, u64))| {
            let claim = self.flights.renew(self.context, &key, nonce)?;
            Some((at, key, nonce, claim))
        };
        let claimed: Vec<_> = due.into_iter().enumerate().filter_map(claimed).collect();
        if claimed.is_empty() {
            return;
        }
        let (it, spec) = (self.owned(), spec.clone());
        self.context.tasks.spawn(async move {
            let reader = it.reader();
            let keys: Vec<Key> = claimed.iter().map(|(_, key, ..)| key.clone()).collect();
            let looks = look_many(reader, &spec, &keys).await;
            let mut places = Vec::with_capacity(claimed.len());
            for ((at, key, nonce, claim), look) in claimed.into_iter().zip(looks) {
                if let Look::Hit(Hit { seen: Some(seen), .. }) = look
                    && seen.nonce() == nonce
                {
                    places.push(Place { at, key, seen, claim });
                }
            }
            reader.renew_places(&spec, places, load).await;
        });
    }

    async fn renew_places<E>(
        self,
        spec: &Spec,
        places: Vec<Place>,
        load: impl LoadMany<Result<Vec<AnyAnswer>, E>>,
    ) where
        E: Send + 'static,
    {
        let seen: Vec<_> = places.iter().map(|place| (&place.key, &place.seen)).collect();
        let granted = self.claims(spec, &seen).await;
        let places: Vec<_> = places
            .into_iter()
            .zip(granted)
            .filter_map(|(place, granted)| granted.then_some(place))
            .collect();
        if places.is_empty() {
            return;
        }
        let Some(turn) = self.turn_to_renew() else { return };
        for place in &places {
            self.context.before(Step::Load, &place.key).await;
        }
        self.counters.loads.up();
        let began = self.context.clock.elapsed();
        let wanted = places.iter().map(|place| place.at).collect();
        let loaded = self.timed(load(wanted, turn)).await;
        let Ok(loaded) = loaded else {
            places.iter().for_each(|place| self.failed_to_renew(&place.key));
            return;
        };
        let took = self.context.clock.elapsed().saturating_sub(began);
        let mut claims = Vec::with_capacity(places.len());
        let mut all: Vec<Anew> = Vec::with_capacity(places.len());
        for (Place { key, seen, claim, .. }, value) in places.into_iter().zip(loaded) {
            all.extend(self.anew(spec, &key, seen, &value, took));
            claims.push(claim);
        }
        self.put_all_in_place(spec, all).await;
        drop(claims);
    }
}
