//! Lists of the rows that meet a condition: whole rows in one entry, as one statement found them.
//!
//! A change of a row makes a list wrong where the old or the new row meets its condition. Where all parameters follow from
//! the row (`country = $country`), so does the key of the list, and a write holds that key. Where they do not
//! (`population >= $min`), one row stands in lists without number: these bear a tag, which is held by every write whose
//! row meets the condition with *some* value of the parameter. Buckets make several tags of it.

use std::marker::PhantomData;
use std::sync::Arc;

use super::Repository;
use super::config::{CachedRepository, Condition};
use super::core::{Approach, Core, Due, look_up_arguments};
use super::explain::Explanation;
use super::page::Page;
use super::read::{Load, LookUp, carried, no_such_index};
use super::share::{own, sharing};
use sqlx::postgres::PgPool;

use crate::codec;
use crate::entry::Body;
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, KeyBuilder, ScratchKey};
use crate::mind::{Answer, AnyAnswer, Form, Kept, Spec, Whole};
use crate::policy::Codec;
use crate::postgres::watch::{KeyText, Piece};
use crate::postgres::{self, Entity, IndexValue, Statements, When, order_by};
use crate::shape::Shape;

/// Stands behind the name of a list in its tags, where its keys have a value.
const ANY: &str = "any";

/// The rows of a list, shared with everyone who asks for it; written like a `Vec` of rows.
pub(super) struct Listed<E>(PhantomData<fn() -> E>);

type Rows<E> = Arc<Vec<Arc<E>>>;

impl<E: Entity> Answer for Listed<E> {
    type Value = Rows<E>;

    fn shape(declared: &str) -> Shape {
        Shape::of::<Vec<E>>(declared)
    }

    fn encode(answer: &AnyAnswer, codec: Codec) -> Option<Body> {
        let rows: &Vec<Arc<E>> = answer.value()?;
        codec::encode(&rows.iter().map(|row| E::clone(row)).collect::<Vec<E>>(), codec)
    }

    fn decode(body: &Body) -> Option<Rows<E>> {
        let rows = Whole::<Vec<E>>::decode(body)?;
        Some(Arc::new(rows.into_iter().map(Arc::new).collect()))
    }

    fn erase(rows: Rows<E>) -> AnyAnswer {
        AnyAnswer::shared(rows)
    }

    fn restore(answer: AnyAnswer) -> Option<Rows<E>> {
        answer.into_shared()
    }

    fn recall(kept: Kept) -> Option<Rows<E>> {
        match kept {
            Kept::Shared(rows) => rows.downcast().ok(),
            Kept::Nothing | Kept::Encoded(_) => None,
        }
    }
}

/// A list's statement, and the keys that a row's change makes wrong.
pub(super) struct ConditionPlan {
    condition: &'static Condition,
    /// What its keys begin with.
    head: String,
    rows: &'static str,
    shape: Shape,
    /// Parameters and the columns that they are equal to, in the order of the parameters.
    pinned: Vec<(usize, usize)>,
    /// What a change is asked for, and what then follows the pinned values in the key that it holds.
    held: Vec<(When, Option<usize>)>,
    /// Whether that key is a tag of the list, and not the list's own.
    tagged: bool,
}

impl ConditionPlan {
    /// `table` is what every key of the table begins with.
    pub(super) fn new<E: Entity>(table: &KeyBuilder, condition: &'static Condition) -> Self {
        let test = &condition.test;
        let mut pinned = test.pinned();
        pinned.sort_unstable();
        let tagged = pinned.len() < condition.parameters.len();
        let held = match &condition.buckets {
            Some(buckets) if tagged => (0..=buckets.bounds.len())
                .map(|number| {
                    let bucket = Some((buckets.parameter, buckets.between(number)));
                    (When { test, bucket }, Some(number))
                })
                .collect(),
            _ => vec![(When { test, bucket: None }, None)],
        };
        let rows = Statements::of::<E>().rows_where(
            &test.sql(E::COLUMNS),
            &order_by(condition.order, E::COLUMNS),
            condition.parameters.len(),
        );
        // A list that is meant otherwise in another version of the program is a miss there.
        let limit = condition.limit.map_or_else(String::new, |limit| limit.to_string());
        let declared = format!("{} {rows} {limit}", E::DECLARED);
        let mut shape = Listed::<E>::shape(&declared);
        shape.self_describing |= E::SELF_DESCRIBING;
        let head = table.clone().text("where").text(condition.name).into_head();
        Self { condition, head, rows, shape, pinned, held, tagged }
    }

