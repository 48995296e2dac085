//! How a failed load is told to everyone who waited for it.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::error::Error;
use crate::mind::{Erased, Sharing};

/// The types of failures that can be copied, and how.
pub(in crate::manager) struct Failures(HashMap<TypeId, Box<dyn Any + Send + Sync>>);

impl Failures {
    /// Those that are known by themselves.
    pub(in crate::manager) fn known() -> Self {
        let mut failures = Self(HashMap::new());
        failures.copies::<String>();
        failures.copies::<&'static str>();
        failures.put(Sharing::<Error> { own: |error| Some(error.clone()), ..copied() });
        #[cfg(feature = "postgres")]
        failures.put(crate::repository::sharing::<sqlx::Error>());
        failures
    }

    /// Failures of type `E` are copied from now on.
    pub(in crate::manager) fn copies<E: Clone + Send + Sync + 'static>(&mut self) {
        self.put(copied::<E>());
    }

    fn put<E: 'static>(&mut self, sharing: Sharing<E>) {
        // What is known by itself stays: it may know more than to copy.
        self.0.entry(TypeId::of::<E>()).or_insert_with(|| Box::new(sharing));
    }

    /// How failures of this type are shared. One that cannot be copied is its caller's alone.
    pub(super) fn sharing<E: 'static>(&self) -> Sharing<E> {
        let known = self.0.get(&TypeId::of::<E>()).and_then(|known| known.downcast_ref());
        known.copied().unwrap_or(Sharing {
            split: |error| (error, None),
            restore: |_| None,
            own: |_| None,
        })
    }
}

fn copied<E: Clone + Send + Sync + 'static>() -> Sharing<E> {
    Sharing {
        split: |error: E| {
            let shared: Erased = Arc::new(error.clone());
            (error, Some(shared))
        },
        restore: |shared| shared.downcast_ref::<E>().cloned(),
        own: |_| None,
    }
}

impl fmt::Debug for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failures").field("types", &self.0.len()).finish()
    }
}
