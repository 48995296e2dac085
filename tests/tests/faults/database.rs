//! Postgres away, and what the database says of a statement: to every caller, unchanged.

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::{CacheManager, Step};
use sqlx::PgPool;
use sqlx::postgres::{PgDatabaseError, PgPoolOptions};
use tests::{PostgresServer, RedisServer, TestDatabase, eventually, in_time};

use super::world::{Cities, World, city};

struct Apart {
    server: PostgresServer,
    _database: TestDatabase,
    _redis: RedisServer,
    cities: Cities,
}

/// Cities on a Postgres of the test's own, with a pool that does not wait.
async fn apart() -> Apart {
    let server = PostgresServer::start();
    let database = TestDatabase::create_on(&server).await;
    sqlx::raw_sql(
        "CREATE TABLE cities (id int8 PRIMARY KEY, slug text NOT NULL UNIQUE, country text, population int8 NOT NULL); \
         INSERT INTO cities VALUES (1, 'paris', 'FR', 2100), (2, 'lyon', 'FR', 500)",
    )
    .execute(database.pool())
    .await
    .unwrap();
    let redis = RedisServer::start();
    let db = PgPoolOptions::new()
        .max_connections(2)
        .acquire_timeout(Duration::from_millis(200))
        .connect(database.url())
        .await
        .unwrap();
    let cache = CacheManager::builder("apart")
        .redis(&redis.url())
        .level(cache_runtime::Level::Strong)
        .build()
        .unwrap();
    let cities = Cities { db, cache, runs: Arc::default() };
    Apart { server, _database: database, _redis: redis, cities }
}

async fn plain(db: &PgPool) -> sqlx::Error {
    sqlx::query("SELECT 1").execute(db).await.unwrap_err()
}

fn same_kind(found: &sqlx::Error, plain: &sqlx::Error) {
    assert_eq!(
        std::mem::discriminant(found),
        std::mem::discriminant(plain),
        "{found:?}, {plain:?}"
    );
}

#[tokio::test]
async fn where_postgres_is_away_its_error_comes_through_and_what_is_cached_is_served() {
    let mut apart = apart().await;
    let cities = apart.cities.clone();
    eventually("all is cached", || async {
        let loads = cities.stats().loads;
        cities.get(1).await.unwrap();
        cities.find_by_slug("paris").await.unwrap();
        cities.list_by_country("XX", ..).await.unwrap();
        cities.stats().loads == loads
    })
    .await;
    apart.server.stop();
    // The pool notices that its connections are gone.
    while !matches!(plain(&cities.db).await, sqlx::Error::PoolTimedOut) {}
    let expected = plain(&cities.db).await;

    assert_eq!(cities.get(1).await.unwrap().unwrap().slug, "paris");
    assert_eq!(cities.find_by_slug("paris").await.unwrap().unwrap().id, 1);
    assert!(cities.list_by_country("XX", ..).await.unwrap().is_empty());
    for error in [
        cities.get(2).await.unwrap_err(),
        cities.get_many(&[1, 2]).await.unwrap_err(),
        cities.find_by_slug("lyon").await.unwrap_err(),
        cities.list_by_country("FR", ..).await.unwrap_err(),
        cities.largest(1).await.unwrap_err(),
        cities.refresh(2).await.unwrap_err(),
        cities.update(&city(1, "paris", "FR", 7)).await.unwrap_err(),
        cities.insert(&city(9, "nice", "FR", 7)).await.unwrap_err(),
        cities.delete(1).await.unwrap_err(),
        cities.begin().await.unwrap_err(),
    ] {
        same_kind(&error, &expected);
    }
    let waiters: Vec<_> = (0..8)
        .map(|_| {
            let cities = cities.clone();
            tokio::spawn(async move { cities.get(2).await })
        })
        .collect();
    for waiter in waiters {
        same_kind(&in_time("an error", waiter).await.unwrap().unwrap_err(), &expected);
    }
    assert_eq!(
        cities.get(1).await.unwrap().unwrap().slug,
        "paris",
        "a failed write changed nothing"
    );

    apart.server.restart();
    eventually("the database is back", || async { cities.get(2).await.is_ok() }).await;
    cities.update(&city(1, "paris", "FR", 7)).await.unwrap();
    assert_eq!(cities.get(1).await.unwrap().unwrap().population, 7);
    cities.db.close().await;
    assert!(matches!(cities.find_by_slug("nowhere").await, Err(sqlx::Error::PoolClosed)));
    assert!(matches!(cities.update(&city(1, "x", "FR", 7)).await, Err(sqlx::Error::PoolClosed)));
}

