//! A stream that goes wrong where a test says so.

use super::{FaultyCache, Op};
use crate::error::Result;
use crate::port::{BoxFuture, Heard, InvalidationStream};

#[derive(Debug)]
pub(super) struct FaultyStream {
    cache: FaultyCache,
    inner: Box<dyn InvalidationStream>,
}

impl FaultyStream {
    pub(super) fn over(cache: &FaultyCache, inner: Box<dyn InvalidationStream>) -> Self {
        Self { cache: cache.clone(), inner }
    }
}

impl InvalidationStream for FaultyStream {
    fn next(&mut self) -> BoxFuture<'_, Result<Heard>> {
        let Self { cache, inner } = self;
        cache.through(Op::Hear, move || inner.next())
    }

    fn beat(&mut self, number: u64) -> BoxFuture<'_, Result<()>> {
        let Self { cache, inner } = self;
        cache.through(Op::Beat, move || inner.beat(number))
    }
}
