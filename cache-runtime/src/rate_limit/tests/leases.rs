//! What a process leases, and those that wait for it.

use super::*;

#[tokio::test]
async fn those_who_waited_for_an_attempt_that_failed_do_not_try_again_one_by_one() {
    for on_error in [OnError::Deny, OnError::Allow] {
        let clock = ManualClock::new();
        let memory = MemoryCache::builder().clock(clock.shared()).build();
        let failing = FaultyCache::over(Arc::new(memory));
        failing.fail(Op::Decide, ErrorKind::Timeout);
        let slow = FaultyCache::over(Arc::new(failing.clone()));
        let manager = manager(&clock, Arc::new(slow.clone()));
        let builder = manager.rate_limit("api").quota(quota(60)).on_error(on_error);
        let api = builder.local().build().unwrap();
        slow.stall(Op::Decide);
        let calls: Vec<_> = (0..50)
            .map(|_| {
                let api = api.clone();
                tokio::spawn(async move { api.check("k").await.unwrap() })
            })
            .collect();
        slow.until_stalled(Op::Decide).await;
        // On one thread, each of them has come to where it waits.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        // Who goes away has not failed: the next one tries.
        calls[0].abort();
        until(async || slow.calls(Op::Decide) == 2).await;
        slow.resume(Op::Decide);
        for call in calls.into_iter().skip(1) {
            let decision = call.await.unwrap();
            assert!(decision.by_failure && decision.admitted == (on_error == OnError::Allow));
        }
        assert_eq!(slow.calls(Op::Decide), 2, "one was dropped, and one has failed");
        assert_eq!(api.stats().by_failure, 49);
        failing.heal();
        assert!(!api.check("k").await.unwrap().by_failure, "who comes later tries anew");
    }
}

#[tokio::test]
async fn what_is_left_goes_down_by_one_whether_a_call_was_leased_or_not() {
    let world = world();
    let quota = Quota::new(Algorithm::Gcra, 1_000, SECOND * 100).unwrap();
    let builder = world.manager.rate_limit("api").quota(quota).and("day", quota);
    let api = builder.on_error(OnError::Deny).local().build().unwrap();
    for left in (0..1_000).rev() {
        let decision = api.check("k").await.unwrap();
        assert!(decision.admitted);
        assert_eq!(decision.remaining, left);
        assert!(decision.verdicts().iter().all(|verdict| verdict.remaining == left));
        assert!(decision.retry_after.is_zero() || left == 0, "{decision:?}");
    }
}

#[tokio::test]
async fn long_keys_are_counted_apart() {
    let world = world();
    let api = world.leased(Quota::new(Algorithm::Gcra, 1_000, SECOND * 100).unwrap());
    let long = "x".repeat(10_000);
    let digest = api.0.shared.subjects.digest(&long);
    let keys = [long.clone(), format!("{long}y"), digest.clone(), format!("#{digest}")];
    for left in (990..1_000).rev() {
        for key in &keys {
            assert_eq!(api.check(key).await.unwrap().remaining, left);
        }
    }
    api.reset(&long).await.unwrap();
    assert_eq!(api.check(&long).await.unwrap().remaining, 999);
    assert_eq!(api.check(&digest).await.unwrap().remaining, 989);
}