#[tokio::test]
async fn a_refresh_that_fails_leaves_what_is_cached() {
    let world = World::new().await;
    world.cached(1).await;
    world.sql("ALTER TABLE cities RENAME TO elsewhere").await;
    assert!(world.here.refresh(1).await.is_err());
    for _ in 0..2 {
        let read = world.elsewhere.get(1).await;
        assert_eq!(read.expect("it was cached, and is still true").unwrap().slug, "paris");
    }
}

/// The connection is cut while the commit is under way: whatever became of it, nobody is served an old value.
#[tokio::test]
async fn postgres_goes_away_during_a_commit() {
    let mut apart = apart().await;
    let cities = apart.cities.clone();
    for round in 0..3 {
        eventually("the row is cached", || async {
            let hits = cities.stats().hits;
            cities.get(1).await.unwrap();
            cities.stats().hits > hits
        })
        .await;
        let mut tx = cities.begin().await.unwrap();
        cities.within(&mut tx).update(&city(1, "paris", "FR", 10 + round)).await.unwrap();
        let commit = tokio::spawn(tx.commit());
        if round % 2 == 0 {
            tokio::task::yield_now().await;
        }
        apart.server.stop();
        let told = in_time("the commit", commit).await.unwrap();
        apart.server.restart();
        eventually("the database is back", || async { plain_population(&cities.db).await.is_ok() })
            .await;
        let truth = plain_population(&cities.db).await.unwrap();
        if told.is_ok() {
            assert_eq!(truth, 10 + round);
        }
        assert_eq!(cities.get(1).await.unwrap().unwrap().population, truth);
        // A hold that nobody released would stand in the way of the next round for its time.
        cities.cache.clear().await.unwrap();
    }
}

async fn plain_population(db: &PgPool) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT population FROM cities WHERE id = 1").fetch_one(db).await
}

fn is_the_databases_own(error: sqlx::Error, code: &str) {
    let database = error.as_database_error().unwrap_or_else(|| panic!("{error:?}"));
    assert_eq!(database.code().as_deref(), Some(code));
    let postgres = database.downcast_ref::<PgDatabaseError>();
    assert_eq!(postgres.code(), code);
    assert!(database.try_downcast_ref::<PgDatabaseError>().is_some());
    assert!(error.to_string().contains(postgres.message()), "{error}");
    assert_eq!(database.message(), postgres.message());
    assert_eq!(database.kind(), sqlx::error::DatabaseError::kind(postgres));
}

#[tokio::test]
async fn every_waiter_gets_the_databases_own_error() {
    let world = World::new().await;
    let key = world.here.cache.key().text("cities:call:fails").finish().unwrap();
    let load = world.stepper.park(Step::Lease, &key);
    let call = || {
        let here = world.here.clone();
        tokio::spawn(async move { here.fails().await })
    };
    let mut callers = vec![call()];
    load.arrived().await;
    callers.extend((0..20).map(|_| call()));
    eventually("all have looked", || async { world.here.stats().misses == 21 }).await;
    load.open();
    for caller in callers {
        is_the_databases_own(in_time("an error", caller).await.unwrap().unwrap_err(), "22012");
    }
    assert!(world.here.stats().loads <= 2, "{}", world.here.stats());
    assert_eq!(world.here.stats().fills, 0);
}

#[tokio::test]
async fn every_reader_of_a_table_that_is_gone_is_told_so() {
    let world = World::new().await;
    world.sql("DROP TABLE cities").await;
    let readers: Vec<_> = (0..20)
        .map(|_| {
            let here = world.here.clone();
            tokio::spawn(async move { here.get(1).await })
        })
        .collect();
    for reader in readers {
        is_the_databases_own(in_time("an error", reader).await.unwrap().unwrap_err(), "42P01");
    }
    is_the_databases_own(world.here.get_many(&[1]).await.unwrap_err(), "42P01");
    is_the_databases_own(world.here.find_by_slug("x").await.unwrap_err(), "42P01");
    is_the_databases_own(world.here.update(&city(1, "x", "FR", 1)).await.unwrap_err(), "42P01");
}

#[tokio::test]
async fn a_constraint_speaks_for_itself() {
    let world = World::new().await;
    let error = world.here.insert(&city(9, "paris", "FR", 1)).await.unwrap_err();
    let database = error.as_database_error().unwrap();
    assert!(database.is_unique_violation());
    assert_eq!(database.constraint(), Some("cities_slug_key"));
    assert_eq!(database.table(), Some("cities"));
    assert_eq!(world.here.get(9).await.unwrap(), None);
}
