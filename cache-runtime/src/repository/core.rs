//! What one repository type keeps under one manager: its keys, counters and flights.

use std::any::Any;
use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::PgArguments;
use tokio::sync::Semaphore;

use super::ahead::Habit;
use super::condition::ConditionPlan;
use super::config::{CachedRepository, Index, RepositoryConfig, TagPiece};
use super::loading::Loading;
use super::operations::Operations;
use super::places::Places;
use super::row_hash::{RowHash, RowHasher};
use crate::clock::Moment;
use crate::error::Result;
use crate::key::{Key, KeyBuilder, ScratchKey};
use crate::manager::CacheManager;
use crate::mind::{
    AllCounters, Answer, Context, Counters, Flights, Form, Kept, Optional, Reader, Renewing,
    Shared, Spec, Tier,
};
use crate::policy::{Codec, Compression, Level, Ttl};
use crate::postgres::{Change, Entity, IndexValue, Statements};
use crate::shape::Shape;

/// A row, what a look-up finds, and what a list has.
pub(super) type RowAnswer<E> = Optional<Shared<E>>;
pub(super) type IdAnswer<E> = Optional<Shared<<E as Entity>::Id>>;
pub(super) type IdsAnswer<E> = Shared<Vec<<E as Entity>::Id>>;

pub(crate) struct Core<E: Entity> {
    ids: RowHasher,
    pub(super) context: Arc<Context>,
    pub(super) config: RepositoryConfig,
    pub(super) operations: Operations,
    pub(super) flights: Arc<Flights>,
    pub(super) habit: Habit,
    pub(super) ttl: Ttl,
    pub(super) negative_ttl: Ttl,
    pub(super) codec: Codec,
    pub(super) compression: Compression,
    pub(super) level: Level,
    pub(super) stale_for: Duration,
    soft_timeout: Duration,
    pub(super) renewing: Renewing,
    cap: Option<Arc<Semaphore>>,
    row_shape: Shape,
    id_shape: Shape,
    ids_shape: Shape,
    /// What every row's key begins with.
    row_head: String,
    /// What every cached method's key begins with.
    pub(super) call_head: String,
    /// The keys and statements of each index.
    unique: Vec<IndexPlan>,
    list: Vec<IndexPlan>,
    pub(super) conditions: Vec<ConditionPlan>,
    pub(super) loading: Arc<Loading<E>>,
}

/// An index's statements, ids for the look-up and rows for a page, and what its keys begin with.
struct IndexPlan {
    head: String,
    ids: &'static str,
    rows: &'static str,
}

/// How far a read got without asking anyone.
pub(super) enum Approach<T> {
    /// The tier in the process has the answer; and this read is to renew what it has, if there is a word of it.
    Near(T, Option<Due>),
    /// The key to ask for.
    Far(Result<Key>),
}

/// What is to be renewed: its key, and the nonce of the value that is there.
pub(super) struct Due {
    pub(super) key: Key,
    pub(super) nonce: u64,
}

/// Which kind of index a look-up goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Unique,
    List,
}

