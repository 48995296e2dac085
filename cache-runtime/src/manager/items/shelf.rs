//! What the items of one manager share: counters, and of each type its shape and flights.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::failures::Failures;
use super::operations::Operations;
use crate::mind::{AllCounters, Cacheable, Context, Counters, Flights, Reader, Sharing};
use crate::shape::Shape;

#[derive(Debug)]
pub(in crate::manager) struct Shelf {
    operations: Operations,
    kinds: RwLock<HashMap<TypeId, Kind>>,
    failures: Failures,
}

/// One type of items.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    pub(super) shape: Shape,
    /// Of this type alone: two that are asked for under one key must not get each other's bytes.
    flights: Arc<Flights>,
}

impl Shelf {
    pub(in crate::manager) fn new(failures: Failures) -> Self {
        Self { operations: Operations::default(), kinds: RwLock::default(), failures }
    }

    pub(super) fn operations(&self) -> &Operations {
        &self.operations
    }

    /// The counters of whatever only invalidates.
    #[cfg(feature = "postgres")]
    pub(in crate::manager) fn writes(&self) -> &Arc<Counters> {
        &self.operations.write
    }

    /// The counters of everything that is done with items.
    pub(in crate::manager) fn all(&self) -> &Arc<AllCounters> {
        &self.operations.all
    }

    pub(in crate::manager) fn sharing<E: 'static>(&self) -> Sharing<E> {
        self.failures.sharing()
    }

    pub(super) fn kind<T: Cacheable>(&self, context: &Context) -> Kind {
        let of = TypeId::of::<T>();
        let known = self.kinds.read().unwrap_or_else(PoisonError::into_inner).get(&of).cloned();
        known.unwrap_or_else(|| {
            // Outside the lock: a type's own `Deserialize` runs here.
            let shape = Shape::of::<T>("item");
            let mut kinds = self.kinds.write().unwrap_or_else(PoisonError::into_inner);
            kinds
                .entry(of)
                .or_insert_with(|| Kind { shape, flights: context.new_flights() })
                .clone()
        })
    }

    /// A reader whose doings count as those of an operation.
    pub(super) fn reader<'r>(
        context: &'r Arc<Context>,
        kind: &'r Kind,
        operation: &'r Arc<Counters>,
    ) -> Reader<'r> {
        Reader { context, flights: &kind.flights, counters: operation, cap: None }
    }
}
