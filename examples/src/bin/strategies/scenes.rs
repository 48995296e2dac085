//! A scene for each strategy.

use std::error::Error;
use std::future::Future;
use std::time::{Duration, Instant};

use cache_runtime::{CacheManager, DataSource, Stats, WriteBehind};
use examples::{City, Failure, failed};
use sqlx::PgPool;

use crate::distant::Distant;

/// Lisbon.
const CITY: i64 = 2_267_057;
/// Short, so that several of them pass while the scene plays.
const TTL: Duration = Duration::from_millis(200);
/// For how long a scene of reading plays, and how often it reads.
const PLAY: Duration = Duration::from_millis(1500);
const PAUSE: Duration = Duration::from_millis(2);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Scene {
    CacheAside,
    ReadThrough,
    WriteThrough,
    WriteBehind,
    RefreshAhead,
    StaleWhileRevalidate,
}

impl Scene {
    pub(crate) const ALL: [Self; 6] = [
        Self::CacheAside,
        Self::ReadThrough,
        Self::WriteThrough,
        Self::WriteBehind,
        Self::RefreshAhead,
        Self::StaleWhileRevalidate,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CacheAside => "cache-aside",
            Self::ReadThrough => "read-through",
            Self::WriteThrough => "write-through",
            Self::WriteBehind => "write-behind",
            Self::RefreshAhead => "refresh-ahead",
            Self::StaleWhileRevalidate => "stale-while-revalidate",
        }
    }

    pub(crate) fn promise(self) -> &'static str {
        match self {
            Self::CacheAside => "a write takes the value out of the cache, the next read loads it",
            Self::ReadThrough => "what is not cached is loaded; one reader after each TTL waits",
            Self::WriteThrough => "a write goes to the source, and then the cache has it",
            Self::WriteBehind => {
                "a write is acknowledged in the queue, and comes to the source later"
            }
            Self::RefreshAhead => "renewed before the TTL is over, so that hardly anybody waits",
            Self::StaleWhileRevalidate => "served after the TTL while it is renewed: nobody waits",
        }
    }

    /// Plays, and answers with what the strategy did meanwhile.
    pub(crate) async fn play(self, cache: &CacheManager, pool: &PgPool) -> Result<Stats, Failure> {
        let source = Distant::new(pool);
        // One of its own for each scene: nothing is cached when it begins.
        let name = self.name();
        match self {
            Self::ReadThrough => {
                let cities = cache.read_through(name, source).ttl(TTL);
                read(|| async { cities.get(&CITY).await.map(drop) }).await?;
                Ok(cities.stats())
            }
            Self::RefreshAhead => {
                let cities = cache.refresh_ahead(name, source, 1.0).ttl(TTL);
                read(|| async { cities.get(&CITY).await.map(drop) }).await?;
                Ok(cities.stats())
            }
            Self::StaleWhileRevalidate => {
                let after = Duration::from_secs(30);
                let cities = cache.stale_while_revalidate(name, source, after).ttl(TTL);
                read(|| async { cities.get(&CITY).await.map(drop) }).await?;
                Ok(cities.stats())
            }
            Self::CacheAside => {
                let cities = cache.cache_aside(name, source);
                let city = one_more(cities.source()).await?;
                timed("write", cities.put(&CITY, &city)).await?;
                timed("read", cities.get(&CITY)).await?;
                timed("read again", cities.get(&CITY)).await?;
                Ok(cities.stats())
            }
            Self::WriteThrough => {
                let cities = cache.write_through(name, source);
                let city = one_more(cities.source()).await?;
                timed("write", cities.put(&CITY, &city)).await?;
                // The value is put into the cache behind the write.
                cache.drain().await;
                timed("read", cities.get(&CITY)).await?;
                timed("read again", cities.get(&CITY)).await?;
                Ok(cities.stats())
            }
            Self::WriteBehind => {
                // Which writes were applied is kept beside the rows.
                let migrated = cache_runtime::migrate(pool).await;
                migrated.map_err(failed("could not make the table of what was applied"))?;
                let city = one_more(&source).await?;
                let cities = WriteBehind::builder(cache, name, source).spawn();
                let cities = cities.map_err(failed("could not start the worker"))?;
                timed("write", cities.put(&CITY, &city)).await?;
                timed("read", cities.get(&CITY)).await?;
                timed("flush", cities.flush()).await?;
                println!("  writes that the source has: {}", cities.stats().applied);
                cities.stop().await;
                Ok(Stats::default())
            }
        }
    }
}

/// Lisbon with one person more.
async fn one_more(source: &Distant) -> Result<City, Failure> {
    let found = source.load(&CITY).await.map_err(failed("could not load Lisbon"))?;
    let city = found.ok_or_else(|| Failure::new("Lisbon is not among the cities"))?;
    Ok(City { population: city.population + 1, ..city })
}

/// Reads as often as it can while the scene plays, and tells how long readers waited.
async fn read<Fut>(get: impl Fn() -> Fut) -> Result<(), Failure>
where
    Fut: Future<Output = sqlx::Result<()>>,
{
    let mut waits = Vec::new();
    let began = Instant::now();
    while began.elapsed() < PLAY {
        let asked = Instant::now();
        get().await.map_err(failed("could not read Lisbon"))?;
        waits.push(asked.elapsed());
        tokio::time::sleep(PAUSE).await;
    }
    let slow = waits.iter().filter(|wait| **wait > Duration::from_millis(5)).count();
    let longest = waits.iter().max().copied().unwrap_or_default();
    println!("  {} reads in {PLAY:?}, a TTL of {TTL:?}", waits.len());
    println!("  {slow} readers waited for the source, {longest:.1?} at most");
    Ok(())
}

async fn timed<T, E>(what: &str, work: impl Future<Output = Result<T, E>>) -> Result<(), Failure>
where
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let began = Instant::now();
    work.await.map_err(failed(format!("could not {what} Lisbon")))?;
    println!("  {what:<12} {:.1?}", began.elapsed());
    Ok(())
}
