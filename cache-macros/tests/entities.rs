//! What `#[derive(Entity)]` says of a type, as the runtime reads it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that panics has failed")]

use std::borrow::Cow;

use cache_runtime::{Entity, Field, KeyBuilder, Namespace};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

/// FNV-1a, as the derive names fields.
const fn field(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0000_0100_0000_01B3);
        at += 1;
    }
    hash
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "geo.cities", version = 3)]
struct City {
    #[entity(id, generated)]
    id: i64,
    slug: String,
    #[sqlx(rename = "pop")]
    population: Option<i64>,
    r#type: Kind,
    #[sqlx(skip)]
    #[serde(skip)]
    visits: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
enum Kind {
    #[default]
    Town,
    Village,
}

fn city() -> City {
    City { id: 7, slug: "a:b".to_owned(), population: None, r#type: Kind::Village, visits: 0 }
}

fn key(write: impl FnOnce(&mut KeyBuilder) -> bool) -> (bool, String) {
    let mut key = Namespace::new("t").unwrap().key();
    let written = write(&mut key);
    (written, key.finish().unwrap().as_str().to_owned())
}

#[test]
fn the_table_the_columns_and_the_declaration_are_those_that_were_written() {
    assert_eq!(City::TABLE, "geo.cities");
    let names: Vec<&str> = City::COLUMNS.iter().map(|column| column.name).collect();
    assert_eq!(names, ["id", "slug", "pop", "type"]);
    let types: Vec<&str> = City::COLUMNS.iter().map(|column| column.rust_type).collect();
    assert_eq!(types, ["i64", "String", "Option<i64>", "Kind"]);
    let flags: Vec<_> =
        City::COLUMNS.iter().map(|column| (column.id, column.generated, column.nullable)).collect();
    assert_eq!(
        flags,
        [(true, true, false), (false, false, false), (false, false, true), (false, false, false)]
    );
    assert_eq!(City::DECLARED, "City{id:i64,slug:String,population:Option<i64>,type:Kind}#3");
    const { assert!(!City::SELF_DESCRIBING) };
}

#[test]
fn values_are_written_into_keys_and_null_is_not() {
    let city = city();
    assert_eq!(key(|key| city.write_key(1, key)), (true, "t:=a%3Ab".to_owned()));
    assert_eq!(key(|key| city.write_key(2, key)), (false, "t".to_owned()));
    assert_eq!(key(|key| city.write_key(99, key)), (false, "t".to_owned()));
}

#[test]
fn ids_and_fields_are_passed_as_they_are_cheapest() {
    assert_eq!(city().id(), 7);
    assert_eq!(City::id_from(&7), Cow::Borrowed(&7));
    let slug: &str = <City as Field<{ field("slug") }>>::target(&"oslo");
    assert_eq!(slug, "oslo");
    assert_eq!(<City as Field<{ field("population") }>>::target(&5), &5);
    assert_eq!(<City as Field<{ field("type") }>>::target(&&Kind::Town), &Kind::Town);
    assert_eq!(<City as Field<{ field("type") }>>::COLUMN, 3);
}

#[derive(Clone, Debug, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "codes")]
#[sqlx(rename_all = "camelCase")]
struct Code {
    #[entity(id)]
    country_code: String,
    #[entity(id)]
    number: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

#[test]
fn a_composite_id_is_a_tuple() {
    let code = Code { country_code: "NO".to_owned(), number: 47, note: None };
    let id: (String, i32) = code.id();
    assert_eq!(id, ("NO".to_owned(), 47));
    assert_eq!(Code::id_from(&&id), Cow::Borrowed(&id));
    let names: Vec<&str> = Code::COLUMNS.iter().map(|column| column.name).collect();
    assert_eq!(names, ["countryCode", "number", "note"]);
    const { assert!(Code::SELF_DESCRIBING) };
}

#[test]
fn values_and_ids_are_bound() {
    use sqlx::Arguments as _;

    let mut arguments = sqlx::postgres::PgArguments::default();
    let city = city();
    for column in 0..City::COLUMNS.len() {
        city.bind(column, &mut arguments).unwrap();
    }
    assert_eq!(arguments.len(), 4);
    City::bind_id(&7, &mut arguments).unwrap();
    City::bind_ids(&[7, 8], &mut arguments).unwrap();
    assert_eq!(arguments.len(), 6);

    let mut arguments = sqlx::postgres::PgArguments::default();
    let id = ("NO".to_owned(), 47);
    Code::bind_id(&id, &mut arguments).unwrap();
    assert_eq!(arguments.len(), 2);
    Code::bind_ids(&[id], &mut arguments).unwrap();
    assert_eq!(arguments.len(), 4);
}

mod without_imports {
    //! Names that the expansion could be confused by.
    #![allow(dead_code, non_camel_case_types, reason = "they only stand in the way")]

    struct Option;
    struct Result;
    struct Some;
    struct String;
    struct Vec;
    struct Ok;
    mod core {}
    mod std {}

    #[derive(
        ::core::clone::Clone,
        ::serde::Serialize,
        ::serde::Deserialize,
        ::sqlx::FromRow,
        ::cache_runtime::Entity,
    )]
    #[entity(table = "plain")]
    struct Plain {
        #[entity(id)]
        id: ::std::string::String,
        #[entity(id)]
        other: ::std::vec::Vec<u8>,
    }
}
