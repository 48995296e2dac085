//! Forgetting, setting, pulling and holding, while others load.

use super::*;

/// A load here that has read an old value, and is stopped before its statement is said to be sent; the rest of it.
fn load_here(world: &World, answer: u32) -> tokio::task::JoinHandle<u32> {
    let here = world.here.clone();
    tokio::spawn(async move {
        here.remember("k", HOUR, || async move { Ok::<_, Error>(answer) }).await.unwrap()
    })
}

#[tokio::test]
async fn what_was_loaded_before_a_forget_is_not_kept() {
    let world = World::new();
    let fill = world.stepper.park(Step::Fill, &world.key("k"));
    let reader = load_here(&world, 1);
    fill.arrived().await;
    world.there.forget("k").await.unwrap();
    fill.open();
    assert_eq!(reader.await.unwrap(), 1, "the caller has its answer all the same");
    world.here.drain().await;
    assert_eq!(world.entry("k").await, None);
    assert_eq!(world.here.item_stats().rejected_fills, 1);
    assert_eq!(load_here(&world, 2).await.unwrap(), 2);
}

#[tokio::test]
async fn who_asks_after_a_forget_does_not_join_a_load_from_before() {
    let world = World::new();
    let load = world.stepper.park(Step::Load, &world.key("k"));
    let first = load_here(&world, 1);
    load.arrived().await;
    world.here.forget("k").await.unwrap();
    // A passenger of the first would wait for it.
    assert_eq!(load_here(&world, 2).await.unwrap(), 2);
    load.open();
    assert_eq!(first.await.unwrap(), 1);
    world.here.drain().await;
    assert_eq!(world.there.get::<u32>("k").await.unwrap().value(), Some(2));
}

#[tokio::test]
async fn what_was_loaded_before_a_set_does_not_replace_it() {
    let world = World::new();
    let fill = world.stepper.park(Step::Fill, &world.key("k"));
    let reader = load_here(&world, 1);
    fill.arrived().await;
    assert!(world.there.set("k", &2_u32, HOUR).await.unwrap());
    fill.open();
    reader.await.unwrap();
    world.here.drain().await;
    assert_eq!(world.there.get::<u32>("k").await.unwrap().value(), Some(2));
}

#[tokio::test]
async fn a_held_item_is_loaded_by_everyone_and_kept_by_nobody() {
    let world = World::new();
    world.here.set("k", &1_u32, HOUR).await.unwrap();
    let mut guard = world.there.hold(["k"]).await.unwrap();
    assert_eq!(world.here.get::<u32>("k").await.unwrap(), Cached::Miss);
    assert_eq!(load_here(&world, 1).await.unwrap(), 1);
    assert!(!world.here.set("k", &3_u32, HOUR).await.unwrap(), "a writer holds it");
    world.here.forget("k").await.unwrap();
    world.here.flush().await.unwrap();
    assert_eq!(world.here.pull::<u32>("k").await.unwrap(), None);
    assert_eq!(world.entry("k").await, Some(Entry::Hold), "no one but the writer lets go of it");
    let committed = guard.during(async { 2 }).await;
    guard.release().await;
    assert_eq!(world.entry("k").await, None);
    assert_eq!(load_here(&world, committed).await.unwrap(), 2);
    world.here.drain().await;
    assert_eq!(world.there.get::<u32>("k").await.unwrap().value(), Some(2));
}

#[tokio::test]
async fn a_guard_that_is_dropped_releases_unless_its_change_has_begun() {
    let world = World::new();
    drop(world.there.hold(["k"]).await.unwrap());
    world.there.drain().await;
    assert_eq!(world.entry("k").await, None);

    let mut guard = world.there.hold(["k"]).await.unwrap();
    let change = guard.during(std::future::pending::<()>());
    assert!(tokio::time::timeout(Duration::from_millis(1), change).await.is_err());
    drop(guard);
    world.there.drain().await;
    assert_eq!(world.entry("k").await, Some(Entry::Hold), "it may still be committed");
    world.clock.advance(world.there.policy().hold_ttl);
    assert_eq!(world.entry("k").await, None, "it has run out");
}

#[tokio::test]
async fn a_held_tag_makes_its_items_misses_for_as_long_as_it_is_held() {
    let world = World::new();
    let item = || world.here.item("k").tags(["users"]).ttl(HOUR);
    item().set(&1_u32).await.unwrap();
    let guard = world.there.hold(["other"]).tags(["users"]).await.unwrap();
    assert_eq!(item().get::<u32>().await.unwrap(), Cached::Miss);
    assert!(!item().set(&1_u32).await.unwrap());
    guard.release().await;
    assert!(item().set(&2_u32).await.unwrap());
    assert_eq!(item().get::<u32>().await.unwrap().value(), Some(2));
}

