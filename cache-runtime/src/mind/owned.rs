//! A reader for work that goes on without its caller.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::context::Context;
use super::flight::Flights;
use super::reader::Reader;
use super::stats::Counters;

/// What a reader is made of, for work that goes on without it.
pub(super) struct Owned {
    context: Arc<Context>,
    flights: Arc<Flights>,
    counters: Arc<Counters>,
    cap: Option<Arc<Semaphore>>,
}

impl Owned {
    pub(super) fn reader(&self) -> Reader<'_> {
        let Self { context, flights, counters, cap } = self;
        Reader { context, flights, counters, cap: cap.as_ref() }
    }
}

impl Reader<'_> {
    pub(super) fn owned(self) -> Owned {
        Owned {
            context: Arc::clone(self.context),
            flights: Arc::clone(self.flights),
            counters: Arc::clone(self.counters),
            cap: self.cap.cloned(),
        }
    }
}
