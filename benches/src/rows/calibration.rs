//! The same work on both sides, before all rows and after them: what comes out beside 1 is the machine's noise.

use std::hint::black_box;
use std::time::Duration;

use crate::Result;
use crate::bench::Bench;
use crate::effort::Effort;
use crate::pair::{Goal, measure};
use crate::plain;
use crate::report::CALIBRATION;
use crate::world::drawn;

/// Enough to see how noisy the machine is; more would make pieces of the table slow.
const TIME: Duration = Duration::from_millis(200);
const STEPS: u64 = 10_000;

pub(crate) async fn run(bench: &mut Bench, when: &str) -> Result<()> {
    let effort = Effort { time: bench.effort().time.min(TIME), ..bench.effort() };
    let name = format!("{CALIBRATION}: arithmetic, {when}");
    if bench.wants_always(&name) {
        bench.add(measure(&name, effort, 1, Goal::Untold, arithmetic, arithmetic).await);
    }
    let name = format!("{CALIBRATION}: GET, {when}");
    if bench.wants_always(&name) {
        let world = bench.filled().await?;
        let (redis, zipf) = (world.redis.clone(), world.zipf);
        let get = move |random| {
            let redis = redis.clone();
            async move {
                assert!(plain::hit(redis, drawn(zipf, random)).await.is_some(), "a hit");
            }
        };
        bench.add(measure(&name, effort, 8, Goal::Untold, get.clone(), get).await);
    }
    Ok(())
}

async fn arithmetic(random: u64) {
    let mut value = random;
    for _ in 0..STEPS {
        value = black_box(value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    }
}
