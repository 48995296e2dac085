//! Writes while their keys cannot be held.

use std::error::Error as _;
use std::time::Instant;

use cache_runtime::{Error, ErrorKind, OnUnreachable, State};
use tests::{RedisServer, eventually};

use super::places::{
    Fault, Place, SLACK, TIMEOUT, cached_in_the_end, connect, hits_come_back, kind_at,
    set_max_memory,
};
use super::world::{Cities, World, city};

async fn population(world: &World, id: i64) -> Option<i64> {
    let row = sqlx::query_scalar("SELECT population FROM cities WHERE id = $1").bind(id);
    row.fetch_optional(world.fixture.pool()).await.unwrap()
}

fn is_rejected(error: &sqlx::Error, because: ErrorKind) {
    let found = Error::of(error).unwrap_or_else(|| panic!("not a cache error: {error:?}"));
    assert_eq!(found.kind(), ErrorKind::HoldNotPlaced);
    let said = error.to_string();
    assert!(said.contains("rolled back") && said.contains("OnUnreachable::Proceed"), "{said}");
    let cause = found.source().and_then(|cause| cause.downcast_ref::<Error>());
    let cause = cause.unwrap_or_else(|| panic!("no cause: {found:?}"));
    assert_eq!(cause.kind(), because, "{cause:?}");
}

async fn every_write_is_rejected(world: &World, because: ErrorKind) {
    let here = &world.here;
    is_rejected(&here.update(&city(1, "paris", "FR", 7)).await.unwrap_err(), because);
    is_rejected(&here.insert(&city(9, "nice", "FR", 7)).await.unwrap_err(), because);
    is_rejected(&here.insert_many(&[city(9, "nice", "FR", 7)]).await.unwrap_err(), because);
    is_rejected(&here.upsert(&city(2, "lyon", "FR", 7)).await.unwrap_err(), because);
    is_rejected(&here.delete(3).await.unwrap_err(), because);
    is_rejected(&here.delete_many(&[3]).await.unwrap_err(), because);
    let mut tx = here.begin().await.unwrap();
    here.rename(&mut tx, 1, "paname").await.unwrap();
    is_rejected(&tx.commit().await.unwrap_err(), because);
    let left: Vec<(i64, String, i64)> =
        sqlx::query_as("SELECT id, slug, population FROM cities ORDER BY id")
            .fetch_all(world.fixture.pool())
            .await
            .unwrap();
    let left: Vec<_> = left.iter().map(|(id, slug, count)| (*id, slug.as_str(), *count)).collect();
    assert_eq!(left, [(1, "paris", 2100), (2, "lyon", 500), (3, "rome", 2800)]);
}

async fn rejects(fault: Fault) {
    let place = Place::with(fault).await;
    every_write_is_rejected(&place.world, fault.kind()).await;
    assert_eq!(place.world.here.get(1).await.unwrap().unwrap().population, 2100);
}

async fn proceeds(fault: Fault) {
    let place = Place::of(fault, |builder| builder.on_unreachable(OnUnreachable::Proceed)).await;
    let (world, here) = (&place.world, &place.world.here);
    here.update(&city(1, "paris", "FR", 7)).await.unwrap();
    here.insert(&city(9, "nice", "FR", 8)).await.unwrap();
    here.delete(3).await.unwrap();
    let found =
        [population(world, 1).await, population(world, 9).await, population(world, 3).await];
    assert_eq!(found, [Some(7), Some(8), None]);
    assert_eq!(here.get(1).await.unwrap().unwrap().population, 7);
    assert_eq!(here.get(3).await.unwrap(), None);
}

macro_rules! faults {
    ($($fault:ident: $rejects:ident, $proceeds:ident;)*) => {$(
        #[tokio::test]
        async fn $rejects() {
            rejects(Fault::$fault).await;
        }

        #[tokio::test]
        async fn $proceeds() {
            proceeds(Fault::$fault).await;
        }
    )*};
}