#[tokio::test]
async fn a_change_is_held_for_and_a_failure_of_unknown_outcome_stays_held() {
    let world = World::new();
    let there = &world.there;
    there.set("k", &1_u32, HOUR).await.unwrap();
    let change = || async {
        assert_eq!(world.entry("k").await, Some(Entry::Hold));
        Ok::<_, Error>(7)
    };
    assert_eq!(there.changing(["k"], change).await.unwrap(), 7);
    assert_eq!(world.entry("k").await, None);
    let lost = || async { Err::<(), _>(Error::new(ErrorKind::Backend, "the answer is lost")) };
    assert_eq!(there.changing(["k"], lost).await.unwrap_err().kind(), ErrorKind::Backend);
    there.drain().await;
    assert_eq!(world.entry("k").await, Some(Entry::Hold));
}

#[tokio::test]
async fn a_change_that_cannot_be_held_is_not_made() {
    let world = World::new();
    world.faulty.fail(Op::Hold, ErrorKind::Unreachable);
    let change = || async { panic!("it must not run") };
    let refused = world.here.changing(["k"], change).await.map(|(): ()| ()).unwrap_err();
    assert_eq!(Error::kind(&refused), ErrorKind::HoldNotPlaced);
}

#[tokio::test]
async fn of_many_who_pull_one_item_one_gets_it() {
    let world = World::new();
    world.here.set("code", &"4711".to_owned(), HOUR).await.unwrap();
    let pullers: Vec<_> = (0..64)
        .map(|number| {
            let cache = if number % 2 == 0 { world.here.clone() } else { world.there.clone() };
            tokio::spawn(async move { cache.pull::<String>("code").await.unwrap() })
        })
        .collect();
    let mut got = Vec::new();
    for puller in pullers {
        got.extend(puller.await.unwrap());
    }
    assert_eq!(got, ["4711"]);
    assert_eq!(world.here.get::<String>("code").await.unwrap(), Cached::Miss);
}

#[tokio::test]
async fn a_pull_takes_only_what_still_is_an_answer() {
    let World { here, there, clock, .. } = World::new();
    let tagged = || here.item("k").tags(["codes"]).ttl(HOUR);
    tagged().set(&1_u32).await.unwrap();
    there.invalidate_tags(&["codes"]).await.unwrap();
    assert_eq!(tagged().pull::<u32>().await.unwrap(), None, "its tag was invalidated");
    tagged().set(&2_u32).await.unwrap();
    assert_eq!(tagged().pull::<u32>().await.unwrap(), Some(2));
    let stale = || here.item("k").ttl(SECOND).stale_on_error(HOUR);
    stale().set(&3_u32).await.unwrap();
    clock.advance(SECOND);
    assert_eq!(stale().pull::<u32>().await.unwrap(), None, "it is kept for failures alone");
    here.set_nothing::<u32>("k").await.unwrap();
    assert_eq!(here.pull::<u32>("k").await.unwrap(), None);
    assert_eq!(here.get::<u32>("k").await.unwrap(), Cached::Miss, "that there is none was taken");
}

/// A change whose release the cache does not take.
async fn unreleased(world: &World) {
    let mut guard = world.here.hold(["k"]).await.unwrap();
    guard.during(async {}).await;
    world.faulty.fail(Op::Release, ErrorKind::Unreachable);
    guard.release().await;
    assert_eq!(world.entry("k").await, Some(Entry::Hold));
}

#[tokio::test(start_paused = true)]
async fn a_drain_does_not_wait_until_a_hold_has_run_out_where_the_cache_is_away() {
    let world = World::new();
    unreleased(&world).await;
    let began = tokio::time::Instant::now();
    world.here.drain().await;
    assert_eq!(began.elapsed(), 2 * SECOND, "{:?}", world.here.policy().hold_ttl);
}

#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_a_release_that_can_be_made_again() {
    let world = World::new();
    unreleased(&world).await;
    // Long enough that the pauses between attempts are the longest.
    tokio::time::sleep(10 * SECOND).await;
    world.faulty.heal();
    let began = tokio::time::Instant::now();
    world.here.drain().await;
    assert!(began.elapsed() <= SECOND, "{:?}", began.elapsed());
    assert_eq!(world.entry("k").await, None);
}
