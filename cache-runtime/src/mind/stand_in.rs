//! What stands in for a load that failed.

use super::fill::Filling;
use super::reader::Reader;
use super::spec::{Answer, Spec};
use crate::entry::{Body, Entry};

impl Reader<'_> {
    /// The expired value that the lease has replaced, where the load failed. That it can be put back under this very
    /// lease proves that no writer came between: it is old, and not invalidated.
    pub(super) async fn stand_in<A: Answer>(
        self,
        spec: &Spec,
        permit: Option<Filling>,
    ) -> Option<(A::Value, Body)> {
        let mut permit = permit?;
        let Entry::Value(value) = Entry::parse(&permit.replaced()?.entry) else { return None };
        let answer = A::decode(&value.body)?;
        let era = permit.era();
        let fill = permit.put_back(&spec.key)?;
        let accepted = self.fill(fill, || {}).await;
        // An older state of the backend may have brought the lease back, and one that was away may have missed a write.
        if !accepted || era != self.context.cache.era() || !self.context.trusts() {
            return None;
        }
        self.counters.stale.up();
        tracing::warn!(key = %spec.key, "a load failed: a value that has outlived its TTL is served");
        Some((answer, value.body))
    }
}
