//! Holds that travel beside their statement, and what keeps them honest.

use std::time::Duration;

use cache_runtime::testing::ManualClock;
use cache_runtime::{CacheManager, ErrorKind, OnUnreachable, State, Step};
use tests::{Proxy, eventually, in_time};
use tokio::task::JoinHandle;

use super::world::{Cities, City, World, city, population};

/// A world whose writer expects its writes to change something, because its last ones have.
async fn changing(world: World) -> World {
    change_often(&world.here).await;
    world.released(3).await;
    world.cached(1).await;
    world
}

async fn change_often(cities: &Cities) {
    for population in 1..=16 {
        cities.update(&city(3, "rome", "IT", population)).await.unwrap();
    }
}

/// An update whose statement waits for the row, and whose hold was placed meanwhile.
async fn waiting(world: &World, row: City) -> (sqlx::Transaction<'static, sqlx::Postgres>, Write) {
    let mut lock = world.fixture.pool().begin().await.unwrap();
    sqlx::query("SELECT 1 FROM cities WHERE id = $1 FOR UPDATE")
        .bind(row.id)
        .execute(&mut *lock)
        .await
        .unwrap();
    let here = world.here.clone();
    let id = row.id;
    let write = tokio::spawn(async move { here.update(&row).await });
    eventually("the row is held, though its statement waits", || async {
        world.elsewhere.explain(id).await.state == State::Hold
    })
    .await;
    (lock, write)
}

type Write = JoinHandle<sqlx::Result<Option<std::sync::Arc<City>>>>;

async fn held(world: &World, id: i64) -> bool {
    world.elsewhere.explain(id).await.state == State::Hold
}

#[tokio::test]
async fn a_hold_is_placed_while_the_statement_runs() {
    let world = changing(World::new().await).await;
    let (lock, write) = waiting(&world, city(1, "paris", "FR", 1)).await;
    assert_eq!(population(&world.elsewhere, 1).await, 2100, "it is not committed");
    assert!(held(&world, 1).await, "nothing was filled");
    lock.rollback().await.unwrap();
    in_time("the write", write).await.unwrap().unwrap();
    assert_eq!(population(&world.elsewhere, 1).await, 1);
}

/// What a statement brings to light is held after it, under the same token.
#[tokio::test]
async fn keys_that_only_the_row_tells_are_held_before_the_commit() {
    let world = changing(World::new().await).await;
    world.here.list_by_country("FR", ..).await.unwrap();
    let (paris, france) = (world.slug("paris"), world.list("FR"));
    eventually("the list is cached", || async {
        world.here.cache.backend().exists(&france).await.unwrap()
    })
    .await;
    let commit = world.stepper.park(Step::Commit, &world.row(1));
    let here = world.here.clone();
    let write = tokio::spawn(async move { here.update(&city(1, "paname", "IT", 1)).await });
    commit.arrived().await;
    let backend = world.here.cache.backend();
    for key in [world.row(1), paris, world.slug("paname"), france, world.list("IT")] {
        let entry = backend.get(&key).await.unwrap().expect("something stands there");
        assert_eq!(entry.first(), Some(&cache_runtime::entry::HOLD), "{key}");
    }
    commit.open();
    in_time("the write", write).await.unwrap().unwrap();
    assert_eq!(world.elsewhere.find_by_slug("paname").await.unwrap().unwrap().population, 1);
    assert_eq!(world.elsewhere.find_by_slug("paris").await.unwrap(), None);
}