    /// What the keys that a write holds begin with.
    fn held_head(&self) -> String {
        if self.tagged { format!("{}:{ANY}", self.head) } else { self.head.clone() }
    }

    /// What a change of this row makes wrong, asked for one after the other: the list or a tag of it, or none.
    fn keys<E: Entity>(&self, row: &E) -> impl Iterator<Item = Result<Option<Key>>> {
        self.held.iter().map(|(when, bucket)| {
            if !when.may_hold(row) {
                return Ok(None);
            }
            let mut key = ScratchKey::begin(&self.held_head());
            let builder = key.builder();
            if !self.pinned.iter().all(|(_, column)| row.write_key(*column, builder)) {
                return Ok(None);
            }
            if let Some(bucket) = bucket {
                builder.push_text(&bucket.to_string());
            }
            key.finish().map(Some)
        })
    }

    /// The keys as the triggers write them, in the order in which [`keys`](Self::keys) asks.
    fn texts(&self) -> impl Iterator<Item = KeyText> {
        self.held.iter().map(|(when, bucket)| {
            let mut pieces = Vec::new();
            for (_, column) in &self.pinned {
                pieces.extend([Piece::Text(":=".to_owned()), Piece::Column(*column)]);
            }
            pieces.extend(bucket.map(|bucket| Piece::Text(format!(":{bucket}"))));
            KeyText { head: self.held_head(), pieces, is_name: false, when: Some(*when) }
        })
    }

    /// The statement of the list with these values of its parameters.
    fn look_up(&self, pool: &PgPool, value: &impl IndexValue) -> LookUp {
        let whole = Page::all().at_most(self.condition.limit);
        let arguments = look_up_arguments(value).and_then(|arguments| whole.bound(arguments));
        LookUp { pool: pool.clone(), sql: Ok(self.rows), arguments }
    }

    /// The key of the list with these values of its parameters.
    fn key(&self, value: &impl IndexValue) -> ScratchKey {
        let mut key = ScratchKey::begin(&self.head);
        value.write_key(key.builder());
        key
    }

    /// The tags of that list.
    fn tags(&self, value: &impl IndexValue) -> Result<Vec<Key>> {
        if !self.tagged {
            return Ok(Vec::new());
        }
        let mut values = ScratchKey::begin("");
        value.write_key(values.builder());
        let text = values.text().unwrap_or_default().to_owned();
        // What refused to be written fails with a message.
        values.finish()?;
        let values: Vec<&str> = text.split(":=").skip(1).collect();
        let given = |parameter: usize| values.get(parameter).copied().unwrap_or_default();
        let mut tag = self.held_head();
        for (parameter, _) in &self.pinned {
            tag.push_str(":=");
            tag.push_str(given(*parameter));
        }
        if let Some(buckets) = &self.condition.buckets {
            let number = given(buckets.parameter).parse().map_or(0, |value| buckets.number(value));
            tag.push_str(&format!(":{number}"));
        }
        Ok(vec![Key::from_text(&tag)])
    }
}

impl<E: Entity> Core<E> {
    /// The lists by condition that this row may stand in, or the tags that they bear: each asked for in a fixed order.
    pub(super) fn condition_keys(&self, row: &E) -> impl Iterator<Item = Result<Option<Key>>> {
        self.conditions.iter().flat_map(|plan| plan.keys(row))
    }

    /// As the triggers write them.
    pub(super) fn condition_texts(&self) -> Vec<KeyText> {
        self.conditions.iter().flat_map(ConditionPlan::texts).collect()
    }

