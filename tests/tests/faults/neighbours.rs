//! Several namespaces in one Redis.

use cache_runtime::{CacheManager, State};
use redis::aio::MultiplexedConnection;

use super::places::connect;
use super::world::{Cities, World, city};

fn beside(world: &World, namespace: &str) -> Cities {
    let cache = CacheManager::builder(namespace).redis(world.fixture.redis_url()).build().unwrap();
    Cities { cache, ..world.here.clone() }
}

async fn exists(connection: &mut MultiplexedConnection, key: &str) -> bool {
    redis::cmd("EXISTS").arg(key).query_async(connection).await.unwrap()
}

async fn is_cached(cities: &Cities) {
    tests::eventually("the row is cached", || async {
        cities.get(1).await.unwrap();
        cities.explain(1).await.state == State::Value
    })
    .await;
}

#[tokio::test]
async fn two_namespaces_do_not_see_each_other() {
    let world = World::new().await;
    let other = beside(&world, &format!("{}-other", world.fixture.namespace()));
    is_cached(&world.here).await;
    assert_eq!(other.explain(1).await.state, State::Absent);
    is_cached(&other).await;
    assert_ne!(world.here.explain(1).await.key, other.explain(1).await.key);
    world.here.update(&city(1, "paris", "FR", 7)).await.unwrap();
    // It was told nothing: that is what a namespace is, and why one belongs to one database.
    assert_eq!(other.explain(1).await.state, State::Value);
}

#[tokio::test]
async fn clearing_a_namespace_leaves_its_neighbours_and_foreign_keys_alone() {
    let world = World::new().await;
    let own = world.fixture.namespace();
    let mut connection = connect(world.fixture.redis_url()).await;
    let names = [
        format!("{own}2"),
        format!("{own}:sub"),
        format!("{own}%3A"),
        format!("{own}*"),
        format!("{own}?"),
        format!("[{own}]"),
        own[..own.len() - 1].to_owned(),
        format!("x{own}"),
        format!("{own} "),
        format!("{own}🦀"),
        own.to_uppercase(),
    ];
    let neighbours: Vec<Cities> = names.iter().map(|name| beside(&world, name)).collect();
    let foreign = [format!("{own}foreign"), format!("foreign:{own}:x"), own.to_owned()];
    for key in &foreign {
        let mut command = redis::cmd("SET");
        command.arg(key).arg("theirs");
        let _: () = command.query_async(&mut connection).await.unwrap();
    }
    for cleared in 0..=neighbours.len() {
        is_cached(&world.here).await;
        for neighbour in &neighbours {
            is_cached(neighbour).await;
        }
        let of = neighbours.get(cleared).unwrap_or(&world.here);
        let removed = of.cache.clear().await.unwrap();
        assert!(removed >= 1, "{:?}", of.cache);
        assert_eq!(of.explain(1).await.state, State::Absent, "{:?}", of.cache);
        for (at, other) in neighbours.iter().chain([&world.here]).enumerate() {
            if at != cleared {
                assert_eq!(
                    other.explain(1).await.state,
                    State::Value,
                    "{:?} by {:?}",
                    other.cache,
                    of.cache
                );
            }
        }
        for key in &foreign {
            assert!(exists(&mut connection, key).await, "{key} by {:?}", of.cache);
        }
    }
}

#[tokio::test]
async fn clearing_takes_tags_and_answers_with_it() {
    let world = World::new().await;
    world.here.largest(1).await.unwrap();
    world.filled(1).await;
    world.sql("UPDATE cities SET population = 9999 WHERE id = 2").await;
    assert_eq!(world.here.largest(1).await.unwrap()[0].slug, "rome");
    world.elsewhere.cache.clear().await.unwrap();
    assert_eq!(world.here.largest(1).await.unwrap()[0].slug, "lyon");
}
