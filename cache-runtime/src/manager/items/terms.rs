//! The terms of one call: how long, how old, where.

use std::time::Duration;

use crate::key::Key;
use crate::mind::{Context, Form, Renewing, Spec};
use crate::policy::{Codec, Compression, Level, Ttl};
use crate::shape::Shape;

/// Where an item is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tiers {
    /// In the cache, and in the processes that read it.
    #[default]
    Both,
    /// In the cache alone: the tier in the process is neither asked nor filled. For what is large and rarely asked for.
    Cache,
    /// In this process alone: nothing is put into the cache, which is asked for the lease and hears of changes as ever. For
    /// what must not leave the process, or is too large to be sent. It is kept only for reads at
    /// [`Level::Bounded`]; [`pull`](crate::CacheManager::pull) does not find it.
    Process,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Terms {
    pub(super) ttl: Option<Ttl>,
    pub(super) negative_ttl: Option<Ttl>,
    pub(super) codec: Option<Codec>,
    pub(super) compression: Option<Compression>,
    pub(super) level: Option<Level>,
    pub(super) stale_on_error: Option<Duration>,
    pub(super) tiers: Tiers,
    pub(super) read_only: bool,
}

impl Terms {
    pub(super) fn spec(
        &self,
        context: &Context,
        (shape, form): (Shape, Form),
        key: Key,
        tags: Vec<Key>,
    ) -> Spec {
        let policy = &context.policy;
        let level = match self.level.unwrap_or(policy.level).here() {
            Level::Bounded(_) if self.tiers == Tiers::Cache => Level::Strong,
            level => level,
        };
        context.expects(level);
        let ttl = |own: Option<Ttl>, general| match own {
            _ if self.read_only => Ttl::After(Duration::ZERO),
            own => own.unwrap_or(general),
        };
        Spec {
            key,
            tags,
            ttl: ttl(self.ttl, policy.ttl),
            negative_ttl: ttl(self.negative_ttl, policy.negative_ttl),
            codec: self.codec.unwrap_or(policy.codec),
            compression: self.compression.unwrap_or(policy.compression),
            shape,
            form,
            level,
            stale_for: self.stale_on_error.unwrap_or(policy.stale_on_error),
            // The load may borrow: it cannot go on without its caller.
            soft_timeout: Duration::ZERO,
            // It comes with the call, so nobody else could renew the value.
            renewing: Renewing::default(),
            process_only: self.tiers == Tiers::Process,
        }
    }
}

/// The options that every call on items has.
macro_rules! options {
    () => {
        /// How long a value lives; [`Policy::ttl`](crate::Policy::ttl) where not given. Zero: it is not kept.
        pub fn ttl(mut self, ttl: impl Into<Ttl>) -> Self {
            self.terms.ttl = Some(ttl.into());
            self
        }

        /// How long the knowledge that there is none lives; [`Policy::negative_ttl`](crate::Policy::negative_ttl) where
        /// not given. Zero: it is not kept.
        pub fn negative_ttl(mut self, ttl: impl Into<Ttl>) -> Self {
            self.terms.negative_ttl = Some(ttl.into());
            self
        }

        /// How values are written; [`Policy::codec`](crate::Policy::codec) where not given.
        pub fn codec(mut self, codec: Codec) -> Self {
            self.terms.codec = Some(codec);
            self
        }

        /// How values are made smaller; [`Policy::compression`](crate::Policy::compression) where not given.
        pub fn compression(mut self, compression: Compression) -> Self {
            self.terms.compression = Some(compression);
            self
        }

        /// How old an answer may be; [`Policy::level`](crate::Policy::level) where not given. A level that
        /// [`ReadAt::at`](crate::ReadAt::at) sets around the call counts for more.
        pub fn level(mut self, level: Level) -> Self {
            self.terms.level = Some(level);
            self
        }

        /// For how long after its TTL a value may be served where the load fails, never one that was forgotten;
        /// [`Policy::stale_on_error`](crate::Policy::stale_on_error) where not given.
        pub fn stale_on_error(mut self, time: Duration) -> Self {
            self.terms.stale_on_error = Some(time);
            self
        }

        /// Takes what the cache has, and keeps nothing that is loaded.
        pub fn read_only(mut self) -> Self {
            self.terms.read_only = true;
            self
        }
    };
}
pub(super) use options;
