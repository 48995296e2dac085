//! How values become bytes, and come back.

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
    if codec == Codec::Postcard
        && let Some(payload) = postcard_that_survives(value)
    {
        return Some(Body::Encoded { codec: Codec::Postcard, payload: payload.into() });
    }
    let payload = serde_json::to_vec(value).ok()?;
    serde_json::from_slice::<T>(&payload).ok()?;
    Some(Body::Encoded { codec: Codec::Json, payload: payload.into() })
}

fn postcard_that_survives<T: Serialize + DeserializeOwned>(value: &T) -> Option<Vec<u8>> {
    let payload = postcard::to_stdvec(value).ok()?;
    let (again, rest) = postcard::take_from_bytes::<T>(&payload).ok()?;
    // A map may come back in another order, so lengths are compared and not bytes.
    let same = rest.is_empty() && postcard::to_stdvec(&again).ok()?.len() == payload.len();
    same.then_some(payload)
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
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Patchy {
        #[serde(skip_serializing_if = "Option::is_none", default)]
        first: Option<u8>,
        second: Vec<u8>,
    }

    fn round_trip<T: Serialize + DeserializeOwned>(value: &T) -> (Codec, T) {
        match encode(value, Codec::Postcard) {
            Some(Body::Encoded { codec, payload }) => (codec, decode(codec, &payload).unwrap()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_value_that_does_not_survive_postcard_is_written_as_json() {
        let patchy = Patchy { first: None, second: vec![1, 2] };
        assert_eq!(round_trip(&patchy), (Codec::Json, patchy));
        let value = serde_json::json!({"a": [1, null]});
        assert_eq!(round_trip(&value), (Codec::Json, value));
        assert_eq!(round_trip(&(1_u8, "x".to_owned())).0, Codec::Postcard);
    }

    #[test]
    fn a_value_that_nothing_carries_is_not_written() {
        assert_eq!(encode(&f64::NAN, Codec::Json), None);
    }

    #[test]
    fn values_that_differ_are_never_the_same() {
        assert!(same(&1, &1));
        assert!(!same(&1, &2));
        assert!(!same(&Some(f64::NAN), &None));
        let patchy = |first, second: &[u8]| Patchy { first, second: second.to_vec() };
        assert!(!same(&patchy(None, &[0]), &patchy(Some(0), &[])));
    }

    #[test]
    fn bytes_that_are_left_over_make_no_value() {
        assert_eq!(decode::<u8>(Codec::Postcard, &[1, 2]), None);
        assert_eq!(decode::<u8>(Codec::Postcard, &[]), None);
        assert_eq!(decode::<u8>(Codec::Json, b"1 2"), None);
    }
}
