//! A Redis that hangs under load: how soon nobody waits for it any more, what a call costs then, how soon it is used again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cache_runtime::BreakerState;
use cache_runtime::backend::RedisCache;
use cache_runtime::{Cache, Key, Namespace};
use tests::RedisServer;

use crate::Result;
use crate::bench::Bench;
use crate::figures::{Bound, Figure};

const CALLERS: usize = 64;
const REFUSED: u32 = 200_000;

pub(crate) async fn run(bench: &mut Bench) -> Result<()> {
    if bench.wants("hang of Redis") {
        bench.add_all(breaker(bench.effort().freezes).await?);
    }
    Ok(())
}

/// Freezes and resumes a server of its own, `times` times.
async fn breaker(times: usize) -> Result<Vec<Figure>> {
    let mut server = RedisServer::start();
    let cache = Arc::new(RedisCache::open(&server.url())?);
    let key = Namespace::new("outage")?.key().text("k").finish()?;
    cache.set(&key, "v".into(), Duration::from_secs(600).into()).await?;
    let load = Load::start(&cache, &key);
    let (mut opened, mut refused, mut closed) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..times {
        // Callers that come back from the last round are at work again.
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.pause();
        opened.push(until(&cache, |state| state != BreakerState::Closed).await);
        let began = Instant::now();
        for _ in 0..REFUSED {
            let answer = cache.get(&key).await;
            assert!(answer.is_err(), "it hangs");
        }
        refused.push(began.elapsed() / REFUSED);
        server.resume();
        closed.push(until(&cache, |state| state == BreakerState::Closed).await);
    }
    load.stop().await;
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let (opened, refused, closed) = (worst(&opened), worst(&refused), worst(&closed));
    let name = |what: &str| format!("hang of Redis, {CALLERS} callers: {what}, worst of {times}");
    Ok(vec![
        Figure::new(name("until nobody waits"), millis(opened), "ms", Bound::AtMost(50.0)),
        Figure::new(name("a call meanwhile"), millis(refused) * 1e3, "µs", Bound::AtMost(1.0)),
        Figure::new(name("until it is used again"), millis(closed), "ms", Bound::AtMost(1000.0)),
    ])
}

async fn until(cache: &RedisCache, is: impl Fn(BreakerState) -> bool) -> Duration {
    let began = Instant::now();
    while !is(cache.health().breaker) {
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    began.elapsed()
}

fn worst(times: &[Duration]) -> Duration {
    times.iter().copied().max().unwrap_or_default()
}

/// Callers that ask over and over, and wait a little where they are refused, as a request that goes to the database does.
struct Load {
    over: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(cache: &Arc<RedisCache>, key: &Key) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let tasks = (0..CALLERS)
            .map(|_| {
                let (cache, key, over) = (Arc::clone(cache), key.clone(), Arc::clone(&over));
                tokio::spawn(async move {
                    while !over.load(Ordering::Relaxed) {
                        if cache.get(&key).await.is_err() {
                            tokio::time::sleep(Duration::from_millis(5)).await;
                        }
                    }
                })
            })
            .collect();
        Self { over, tasks }
    }

    async fn stop(self) {
        self.over.store(true, Ordering::Relaxed);
        for task in self.tasks {
            let _ = task.await;
        }
    }
}
