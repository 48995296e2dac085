//! What stands in for a load that failed.

use bytes::Bytes;

use super::any::AnyAnswer;
use super::complaints::Topic;
use super::fill::Filling;
use super::reader::Reader;
use super::spec::Spec;
use crate::entry::{Body, Entry, Token};
use crate::key::Key;

impl Reader<'_> {
    /// The expired value that the lease has replaced, where the load failed. That it can be put back under this very
    /// lease proves that no writer came between: it is old, and not invalidated.
    pub(super) async fn stand_in(
        self,
        spec: &Spec,
        permit: Option<Filling>,
    ) -> Option<(AnyAnswer, Body)> {
        let mut permit = permit?;
        let Entry::Value(value) = Entry::parse(&permit.replaced()?.entry) else { return None };
        let (answer, body) = self.open(spec, value.body)?;
        if !self.is_under(&spec.tags, &value.stamps).await {
            return None;
        }
        let era = permit.era();
        let fill = permit.put_back(&spec.key)?;
        let accepted = self.fill(fill, || {}).await;
        // An older state of the backend may have brought the lease back, and one that was away may have missed a write.
        if !accepted || era != self.context.cache.era() || !self.context.trusts() {
            return None;
        }
        self.counters.stale.up();
        if let Some(repeated) = self.context.complaints.may_say(&*self.context.clock, Topic::Stale)
        {
            tracing::warn!(key = %spec.key, repeated, "a load failed: a value that has outlived its TTL is served");
        }
        Some((answer, body))
    }

    /// Whether the tags bear these stamps now. A lease outlives a write that changes only a tag, and who waits for its
    /// load may have come after that write.
    pub(super) async fn is_under(self, tags: &[Key], stamps: &[Token]) -> bool {
        if tags.is_empty() {
            return true;
        }
        let found = match self.context.cache.get_many(tags).await {
            Ok(found) => found,
            Err(error) => {
                self.failed("reading a tag", &error);
                return false;
            }
        };
        let stamp = |found: Option<Bytes>| match found.as_ref().map(Entry::parse) {
            Some(Entry::Lease(stamp)) => Some(stamp),
            _ => None,
        };
        found.into_iter().map(stamp).eq(stamps.iter().copied().map(Some))
    }
}