impl<E: Entity> Core<E> {
    fn new(context: &Arc<Context>, config: RepositoryConfig) -> Self {
        let policy = &context.policy;
        let statements = Statements::of::<E>();
        let table = context.namespace.key().text(E::TABLE);
        let plan = |kind: &str, index: &Index| {
            let columns: Vec<&str> = index
                .columns
                .iter()
                .filter_map(|at| E::COLUMNS.get(*at))
                .map(|column| column.name)
                .collect();
            IndexPlan {
                head: table.clone().text(kind).text(index.name).into_head(),
                ids: statements.ids_by(&columns),
                rows: statements.rows_by(&columns),
            }
        };
        let mut row_shape = RowAnswer::<E>::shape(E::DECLARED);
        row_shape.self_describing |= E::SELF_DESCRIBING;
        let level = config.level.unwrap_or(policy.level);
        context.expects(level);
        Self {
            ids: RowHasher::of::<E>(),
            context: Arc::clone(context),
            operations: Operations::new(&config),
            flights: context.new_flights(),
            habit: Habit::default(),
            ttl: config.ttl.map_or(policy.ttl, Ttl::After),
            negative_ttl: config.negative_ttl.map_or(policy.negative_ttl, Ttl::After),
            codec: config.codec.unwrap_or(policy.codec),
            compression: config.compression.unwrap_or(policy.compression),
            level,
            stale_for: config.stale_on_error.unwrap_or(policy.stale_on_error),
            soft_timeout: config.soft_timeout.unwrap_or(policy.soft_timeout),
            renewing: Renewing {
                beta: config.refresh_ahead.unwrap_or(policy.refresh_ahead),
                revalidate: config.stale_while_revalidate.unwrap_or(policy.stale_while_revalidate),
            },
            cap: config
                .max_loads
                .map(|most| Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)))),
            row_shape,
            id_shape: IdAnswer::<E>::shape("id"),
            ids_shape: IdsAnswer::<E>::shape("ids"),
            row_head: table.clone().text("id").into_head(),
            call_head: table.clone().text("call").into_head(),
            unique: config.unique.iter().map(|index| plan("by", index)).collect(),
            list: config.list.iter().map(|index| plan("list", index)).collect(),
            conditions: config
                .conditions
                .iter()
                .map(|condition| ConditionPlan::new::<E>(&table, condition))
                .collect(),
            config,
            loading: Arc::new(Loading::new()),
        }
    }

    /// A reader whose doings count as those of an operation.
    pub(super) fn reader<'r>(&'r self, operation: &'r Arc<Counters>) -> Reader<'r> {
        Reader {
            context: &self.context,
            flights: &self.flights,
            counters: operation,
            cap: self.cap.as_ref(),
        }
    }

    /// The tier in the process and the moment that it is now, where the level allows to ask it and it can answer.
    fn proven(&self, level: Level) -> Option<(&Tier, Moment)> {
        let (Level::Bounded(bound), Some(tier)) = (level, &self.context.tier) else { return None };
        let proven = tier.proven(bound);
        if proven.is_none() {
            // A level that only a call has asked for: nobody has seen to its beats yet.
            self.context.expects(level);
        }
        Some((tier, proven?))
    }

    /// What the tier in the process has under this key, where the level allows to ask it.
    /// And the nonce of the value, where this read is to renew it.
    pub(super) fn near(
        &self,
        level: Level,
        fingerprint: u64,
        key: &ScratchKey,
    ) -> Option<(Kept, Option<u64>)> {
        let (tier, now) = self.proven(level)?;
        tier.get(key.text()?, fingerprint, now)
    }

    /// Whether a read of this level asks the tier in the process.
    pub(super) fn asks_near(&self, level: Level) -> bool {
        matches!(level, Level::Bounded(_)) && self.context.tier.is_some()
    }

    pub(super) fn approach<A: Answer>(
        &self,
        operation: &Counters,
        level: Level,
        fingerprint: u64,
        key: ScratchKey,
    ) -> Approach<A::Value> {
        let near = self.near(level, fingerprint, &key);
        self.approached::<A>(operation, level, key, near)
    }

    /// The answer, where the tier has given one.
    fn approached<A: Answer>(
        &self,
        operation: &Counters,
        level: Level,
        key: ScratchKey,
        near: Option<(Kept, Option<u64>)>,
    ) -> Approach<A::Value> {
        let Some((value, nonce)) = near.and_then(|(kept, due)| Some((A::recall(kept)?, due)))
        else {
            if self.asks_near(level) {
                operation.tier_misses.up();
            }
            return Approach::Far(key.finish());
        };
        operation.tier_hits.up();
        let due = nonce.and_then(|nonce| Some(Due { key: key.finish().ok()?, nonce }));
        Approach::Near(value, due)
    }

    pub(super) fn approach_row(
        &self,
        operation: &Counters,
        level: Level,
        id: &E::Id,
    ) -> Approach<Option<Arc<E>>> {
        let (row, proven) = (self.row_hash(id), self.proven(level));
        let near = proven.and_then(|(tier, now)| tier.row(row.hash, now));
        match near.map(|(value, due)| (value.downcast::<E>(), due)) {
            Some((Ok(value), due)) if row.is_exact || value.has_id(id) => {
                operation.tier_hits.up();
                let key = |nonce| Some(Due { key: self.row_key(id).ok()?, nonce });
                Approach::Near(Some(value), due.and_then(key))
            }
            None => self.approach_absent(operation, level, (id, row.mark()), proven),
            // It stands where this one would: or the database takes two ids for one.
            Some(_) => self.approach_absent(operation, level, (id, None), proven),
        }
    }

    /// The same for what is none of the rows in the tier.
    #[inline(never)]
    fn approach_absent(
        &self,
        operation: &Counters,
        level: Level,
        (id, mark): (&E::Id, Option<NonZeroU64>),
        proven: Option<(&Tier, Moment)>,
    ) -> Approach<Option<Arc<E>>> {
        let mut key = ScratchKey::begin(&self.row_head);
        key.builder().push_value(id);
        let near =
            proven.and_then(|(tier, now)| tier.get(key.text()?, self.row_shape.fingerprint, now));
        match self.approached::<RowAnswer<E>>(operation, level, key, near) {
            Approach::Near(row, due) => {
                let marked = |due: Due| Due { key: due.key.of_row(mark), ..due };
                Approach::Near(row, due.map(marked))
            }
            Approach::Far(key) => Approach::Far(key.map(|key| key.of_row(mark))),
        }
    }

    #[inline]
    fn row_hash(&self, id: &E::Id) -> RowHash {
        self.ids.hash(id)
    }

    /// Whether a read of this row would be answered by the tier in the process.
    pub(super) fn is_near(&self, level: Level, id: &E::Id) -> bool {
        let (Level::Bounded(bound), Some(tier)) = (level, &self.context.tier) else { return false };
        let (Ok(key), Some(now)) = (self.row_key(id), tier.proven(bound)) else { return false };
        tier.has(&key, self.row_shape.fingerprint, now)
    }

    pub(super) fn approach_index<A: Answer>(
        &self,
        level: Level,
        kind: Kind,
        number: usize,
        value: &impl IndexValue,
    ) -> Approach<A::Value> {
        let mut key = ScratchKey::begin(self.plan(kind, number).map_or("", |plan| &plan.head));
        value.write_key(key.builder());
        let operation = self.operations.look_up(kind, number);
        self.approach::<A>(operation, level, self.look_up_shape(kind).fingerprint, key)
    }

    fn look_up_shape(&self, kind: Kind) -> Shape {
        if kind == Kind::Unique { self.id_shape } else { self.ids_shape }
    }

    pub(super) fn key(&self) -> KeyBuilder {
        self.context.namespace.key().text(E::TABLE)
    }

    pub(super) fn row_key(&self, id: &E::Id) -> Result<Key> {
        let key = self.key().text("id").value(id).finish()?;
        Ok(key.of_row(self.row_hash(id).mark()))
    }

    fn index(&self, kind: Kind, number: usize) -> Option<&'static Index> {
        match kind {
            Kind::Unique => self.config.unique.get(number),
            Kind::List => self.config.list.get(number),
        }
    }

    pub(super) fn index_key(&self, kind: Kind, index: &Index) -> KeyBuilder {
        let kind = match kind {
            Kind::Unique => "by",
            Kind::List => "list",
        };
        self.key().text(kind).text(index.name)
    }

    /// The key under which this row is looked up; `None` where a column of the index is `NULL`.
    pub(super) fn row_index_key(&self, kind: Kind, index: &Index, row: &E) -> Result<Option<Key>> {
        let mut key = self.index_key(kind, index);
        let whole = index.columns.iter().all(|column| row.write_key(*column, &mut key));
        if whole { key.finish().map(Some) } else { Ok(None) }
    }

    /// Whether a row still bears the values that it was looked up by.
    pub(super) fn bears(
        &self,
        row: &E,
        kind: Kind,
        number: usize,
        value: &impl IndexValue,
    ) -> bool {
        let Some(index) = self.index(kind, number) else { return false };
        let mut asked = ScratchKey::begin("");
        value.write_key(asked.builder());
        let mut own = ScratchKey::begin("");
        index.columns.iter().all(|column| row.write_key(*column, own.builder()))
            && own.text().is_some_and(|own| asked.text() == Some(own))
    }

    fn plan(&self, kind: Kind, number: usize) -> Option<&IndexPlan> {
        let all = match kind {
            Kind::Unique => &self.unique,
            Kind::List => &self.list,
        };
        all.get(number)
    }

    pub(super) fn sql(&self, kind: Kind, number: usize) -> Option<(&'static str, &'static str)> {
        self.plan(kind, number).map(|plan| (plan.ids, plan.rows))
    }

    pub(super) fn row_fingerprint(&self) -> u64 {
        self.row_shape.fingerprint
    }

    pub(super) fn row_spec(&self, level: Level, key: Key) -> Spec {
        self.spec(level, key, (self.row_shape, Form::of::<RowAnswer<E>>()))
    }

    pub(super) fn look_up_spec(&self, level: Level, kind: Kind, key: Key) -> Spec {
        let form = match kind {
            Kind::Unique => Form::of::<IdAnswer<E>>(),
            Kind::List => Form::of::<IdsAnswer<E>>(),
        };
        self.spec(level, key, (self.look_up_shape(kind), form))
    }

    pub(super) fn spec(&self, level: Level, key: Key, (shape, form): (Shape, Form)) -> Spec {
        Spec {
            key,
            tags: Vec::new(),
            ttl: self.ttl,
            negative_ttl: self.negative_ttl,
            codec: self.codec,
            compression: self.compression,
            shape,
            form,
            level,
            stale_for: self.stale_for,
            soft_timeout: self.soft_timeout,
            renewing: self.renewing,
            process_only: false,
        }
    }

    /// Every key that a change of a row makes wrong. The row itself and its tags count as changed in any case: a column
    /// outside the entity may be what changed.
    pub(super) fn keys_of(&self, change: &Change<E>) -> Result<Vec<Key>> {
        let (old, new) = (change.old.as_ref(), change.new.as_ref());
        let sides = || old.into_iter().chain(new);
        let mut keys = BTreeSet::new();
        for row in sides() {
            keys.insert(self.row_key(&row.id())?);
            for template in self.config.tags {
                keys.extend(self.tag_of(template.pieces, row)?);
            }
            for key in self.condition_keys(row) {
                keys.extend(key?);
            }
        }
        for (kind, index) in self.indexes() {
            let key =
                |row: Option<&E>| row.map_or(Ok(None), |row| self.row_index_key(kind, index, row));
            let (before, after) = (key(old)?, key(new)?);
            if before != after || old.map(E::id) != new.map(E::id) {
                keys.extend(before.into_iter().chain(after));
            }
        }
        keys.insert(self.table_tag()?);
        Ok(keys.into_iter().collect())
    }

    /// Those of them that are known without the row.
    pub(super) fn keys_ahead(&self, id: &E::Id) -> Result<Vec<Key>> {
        Ok(vec![self.row_key(id)?, self.table_tag()?])
    }

    /// What a statement says of the keys that are held for it.
    pub(super) fn held(&self) -> Option<&str> {
        Some(self.context.namespace.as_str())
    }

    /// The tag that every change of a row holds.
    pub(super) fn table_tag(&self) -> Result<Key> {
        self.context.namespace.tag().text(E::TABLE).finish()
    }

    /// The look-ups, then the lists.
    pub(super) fn indexes(&self) -> impl Iterator<Item = (Kind, &'static Index)> {
        let unique = self.config.unique.iter().map(|index| (Kind::Unique, index));
        unique.chain(self.config.list.iter().map(|index| (Kind::List, index)))
    }

    pub(super) fn tag_of(&self, pieces: &[TagPiece], row: &E) -> Result<Option<Key>> {
        let mut tag = self.context.namespace.tag();
        for piece in pieces {
            match piece {
                TagPiece::Text(text) => tag.push_text(text),
                TagPiece::Column(column) => {
                    if !row.write_key(*column, &mut tag) {
                        return Ok(None);
                    }
                }
            }
        }
        tag.finish().map(Some)
    }

    /// Places in [`Entity::COLUMNS`] that stand in keys: some look-up goes by them, a tag names them, or a condition compares
    /// them.
    pub(super) fn keyed(&self) -> BTreeSet<usize> {
        let all = self.config.unique.iter().chain(self.config.list);
        let looked_up = all.flat_map(|index| index.columns).copied();
        let tagged =
            self.config.tags.iter().flat_map(|tag| tag.pieces).filter_map(|piece| match piece {
                TagPiece::Column(column) => Some(*column),
                TagPiece::Text(_) => None,
            });
        looked_up.chain(tagged).chain(self.compared()).collect()
    }
}

