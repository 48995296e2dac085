//! MessagePack with the names of fields, so that a type may leave some out, or ask the data what it is.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::is_as_long;

/// As deep as JSON goes: the stack is not endless.
const DEEPEST: usize = 128;

pub(super) fn that_survives<T: Serialize + DeserializeOwned>(value: &T) -> Option<Vec<u8>> {
    let payload = rmp_serde::to_vec_named(value).ok()?;
    let again = decode::<T>(&payload)?;
    // A map may come back in another order, so lengths are compared and not bytes.
    let same = rmp_serde::to_vec_named(&again).ok()?.len() == payload.len();
    (same && is_as_long(value, &again)).then_some(payload)
}

pub(super) fn decode<T: DeserializeOwned>(payload: &[u8]) -> Option<T> {
    let mut rest = payload;
    let mut reading = rmp_serde::Deserializer::new(&mut rest);
    reading.set_max_depth(DEEPEST);
    let value = T::deserialize(&mut reading).ok()?;
    rest.is_empty().then_some(value)
}
