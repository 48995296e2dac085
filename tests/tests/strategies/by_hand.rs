//! The strategies over a source of one's own.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cache_runtime::entry::Entry;
use cache_runtime::{Step, Ttl};
use tests::{eventually, in_time};

use crate::renewals::HOUR;
use crate::source::{Failure, Town, user};

async fn entry(town: &Town) -> Option<Entry> {
    let found = town.here.backend().get(&town.key()).await.unwrap();
    found.map(|found| Entry::parse(&found))
}

#[tokio::test]
async fn a_fill_that_a_write_overtook_is_rejected() {
    let town = Town::new().await;
    let reads = town.here.read_through("users", Arc::clone(&town.users));
    let writes = town.elsewhere.cache_aside("users", Arc::clone(&town.users));
    writes.put(&7, &user("ada")).await.unwrap();
    let fill = town.stepper.park(Step::Fill, &town.key());
    assert_eq!(reads.get(&7).await.unwrap().as_deref(), Some(&user("ada")));
    fill.arrived().await;
    writes.put(&7, &user("grace")).await.unwrap();
    fill.open();
    town.here.drain().await;
    assert_eq!(reads.stats().rejected_fills, 1);
    assert_eq!(reads.get(&7).await.unwrap().as_deref(), Some(&user("grace")));
    assert!(writes.delete(&7).await.unwrap());
    assert_eq!(reads.get(&7).await.unwrap(), None);
}

#[tokio::test]
async fn a_store_that_fails_leaves_nothing_of_its_value_in_the_cache() {
    let town = Town::new().await;
    let users = town.here.write_through("users", Arc::clone(&town.users));
    users.put(&7, &user("ada")).await.unwrap();
    town.here.drain().await;
    town.users.fails_with(Some(Failure::Refused));
    assert_eq!(users.put(&7, &user("grace")).await, Err(Failure::Refused));
    town.here.drain().await;
    assert_eq!(entry(&town).await, None, "it is released at once");
    town.users.fails_with(None);
    assert_eq!(users.get(&7).await.unwrap().as_deref(), Some(&user("ada")));
}

/// The store has failed, and comes later all the same.
#[tokio::test]
async fn a_store_whose_outcome_is_unknown_keeps_its_key_out_of_the_cache() {
    let town = Town::new().await;
    let users = town.here.write_through("users", Arc::clone(&town.users));
    users.put(&7, &user("ada")).await.unwrap();
    town.here.drain().await;
    town.users.fails_with(Some(Failure::Lost));
    assert_eq!(users.put(&7, &user("grace")).await, Err(Failure::Lost));
    town.users.fails_with(None);
    assert_eq!(entry(&town).await, Some(Entry::Hold));
    assert_eq!(users.get(&7).await.unwrap().as_deref(), Some(&user("ada")));
    town.here.drain().await;
    town.users.rows.lock().unwrap().insert(7, user("grace"));
    assert_eq!(users.get(&7).await.unwrap().as_deref(), Some(&user("grace")), "nobody filled");
}

#[tokio::test]
async fn what_is_written_through_is_in_the_cache_for_every_process() {
    let town = Town::new().await;
    let here = town.here.write_through("users", Arc::clone(&town.users));
    let elsewhere = town.elsewhere.read_through("users", Arc::clone(&town.users));
    for name in ["ada", "grace"] {
        assert_eq!(here.put(&7, &user(name)).await.unwrap(), user(name));
        town.here.drain().await;
        let loads = town.users.loads();
        assert_eq!(elsewhere.get(&7).await.unwrap().as_deref(), Some(&user(name)));
        assert_eq!(town.users.loads(), loads);
    }
}

/// A write runs to its end: what it held is released.
#[tokio::test]
async fn a_write_whose_caller_goes_away_runs_to_its_end() {
    let town = Town::new().await;
    let users = town.here.cache_aside("users", Arc::clone(&town.users));
    let commit = town.stepper.park(Step::Commit, &town.key());
    let writer = tokio::spawn({
        let users = users.clone();
        async move { users.put(&7, &user("ada")).await }
    });
    commit.arrived().await;
    writer.abort();
    assert!(writer.await.unwrap_err().is_cancelled());
    commit.open();
    town.here.drain().await;
    assert_eq!(entry(&town).await, None, "released");
    assert_eq!(users.get(&7).await.unwrap().as_deref(), Some(&user("ada")));
}

#[tokio::test]
async fn a_write_whose_key_cannot_be_held_does_not_reach_the_source() {
    let town = Town::new().await;
    let users = town.here.cache_aside("users", Arc::clone(&town.users));
    town.here.close().await.unwrap();
    let refused = users.put(&7, &user("ada")).await.unwrap_err();
    assert!(matches!(&refused, Failure::Cache(why) if why.contains("could not be held")));
    assert!(town.users.rows.lock().unwrap().is_empty());
    assert_eq!(users.get(&7).await.unwrap(), None, "reads go to the source");
}