    /// The columns whose values the conditions compare.
    pub(super) fn compared(&self) -> impl Iterator<Item = usize> {
        self.conditions.iter().flat_map(|plan| {
            let pinned = plan.pinned.iter().map(|(_, column)| *column);
            plan.condition.test.compared().into_iter().chain(pinned)
        })
    }
}

impl<R: CachedRepository> Repository<'_, R> {
    /// A page of the rows that meet the condition of this number, in the list's order: from one entry, which holds what one
    /// statement found.
    ///
    /// # Errors
    /// Those of the plain query.
    pub async fn list_where(
        &self,
        number: usize,
        value: impl IndexValue,
        page: Page,
    ) -> sqlx::Result<Vec<Arc<R::Entity>>> {
        type Found<R> = Listed<<R as CachedRepository>::Entity>;
        let core = self.core;
        let plan = core.conditions.get(number).ok_or_else(|| no_such_index(number))?;
        let level = core.level.here();
        let operation = core.operations.condition(number);
        let reader = core.reader(operation);
        let form = (plan.shape, Form::of::<Found<R>>());
        let (fingerprint, nearest) = (plan.shape.fingerprint, plan.key(&value));
        let far = match core.approach::<Found<R>>(operation, level, fingerprint, nearest) {
            Approach::Near(rows, None) => return Ok(page.of(&rows).to_vec()),
            Approach::Near(rows, Some(Due { key, nonce })) => {
                if let Ok(tags) = plan.tags(&value) {
                    let look_up = plan.look_up(self.host.db(), &value);
                    let spec = Spec { tags, ..core.spec(level, key, form) };
                    reader.renew_near(spec, nonce, sharing(), listed::<R::Entity>(look_up));
                }
                return Ok(page.of(&rows).to_vec());
            }
            Approach::Far(key) => key.and_then(|key| Ok((key, plan.tags(&value)?))),
        };
        let look_up = plan.look_up(self.host.db(), &value);
        let load = listed::<R::Entity>(look_up);
        let answer = match far {
            Ok((key, tags)) => {
                let spec = Spec { tags, ..core.spec(level, key, form) };
                reader.read(&spec, sharing(), (load, carried())).await?
            }
            Err(error) => {
                reader.failed("writing a key", &error);
                reader.load_alone(None, own, load).await?
            }
        };
        let rows = answer.into_answer::<Found<R>>();
        Ok(page.of(&rows).to_vec())
    }
}

impl<R: CachedRepository> Repository<'_, R> {
    /// Where [`list_where`](Self::list_where) would find this list now. Changes nothing, and counts as no read.
    pub async fn explain_where(&self, number: usize, value: impl IndexValue) -> Explanation {
        let core = self.core;
        let level = core.level.here();
        let Some(plan) = core.conditions.get(number) else {
            let error = Error::new(ErrorKind::Config, no_such_index(number).to_string());
            return self.explained(false, Err(error)).await;
        };
        let near = core.near(level, plan.shape.fingerprint, &plan.key(&value)).is_some();
        let spec = || {
            let tags = plan.tags(&value)?;
            let form = (plan.shape, Form::of::<Listed<R::Entity>>());
            Ok(Spec { tags, ..core.spec(level, plan.key(&value).finish()?, form) })
        };
        self.explained(near, spec()).await
    }
}

fn listed<E: Entity>(look_up: LookUp) -> Load {
    look_up.load(|pool, sql, arguments| async move {
        let rows = postgres::Rows::<E>::rows_by(&pool, sql, arguments).await?;
        Ok(Listed::<E>::erase(Arc::new(rows.into_iter().map(Arc::new).collect())))
    })
}

/// The statement of a page of a list.
pub(super) fn page_query<E: Entity>(
    core: &Core<E>,
    number: usize,
    value: &impl IndexValue,
    page: Page,
) -> sqlx::Result<(&'static str, sqlx::postgres::PgArguments)> {
    let plan = core.conditions.get(number).ok_or_else(|| no_such_index(number))?;
    let arguments = page.at_most(plan.condition.limit).bound(look_up_arguments(value)?)?;
    Ok((plan.rows, arguments))
}
