//! What a process pays for listening to the invalidations of others: the processor time of a message, and of a key in it.
//!
//! ```text
//! cargo run --release -p cache-runtime --example hear_cost -- redis://127.0.0.1:6379
//! ```
#![allow(clippy::unwrap_used, reason = "an example that cannot go on ends")]

use std::error::Error;
use std::time::Duration;

use cache_runtime::backend::RedisCache;
use cache_runtime::entry::Token;
use cache_runtime::{CacheManager, CoherentCache, Key, Namespace};
use tokio::sync::mpsc;

const MESSAGES: usize = 5_000;
const NAMESPACE: &str = "hear-cost";
const HOLD: Duration = Duration::from_secs(30);

/// Processor time of the calling thread, in microseconds.
fn busy() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e3
}

fn keys(count: usize) -> Vec<Key> {
    let namespace = Namespace::new(NAMESPACE).unwrap();
    let key = |number| namespace.key().text("orders:id").value(&number).finish().unwrap();
    (100_000..100_000 + count).map(key).collect()
}

/// Announces messages of so many keys for each number that comes, one a millisecond.
fn writer(url: &str, mut asked: mpsc::Receiver<usize>, done: &mpsc::Sender<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let cache = RedisCache::open(url).unwrap();
        while let Some(count) = asked.recv().await {
            // One writer's hold is renewed: a thousand of them would make the server slow.
            let (keys, token) = (keys(count), Token::new());
            let mut next = tokio::time::interval(Duration::from_millis(1));
            for _ in 0..MESSAGES {
                next.tick().await;
                cache.hold(&keys, token, HOLD).await.unwrap();
            }
            done.send(()).await.unwrap();
        }
    });
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("the URL of a Redis is missing")?;
    let cache = CacheManager::builder(NAMESPACE).redis(&url).build()?;
    // The first read begins to listen.
    cache.remember("warm", HOLD, || async { Ok::<_, std::io::Error>(1) }).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (ask, asked) = mpsc::channel(1);
    let (done, mut over) = mpsc::channel(1);
    let server = url.clone();
    std::thread::spawn(move || writer(&server, asked, &done));
    // The first is not measured at its best.
    for count in [1, 1, 4, 16] {
        ask.send(count).await?;
        let before = busy();
        over.recv().await.ok_or("the writer has ended")?;
        let each = (busy() - before) / MESSAGES as f64;
        println!("{count:2} keys a message, one a millisecond: {each:.1} µs of a core each");
    }
    Ok(())
}
