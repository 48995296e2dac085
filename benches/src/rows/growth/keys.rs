//! Hits in a Redis that has ten thousand keys, and a thousand times as many.

use bytes::Bytes;
use cache_runtime::{CacheManager, Level};
use redis::aio::MultiplexedConnection;
use tests::RedisServer;

use super::{Axes, Point, add_cost};
use crate::Result;
use crate::bench::Bench;
use crate::pair::{Goal, measure};
use crate::world::{Users, World};

const NAME: &str = "growth: hit in Redis by its keys";
const SIZES: [u64; 4] = [10_000, 100_000, 1_000_000, 10_000_000];
/// What a key takes in Redis, with its value, generously.
const KEY_BYTES: u64 = 800;
/// With one caller it would be the threads' waking up that is measured.
const CALLERS: usize = 64;
/// The user whose entry stands at every key: one with all columns.
const COPIED: i64 = 3;
/// Keys that one script writes: it takes some 20 ms.
const STEP: u64 = 20_000;

pub(crate) async fn run(bench: &mut Bench) -> Result<()> {
    if !bench.wants(NAME) {
        return Ok(());
    }
    let world = bench.world().await?;
    let grown = Grown::new(&world).await?;
    let (mut points, mut there) = (Vec::new(), 0);
    for size in SIZES {
        if size > most(bench) {
            break;
        }
        grown.fill(there, size).await?;
        there = size;
        let (ours, theirs) = grown.measured(bench, size).await?;
        points.push(Point { size: size as f64, ours, theirs });
    }
    let (across, up) = ("keys in Redis", "time by which 64 callers together have done a hit more");
    let axes = Axes { across, up, unit: "µs", theirs: "bare GET" };
    add_cost(bench, NAME, &axes, &points);
    Ok(())
}

/// The largest size takes half a minute and some gigabytes, which have to be free.
fn most(bench: &Bench) -> u64 {
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let free = memory.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kilobytes = free.and_then(|free| free.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    let fit = kilobytes.unwrap_or_default() * 1024 / 2 / KEY_BYTES;
    fit.min(if bench.effort().quick { 1_000_000 } else { 10_000_000 })
}

/// A server of its own, whose every key has a copy of one entry: it is the keys that grow, not what is read.
struct Grown {
    users: Users,
    redis: MultiplexedConnection,
    /// What stands before the id in a key.
    prefix: String,
    _server: RedisServer,
}

impl Grown {
    async fn new(world: &World) -> Result<Self> {
        let server = RedisServer::start();
        let builder = CacheManager::builder("grown").redis(&server.url());
        let users = Users { db: world.pool.clone(), cache: builder.level(Level::Strong).build()? };
        users.get(COPIED).await?.ok_or("a user")?;
        users.cache.drain().await;
        let key = users.cache.key().text("users:id").value(&COPIED).finish()?;
        let id = COPIED.to_string();
        let prefix = key.as_str().strip_suffix(&id).ok_or("a key ends with the id")?.to_owned();
        let client = redis::Client::open(server.url())?;
        let redis = client.get_multiplexed_async_connection().await?;
        Ok(Self { users, redis, prefix, _server: server })
    }

    /// Writes the keys above `from`, up to `to`.
    async fn fill(&self, from: u64, to: u64) -> Result<()> {
        let script = redis::Script::new(
            "local entry = redis.call('GET', KEYS[1] .. ARGV[3]) \
             for id = ARGV[1], ARGV[2] do \
             redis.call('SET', KEYS[1] .. string.format('%d', id), entry, 'PX', 3600000) end \
             return #entry",
        );
        let mut redis = self.redis.clone();
        let mut first = from + 1;
        while first <= to {
            let last = to.min(first + STEP - 1);
            let mut call = script.key(&self.prefix);
            let bytes: u64 = call.arg(first).arg(last).arg(COPIED).invoke_async(&mut redis).await?;
            assert!(bytes > 100, "an entry, and not somebody's lease");
            first = last + 1;
        }
        Ok(())
    }

    /// The time of a hit of each side, in microseconds.
    async fn measured(&self, bench: &Bench, keys: u64) -> Result<(f64, f64)> {
        let before = self.users.stats().loads;
        let users = self.users.clone();
        let id = move |random: u64| i64::try_from(random % keys + 1).unwrap_or(1);
        let ours = move |random| {
            let users = users.clone();
            async move {
                assert!(matches!(users.get(id(random)).await, Ok(Some(_))), "a hit");
            }
        };
        let (redis, prefix) = (self.redis.clone(), self.prefix.clone());
        let theirs = move |random| {
            let (mut redis, key) = (redis.clone(), format!("{prefix}{}", id(random)));
            async move {
                let command = redis::cmd("GET").arg(key).query_async(&mut redis).await;
                let entry: redis::RedisResult<Option<Bytes>> = command;
                assert!(matches!(entry, Ok(Some(_))), "a hit");
            }
        };
        let measured = measure(NAME, bench.effort(), CALLERS, Goal::Untold, ours, theirs).await;
        if self.users.stats().loads > before {
            return Err("what was copied in Redis is no entry of a user any more".into());
        }
        Ok(measured.sides())
    }
}