#[tokio::test]
async fn callers_of_a_cold_key_share_a_load_and_its_failure() {
    let town = Town::new().await;
    let users = town.here.read_through("users", Arc::clone(&town.users));
    town.users.fails_with(Some(Failure::Lost));
    let load = town.stepper.park(Step::Load, &town.key());
    let callers: Vec<_> = (0..100)
        .map(|_| {
            let users = users.clone();
            tokio::spawn(async move { users.get(&7).await })
        })
        .collect();
    load.arrived().await;
    eventually("all have looked", || async { users.stats().misses == 100 }).await;
    load.open();
    for caller in callers {
        assert_eq!(in_time("an answer", caller).await.unwrap(), Err(Failure::Lost));
    }
    assert_eq!(town.users.loads(), 1);
}

#[tokio::test]
async fn a_batch_loads_what_is_missing_in_one_call_and_keeps_the_order() {
    let town = Town::new().await;
    let users = town.here.read_through("users", Arc::clone(&town.users));
    town.users.rows.lock().unwrap().insert(7, user("ada"));
    users.get(&7).await.unwrap();
    town.here.drain().await;
    let found = users.get_many(&[8, 7, 8, 7]).await.unwrap();
    let found: Vec<_> = found.iter().map(|found| found.is_some()).collect();
    assert_eq!(found, [false, true, false, true]);
    town.here.drain().await;
    assert_eq!(town.users.loads(), 2);
    users.get_many(&[8, 7]).await.unwrap();
    assert_eq!(town.users.loads(), 2);
    assert!(users.get_many(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_value_is_served_after_its_ttl_and_renewed_by_one_process() {
    let town = Town::new().await;
    let users = |cache: &cache_runtime::CacheManager| {
        cache.stale_while_revalidate("users", Arc::clone(&town.users), HOUR)
    };
    let (here, elsewhere) = (users(&town.here), users(&town.elsewhere));
    town.users.rows.lock().unwrap().insert(7, user("ada"));
    here.get(&7).await.unwrap();
    town.here.drain().await;
    town.here.backend().expire(&town.key(), Ttl::After(HOUR / 2)).await.unwrap();
    town.users.rows.lock().unwrap().insert(7, user("grace"));
    let load = town.stepper.park(Step::Load, &town.key());
    for users in [&here, &elsewhere] {
        assert_eq!(users.get(&7).await.unwrap().as_deref(), Some(&user("ada")));
    }
    load.arrived().await;
    town.elsewhere.drain().await;
    load.open();
    town.here.drain().await;
    assert_eq!(elsewhere.get(&7).await.unwrap().as_deref(), Some(&user("grace")));
    assert_eq!(town.users.loads(), 2);
    // What is invalidated is gone, in the middle of its while.
    town.here.backend().expire(&town.key(), Ttl::After(HOUR / 2)).await.unwrap();
    elsewhere.invalidate(&7).await.unwrap();
    town.users.fails_with(Some(Failure::Lost));
    assert_eq!(here.get(&7).await, Err(Failure::Lost));
}

#[tokio::test]
async fn a_value_is_renewed_ahead_of_its_ttl() {
    let town = Town::new().await;
    let users = town.here.refresh_ahead("users", Arc::clone(&town.users), 1e12);
    town.users.rows.lock().unwrap().insert(7, user("ada"));
    users.get(&7).await.unwrap();
    town.here.drain().await;
    town.users.rows.lock().unwrap().insert(7, user("grace"));
    let both = users.get_many(&[7, 7]).await.unwrap();
    assert_eq!(both[1].as_deref(), Some(&user("ada")), "a batch renews, too");
    town.here.drain().await;
    assert_eq!(users.get(&7).await.unwrap().as_deref(), Some(&user("grace")));
    assert!(users.stats().renewals >= 1);
}

#[tokio::test]
async fn a_ttl_of_ones_own_is_the_entrys() {
    let town = Town::new().await;
    let users = town.here.read_through("users", Arc::clone(&town.users));
    let users = users.ttl(Duration::from_secs(5)).negative_ttl(Duration::ZERO);
    assert_eq!(users.get(&7).await.unwrap(), None);
    town.here.drain().await;
    assert_eq!(entry(&town).await, None, "that there is none is not remembered");
    town.users.rows.lock().unwrap().insert(7, user("ada"));
    users.get(&7).await.unwrap();
    town.here.drain().await;
    let left = town.here.backend().ttl(&town.key()).await.unwrap();
    let short =
        matches!(left, cache_runtime::Remaining::Left(left) if left < Duration::from_secs(6));
    assert!(short, "{left:?}");
    assert!(town.users.loads.load(Ordering::SeqCst) >= 2);
}
