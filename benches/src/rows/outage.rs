//! A Redis that hangs under load: how soon nobody waits for it any more, what a call costs then, how soon it is used again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cache_runtime::backend::RedisCache;
use cache_runtime::{BreakerState, Cache, CacheManager, Level, Namespace};
use tests::RedisServer;

use crate::Result;
use crate::bench::Bench;
use crate::figures::{Bound, Figure};
use crate::pair::finished;
use crate::world::{Users, World};

const CALLERS: usize = 64;
const REFUSED: u32 = 200_000;
/// Users who are asked for through a repository.
const USERS: i64 = 1_000;
/// Callers that come back from the last round are at work again after this.
const PAUSE: Duration = Duration::from_millis(200);

pub(crate) async fn run(bench: &mut Bench) -> Result<()> {
    let name = format!("hang of Redis, {CALLERS} callers");
    if bench.wants(&name) {
        bench.add_all(breaker(&name, bench.effort().freezes).await?);
    }
    let name = format!("hang of Redis, {CALLERS} callers of a repository");
    if bench.wants(&name) {
        let world = bench.world().await?;
        bench.add_all(repository(&world, &name, bench.effort().freezes).await?);
    }
    Ok(())
}

/// Freezes and resumes a server of its own, `times` times, under callers who ask it and nothing else.
async fn breaker(name: &str, times: usize) -> Result<Vec<Figure>> {
    let mut server = RedisServer::start();
    let cache = Arc::new(RedisCache::open(&server.url())?);
    let key = Namespace::new("outage")?.key().text("k").finish()?;
    cache.set(&key, "v".into(), Duration::from_secs(600).into()).await?;
    let load = {
        let (cache, key) = (Arc::clone(&cache), key.clone());
        Load::start(move |_| {
            let (cache, key) = (Arc::clone(&cache), key.clone());
            async move { cache.get(&key).await.is_ok() }
        })
    };
    let (mut waited, mut refused, mut closed) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..times {
        tokio::time::sleep(PAUSE).await;
        waited.push(load.hang(&mut server, &cache).await?.returned);
        let began = Instant::now();
        for _ in 0..REFUSED {
            let answer = cache.get(&key).await;
            assert!(answer.is_err(), "it hangs");
        }
        refused.push(began.elapsed() / REFUSED);
        let resumed = Instant::now();
        server.resume();
        until(&cache, |state| state == BreakerState::Closed).await;
        closed.push(resumed.elapsed());
    }
    load.stop().await;
    let (waited, refused, closed) = (worst(&waited), worst(&refused), worst(&closed));
    let name = |what: &str| format!("{name}: {what}, worst of {times}");
    Ok(vec![
        Figure::new(name(WAITED), millis(waited), "ms", Bound::AtMost(50.0)),
        Figure::new(name("a call meanwhile"), millis(refused) * 1e3, "µs", Bound::AtMost(1.0)),
        Figure::new(name("until it is used again"), millis(closed), "ms", Bound::AtMost(1000.0)),
    ])
}

/// The same under callers who read rows, and then have them from the database.
async fn repository(world: &World, name: &str, times: usize) -> Result<[Figure; 2]> {
    let mut server = RedisServer::start();
    let redis = Arc::new(RedisCache::open(&server.url())?);
    let builder = CacheManager::builder("outage").backend(Arc::clone(&redis) as _);
    let users = Users { db: world.pool.clone(), cache: builder.level(Level::Strong).build()? };
    let ids: Vec<i64> = (1..=USERS).collect();
    users.get_many(&ids).await?;
    users.cache.drain().await;
    // The first hang finds as many connections to the database as the others.
    let mut connections = Vec::new();
    for _ in 0..world.pool.options().get_max_connections() {
        connections.push(world.pool.acquire().await?);
    }
    drop(connections);
    let before = users.stats();
    let load = {
        let users = users.clone();
        Load::start(move |random| {
            let users = users.clone();
            async move {
                let id = i64::from(random) % USERS + 1;
                assert!(matches!(users.get(id).await, Ok(Some(_))), "a row, from wherever");
                true
            }
        })
    };
    let (mut waited, mut known) = (Vec::new(), Vec::new());
    for _ in 0..times {
        tokio::time::sleep(PAUSE).await;
        let hung = load.hang(&mut server, &redis).await?;
        waited.push(hung.returned);
        known.push(hung.known);
        server.resume();
        until(&redis, |state| state == BreakerState::Closed).await;
    }
    load.stop().await;
    let done = users.stats() - before;
    if done.hits < done.loads || done.loads == 0 {
        return Err(format!("{name}: not what it says: {done:?}").into());
    }
    let name = |what: &str| format!("{name}: {what}, worst of {times}");
    let answered = name(&format!("{WAITED}, with the answer of the database"));
    Ok([
        Figure::new(name("until the breaker opens"), millis(worst(&known)), "ms", Bound::None),
        Figure::new(answered, millis(worst(&waited)), "ms", Bound::AtMost(50.0)),
    ])
}

