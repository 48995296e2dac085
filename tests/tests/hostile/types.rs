//! Types that have changed while the cache still has values of what they were.

use std::collections::BTreeMap;

use cache_runtime::{CacheManager, Cached, Codec};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tests::Fixture;

/// What is inside of a type, in two versions of a program.
macro_rules! versions {
    ($($module:ident { $($field:ident: $number:ty),* } { $($variant:ident),* })*) => {
        $(mod $module {
            use super::*;

            #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
            pub(super) struct Point {
                $(pub(super) $field: $number),*
            }

            #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
            pub(super) enum Kind {
                $($variant),*
            }
        })*
    };
}

versions! {
    before { x: i64, y: i64 } { Town, Port }
    after { y: i64, x: i64 } { Port, Town }
}

fn before() -> before::Point {
    before::Point { x: 1, y: 2 }
}

/// The older program writes, the newer one reads: what it finds is a miss, whatever its bytes would mean.
async fn is_a_miss<A: Serialize + DeserializeOwned + Send + Sync + 'static, B>(
    (what, value): (&str, A),
    _: impl Fn(B),
) where
    B: Serialize + DeserializeOwned + Send + Sync + std::fmt::Debug + PartialEq + 'static,
{
    let fixture = Fixture::new().await;
    let manager = || {
        let builder = CacheManager::builder(fixture.namespace()).redis(fixture.redis_url());
        builder.codec(Codec::Postcard).build().unwrap()
    };
    let (older, newer) = (manager(), manager());
    assert!(older.set(what, &value, std::time::Duration::from_secs(60)).await.unwrap());
    let again: Cached<A> = older.get(what).await.unwrap();
    assert!(again.value().is_some(), "{what}: the older program finds its own");
    let found: Cached<B> = newer.get(what).await.unwrap();
    assert_eq!(found, Cached::Miss, "{what}");
}

#[tokio::test]
async fn what_stands_behind_a_struct_in_a_tuple_belongs_to_the_type() {
    is_a_miss(("a number", (before(), 7_i64)), |_: (before::Point, u64)| ()).await;
    is_a_miss(("an order", (before(), before())), |_: (before::Point, after::Point)| ()).await;
    is_a_miss(
        ("pairs", vec![(before(), before::Kind::Port)]),
        |_: Vec<(before::Point, after::Kind)>| (),
    )
    .await;
}

#[tokio::test]
async fn what_stands_under_a_struct_in_a_map_belongs_to_the_type() {
    let map = BTreeMap::from([(before(), before::Kind::Port)]);
    is_a_miss(("a map", map), |_: BTreeMap<before::Point, after::Kind>| ()).await;
}

#[tokio::test]
async fn what_stands_behind_a_text_with_a_form_of_its_own_belongs_to_the_type() {
    let id = uuid::Uuid::nil();
    is_a_miss(("by id", (id, 7_i64)), |_: (uuid::Uuid, u64)| ()).await;
    is_a_miss(("by id, deeper", (id, before())), |_: (uuid::Uuid, after::Point)| ()).await;
    let day = chrono::NaiveDate::from_ymd_opt(2024, 2, 29).unwrap();
    let map = BTreeMap::from([(day, before::Kind::Town)]);
    is_a_miss(("by day", map), |_: BTreeMap<chrono::NaiveDate, after::Kind>| ()).await;
}