/// A hold that ran out behind a statement that took its time is placed once more before the commit.
#[tokio::test]
async fn a_hold_that_has_run_out_behind_a_slow_statement_is_placed_again() {
    let clock = ManualClock::new();
    clock.advance(Duration::from_secs(60));
    let shared = clock.shared();
    let world = changing(World::with(|builder| builder.clock(shared.clone())).await).await;
    let (lock, write) = waiting(&world, city(1, "paris", "FR", 1)).await;
    world.expire(&world.row(1)).await;
    clock.advance(Duration::from_secs(31));
    world.cached(1).await;
    let commit = world.stepper.park(Step::Commit, &world.row(1));
    lock.rollback().await.unwrap();
    commit.arrived().await;
    assert!(held(&world, 1).await, "what was filled meanwhile is gone before the commit");
    commit.open();
    in_time("the write", write).await.unwrap().unwrap();
    assert_eq!(population(&world.elsewhere, 1).await, 1);
}

#[tokio::test]
async fn a_write_that_is_refused_leaves_no_hold() {
    let world = changing(World::new().await).await;
    let error = world.here.update(&city(1, "lyon", "FR", 1)).await.unwrap_err();
    assert!(error.as_database_error().unwrap().is_unique_violation(), "{error}");
    world.released(1).await;
    assert_eq!(population(&world.elsewhere, 1).await, 2100);
}

#[tokio::test]
async fn a_caller_that_goes_away_meanwhile_leaves_no_hold_and_no_change() {
    let world = changing(World::new().await).await;
    let (lock, write) = waiting(&world, city(1, "paris", "FR", 1)).await;
    write.abort();
    world.released(1).await;
    lock.rollback().await.unwrap();
    world.here.cache.drain().await;
    assert_eq!(population(&world.elsewhere, 1).await, 2100);
}

/// The first write that changes nothing after many that did takes the row out of the cache, because nobody could know; the next
/// does not.
#[tokio::test]
async fn of_writes_that_change_nothing_at_most_the_first_is_held_ahead() {
    let world = changing(World::new().await).await;
    let before = world.here.stats().invalidations;
    let same = city(1, "paris", "FR", 2100);
    world.here.update(&same).await.unwrap();
    world.released(1).await;
    world.cached(1).await;
    world.here.update(&same).await.unwrap();
    assert_eq!(world.here.delete(9).await.unwrap(), None);
    assert_eq!(world.here.explain(1).await.state, State::Value);
    assert_eq!(world.here.stats().invalidations, before);
}

/// A write that changes nothing needs no cache, also where a hold was on its way; and one that goes on without the cache is
/// counted once.
#[tokio::test]
async fn a_hold_that_failed_ahead_is_asked_for_again_by_the_commit_alone() {
    for policy in [OnUnreachable::Reject, OnUnreachable::Proceed] {
        let world = World::new().await;
        let url = world.fixture.redis_url();
        let address = url.strip_prefix("redis://").unwrap().split('/').next().unwrap().to_owned();
        let proxy = Proxy::start(address.rsplit('@').next().unwrap()).await;
        let cache = CacheManager::builder(world.fixture.namespace())
            .redis(&proxy.url(url))
            .on_unreachable(policy)
            .build()
            .unwrap();
        let cities = Cities { cache, ..world.here.clone() };
        change_often(&cities).await;
        proxy.refuse();
        let changed = in_time("the write", cities.update(&city(1, "paris", "FR", 2))).await;
        let again = in_time("the write", cities.update(&city(1, "paris", "FR", 3))).await;
        let same = in_time("the write", cities.update(&city(2, "lyon", "FR", 500))).await;
        assert_eq!(same.unwrap().unwrap().population, 500, "{policy:?}");
        let stats = cities.stats();
        match policy {
            OnUnreachable::Proceed => {
                assert_eq!(again.unwrap().unwrap().population, 3);
                assert_eq!((stats.proceeded, stats.refused), (2, 0));
            }
            _ => {
                for refused in [changed, again] {
                    let error = refused.unwrap_err();
                    let cause = cache_runtime::Error::of(&error).expect("the cache's error");
                    assert_eq!(cause.kind(), ErrorKind::HoldNotPlaced);
                }
                assert_eq!((stats.proceeded, stats.refused), (0, 2));
            }
        }
    }
}
