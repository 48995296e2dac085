//! The rows, the repository, and what both sides share: a pool of the same size and a connection each.

use std::sync::atomic::{AtomicBool, Ordering};

use ::tests::{Fixture, TestDatabase};
use cache_runtime::{CacheManager, Entity, cached_repository};
use redis::aio::MultiplexedConnection;
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool};

use crate::{Result, plain};

/// How many users there are.
pub(crate) const USERS: u64 = 100_000;
const CONNECTIONS: u32 = 8;

/// A row of ten columns.
#[derive(Clone, Debug, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "users")]
pub(crate) struct User {
    #[entity(id)]
    pub(crate) id: i64,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) city: String,
    pub(crate) country: String,
    pub(crate) bio: Option<String>,
    pub(crate) active: bool,
    pub(crate) logins: i64,
    pub(crate) score: f64,
    pub(crate) created_at: i64,
}

#[cached_repository(entity = User, ttl = "1h")]
#[derive(Clone)]
pub(crate) struct Users {
    pub(crate) db: PgPool,
    pub(crate) cache: CacheManager,
}

pub(crate) struct World {
    pub(crate) users: Users,
    pub(crate) pool: PgPool,
    pub(crate) redis: MultiplexedConnection,
    /// Ids by rank of a Zipf distribution with exponent 0.99.
    pub(crate) zipf: &'static [i64],
    /// Whether every user is in Redis, for both sides.
    full: AtomicBool,
    fixture: Fixture,
}

impl World {
    pub(crate) async fn new() -> Result<Self> {
        let database = TestDatabase::create().await;
        let fixture = Fixture::with_database(database);
        sqlx::raw_sql(
            "CREATE TABLE users (id int8 PRIMARY KEY, email text NOT NULL, name text NOT NULL, city text NOT NULL, \
             country text NOT NULL, bio text, active bool NOT NULL, logins int8 NOT NULL, score float8 NOT NULL, \
             created_at int8 NOT NULL)",
        )
        .execute(fixture.pool())
        .await?;
        sqlx::query(
            "INSERT INTO users SELECT n, 'user' || n || '@example.org', 'User ' || n, 'City ' || n % 500, 'C' || n % 90, \
             CASE WHEN n % 3 = 0 THEN repeat('bio ', 20) END, n % 7 <> 0, n % 1000, n / 7.0, 1700000000 + n \
             FROM generate_series(1, $1) n",
        )
        .bind(i64::try_from(USERS)?)
        .execute(fixture.pool())
        .await?;
        sqlx::raw_sql("VACUUM ANALYZE users").execute(fixture.pool()).await?;
        // One pool for both sides: they never run at the same time.
        let pool = fixture.database().connect(CONNECTIONS).await;
        // Its rows are about Redis; what the process keeps for itself has rows of its own.
        let cache = CacheManager::builder(fixture.namespace())
            .redis(fixture.redis_url())
            .level(cache_runtime::Level::Strong)
            .build()?;
        let redis =
            redis::Client::open(fixture.redis_url())?.get_multiplexed_async_connection().await?;
        let users = Users { db: pool.clone(), cache };
        let zipf = zipf(1 << 20).leak();
        Ok(Self { users, pool, redis, zipf, full: AtomicBool::new(false), fixture })
    }

    /// Puts every user in Redis, for both sides, unless all are there.
    pub(crate) async fn fill(&self) -> Result<()> {
        if self.full.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.fill_first(USERS).await?;
        self.full.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Puts the first `count` users in Redis, for both sides.
    pub(crate) async fn fill_first(&self, count: u64) -> Result<()> {
        let all: Vec<i64> = (1..=i64::try_from(count)?).collect();
        for ids in all.chunks(1000) {
            let users = self.users.get_many(ids).await?;
            let users: Vec<_> = users.into_iter().flatten().map(|user| (*user).clone()).collect();
            plain::fill(self.redis.clone(), &users).await?;
        }
        self.users.cache.drain().await;
        Ok(())
    }

    /// The same repository as one has it who says nothing of levels: bounded by a second, with a tier in the process. That
    /// takes so many entries; `None` is what it takes by default.
    pub(crate) fn by_default(&self, entries: Option<usize>) -> Result<Users> {
        let builder = CacheManager::builder(self.namespace()).redis(self.redis_url());
        let builder = match entries {
            Some(entries) => builder.tier(entries, 64 << 20),
            None => builder,
        };
        Ok(Users { db: self.pool.clone(), cache: builder.build()? })
    }

    /// Takes everything out of Redis, and waits until nobody puts anything there any more.
    pub(crate) async fn empty(&self) -> Result<()> {
        self.changed();
        self.users.cache.drain().await;
        let mut redis = self.redis.clone();
        Ok(redis::cmd("FLUSHDB").query_async(&mut redis).await?)
    }

    /// Says that not every user is in Redis any more.
    pub(crate) fn changed(&self) {
        self.full.store(false, Ordering::Relaxed);
    }

    pub(crate) fn database_url(&self) -> &str {
        self.fixture.database().url()
    }

    pub(crate) fn namespace(&self) -> &str {
        self.fixture.namespace()
    }

    pub(crate) fn redis_url(&self) -> &str {
        self.fixture.redis_url()
    }
}

/// So many ids as a Zipf distribution over all users draws them, each on its own; the same at each call.
pub(crate) fn zipf(draws: u32) -> Vec<i64> {
    let mut weights: Vec<f64> = (1..=USERS).map(|rank| 1.0 / (rank as f64).powf(0.99)).collect();
    let total: f64 = weights.iter().sum();
    let mut sum = 0.0;
    for weight in &mut weights {
        sum += *weight / total;
        *weight = sum;
    }
    let mut random = fastrand::Rng::with_seed(7);
    (0..draws)
        .map(|_| {
            let drawn = random.f64();
            let rank = weights.partition_point(|sum| *sum < drawn) as u64;
            // Ranks are spread over the ids, so that the hot rows do not stand side by side.
            i64::try_from(rank * 7919 % USERS + 1).unwrap_or(1)
        })
        .collect()
}

/// So many ids in a row, from a random place of the distribution on: no place is read twice, so that an id comes again as
/// seldom as it is drawn again.
pub(crate) fn drawn_in_a_row(
    zipf: &[i64],
    random: u64,
    many: u32,
) -> impl Iterator<Item = i64> + use<'_> {
    (0..u64::from(many)).map(move |read| drawn(zipf, random.wrapping_add(read)))
}

/// The id at a random place of the distribution.
pub(crate) fn drawn(zipf: &[i64], random: u64) -> i64 {
    let place = usize::try_from(random).unwrap_or_default() % zipf.len();
    zipf.get(place).copied().unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_comes_twice_in_a_row_as_seldom_as_it_is_drawn_twice() {
        let zipf = zipf(1 << 16);
        let ids: Vec<i64> = drawn_in_a_row(&zipf, u64::MAX - 5, 1 << 15).collect();
        let again = ids.windows(2).filter(|pair| pair.first() == pair.last()).count();
        // The sum of the squares of all shares is about one in a hundred.
        assert!((1..1 << 10).contains(&again), "{again} of {}", ids.len());
    }
}
