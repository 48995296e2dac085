use bytes::Bytes;
use cache_runtime::{CacheManager, Entity, State, Ttl, cached_repository};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool};
use tests::eventually;

use super::world::World;

/// The next version of the program's city: the same table, another type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "cities")]
pub(crate) struct NewCity {
    #[entity(id)]
    pub(crate) id: i64,
    pub(crate) slug: String,
    pub(crate) population: i64,
    pub(crate) country: Option<String>,
}

#[cached_repository(entity = NewCity, unique(slug))]
pub(crate) struct NewCities {
    db: PgPool,
    cache: CacheManager,
}

/// Hazard 22: in a rolling deploy two versions of a type share the keys, and neither reads the other's bytes.
#[tokio::test]
async fn an_entry_of_another_shape_is_a_miss_and_is_replaced() {
    let world = World::new().await;
    let new = NewCities { db: world.here.db.clone(), cache: world.elsewhere.cache.clone() };
    world.cached(1).await;
    assert_eq!(new.explain(1).await.state, State::Foreign);
    assert_eq!(new.get(1).await.unwrap().unwrap().population, 2100);
    eventually("it is replaced", || async { new.explain(1).await.state == State::Value }).await;
    assert_eq!(new.stats().foreign, 1);
    assert_eq!(world.here.get(1).await.unwrap().unwrap().population, 2100);
    assert!(world.here.stats().foreign >= 1);

    // And a write of either is seen by both.
    let mut row = (*new.get(1).await.unwrap().unwrap()).clone();
    row.population = 1;
    new.update(&row).await.unwrap();
    assert_eq!(world.here.get(1).await.unwrap().unwrap().population, 1);
    assert_eq!(new.get(1).await.unwrap().unwrap().population, 1);
}

/// Two types whose bytes read as each other, with the numbers swapped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "cities")]
pub(crate) struct Before {
    #[entity(id)]
    id: i64,
    population: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "cities")]
pub(crate) struct After {
    population: i64,
    #[entity(id)]
    id: i64,
}

#[cached_repository(entity = Before)]
pub(crate) struct Befores {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = After)]
pub(crate) struct Afters {
    db: PgPool,
    cache: CacheManager,
}

/// Hazard 22: nothing but the fingerprint tells these apart.
#[tokio::test]
async fn bytes_that_would_read_as_another_type_are_a_miss_for_it() {
    let world = World::new().await;
    let (db, cache) = (world.here.db.clone(), world.here.cache.clone());
    let before = Befores { db: db.clone(), cache: cache.clone() };
    let after = Afters { db, cache };
    before.get(1).await.unwrap();
    eventually("it is cached", || async { before.explain(1).await.state == State::Value }).await;
    assert_eq!(*after.get(1).await.unwrap().unwrap(), After { population: 2100, id: 1 });
    eventually("it is replaced", || async { after.explain(1).await.state == State::Value }).await;
    assert_eq!(*before.get(1).await.unwrap().unwrap(), Before { id: 1, population: 2100 });
}

#[tokio::test]
async fn garbage_at_a_key_is_a_miss_that_repairs_itself() {
    let world = World::new().await;
    world.cached(1).await;
    let good = world.here.cache.backend().get(&world.row(1)).await.unwrap().unwrap();
    let mut cut = good.to_vec();
    cut.truncate(good.len() - 3);
    let mut longer = good.to_vec();
    longer.extend(b"xyz");
    let mut version = good.to_vec();
    version[1] = 9;
    for garbage in [b"hello".to_vec(), Vec::new(), cut, longer, version, vec![b'V'; 5000]] {
        let garbage = Bytes::from(garbage);
        let backend = world.here.cache.backend();
        backend.set(&world.row(1), garbage.clone(), Ttl::Forever).await.unwrap();
        assert_eq!(world.here.explain(1).await.state, State::Foreign, "{garbage:?}");
        assert_eq!(world.here.get(1).await.unwrap().unwrap().slug, "paris");
        eventually("it is repaired", || async {
            world.here.explain(1).await.state == State::Value
        })
        .await;
    }
}
