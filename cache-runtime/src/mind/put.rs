//! What a caller puts into the cache itself, and what it takes out.

use std::slice::from_ref;
use std::time::Duration;

use tokio::sync::oneshot;

use super::any::AnyAnswer;
use super::fill::{Begun, Filling, MOST_TRIES};
use super::look::{Found, Look, Miss};
use super::reader::Reader;
use super::spec::{Kept, Spec};
use crate::entry::{Body, Entry};
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::port::{Fill, LeaseOutcome, Step};

impl Reader<'_> {
    /// Puts a value in the place of whatever stands at the key; says whether it stands there now. Where a writer holds
    /// the key, or one of the tags, nothing is put there. Dropped before the fill is sent it leaves the key absent; after that the fill
    /// goes on.
    pub(crate) async fn put(self, spec: &Spec, body: Body, kept: Kept) -> Result<bool> {
        // Whatever is kept elsewhere of what stood there has to hear of it, also where the backend has lost it.
        self.context.remove(from_ref(&spec.key)).await?;
        let Some(filling) = self.leave_to_put(spec).await? else { return Ok(false) };
        let Some(fill) = self.prepare(spec, Some(filling), (Some(body), None), Duration::ZERO)
        else {
            return Ok(false);
        };
        let it = self.owned();
        let spec = spec.clone();
        let (done, outcome) = oneshot::channel();
        self.context.tasks.spawn(async move {
            let reader = it.reader();
            // Nobody may wait any more.
            let _ = done.send(reader.fill_and_keep(&spec, fill, kept).await);
        });
        outcome
            .await
            .unwrap_or_else(|_| Err(Error::new(ErrorKind::Closed, "the runtime is shutting down")))
    }

    /// Takes the lease over whatever stands there but a hold. The last who puts wins.
    async fn leave_to_put(self, spec: &Spec) -> Result<Option<Filling>> {
        let mut over = None;
        for _ in 0..MOST_TRIES {
            match self.take_lease(spec, over.take(), None).await? {
                Ok(filling) => return Ok(self.with_stamps(spec, filling).await),
                Err(LeaseOutcome::Taken(bytes)) => match Entry::parse(&bytes) {
                    Entry::Hold => {
                        self.counters.held.up();
                        return Ok(None);
                    }
                    _ => over = Some(bytes),
                },
                Err(LeaseOutcome::Refused(kind)) => {
                    let message = "a value of another data type stands at the item's key in the cache: remove it";
                    return Err(Error::new(kind, message));
                }
                Err(LeaseOutcome::Gone | LeaseOutcome::Granted) => {}
            }
        }
        Ok(None)
    }

    async fn fill_and_keep(self, spec: &Spec, fill: Fill, kept: Kept) -> Result<bool> {
        let (key, begun) = (fill.key.clone(), Begun::of(&fill.entry, fill.ttl));
        let mut ticket = None;
        let mut sending = || ticket = self.ticket(spec, &key);
        let accepted = if spec.process_only {
            self.confirm(spec, &fill, sending).await
        } else {
            self.context.before(Step::Fill, &key).await;
            sending();
            let accepted = self.context.cache.fill(from_ref(&fill)).await?.first() == Some(&true);
            if accepted {
                self.counters.fills.up()
            } else {
                self.counters.rejected_fills.up()
            }
            accepted
        };
        let proves = spec.tags.is_empty() || spec.process_only;
        let current = begun.filter(|begun| begun.era == self.context.cache.era());
        let stands = accepted && current.is_some();
        if let (true, Some(begun), Some(ticket)) = (accepted && proves, current, ticket) {
            self.admit(ticket, spec, &key, (kept, begun.weight), begun.life).await;
        }
        Ok(stands)
    }

    /// What a fill proves, for a value that stays out of the backend: that the lease it was loaded under still stands, and
    /// the stamps of its tags. The lease is then given back.
    pub(super) async fn confirm(self, spec: &Spec, fill: &Fill, sending: impl FnOnce()) -> bool {
        self.context.before(Step::Fill, &fill.key).await;
        sending();
        let cache = &self.context.cache;
        let keys: Vec<Key> = std::iter::once(&fill.key).chain(&spec.tags).cloned().collect();
        let found = cache.get_many(&keys).await.unwrap_or_else(|error| {
            self.failed("reading a lease", &error);
            Vec::new()
        });
        if let Err(error) = cache.abandon(from_ref(&fill.key), fill.token).await {
            self.failed("giving back a lease", &error);
        }
        let stamps = match Entry::parse(&fill.entry) {
            Entry::Value(value) => value.stamps,
            _ => Vec::new(),
        };
        let marks = std::iter::once(fill.token).chain(stamps);
        let standing = found
            .iter()
            .zip(marks)
            .filter(|(there, mark)| there.as_ref() == Some(&mark.lease()))
            .count();
        let stands = standing == keys.len();
        if !stands {
            self.counters.rejected_fills.up();
        }
        stands
    }

    /// Takes the value away from everyone; of many who ask at once, one gets it.
    pub(crate) async fn pull(self, spec: &Spec) -> Result<Option<AnyAnswer>> {
        let doubted = || {
            let message = "what the cache says is not believed now, because writes have not reached it yet: try again \
                           once the relay has delivered them";
            Error::new(ErrorKind::Unreachable, message)
        };
        if !self.context.trusts() {
            return Err(doubted());
        }
        let key = from_ref(&spec.key);
        self.context.before(Step::Read, &spec.key).await;
        // Before the value goes: where they cannot be read it stays.
        let tags = match &spec.tags[..] {
            [] => Vec::new(),
            tags => self.context.cache.get_many(tags).await?,
        };
        self.context.forget(key).await;
        let asked = self.context.clock.elapsed();
        let pulled = self.context.cache.pull(key).await;
        self.context.forget(key).await;
        let (bytes, remaining) = pulled?.pop().flatten().unzip();
        match self.judge(spec, Found { bytes, remaining, asked }, &tags) {
            Look::Hit(hit) => {
                self.count(&hit);
                Ok(Some(hit.value))
            }
            Look::Miss(Miss::Unreachable) => Err(doubted()),
            Look::Miss(_) => Ok(None),
        }
    }
}
