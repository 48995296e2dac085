//! The renewal itself: claim, load, and put in place of what was seen.

use std::future::Future;
use std::time::Duration;

use super::{Claim, Seen};
use crate::entry::Token;
use crate::key::Key;
use crate::mind::any::AnyAnswer;
use crate::mind::complaints::Topic;
use crate::mind::fill::{Begun, Envelope};
use crate::mind::loads::{Loads, Turn};
use crate::mind::look::{Look, Miss};
use crate::mind::reader::{Reader, Sharing};
use crate::mind::soft::Carried;
use crate::mind::spec::{Kept, Spec};
use crate::policy::Level;
use crate::port::{LeaseOutcome, LeaseRequest, Replacement, Step};

/// What was loaded, ready to take a value's place.
pub(super) struct Anew {
    replacement: Replacement,
    kept: Kept,
}

/// What came of an attempt to load anew.
enum Loaded {
    Value(AnyAnswer, Option<Box<Anew>>),
    /// Another process is at it, or the load failed: the value that was seen is good enough.
    Nothing,
}

impl Reader<'_> {
    /// Renews a value that was seen, if nobody here is at it, while its reader goes on.
    pub(crate) fn renew_behind<E>(
        self,
        spec: &Spec,
        seen: Seen,
        load: Carried<Result<AnyAnswer, E>>,
    ) where
        E: Send + 'static,
    {
        let Some(claim) = self.flights.renew(self.context, &spec.key, seen.nonce()) else { return };
        let (it, spec) = (self.owned(), spec.clone());
        self.context.tasks.spawn(async move {
            let load = |turn: Turn| turn.during(load);
            it.reader().renew_to_the_end(&spec, (seen, claim), load).await;
        });
    }

    /// The same for a load that borrows: this reader waits for it, and is given what was loaded; `None` where it is not
    /// the one who renews, or could not.
    pub(crate) async fn renew_here<E, F, Fut>(
        self,
        spec: &Spec,
        seen: Seen,
        load: F,
    ) -> Option<AnyAnswer>
    where
        E: Send + 'static,
        F: FnOnce(Turn) -> Fut,
        Fut: Future<Output = Result<AnyAnswer, E>>,
    {
        let claim = self.flights.renew(self.context, &spec.key, seen.nonce())?;
        self.renew_under(spec, (seen, claim), load).await
    }

    async fn renew_under<E, F, Fut>(
        self,
        spec: &Spec,
        (seen, claim): (Seen, Claim),
        load: F,
    ) -> Option<AnyAnswer>
    where
        E: Send + 'static,
        F: FnOnce(Turn) -> Fut,
        Fut: Future<Output = Result<AnyAnswer, E>>,
    {
        let Loaded::Value(value, anew) = self.load_anew(spec, seen, load).await else {
            return None;
        };
        if let Some(anew) = anew {
            let (it, spec) = (self.owned(), spec.clone());
            self.context.tasks.spawn(async move {
                it.reader().put_in_place(&spec, *anew).await;
                drop(claim);
            });
        }
        Some(value)
    }

    /// Renews a value that the tier in the process has served, if the backend still has this very value. Where it has
    /// another one by now, that is all the renewal that is needed.
    pub(crate) fn renew_near<E, F, Fut>(self, spec: Spec, nonce: u64, sharing: Sharing<E>, load: F)
    where
        E: Send + 'static,
        F: FnOnce(Turn) -> Fut + Send + 'static,
        Fut: Future<Output = Result<AnyAnswer, E>> + Send + 'static,
    {
        let Some(claim) = self.flights.renew(self.context, &spec.key, nonce) else { return };
        let it = self.owned();
        self.context.tasks.spawn(async move {
            let reader = it.reader();
            match reader.find(&spec).await {
                Look::Hit(hit) => {
                    if let Some(seen) = hit.seen.filter(|seen| seen.nonce() == nonce) {
                        let seen = (seen, claim);
                        reader.renew_to_the_end(&spec, seen, load).await;
                    }
                }
                Look::Miss(Miss::Absent | Miss::Foreign(_) | Miss::Expired(..)) => {
                    drop(reader.read(&spec, sharing, (load, None)).await);
                }
                Look::Miss(_) => {}
            }
        });
    }

    /// The same for a load that borrows: the newer value, if there is one to be had.
    pub(crate) async fn renew_near_here<E, F, Fut>(
        self,
        spec: &Spec,
        nonce: u64,
        load: F,
    ) -> Option<AnyAnswer>
    where
        E: Send + 'static,
        F: FnOnce(Turn) -> Fut,
        Fut: Future<Output = Result<AnyAnswer, E>>,
    {
        let claim = self.flights.renew(self.context, &spec.key, nonce)?;
        let Look::Hit(hit) = self.find(spec).await else { return None };
        match hit.seen {
            Some(seen) if seen.nonce() == nonce => {
                self.renew_under(spec, (seen, claim), load).await
            }
            _ => Some(hit.value),
        }
    }

    async fn renew_to_the_end<E, F, Fut>(self, spec: &Spec, (seen, claim): (Seen, Claim), load: F)
    where
        E: Send + 'static,
        F: FnOnce(Turn) -> Fut,
        Fut: Future<Output = Result<AnyAnswer, E>>,
    {
        let loaded = self.load_anew(spec, seen, load).await;
        if let Loaded::Value(_, Some(anew)) = loaded {
            self.put_in_place(spec, *anew).await;
        }
        drop(claim);
    }

    async fn load_anew<E, F, Fut>(self, spec: &Spec, seen: Seen, load: F) -> Loaded
    where
        E: Send + 'static,
        F: FnOnce(Turn) -> Fut,
        Fut: Future<Output = Result<AnyAnswer, E>>,
    {
        if !self.claims(spec, &[(&spec.key, &seen)]).await.contains(&true) {
            return Loaded::Nothing;
        }
        let Some(turn) = self.turn_to_renew() else { return Loaded::Nothing };
        self.context.before(Step::Load, &spec.key).await;
        self.counters.loads.up();
        let began = self.context.clock.elapsed();
        let loaded = self.timed(load(turn)).await;
        let Ok(value) = loaded else {
            self.failed_to_renew(&spec.key);
            return Loaded::Nothing;
        };
        let took = self.context.clock.elapsed().saturating_sub(began);
        let anew = self.anew(spec, &spec.key, seen, &value, took);
        Loaded::Value(value, anew.map(Box::new))
    }

    pub(super) fn failed_to_renew(self, key: &Key) {
        self.counters.failed_renewals.up();
        let (complaints, clock) = (&self.context.complaints, &*self.context.clock);
        if let Some(repeated) = complaints.may_say(clock, Topic::FailedRenewal) {
            tracing::warn!(
                %key,
                repeated,
                "a value that is still served could not be renewed: its load failed"
            );
        }
    }

    /// A renewal that nobody waits for gives way to loads that are waited for: where they are as many as may be, the value
    /// is left to a later reader.
    pub(super) fn turn_to_renew(self) -> Option<Turn> {
        if Level::is_loading() {
            return Some(Loads::nested());
        }
        self.context.loads.at_once(self.cap)
    }

    /// Which of these this process is to renew. Ahead of the TTL the draw has decided; after it the first process to ask.
    /// A claim is never given back: it keeps the others away from a load that has failed, too.
    pub(super) async fn claims(self, spec: &Spec, seen: &[(&Key, &Seen)]) -> Vec<bool> {
        let late = |seen: &&(&Key, &Seen)| seen.1.is_past_its_ttl();
        let requests: Vec<_> = seen
            .iter()
            .filter(late)
            .map(|(key, seen)| {
                let (key, token) = (key.renewal(seen.nonce()), Token::new());
                LeaseRequest { key, token, over: None }
            })
            .collect();
        let ttl = (spec.renewing.revalidate / 2).min(self.context.policy.lease_ttl);
        let mut outcomes = if requests.is_empty() {
            Vec::new()
        } else {
            let outcomes = self.context.cache.lease(&requests, ttl).await;
            outcomes
                .inspect_err(|error| self.failed("claiming a renewal", error))
                .unwrap_or_default()
        }
        .into_iter();
        let granted = |seen| !late(&seen) || outcomes.next() == Some(LeaseOutcome::Granted);
        seen.iter().map(granted).collect()
    }

    pub(super) fn anew(
        self,
        spec: &Spec,
        key: &Key,
        seen: Seen,
        value: &AnyAnswer,
        took: Duration,
    ) -> Option<Anew> {
        let Some(body) = spec.form.encode(value, spec.codec()) else {
            self.counters.unencodable.up();
            return None;
        };
        let kept = value.kept(&body);
        let body = self.packed(spec, body);
        let ttl = self.lifetime(spec, &body, value.lives())?;
        let envelope = Envelope { stamps: seen.stamps, era: seen.era, took };
        let entry = self.envelope(spec, body, &envelope);
        let replacement = Replacement { key: key.clone(), over: seen.over, entry, ttl };
        Some(Anew { replacement, kept })
    }

    async fn put_in_place(self, spec: &Spec, anew: Anew) {
        self.put_all_in_place(spec, vec![anew]).await;
    }

    /// Replaces what was seen, wherever it still stands, and keeps the new values in the tier.
    pub(super) async fn put_all_in_place(self, spec: &Spec, all: Vec<Anew>) {
        for anew in &all {
            self.context.before(Step::Fill, &anew.replacement.key).await;
        }
        let mut tickets = Vec::with_capacity(all.len());
        let mut replacements = Vec::with_capacity(all.len());
        let mut admitted = Vec::with_capacity(all.len());
        for Anew { replacement, kept } in all {
            // As with a fill: the lease of a tagged answer outlives a write that changes only the tag.
            let ticket = spec.tags.is_empty().then(|| self.ticket(spec, &replacement.key));
            tickets.push(ticket.flatten());
            admitted.push(kept);
            replacements.push(replacement);
        }
        if !self.context.trusts() {
            self.counters.refused_renewals.add(replacements.len());
            return;
        }
        let accepted = match self.context.cache.replace(&replacements).await {
            Ok(accepted) => accepted,
            Err(error) => return self.failed("renewing entries", &error),
        };
        let count = accepted.iter().filter(|accepted| **accepted).count();
        self.counters.renewals.add(count);
        self.counters.refused_renewals.add(accepted.len() - count);
        let all = replacements.into_iter().zip(admitted).zip(tickets).zip(accepted);
        for (((Replacement { key, entry, ttl, .. }, kept), ticket), accepted) in all {
            // An older state of the backend may have brought the value back that was seen.
            if accepted
                && let (Some(begun), Some(ticket)) = (Begun::of(&entry, ttl), ticket)
                && begun.era == self.context.cache.era()
            {
                self.admit(ticket, spec, &key, (kept, begun.weight), begun.life).await;
            }
        }
    }
}
