#![expect(dead_code, reason = "the types are only traced")]

use std::collections::HashMap;
use std::num::NonZeroU32;

use serde::Deserialize;

use super::Shape;

fn print<T: serde::de::DeserializeOwned>() -> u64 {
    Shape::of::<T>("").fingerprint
}

/// One name, different shapes: each module's `City` would decode another's bytes to nonsense.
macro_rules! shapes {
    ($($module:ident { $($item:item)* })*) => {
        $(mod $module { use super::*; $(#[derive(Deserialize)] $item)* })*
        fn prints() -> Vec<(&'static str, u64)> {
            vec![$((stringify!($module), print::<$module::City>())),*]
        }
    };
}

shapes! {
    base { pub(super) struct City { id: i64, place: Place, kind: Kind } struct Place { lat: f64, lon: f64 } enum Kind { Town, City(u8), Capital { of: String } } }
    other_number { pub(super) struct City { id: i32, place: Place, kind: Kind } struct Place { lat: f64, lon: f64 } enum Kind { Town, City(u8), Capital { of: String } } }
    other_field_name { pub(super) struct City { id: i64, site: Place, kind: Kind } struct Place { lat: f64, lon: f64 } enum Kind { Town, City(u8), Capital { of: String } } }
    nested_order { pub(super) struct City { id: i64, place: Place, kind: Kind } struct Place { lon: f64, lat: f64 } enum Kind { Town, City(u8), Capital { of: String } } }
    nested_type { pub(super) struct City { id: i64, place: Place, kind: Kind } struct Place { lat: f64, lon: f32 } enum Kind { Town, City(u8), Capital { of: String } } }
    variant_payload { pub(super) struct City { id: i64, place: Place, kind: Kind } struct Place { lat: f64, lon: f64 } enum Kind { Town, City(u16), Capital { of: String } } }
    variant_order { pub(super) struct City { id: i64, place: Place, kind: Kind } struct Place { lat: f64, lon: f64 } enum Kind { City(u8), Town, Capital { of: String } } }
    variant_field { pub(super) struct City { id: i64, place: Place, kind: Kind } struct Place { lat: f64, lon: f64 } enum Kind { Town, City(u8), Capital { of: u64 } } }
    optional { pub(super) struct City { id: Option<i64>, place: Place, kind: Kind } struct Place { lat: f64, lon: f64 } enum Kind { Town, City(u8), Capital { of: String } } }
    behind_a_refusal { pub(super) struct City { id: NonZeroU32, place: Place, kind: Kind } struct Place { lat: f64, lon: f64 } enum Kind { Town, City(u8), Capital { of: String } } }
    in_a_list { pub(super) struct City { id: i64, place: Vec<Place>, kind: Kind } struct Place { lat: f64, lon: f64 } enum Kind { Town, City(u8), Capital { of: String } } }
    in_a_map { pub(super) struct City { id: i64, place: HashMap<String, Place>, kind: Kind } struct Place { lat: f64, lon: f64 } enum Kind { Town, City(u8), Capital { of: String } } }
}

#[test]
fn any_change_of_a_type_changes_its_fingerprint() {
    let prints = prints();
    for (at, (name, print)) in prints.iter().enumerate() {
        for (other_name, other) in &prints[..at] {
            assert_ne!(print, other, "{name} and {other_name}");
        }
    }
}

/// What comes behind a part that has to be whole first.
macro_rules! behind {
    ($($module:ident { $($item:item)* })*) => {
        $(mod $module { use super::*; $(#[derive(Deserialize, PartialEq, Eq, Hash)] $item)* })*
        fn prints_behind() -> Vec<Vec<u64>> {
            vec![$(vec![
                print::<($module::Pair, $module::Number)>(),
                print::<(Day, $module::Pair)>(),
                print::<Vec<($module::Kind, $module::Number)>>(),
                print::<HashMap<$module::Pair, $module::Number>>(),
                print::<HashMap<String, ($module::Boxed, $module::Kind)>>(),
                print::<Result<(Day, Stubborn, $module::Number), [$module::Pair; 4]>>(),
            ]),*]
        }
    };
}

behind! {
    first { pub(super) struct Pair { a: String, b: i64 } pub(super) enum Kind { Of(Pair), None } pub(super) struct Number(i64); pub(super) enum Boxed { In(Box<Boxed>, i8), Out } }
    second { pub(super) struct Pair { b: i64, a: String } pub(super) enum Kind { None, Of(Pair) } pub(super) struct Number(u64); pub(super) enum Boxed { Out, In(Box<Boxed>, i8) } }
}

/// Takes no text but one.
#[derive(PartialEq, Eq, Hash)]
struct Day;

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(from)?;
        if text == "2000-01-01" { Ok(Self) } else { Err(serde::de::Error::custom("no day")) }
    }
}

/// Takes nothing.
struct Stubborn;

impl<'de> Deserialize<'de> for Stubborn {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?;
        Err(serde::de::Error::custom("never"))
    }
}

#[test]
fn what_stands_behind_a_part_that_refuses_what_it_is_given_changes_the_fingerprint() {
    let prints = prints_behind();
    for (at, (one, other)) in prints[0].iter().zip(&prints[1]).enumerate() {
        assert_ne!(one, other, "{at}");
    }
    assert_eq!(prints, prints_behind());
}

/// The compiler's name for a type is not the same in every build, so it stands in only where nothing else tells it.
#[test]
fn a_name_of_the_compiler_s_is_no_part_of_a_fingerprint_that_is_found_without_it() {
    mod one {
        #[derive(serde::Deserialize)]
        pub(super) struct Pair {
            a: String,
            b: i64,
        }
    }
    mod other {
        #[derive(serde::Deserialize)]
        pub(super) struct Pair {
            a: String,
            b: i64,
        }
    }
    assert_eq!(print::<(one::Pair, Day, i64)>(), print::<(other::Pair, Day, i64)>());
    assert_eq!(print::<[[one::Pair; 16]; 8]>(), print::<[[other::Pair; 16]; 8]>());
}

#[test]
fn the_same_type_has_the_same_fingerprint_in_every_run() {
    assert_eq!(print::<base::City>(), print::<base::City>());
    assert_ne!(Shape::of::<base::City>("1").fingerprint, Shape::of::<base::City>("2").fingerprint);
}

#[test]
fn a_type_within_itself_has_a_shape() {
    #[derive(Deserialize)]
    struct Tree {
        children: Vec<Tree>,
        label: String,
    }
    assert_ne!(print::<Tree>(), print::<Vec<Tree>>());
}

#[test]
fn a_type_that_asks_the_data_is_self_describing() {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(i64),
        Text(String),
    }
    #[derive(Deserialize)]
    struct Holder {
        id: i64,
        either: Either,
    }
    assert!(Shape::of::<Holder>("").self_describing);
    assert!(Shape::of::<serde_json::Value>("").self_describing);
    assert!(!Shape::of::<base::City>("").self_describing);
}
