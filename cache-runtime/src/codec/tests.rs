use serde::Deserialize;

use super::*;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Patchy {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    first: Option<u8>,
    second: Vec<u8>,
}

fn round_trip<T: Serialize + DeserializeOwned>(value: &T) -> (Codec, T) {
    round_trip_with(value, Codec::Postcard)
}

fn round_trip_with<T: Serialize + DeserializeOwned>(value: &T, codec: Codec) -> (Codec, T) {
    match encode(value, codec) {
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

#[test]
fn a_nothing_that_json_takes_for_another_is_not_written() {
    assert_eq!(encode(&Some(f64::NAN), Codec::Json), None);
    assert_eq!(encode(&Some(None::<u8>), Codec::Json), None);
    assert!(encode(&None::<Option<u8>>, Codec::Json).is_some());
    assert!(encode(&Some(Some(1_u8)), Codec::Json).is_some());
}

#[cfg(feature = "msgpack")]
mod messagepack {
    use std::collections::{BTreeMap, HashMap};

    use super::*;

    const MSGPACK: Codec = Codec::MessagePack;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(i64),
        Text(String),
        Pair { left: u8, right: u8 },
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Flat {
        id: i64,
        #[serde(flatten)]
        rest: BTreeMap<String, Either>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Kind {
        Town,
        City(u8),
        Pair(u8, String),
        Capital { of: String },
    }

    #[test]
    fn it_carries_what_it_is_given() {
        let patchy = Patchy { first: None, second: vec![1, 2] };
        assert_eq!(round_trip_with(&patchy, MSGPACK), (MSGPACK, patchy));
        let json = serde_json::json!({"a": [1, null, -2.5, {"b": "c"}], "d": true});
        assert_eq!(round_trip_with(&json, MSGPACK), (MSGPACK, json));
        let rest = [
            ("n".to_owned(), Either::Number(-7)),
            ("t".to_owned(), Either::Text("x".to_owned())),
            ("p".to_owned(), Either::Pair { left: 1, right: 2 }),
        ];
        let flat = Flat { id: i64::MIN, rest: rest.into() };
        assert_eq!(round_trip_with(&flat, MSGPACK), (MSGPACK, flat));
        let kinds = vec![
            Kind::Town,
            Kind::City(200),
            Kind::Pair(1, "é".to_owned()),
            Kind::Capital { of: "FR".to_owned() },
        ];
        assert_eq!(round_trip_with(&kinds, MSGPACK), (MSGPACK, kinds));
        let map: HashMap<i32, Option<u64>> = [(-1, Some(u64::MAX)), (2, None)].into();
        assert_eq!(round_trip_with(&map, MSGPACK), (MSGPACK, map));
    }

    #[test]
    fn it_carries_not_a_number_where_json_does_not() {
        let (codec, value) = round_trip_with(&vec![Some(f64::NAN), None], MSGPACK);
        assert_eq!(codec, MSGPACK);
        assert!(matches!(value[..], [Some(number), None] if number.is_nan()));
    }

    #[test]
    fn one_nothing_is_never_taken_for_another() {
        // Nor by JSON, which comes next.
        assert_eq!(encode(&Some(None::<u8>), MSGPACK), None);
    }

    #[test]
    fn bytes_that_are_left_over_or_missing_or_rubbish_make_no_value() {
        let value = ("abc".to_owned(), vec![1_u64, 300, 70_000], Some(-5_i64));
        let payload = rmp_serde::to_vec_named(&value).unwrap();
        type Value = (String, Vec<u64>, Option<i64>);
        assert_eq!(decode::<Value>(MSGPACK, &payload), Some(value));
        for length in 0..payload.len() {
            assert_eq!(decode::<Value>(MSGPACK, &payload[..length]), None, "cut to {length}");
        }
        assert_eq!(decode::<Value>(MSGPACK, &[&payload[..], &[0]].concat()), None);
        // Four gigabytes of text, of bytes, of numbers, in five bytes.
        for marker in [0xDB, 0xC6, 0xDD, 0xDF] {
            let bomb = [marker, 0xFF, 0xFF, 0xFF, 0xFF];
            assert_eq!(decode::<String>(MSGPACK, &bomb), None);
            assert_eq!(decode::<Vec<u64>>(MSGPACK, &bomb), None);
            assert_eq!(decode::<serde_json::Value>(MSGPACK, &bomb), None);
        }
        // A list in a list in a list, and so on: no stack is that deep.
        assert_eq!(decode::<serde_json::Value>(MSGPACK, &vec![0x91; 1 << 20]), None);
        let mut rng = fastrand::Rng::with_seed(5);
        for _ in 0..20_000 {
            let length = rng.usize(..40);
            let bytes: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(length).collect();
            let _ = decode::<Value>(MSGPACK, &bytes);
            let _ = decode::<serde_json::Value>(MSGPACK, &bytes);
        }
    }
}