faults! {
    WrongPassword: a_write_with_a_wrong_password_is_rejected, a_write_with_a_wrong_password_proceeds_where_it_may;
    WrongDatabase: a_write_to_a_wrong_database_is_rejected, a_write_to_a_wrong_database_proceeds_where_it_may;
    Replica: a_write_beside_a_replica_is_rejected, a_write_beside_a_replica_proceeds_where_it_may;
    OutOfMemory: a_write_without_memory_is_rejected, a_write_without_memory_proceeds_where_it_may;
    NobodyListens: a_write_where_nobody_listens_is_rejected, a_write_where_nobody_listens_proceeds_where_it_may;
}

#[tokio::test]
async fn a_write_is_rejected_in_time_where_redis_hangs() {
    let place = Place::with(Fault::Hangs).await;
    let began = Instant::now();
    let error = place.world.here.update(&city(1, "paris", "FR", 7)).await.unwrap_err();
    assert!(began.elapsed() < TIMEOUT + SLACK, "{:?}", began.elapsed());
    is_rejected(&error, ErrorKind::Timeout);
    assert_eq!(population(&place.world, 1).await, Some(2100));
}

#[tokio::test]
async fn a_write_proceeds_in_time_where_redis_hangs_and_it_may() {
    let place =
        Place::of(Fault::Hangs, |builder| builder.on_unreachable(OnUnreachable::Proceed)).await;
    let began = Instant::now();
    place.world.here.update(&city(1, "paris", "FR", 7)).await.unwrap();
    assert!(began.elapsed() < TIMEOUT + SLACK, "{:?}", began.elapsed());
    assert_eq!(population(&place.world, 1).await, Some(7));
}

/// The hold arrived although its answer did not: the rejected write takes it away again, so that the row is soon
/// cached as it is.
#[tokio::test]
async fn a_rejected_write_leaves_no_hold_behind() {
    let server = RedisServer::start();
    let proxy = tests::Proxy::start(server.address()).await;
    let world = World::with(|builder| builder.redis(&proxy.url(&server.url()))).await;
    world.cached(1).await;
    proxy.hold_replies();
    let error = world.here.update(&city(1, "paris", "FR", 7)).await.unwrap_err();
    is_rejected(&error, ErrorKind::Timeout);
    proxy.forward();
    cached_in_the_end(&world, 1).await;
    assert_eq!(world.here.get(1).await.unwrap().unwrap().population, 2100);
}

#[tokio::test]
async fn a_write_goes_through_once_redis_is_back() {
    let mut server = RedisServer::start();
    let world = World::with(|builder| builder.redis(&server.url())).await;
    world.cached(1).await;
    server.kill();
    is_rejected(
        &world.here.update(&city(1, "paris", "FR", 7)).await.unwrap_err(),
        ErrorKind::Unreachable,
    );
    server.restart_empty();
    eventually("a write goes through", || async {
        world.here.update(&city(1, "paris", "FR", 7)).await.is_ok()
    })
    .await;
    assert_eq!(world.here.get(1).await.unwrap().unwrap().population, 7);
    cached_in_the_end(&world, 1).await;
}

/// What was committed past a server that was away is old there when it comes back with its data; the writer keeps
/// trying to tell it.
#[tokio::test]
async fn a_write_that_proceeded_is_told_to_redis_when_it_is_back() {
    let mut server = RedisServer::options().durable().start();
    let options = |builder: cache_runtime::CacheManagerBuilder| {
        builder.redis(&server.url()).on_unreachable(OnUnreachable::Proceed)
    };
    let world = World::with(options).await;
    world.cached(1).await;
    server.kill();
    world.here.update(&city(1, "paris", "FR", 7)).await.unwrap();
    server.restart();
    eventually("the new value is read", || async {
        world.here.get(1).await.unwrap().unwrap().population == 7
    })
    .await;
    hits_come_back(&world).await;
    assert_eq!(world.elsewhere.get(1).await.unwrap().unwrap().population, 7);
}

