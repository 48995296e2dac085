//! A cache that comes back after an outage may have what changed meanwhile: the outbox is drained first.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_runtime::testing::Stepper;
use cache_runtime::{CacheManager, CachedRepository, Level, State, Step};
use tests::{Proxy, eventually};

use super::world::{Cities, World, city};

/// A process that reaches Redis through a proxy, with a relay.
struct Cut {
    world: World,
    cities: Cities,
    stepper: Stepper,
    proxy: Proxy,
}

impl Cut {
    async fn new(level: Level) -> Self {
        let world = World::new().await;
        world.cities.repository().watch().await.unwrap();
        let redis = world.fixture.redis_url();
        let address = redis.trim_start_matches("redis://").rsplit('@').next().unwrap();
        let proxy = Proxy::start(address.trim_end_matches('/').to_owned()).await;
        let stepper = Stepper::new();
        let cache = CacheManager::builder(world.fixture.namespace())
            .redis(&proxy.url(redis))
            .observer(Arc::new(stepper.clone()))
            .level(level)
            .build()
            .unwrap();
        let cities = Cities { db: world.pool().clone(), cache };
        Self { world, cities, stepper, proxy }
    }

    /// Waits until the process believes what the cache has.
    async fn hits(&self) {
        eventually("the process hits", || async {
            let before = self.cities.stats();
            self.cities.get(2).await.unwrap();
            let now = self.cities.stats() - before;
            now.hits + now.tier_hits > 0
        })
        .await;
    }

    /// Changes Paris while the process cannot reach the cache, which keeps what it had.
    async fn change_while_away(&self) {
        self.proxy.black_hole();
        self.proxy.cut();
        eventually("the cache is away", || async { self.cities.cache.ping().await.is_err() }).await;
        self.world.sql("UPDATE cities SET population = 1 WHERE id = 1").await;
        assert!(self.world.is_cached(1).await, "nobody has delivered it");
    }

    async fn population(&self) -> i64 {
        self.cities.get(1).await.unwrap().unwrap().population
    }
}

/// Hazard 25.
async fn believed_once_drained(level: Level) {
    let cut = Cut::new(level).await;
    let relay = cut.cities.cache.relay(cut.world.pool()).spawn().unwrap();
    cut.hits().await;
    cut.world.cached(1).await;
    let delivery = cut.stepper.park(Step::Deliver, &cut.world.row(1));
    cut.change_while_away().await;
    cut.proxy.forward();
    // The cache is back, and the relay stands right before the delivery.
    delivery.arrived().await;
    assert!(cut.world.is_cached(1).await, "the cache still has the old row");
    assert_eq!(cut.population().await, 1);
    assert!(cut.world.is_cached(1).await, "and nothing was put there");
    delivery.open();
    eventually("it is delivered", || async { relay.stats().rows == 1 }).await;
    cut.hits().await;
    assert_eq!(cut.population().await, 1);
}

#[tokio::test]
async fn after_an_outage_the_cache_is_not_believed_until_the_outbox_is_drained() {
    believed_once_drained(Level::Strong).await;
}

#[tokio::test]
async fn after_an_outage_the_tier_is_not_believed_until_the_outbox_is_drained() {
    believed_once_drained(Level::default()).await;
}

/// Rows that another relay has taken are not delivered yet.
#[tokio::test]
async fn a_drain_waits_for_what_another_relay_has_taken() {
    let cut = Cut::new(Level::Strong).await;
    let other = cut.world.ready_relay().await;
    let _relay = cut.cities.cache.relay(cut.world.pool()).spawn().unwrap();
    cut.world.cached(1).await;
    cut.hits().await;
    let delivery = cut.world.stepper.park(Step::Deliver, &cut.world.row(1));
    cut.change_while_away().await;
    delivery.arrived().await;
    cut.proxy.forward();
    eventually("the cache is back", || async { cut.cities.cache.ping().await.is_ok() }).await;
    for _ in 0..20 {
        assert_eq!(cut.population().await, 1);
        tokio::task::yield_now().await;
    }
    assert_eq!(cut.world.elsewhere().explain(1).await.state, State::Value, "with the old row");
    delivery.open();
    eventually("the other one delivers", || async { other.stats().rows == 1 }).await;
    cut.hits().await;
    assert_eq!(cut.population().await, 1);
}

