//! Loads that fail, and a cache that does.

use super::*;

/// A failure that nobody can copy.
#[derive(Debug, PartialEq)]
struct Mine(u32);

/// Ten callers of one load, which is stopped until all wait. How often it ran, and what each got.
async fn fail_ten<E: Send + std::fmt::Debug + 'static>(
    make: impl Fn() -> E + Clone + Send + Sync + 'static,
) -> (usize, Vec<E>) {
    let world = World::new();
    let loads = Arc::new(AtomicUsize::new(0));
    let load = world.stepper.park(Step::Load, &world.key("k"));
    let callers: Vec<_> = (0..10)
        .map(|_| {
            let (here, loads, make) = (world.here.clone(), Arc::clone(&loads), make.clone());
            tokio::spawn(async move {
                let load = || async {
                    loads.fetch_add(1, Ordering::SeqCst);
                    Err::<u32, E>(make())
                };
                here.remember("k", HOUR, load).await.unwrap_err()
            })
        })
        .collect();
    load.arrived().await;
    eventually("all have missed", || async { world.here.item_stats().misses == 10 }).await;
    load.open();
    let mut failures = Vec::new();
    for caller in callers {
        failures.push(caller.await.unwrap());
    }
    assert_eq!(world.entry("k").await, None, "no lease is left");
    (count(&loads), failures)
}

#[tokio::test]
async fn one_failure_is_given_to_all_who_waited() {
    let (loads, failures) = fail_ten(|| Refused(5)).await;
    assert_eq!((loads, failures), (1, vec![Refused(5); 10]), "its type was named");
    let (loads, failures) = fail_ten(|| "text".to_owned()).await;
    assert_eq!((loads, failures), (1, vec!["text".to_owned(); 10]));
    let (loads, failures) = fail_ten(|| Error::new(ErrorKind::Denied, "no")).await;
    assert_eq!(loads, 1);
    assert!(failures.iter().all(|failure| failure.kind() == ErrorKind::Denied));
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn one_failure_of_the_database_is_given_to_all_who_waited() {
    let (loads, failures) = fail_ten(|| sqlx::Error::PoolTimedOut).await;
    assert_eq!(loads, 1);
    assert!(failures.iter().all(|failure| matches!(failure, sqlx::Error::PoolTimedOut)));
}

#[tokio::test]
async fn a_failure_that_cannot_be_copied_is_each_callers_own() {
    let (loads, failures) = fail_ten(|| Mine(5)).await;
    assert_eq!((loads, failures.len()), (10, 10));
    assert!(failures.iter().all(|failure| *failure == Mine(5)));
}

#[tokio::test]
async fn a_cache_that_is_away_fails_no_load_and_everything_else() {
    let World { here, faulty, .. } = World::new();
    faulty.fail_all(ErrorKind::Unreachable);
    let load = || async { Ok::<_, Mine>(7) };
    assert_eq!(here.remember("k", HOUR, load).await, Ok(7));
    assert_eq!(
        here.remember_optional("k", HOUR, || async { Ok::<_, Mine>(Some(7)) }).await,
        Ok(Some(7))
    );
    assert_eq!(here.remember("k", HOUR, || async { Err::<u32, _>(Mine(1)) }).await, Err(Mine(1)));
    assert_eq!(here.get_or_set("k", HOUR, 7).await, 7);
    let map = || async { Ok::<_, Mine>(HashMap::from([("k", 7)])) };
    assert_eq!(here.get_many_or_load(["k"], |_| map()).await.unwrap()["k"], 7);
    let unreachable = |outcome: crate::error::Result<()>, call: &str| {
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Unreachable, "{call}");
    };
    unreachable(here.get::<u32>("k").await.map(drop), "get");
    unreachable(here.set("k", &7, HOUR).await.map(drop), "set");
    unreachable(here.set_nothing::<u32>("k").await.map(drop), "set_nothing");
    unreachable(here.pull::<u32>("k").await.map(drop), "pull");
    unreachable(here.forget("k").await, "forget");
    unreachable(here.forget_many(["k"]).await, "forget_many");
    unreachable(here.flush().await.map(drop), "flush");
    let held = here.hold(["k"]).await.map(drop).unwrap_err();
    assert_eq!(held.kind(), ErrorKind::HoldNotPlaced);
}

#[tokio::test]
async fn a_set_whose_fill_fails_says_so_and_leaves_nothing_old() {
    let World { here, there, faulty, .. } = World::new();
    here.set("k", &1, HOUR).await.unwrap();
    faulty.fail_next(Op::Fill, 1, ErrorKind::OutOfMemory);
    assert_eq!(here.set("k", &2, HOUR).await.unwrap_err().kind(), ErrorKind::OutOfMemory);
    assert_eq!(there.get::<i32>("k").await.unwrap(), Cached::Miss);
}

/// The reply to a `forget` is lost: it says so, and has taken effect here all the same.
#[tokio::test]
async fn a_forget_whose_reply_is_lost_fails_and_can_be_repeated() {
    let World { here, there, faulty, .. } = World::new();
    here.set("k", &1, HOUR).await.unwrap();
    faulty.lose_next_reply(Op::Release, 1, ErrorKind::Timeout);
    assert_eq!(here.forget("k").await.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(there.get::<i32>("k").await.unwrap(), Cached::Miss);
    here.forget("k").await.unwrap();
}

/// Nobody waits for the lease of a fill that failed: elsewhere it is gone, and here it is known, also where it could not be
/// given back.
#[tokio::test(start_paused = true)]
async fn the_lease_of_a_fill_that_fails_is_waited_for_by_nobody() {
    let world = World::new();
    let (here, faulty) = (&world.here, &world.faulty);
    let load = || async { Ok::<_, Mine>(7) };
    faulty.fail_next(Op::Fill, 2, ErrorKind::Timeout);
    assert_eq!(here.remember("k", HOUR, load).await, Ok(7));
    let map = || async { Ok::<_, Mine>(HashMap::from([("a", 7), ("b", 8)])) };
    assert_eq!(here.get_many_or_load(["a", "b"], |_| map()).await.unwrap()["b"], 8);
    here.drain().await;
    for name in ["k", "a", "b"] {
        assert_eq!(world.entry(name).await, None, "{name}");
    }
    faulty.fail_next(Op::Fill, 1, ErrorKind::Timeout);
    faulty.fail_next(Op::Abandon, 1, ErrorKind::Timeout);
    assert_eq!(here.remember("k", HOUR, load).await, Ok(7));
    here.drain().await;
    assert!(matches!(world.entry("k").await, Some(Entry::Lease(_))));
    let began = tokio::time::Instant::now();
    assert_eq!(here.remember("k", HOUR, load).await, Ok(7));
    assert_eq!(began.elapsed(), Duration::ZERO);
}
