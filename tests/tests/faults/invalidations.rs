//! Methods that change rows by statements of their own, without a transaction.

use std::time::Duration;

use cache_runtime::{
    CacheManager, CacheTransaction, Entity, Error, ErrorKind, State, cached_repository,
};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool};
use tests::{Fixture, RedisServer, eventually};

use super::world::{City, World};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "counters")]
struct Count {
    #[entity(id)]
    id: i64,
    count: i64,
}

#[cached_repository(entity = Count)]
#[derive(Clone)]
struct Counts {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository]
impl Counts {
    #[cached(key = "sum", tags("counters"))]
    async fn sum(&self) -> sqlx::Result<i64> {
        sqlx::query_scalar("SELECT sum(count)::int8 FROM counters").fetch_one(&self.db).await
    }

    #[invalidates(id)]
    async fn set(&self, id: i64, count: i64) -> sqlx::Result<()> {
        sqlx::query("UPDATE counters SET count = $2 WHERE id = $1")
            .bind(id)
            .bind(count)
            .execute(&self.db)
            .await
            .map(drop)
    }

    /// Changes the row, and fails in the way that is asked for.
    #[invalidates(id)]
    async fn set_and_fail(&self, id: i64, count: i64, error: sqlx::Error) -> sqlx::Result<()> {
        sqlx::query("UPDATE counters SET count = $2 WHERE id = $1")
            .bind(id)
            .bind(count)
            .execute(&self.db)
            .await?;
        Err(error)
    }

    #[invalidates(id)]
    async fn set_and_hang(&self, id: i64, count: i64) -> sqlx::Result<()> {
        sqlx::query("UPDATE counters SET count = $2 WHERE id = $1")
            .bind(id)
            .bind(count)
            .execute(&self.db)
            .await?;
        std::future::pending().await
    }

    #[invalidates(id)]
    async fn set_and_panic(&self, id: i64, count: i64) -> sqlx::Result<()> {
        sqlx::query("UPDATE counters SET count = $2 WHERE id = $1")
            .bind(id)
            .bind(count)
            .execute(&self.db)
            .await?;
        panic!("after the change")
    }
}

#[cached_repository(entity = City, unique(slug), list(country))]
struct Renamed {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository]
impl Renamed {
    /// Changes the row, and then thinks better of it.
    #[invalidates(id)]
    async fn move_and_fail(
        &self,
        tx: &mut CacheTransaction,
        id: i64,
        slug: &str,
        country: &str,
    ) -> sqlx::Result<()> {
        sqlx::query("UPDATE cities SET slug = $2, country = $3 WHERE id = $1")
            .bind(id)
            .bind(slug)
            .bind(country)
            .execute(&mut **tx)
            .await?;
        Err(sqlx::Error::RowNotFound)
    }
}

/// The method failed, its change stands, and the caller commits all the same.
#[tokio::test]
async fn a_method_that_fails_after_its_change_leaves_nothing_old() {
    let world = World::new().await;
    let cities = Renamed { db: world.here.db.clone(), cache: world.here.cache.clone() };
    eventually("all is cached", || async {
        let loads = cities.stats().loads;
        cities.get(1).await.unwrap();
        for slug in ["paris", "paname"] {
            cities.find_by_slug(slug).await.unwrap();
        }
        for country in ["FR", "IT"] {
            cities.list_by_country(country, ..).await.unwrap();
        }
        cities.stats().loads == loads
    })
    .await;
    let mut tx = cities.begin().await.unwrap();
    assert!(cities.move_and_fail(&mut tx, 1, "paname", "IT").await.is_err());
    let told = tx.commit().await;
    let moved = told.is_ok();
    assert_eq!(cities.get(1).await.unwrap().unwrap().slug == "paname", moved);
    assert_eq!(cities.find_by_slug("paris").await.unwrap().is_none(), moved);
    assert_eq!(cities.list_by_country("FR", ..).await.unwrap().len() == 1, moved);
    assert_eq!(cities.find_by_slug("paname").await.unwrap().is_some(), moved, "the new slug");
    assert_eq!(cities.list_by_country("IT", ..).await.unwrap().len() == 2, moved, "the new list");
}

/// A hold that nobody takes back runs out after this.
const HOLD: Duration = Duration::from_millis(400);

struct Place {
    counts: Counts,
    elsewhere: Counts,
    _fixture: Fixture,
}

