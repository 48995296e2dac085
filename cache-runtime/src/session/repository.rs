//! What generated code holds.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::place::Place;
use super::turns::Kind;
use super::{SessionConfig, SessionData, Sessions};
use crate::error::Result;
use crate::key::Namespace;
use crate::port::{CoherentCache, SessionBackend};

/// A struct with `#[cached_repository(session(…))]`.
pub trait SessionRepository {
    /// What is kept in a session.
    type Data: SessionData;

    /// What the annotation says.
    const CONFIG: SessionConfig<Self::Data>;

    /// What the sessions of this type share in one process.
    fn slot() -> &'static SessionSlot<Self::Data>;

    /// Where the sessions stand: the backend and the namespace of the struct's manager.
    fn place(&self) -> (&Arc<dyn CoherentCache>, &Namespace);

    /// What keeps the sessions, where that is not the backend alone: `keep = …` in the annotation.
    fn kept(&self) -> Option<Arc<dyn SessionBackend>> {
        None
    }

    /// Everything that can be done with them.
    ///
    /// # Errors
    /// [`Codec`](crate::ErrorKind::Codec) for a name that cannot stand in a key.
    fn sessions(&self) -> Result<Sessions<Self::Data>> {
        let (backend, namespace) = self.place();
        let kind = Self::slot().0.get_or_init(|| Arc::new(Kind::new(Self::CONFIG.tolerant)));
        let place =
            self.kept().map_or_else(|| Place::Backend(Arc::clone(backend)), Place::Sessions);
        Sessions::of_kind(place, namespace, &Self::CONFIG, Arc::clone(kind))
    }
}

/// One for each type of sessions, in a `static`.
pub struct SessionSlot<D>(OnceLock<Arc<Kind<D>>>);

impl<D> SessionSlot<D> {
    /// An empty one.
    #[must_use]
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }
}

impl<D> Default for SessionSlot<D> {
    fn default() -> Self {
        Self::new()
    }
}

impl<D> fmt::Debug for SessionSlot<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionSlot").finish_non_exhaustive()
    }
}
