//! What a hit of the tier in the process costs, with nobody watching, and with the metrics published every second.
//!
//! ```text
//! cargo run --release -p cache-runtime --example hit_cost --features metrics
//! ```
#![allow(clippy::unwrap_used, reason = "an example that cannot go on ends")]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_runtime::{
    CacheManager, CachedRepository, CallSpec, Entity, Level, Shared, cached_repository,
};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool};

const READS: u32 = 1_000_000;
const ROUNDS: usize = 7;

#[derive(Clone, Debug, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "cities")]
struct City {
    #[entity(id)]
    id: i64,
    name: String,
}

#[cached_repository(entity = City)]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

impl Cities {
    /// A cached method, which needs no database where it hits.
    async fn answer(&self, number: i64) -> sqlx::Result<Arc<i64>> {
        static CALL: CallSpec = CallSpec::new("i64").operation("answer");
        let call = self.repository().call::<Shared<i64>>(&CALL).key(|key| key.value(&number));
        call.cached(|| async move { Ok(Arc::new(number)) }).await
    }
}

/// Nanoseconds a read.
async fn round(cities: &Cities) -> f64 {
    let began = Instant::now();
    for _ in 0..READS {
        std::hint::black_box(cities.answer(7).await.unwrap());
    }
    began.elapsed().as_secs_f64() * 1e9 / f64::from(READS)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let cache = CacheManager::builder("hit-cost")
        .memory()
        .level(Level::Bounded(Duration::from_secs(3600)))
        .build()?;
    // Nobody connects.
    let cities = Cities { db: PgPool::connect_lazy("postgres://localhost/none")?, cache };
    while cities.stats().tier_hits == 0 {
        cities.answer(7).await?;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let metrics = Arc::new(cities.cache.metrics());
    let (mut alone, mut watched) = (Vec::new(), Vec::new());
    // In turns, so that both see the same machine.
    for _ in 0..ROUNDS {
        alone.push(round(&cities).await);
        let publishing = tokio::spawn({
            let metrics = Arc::clone(&metrics);
            async move {
                loop {
                    metrics.publish();
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        });
        watched.push(round(&cities).await);
        publishing.abort();
    }
    let began = Instant::now();
    for _ in 0..1000 {
        metrics.publish();
    }
    let published = began.elapsed() / 1000;
    for (what, mut rounds) in [("nobody watches", alone), ("published every second", watched)] {
        rounds.sort_by(f64::total_cmp);
        let median = rounds.get(ROUNDS / 2).copied().unwrap_or_default();
        println!("{what:<24} {median:6.1} ns a hit (median of {ROUNDS})");
    }
    println!("one publication          {published:?}, to no recorder");
    Ok(())
}
