//! How values become bytes, and come back.

#[cfg(feature = "msgpack")]
mod messagepack;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::entry::Body;
use crate::policy::Codec;

/// The value as an entry's body; `None` where no codec carries it.
///
/// What is written is read back once before it is trusted: a type that writes what it cannot read (`serde(flatten)`,
/// `skip_serializing_if` and the like under a codec that does not name its fields) is written as JSON instead. This
/// costs a decode for each fill, and no read ever gets a value that was not put in.
pub(crate) fn encode<T: Serialize + DeserializeOwned>(value: &T, codec: Codec) -> Option<Body> {
    let first = match codec {
        Codec::Json => None,
        Codec::Postcard => postcard_that_survives(value),
        #[cfg(feature = "msgpack")]
        Codec::MessagePack => messagepack::that_survives(value),
    };
    if let Some(payload) = first {
        return Some(Body::Encoded { codec, payload: payload.into() });
    }
    let payload = serde_json::to_vec(value).ok()?;
    let again = serde_json::from_slice::<T>(&payload).ok()?;
    is_as_long(value, &again).then(|| Body::Encoded { codec: Codec::Json, payload: payload.into() })
}

fn postcard_that_survives<T: Serialize + DeserializeOwned>(value: &T) -> Option<Vec<u8>> {
    // Its size is known before it is written: the buffer does not have to grow.
    let size = postcard_size(value)?;
    let payload = postcard::to_extend(value, Vec::with_capacity(size)).ok()?;
    let (again, rest) = postcard::take_from_bytes::<T>(&payload).ok()?;
    // A map may come back in another order, so lengths are compared and not bytes.
    let same = rest.is_empty() && postcard_size(&again)? == payload.len();
    same.then_some(payload)
}

fn postcard_size<T: Serialize>(value: &T) -> Option<usize> {
    postcard::serialize_with_flavor(value, postcard::ser_flavors::Size::default()).ok()
}

/// Whether a value that came back out of a codec with one word for several nothings (JSON's `null`, MessagePack's nil)
/// is still as long as it was to a codec that tells them apart: `Some(None)` comes back as `None`, and in JSON
/// `Some(NaN)` too.
fn is_as_long<T: Serialize>(value: &T, again: &T) -> bool {
    postcard_size(value) == postcard_size(again)
}

/// Whether two values are the same to every codec. Each alone can be blind: JSON writes "not a number" as it writes
/// "nothing", and postcard does not name the fields that a type leaves out.
pub(crate) fn same<T: Serialize>(one: &T, other: &T) -> bool {
    let postcard = |value| postcard::to_stdvec(value).ok();
    let json = |value| serde_json::to_vec(value).ok();
    let known = json(one).is_some_and(|one| json(other) == Some(one));
    known && postcard(one) == postcard(other)
}

/// The value in these bytes; `None` where they make none.
pub(crate) fn decode<T: DeserializeOwned>(codec: Codec, payload: &[u8]) -> Option<T> {
    match codec {
        Codec::Postcard => {
            let (value, rest) = postcard::take_from_bytes(payload).ok()?;
            rest.is_empty().then_some(value)
        }
        Codec::Json => serde_json::from_slice(payload).ok(),
        #[cfg(feature = "msgpack")]
        Codec::MessagePack => messagepack::decode(payload),
    }
}

#[cfg(test)]
mod tests;