#[tokio::test]
async fn a_write_without_memory_removes_what_is_old_where_it_may_proceed() {
    let server = RedisServer::start();
    let options = |builder: cache_runtime::CacheManagerBuilder| {
        builder.redis(&server.url()).on_unreachable(OnUnreachable::Proceed)
    };
    let world = World::with(options).await;
    world.cached(1).await;
    set_max_memory(&server, 1).await;
    world.here.update(&city(1, "paris", "FR", 7)).await.unwrap();
    eventually("the new value is read", || async {
        world.elsewhere.get(1).await.unwrap().unwrap().population == 7
    })
    .await;
}

/// Another data type at one of the keys: the write is rejected, the other keys are given free, and what is not ours
/// stays.
#[tokio::test]
async fn a_write_is_rejected_where_another_data_type_stands_at_one_of_its_keys() {
    let world = World::new().await;
    let url = world.fixture.redis_url().to_owned();
    let mut connection = connect(&url).await;
    for key in [world.row(1), world.slug("paname"), world.list("IT")] {
        world.cached(2).await;
        let _: i64 = redis::cmd("RPUSH")
            .arg(key.as_str())
            .arg("theirs")
            .query_async(&mut connection)
            .await
            .unwrap();
        let error = world.here.update(&city(1, "paname", "IT", 7)).await.unwrap_err();
        is_rejected(&error, ErrorKind::WrongType);
        assert_eq!(population(&world, 1).await, Some(2100));
        assert_eq!(kind_at(&url, &key).await, "list");
        eventually("the other keys are free", || async {
            let mut held = 0;
            for key in [world.row(1), world.slug("paris"), world.slug("paname"), world.list("FR")] {
                held += usize::from(kind_at(&url, &key).await == "string");
            }
            held == 0
        })
        .await;
        let _: i64 =
            redis::cmd("DEL").arg(key.as_str()).query_async(&mut connection).await.unwrap();
    }
    world.here.update(&city(1, "paname", "IT", 7)).await.unwrap();
}

#[tokio::test]
async fn a_write_proceeds_past_another_data_type_where_it_may() {
    let world = World::with(|builder| builder.on_unreachable(OnUnreachable::Proceed)).await;
    world.cached(1).await;
    let mut connection = connect(world.fixture.redis_url()).await;
    let key = world.slug("paname");
    let _: i64 = redis::cmd("RPUSH")
        .arg(key.as_str())
        .arg("theirs")
        .query_async(&mut connection)
        .await
        .unwrap();
    world.here.update(&city(1, "paname", "FR", 7)).await.unwrap();
    assert_eq!(world.elsewhere.get(1).await.unwrap().unwrap().population, 7);
    assert_eq!(world.elsewhere.find_by_slug("paname").await.unwrap().unwrap().id, 1);
    assert_eq!(world.elsewhere.find_by_slug("paris").await.unwrap(), None);
    assert_eq!(kind_at(world.fixture.redis_url(), &key).await, "list");
}

#[tokio::test]
async fn a_closed_manager_reads_from_the_database_and_its_writes_go_by_the_policy() {
    let world = World::new().await;
    world.cached(1).await;
    world.here.cache.close().await.unwrap();
    world.here.cache.close().await.unwrap();
    super::places::every_read_is_right(&world).await;
    assert!(matches!(world.here.explain(1).await.state, State::Unreachable(_)));
    every_write_is_rejected(&world, ErrorKind::Closed).await;
    assert!(world.elsewhere.get(1).await.unwrap().is_some(), "the other process goes on");
    world.elsewhere.update(&city(1, "paris", "FR", 7)).await.unwrap();
    assert_eq!(world.here.get(1).await.unwrap().unwrap().population, 7);

    let open = World::with(|builder| builder.on_unreachable(OnUnreachable::Proceed)).await;
    open.here.cache.close().await.unwrap();
    let cities: &Cities = &open.here;
    cities.update(&city(1, "paris", "FR", 7)).await.unwrap();
    assert_eq!(population(&open, 1).await, Some(7));
}