/// The arguments of a look-up's query.
pub(super) fn look_up_arguments(value: &impl IndexValue) -> sqlx::Result<PgArguments> {
    let mut arguments = PgArguments::default();
    value.bind(&mut arguments).map_err(sqlx::Error::Encode)?;
    Ok(arguments)
}

impl<E: Entity> fmt::Debug for Core<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("config", &self.config).finish_non_exhaustive()
    }
}

/// The cores under one manager, found by their slot's number without a lock.
#[derive(Default)]
pub(crate) struct Registry {
    places: Places<Box<dyn Any + Send + Sync>>,
    counters: Mutex<Vec<(&'static str, Arc<AllCounters>)>>,
}

impl Registry {
    pub(crate) fn core<R: CachedRepository>(manager: &CacheManager) -> &Arc<Core<R::Entity>> {
        let registry = manager.registry();
        let place = registry.places.place(R::slot().number());
        let core = place.get_or_init(|| {
            let core = Arc::new(Core::<R::Entity>::new(manager.context(), R::CONFIG));
            let mut counters = registry.counters.lock().unwrap_or_else(PoisonError::into_inner);
            counters.push((R::CONFIG.name, Arc::clone(&core.operations.all)));
            Box::new(core)
        });
        #[expect(clippy::expect_used, reason = "a slot belongs to one repository type")]
        place_of(&**core).expect("two repository types share one `Slot`: give each its own")
    }

    /// The counters of each repository that was used, by its name.
    pub(crate) fn counters(&self) -> Vec<(&'static str, Arc<AllCounters>)> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn place_of<T: 'static>(core: &(dyn Any + Send + Sync)) -> Option<&T> {
    core.downcast_ref()
}