#[tokio::test]
async fn a_process_begins_by_draining() {
    let cut = Cut::new(Level::Strong).await;
    cut.world.cached(1).await;
    cut.world.sql("UPDATE cities SET population = 1 WHERE id = 1").await;
    // The namespace is known, so that it is not emptied.
    cut.world.sql("DELETE FROM cache_runtime.state").await;
    let first = cut.world.relay();
    eventually("the namespace is known", || async { first.stats().emptied == 1 }).await;
    first.stop().await;
    cut.world.cached(1).await;
    let delivery = cut.stepper.park(Step::Deliver, &cut.world.row(1));
    cut.world.sql("UPDATE cities SET population = 2 WHERE id = 1").await;
    let relay = cut.cities.cache.relay(cut.world.pool()).spawn().unwrap();
    delivery.arrived().await;
    assert_eq!(cut.population().await, 2);
    delivery.open();
    eventually("it is delivered", || async { relay.stats().rows == 1 }).await;
    assert_eq!(relay.stats().emptied, 0);
}

/// That one write has waited in vain says nothing of the next: others may reach the cache again, or still.
#[tokio::test]
async fn a_write_waits_for_its_delivery_although_one_before_it_has_waited_in_vain() {
    let cut = Cut::new(Level::Strong).await;
    let other = cut.world.ready_relay().await;
    let _relay = cut.cities.cache.relay(cut.world.pool()).spawn().unwrap();
    cut.hits().await;
    let first = cut.world.stepper.park(Step::Deliver, &cut.world.row(1));
    cut.proxy.black_hole();
    cut.proxy.cut();
    eventually("the cache is away", || async { cut.cities.cache.ping().await.is_err() }).await;
    cut.cities.update(&city(1, "paris", "FR", 1)).await.unwrap();
    first.arrived().await;
    // The second stands behind the first: nobody waits for it.
    let began = Instant::now();
    cut.cities.update(&city(1, "paris", "FR", 2)).await.unwrap();
    assert!(began.elapsed() < Duration::from_millis(900), "{:?}", began.elapsed());
    first.open();
    eventually("both are delivered", || async { other.stats().rows >= 2 }).await;

    cut.world.cached(2).await;
    let second = cut.world.stepper.park(Step::Deliver, &cut.world.row(2));
    let cities = cut.cities.clone();
    let mut write = tokio::spawn(async move { cities.update(&city(2, "lyon", "FR", 7)).await });
    second.arrived().await;
    let early = tokio::time::timeout(Duration::from_millis(300), &mut write).await;
    assert!(early.is_err(), "it returned while another process still finds the old row");
    second.open();
    write.await.unwrap().unwrap();
    assert_eq!(cut.world.cities.get(2).await.unwrap().unwrap().population, 7);
}

/// A word that a row has changed is not lost because the cache is away.
#[tokio::test]
async fn what_is_invalidated_during_an_outage_waits_in_the_outbox() {
    let cut = Cut::new(Level::default()).await;
    let relay = cut.cities.cache.relay(cut.world.pool()).spawn().unwrap();
    cut.hits().await;
    cut.world.cached(1).await;
    cut.proxy.black_hole();
    cut.proxy.cut();
    eventually("the cache is away", || async { cut.cities.cache.ping().await.is_err() }).await;
    // A change that no trigger sees.
    cut.world
        .sql("ALTER TABLE cities DISABLE TRIGGER USER; UPDATE cities SET population = 1 WHERE id = 1")
        .await;
    // What the cache had of the row, and so the look-ups that only it knows, could not be read.
    assert!(cut.cities.invalidate(1).await.is_err());
    assert!(cut.world.outbox().await.iter().any(|key| key.starts_with("cities:id:")));
    assert_eq!(cut.population().await, 1);
    cut.proxy.forward();
    eventually("it is delivered", || async { relay.stats().rows > 0 }).await;
    assert!(!cut.world.is_cached(1).await);
    cut.hits().await;
    assert_eq!(cut.population().await, 1);
}

#[tokio::test]
async fn an_invalidation_by_pattern_that_the_cache_cannot_be_told_of_goes_by_the_outbox() {
    let cut = Cut::new(Level::Strong).await;
    cut.cities.repository().unwatch().await.unwrap();
    cut.hits().await;
    cut.world.cached(1).await;
    cut.change_while_away().await;
    cut.cities.invalidate_matching("id:*").await.unwrap_err();
    assert_eq!(cut.world.outbox().await, Vec::<String>::new(), "nobody would deliver it");

    let relay = cut.cities.cache.relay(cut.world.pool()).spawn().unwrap();
    assert_eq!(cut.cities.invalidate_matching("id:*").await.unwrap(), 0);
    assert_eq!(
        cut.world.outbox().await,
        ["cities:*"],
        "an entry of the outbox is a key or a prefix"
    );
    assert_eq!(cut.population().await, 1, "the cache is not believed");
    cut.proxy.forward();
    eventually("it is delivered", || async { !cut.world.is_cached(1).await }).await;
    cut.hits().await;
    assert_eq!(cut.population().await, 1);
    relay.stop().await;
}
