//! What the scripts answer, in our words.

use std::collections::HashMap;

use bytes::Bytes;
use redis::Value;

use super::super::RedisCache;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::port::{DeadLetter, Pending, QueuedWrite};

pub(super) fn pending(cache: &RedisCache, answer: Value) -> Result<Pending> {
    let fields = match answer {
        Value::Int(_) | Value::Nil => return Ok(Pending::Nothing),
        fields => Fields::of(cache, fields)?,
    };
    if fields.0.is_empty() {
        return Ok(Pending::Lost);
    }
    Ok(fields.value().map_or(Pending::Deleted, Pending::Value))
}

pub(super) fn taken(cache: &RedisCache, answer: Value) -> Result<Vec<QueuedWrite>> {
    let entries: Vec<(String, u64, Value)> = cache.read(answer)?;
    entries
        .into_iter()
        .map(|(id, deliveries, fields)| Fields::of(cache, fields)?.write(&id, deliveries))
        .collect()
}

pub(super) fn dead_letter(cache: &RedisCache, answer: Value) -> Result<DeadLetter> {
    let (letter, fields): (String, Value) = cache.read(answer)?;
    let fields = Fields::of(cache, fields)?;
    let reason = String::from_utf8_lossy(&fields.get("r")?).into_owned();
    let (tries, died) = (fields.number("t")?, fields.number("w")?);
    let tries = u32::try_from(tries).unwrap_or(u32::MAX);
    let write = fields.write("0-0", 0)?;
    Ok(DeadLetter::new(letter, write, reason, tries, died.saturating_mul(1000)))
}

/// The fields of an entry.
struct Fields(HashMap<String, Bytes>);

impl Fields {
    fn of(cache: &RedisCache, answer: Value) -> Result<Self> {
        let flat: Vec<Bytes> = cache.read(answer)?;
        let pairs = flat.chunks_exact(2).filter_map(|pair| match pair {
            [name, value] => Some((String::from_utf8_lossy(name).into_owned(), value.clone())),
            _ => None,
        });
        Ok(Self(pairs.collect()))
    }

    fn get(&self, name: &str) -> Result<Bytes> {
        self.0.get(name).cloned().ok_or_else(|| strange(name))
    }

    fn number(&self, name: &str) -> Result<u64> {
        let text = self.get(name)?;
        str::from_utf8(&text).ok().and_then(|text| text.parse().ok()).ok_or_else(|| strange(name))
    }

    /// `None` for a delete.
    fn value(&self) -> Option<Bytes> {
        let deletes = self.0.get("d").is_some_and(|mark| mark == "1");
        if deletes { None } else { self.0.get("v").cloned() }
    }

    fn write(&self, id: &str, deliveries: u64) -> Result<QueuedWrite> {
        let place = id.split('-').next().and_then(|place| place.parse().ok());
        let key = self.get("k")?;
        Ok(QueuedWrite {
            place: place.ok_or_else(|| strange("id"))?,
            version: self.number("n")?,
            deliveries,
            key: Key::from_text(str::from_utf8(&key).map_err(|_| strange("k"))?),
            id: self.get("i")?,
            value: self.value(),
        })
    }
}

fn strange(field: &str) -> Error {
    Error::new(
        ErrorKind::Backend,
        format!(
            "an entry in the stream of a write-behind has no proper field `{field}`: something else has written there"
        ),
    )
}