const WAITED: &str = "until the last who waited has returned";

async fn until(cache: &RedisCache, is: impl Fn(BreakerState) -> bool) {
    while !is(cache.health().breaker) {
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
}

fn worst(times: &[Duration]) -> Duration {
    times.iter().copied().max().unwrap_or_default()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Callers that ask over and over, and wait a little where they are refused, as a request that goes to the database does.
struct Load {
    over: Arc<AtomicBool>,
    callers: Vec<Arc<Mutex<Calls>>>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

/// What one caller does.
#[derive(Debug, Default)]
struct Calls {
    /// When the call began that it waits for now.
    now: Option<Instant>,
    /// The begin and the end of each call that took so long that it must have waited.
    long: Vec<(Instant, Instant)>,
}

/// What is counted from the moment at which the server hung.
struct Hung {
    /// Until the breaker opened.
    known: Duration,
    /// Until the last who waited has returned.
    returned: Duration,
}

impl Calls {
    fn returned(&mut self, began: Instant, ended: Instant) {
        self.now = None;
        if ended - began > LONG {
            self.long.push((began, ended));
        }
    }
}

/// No call takes so long while the server answers.
const LONG: Duration = Duration::from_millis(5);

impl Load {
    /// Calls say whether they were answered.
    fn start<F, Fut>(call: F) -> Self
    where
        F: Fn(u32) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = bool> + Send,
    {
        let over = Arc::new(AtomicBool::new(false));
        let callers: Vec<Arc<Mutex<Calls>>> = (0..CALLERS).map(|_| Arc::default()).collect();
        let tasks = callers.iter().map(|calls| {
            let (call, calls, over) = (call.clone(), Arc::clone(calls), Arc::clone(&over));
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    locked(&calls).now = Some(began);
                    let answered = call(fastrand::u32(..)).await;
                    locked(&calls).returned(began, Instant::now());
                    if !answered {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                }
            })
        });
        let tasks = tasks.collect();
        Self { over, callers, tasks }
    }

    /// Freezes the server, and says how long it took until nobody waited any more of those who had asked before it was
    /// known to hang.
    async fn hang(&self, server: &mut RedisServer, cache: &RedisCache) -> Result<Hung> {
        for calls in &self.callers {
            locked(calls).long.clear();
        }
        let began = Instant::now();
        server.pause();
        until(cache, |state| state != BreakerState::Closed).await;
        let known = Instant::now();
        let waits =
            |calls: &Arc<Mutex<Calls>>| locked(calls).now.is_some_and(|since| since < known);
        while self.callers.iter().any(waits) {
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        let ends = |calls: &Arc<Mutex<Calls>>| {
            let long = locked(calls).long.clone();
            long.into_iter().filter(|(began, _)| *began < known).map(|(_, ended)| ended).max()
        };
        let last = self.callers.iter().filter_map(ends).max();
        let last = last.ok_or("nobody waited for the server that hung")?;
        Ok(Hung { known: known - began, returned: last - began })
    }

    async fn stop(self) {
        self.over.store(true, Ordering::Relaxed);
        for task in self.tasks {
            finished(task.await);
        }
    }
}

fn locked(calls: &Mutex<Calls>) -> MutexGuard<'_, Calls> {
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}
