//! Many rows at once. The full size is measured in `benches`.

use std::time::{Duration, Instant};

use cache_runtime::CachedRepository;
use tests::eventually;

use super::world::World;

const ROWS: u32 = 50_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_is_drained_while_writes_go_on() {
    let world = World::new().await;
    world.cities.repository().watch().await.unwrap();
    sqlx::query(
        "INSERT INTO cache_runtime.outbox (namespace, keys) \
         SELECT $1, ARRAY[$1 || ':cities:id:=' || n, $1 || ':tag:=cities'] FROM generate_series(1, $2) n",
    )
    .bind(world.fixture.namespace())
    .bind(i64::from(ROWS))
    .execute(world.pool())
    .await
    .unwrap();
    world.cached(1).await;
    let began = Instant::now();
    let relays = [world.relay(), world.elsewhere().cache.relay(world.pool()).spawn().unwrap()];
    let mut writes = 0_u64;
    while relays.iter().map(|relay| relay.stats().rows).sum::<u64>() < u64::from(ROWS) {
        writes += 1;
        world.sql("UPDATE cities SET population = population + 1 WHERE id = 1").await;
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", relays[0].stats());
    }
    let rate = f64::from(ROWS) / began.elapsed().as_secs_f64();
    assert!(rate > 2_000.0, "{rate:.0} rows a second");
    assert!(writes > 10, "{writes}");
    eventually("nothing is left", || async { world.waiting().await.rows == 0 }).await;
    // They count after they have taken the rows away.
    let delivered = || relays.iter().map(|relay| relay.stats().rows).sum::<u64>();
    let all = u64::from(ROWS) + writes;
    eventually("all are counted", || async { delivered() >= all }).await;
    assert_eq!(delivered(), all, "each row once");
    assert!(!world.is_cached(1).await);
}
