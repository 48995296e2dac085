//! A load, with its time taken and a span around it.

use std::future::Future;
use std::time::Duration;

use tracing::Instrument;

use super::reader::Reader;
use crate::policy::Loading;

impl Reader<'_> {
    /// Runs one load. What it logs is in a span that names the repository and the operation.
    pub(super) async fn timed<T, E>(
        self,
        load: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let began = self.context.clock.elapsed();
        let loaded = Loading::of(load).instrument(self.counters.of.span()).await;
        self.ended(began, loaded.is_ok());
        loaded
    }

    /// Notes a load that has ended.
    pub(super) fn ended(self, began: Duration, well: bool) {
        let took = self.context.clock.elapsed().saturating_sub(began);
        self.counters.load_times.add(took);
        if !well {
            self.counters.failed_loads.up();
        }
    }
}