async fn place() -> Place {
    let fixture = Fixture::new().await;
    sqlx::raw_sql(
        "CREATE TABLE counters (id int8 PRIMARY KEY, count int8 NOT NULL); \
         INSERT INTO counters VALUES (1, 0), (2, 0)",
    )
    .execute(fixture.pool())
    .await
    .unwrap();
    let counts = || {
        let cache = CacheManager::builder(fixture.namespace()).redis(fixture.redis_url());
        Counts { db: fixture.pool().clone(), cache: cache.hold_ttl(HOLD).build().unwrap() }
    };
    Place { counts: counts(), elsewhere: counts(), _fixture: fixture }
}

impl Place {
    async fn cached(&self) {
        eventually("all is cached", || async {
            let loads = self.counts.stats().loads;
            self.counts.get(1).await.unwrap();
            self.counts.sum().await.unwrap();
            self.counts.stats().loads == loads && self.counts.explain(1).await.state == State::Value
        })
        .await;
    }

    async fn reads(&self, count: i64) {
        for counts in [&self.counts, &self.elsewhere] {
            assert_eq!(counts.get(1).await.unwrap().unwrap().count, count);
            assert_eq!(counts.get_many(&[1]).await.unwrap()[0].as_ref().unwrap().count, count);
            assert_eq!(counts.sum().await.unwrap(), count);
        }
    }
}

#[tokio::test]
async fn a_change_without_a_transaction_is_seen_by_all() {
    let place = place().await;
    for count in 1..=5 {
        place.cached().await;
        place.counts.set(1, count).await.unwrap();
        place.reads(count).await;
    }
    place.cached().await;
}

#[tokio::test]
async fn a_change_that_fails_leaves_nothing_old() {
    let place = place().await;
    let io = || sqlx::Error::Io(std::io::Error::other("the line is dead"));
    let errors =
        [io(), sqlx::Error::RowNotFound, sqlx::Error::WorkerCrashed, sqlx::Error::PoolTimedOut];
    for (count, error) in (1..).zip(errors) {
        place.cached().await;
        let expected = std::mem::discriminant(&error);
        let told = place.counts.set_and_fail(1, count, error).await.unwrap_err();
        assert_eq!(std::mem::discriminant(&told), expected, "{told:?}");
        place.reads(count).await;
    }
    // Also where the statement itself is refused.
    place.cached().await;
    let long = place.counts.set(1, i64::MAX).await;
    long.unwrap();
    place.cached().await;
}

#[tokio::test]
async fn a_change_that_is_dropped_leaves_nothing_old() {
    let place = place().await;
    for polls in 0..40 {
        place.cached().await;
        let count = 1 + i64::from(polls);
        let mut change = Box::pin(place.counts.set_and_hang(1, count));
        for _ in 0..polls {
            let poll = std::future::poll_fn(|_| {
                let mut context = std::task::Context::from_waker(std::task::Waker::noop());
                std::task::Poll::Ready(change.as_mut().poll(&mut context))
            })
            .await;
            assert!(poll.is_pending());
            tokio::task::yield_now().await;
        }
        drop(change);
        // The statement may be on its way still: only what was true before the read is certain.
        for counts in [&place.counts, &place.elsewhere] {
            let before: i64 = sqlx::query_scalar("SELECT count FROM counters WHERE id = 1")
                .fetch_one(&place.counts.db)
                .await
                .unwrap();
            let read = counts.get(1).await.unwrap().unwrap().count;
            assert!(read == before || read == count, "{read}, {before}, {count}");
        }
    }
    place.cached().await;
    let truth: i64 = sqlx::query_scalar("SELECT count FROM counters WHERE id = 1")
        .fetch_one(&place.counts.db)
        .await
        .unwrap();
    place.reads(truth).await;
}

#[tokio::test]
async fn a_change_that_panics_leaves_nothing_old() {
    let place = place().await;
    place.cached().await;
    let counts = place.counts.clone();
    let panicked = tokio::spawn(async move { counts.set_and_panic(1, 7).await }).await;
    assert!(panicked.unwrap_err().is_panic());
    place.reads(7).await;
    place.cached().await;
}

#[tokio::test]
async fn a_change_whose_keys_cannot_be_held_does_not_run() {
    let place = place().await;
    let mut redis = RedisServer::start();
    let cache = CacheManager::builder("away").redis(&redis.url()).build().unwrap();
    let counts = Counts { cache, ..place.counts.clone() };
    redis.kill();
    let error = counts.set(1, 7).await.unwrap_err();
    assert_eq!(Error::of(&error).unwrap().kind(), ErrorKind::HoldNotPlaced, "{error:?}");
    place.reads(0).await;
}
