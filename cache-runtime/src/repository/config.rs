//! What `#[cached_repository]` says of a struct.

use std::time::Duration;

use sqlx::PgPool;

use super::Repository;
use super::core::Registry;
use super::places::Number;
use crate::manager::CacheManager;
use crate::policy::{Codec, Compression, Level};
use crate::postgres::{Between, Entity, Order, Test};

/// A struct with a pool and a cache manager, whose rows are cached.
///
/// `#[cached_repository(entity = …)]` implements it; by hand it takes the five items below, and
/// [`repository`](Self::repository) then gives every read and write.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a cached repository",
    label = "not a cached repository",
    note = "annotate the struct, too: `#[cached_repository(entity = …, ttl = \"15m\")]`"
)]
pub trait CachedRepository: Send + Sync + 'static {
    /// The rows.
    type Entity: Entity;

    /// The annotation.
    const CONFIG: RepositoryConfig;

    /// Where the manager keeps this repository's state. One `static` for each repository type.
    fn slot() -> &'static Slot;

    /// The database.
    fn db(&self) -> &PgPool;

    /// The cache.
    fn cache(&self) -> &CacheManager;

    /// The reads and writes.
    fn repository(&self) -> Repository<'_, Self>
    where
        Self: Sized,
    {
        Repository { host: self, core: Registry::core::<Self>(self.cache()) }
    }
}

/// What a repository's annotation says, beside its entity.
#[derive(Clone, Copy, Debug)]
pub struct RepositoryConfig {
    /// The struct's name, for logs and statistics.
    pub name: &'static str,
    /// How long a row lives; the manager's TTL where not given.
    pub ttl: Option<Duration>,
    /// How long a "no such row" lives; the manager's where not given.
    pub negative_ttl: Option<Duration>,
    /// How values are written; the manager's where not given.
    pub codec: Option<Codec>,
    /// How values are made smaller; the manager's where not given.
    pub compression: Option<Compression>,
    /// How old an answer may be; the manager's where not given.
    pub level: Option<Level>,
    /// For how long after its TTL a value may be served when the database fails; the manager's where not given.
    pub stale_on_error: Option<Duration>,
    /// After how long an expired value is served while the load goes on; the manager's where not given.
    pub soft_timeout: Option<Duration>,
    /// How readily a value is renewed ahead of its TTL, XFetch's beta, zero for never; the manager's where not given.
    pub refresh_ahead: Option<f64>,
    /// For how long after its TTL a value is served while it is renewed; the manager's where not given.
    pub stale_while_revalidate: Option<Duration>,
    /// Loads of this repository that run at once, at most; the manager's cap alone where not given.
    pub max_loads: Option<usize>,
    /// `unique(…)`, in the order of the annotation: a look-up names one by its number.
    pub unique: &'static [Index],
    /// `list(…)`, in the order of the annotation.
    pub list: &'static [Index],
    /// `list(name = …, where = "…")`, in the order of the annotation.
    pub conditions: &'static [Condition],
    /// `tags(…)`: beside the table's own tag, which every change of a row invalidates.
    pub tags: &'static [TagTemplate],
}

/// Columns that rows are looked up or listed by.
#[derive(Clone, Copy, Debug)]
pub struct Index {
    /// The name in keys: the columns' names joined by `+`.
    pub name: &'static str,
    /// The columns, as indices into [`Entity::COLUMNS`].
    pub columns: &'static [usize],
}

/// A list of the rows that meet a condition.
#[derive(Clone, Copy, Debug)]
pub struct Condition {
    /// The name in keys.
    pub name: &'static str,
    /// What a row has to meet.
    pub test: Test,
    /// The columns that give the parameters their types, as indices into [`Entity::COLUMNS`].
    pub parameters: &'static [usize],
    /// The order of the rows; behind it comes that of their ids.
    pub order: &'static [Order],
    /// How many rows the list has at most; all of them where not given.
    pub limit: Option<u64>,
    /// By which values of a parameter its lists are told apart when a row changes; not at all where not given.
    pub buckets: Option<Buckets>,
}

/// Bounds between which the values of one parameter lie.
#[derive(Clone, Copy, Debug)]
pub struct Buckets {
    /// The parameter, by its place.
    pub parameter: usize,
    /// The bounds, rising: a value belongs to the bucket that begins at or below it.
    pub bounds: &'static [i64],
}

impl Buckets {
    /// The bucket that a value belongs to.
    pub(super) fn number(&self, value: i64) -> usize {
        self.bounds.iter().take_while(|bound| **bound <= value).count()
    }

    /// What the values of a bucket lie between.
    pub(super) fn between(&self, number: usize) -> Between {
        let before = number.checked_sub(1).and_then(|before| self.bounds.get(before));
        (before.copied(), self.bounds.get(number).copied())
    }
}

/// A tag that a change of a row invalidates: `"country:{country}"` is fixed text and a column.
#[derive(Clone, Copy, Debug)]
pub struct TagTemplate {
    /// The pieces: fixed text, and columns as indices into [`Entity::COLUMNS`].
    pub pieces: &'static [TagPiece],
}

/// A piece of a [`TagTemplate`].
#[derive(Clone, Copy, Debug)]
pub enum TagPiece {
    /// Fixed text.
    Text(&'static str),
    /// The value of a column.
    Column(usize),
}

/// The place of one repository type in every manager's registry. A `static` beside the repository.
#[derive(Debug)]
pub struct Slot(Number);

impl Slot {
    /// A slot that has no number yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Number::new())
    }

    #[inline]
    pub(super) fn number(&self) -> usize {
        use std::sync::atomic::AtomicUsize;
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        self.0.of(&NEXT)
    }
}

impl Default for Slot {
    fn default() -> Self {
        Self::new()
    }
}
