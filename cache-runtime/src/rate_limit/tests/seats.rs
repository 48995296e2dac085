//! Seats that are lost, and seats that are given back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

use super::*;
use crate::clock::{Clock, Moment};
use crate::key::Namespace;

fn reports(manager: &CacheManager, on_error: OnError, lease: Duration) -> ConcurrencyLimit {
    let builder = manager.concurrency_limit("reports").on_error(on_error);
    builder.allow(["monitor"]).seats(Seats::new(1, lease).unwrap()).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_seat_that_was_lost_for_a_while_is_lost_for_good() {
    let world = world();
    let reports = reports(&world.manager, OnError::Deny, SECOND * 9);
    let permit = reports.acquire(7).await.unwrap().permit().unwrap();
    // Paused for longer than a lease, in which somebody else has come and gone.
    world.clock.advance(SECOND * 9);
    reports.acquire(7).await.unwrap().permit().unwrap().release().await.unwrap();
    let asked = world.cache.calls(Op::TakeSeat);
    tokio::time::sleep(SECOND * 4).await;
    assert!(world.cache.calls(Op::TakeSeat) > asked, "the renewal has come");
    assert!(!permit.stands(), "somebody else sat there");
    tokio::time::sleep(SECOND * 4).await;
    assert!(!permit.stands());
    assert!(!reports.peek(7).await.unwrap().admitted, "who goes on all the same is counted");
    drop(permit);
    until(async || reports.peek(7).await.unwrap().admitted).await;
}

/// The answer was under way when the lease was over: nobody knows which came first.
#[tokio::test(start_paused = true)]
async fn a_renewal_that_is_answered_after_the_lease_is_none() {
    let world = world();
    let reports = reports(&world.manager, OnError::Deny, SECOND * 9);
    let permit = reports.acquire(7).await.unwrap().permit().unwrap();
    world.clock.advance(SECOND * 3);
    world.cache.stall(Op::TakeSeat);
    world.cache.until_stalled(Op::TakeSeat).await;
    world.clock.advance(SECOND * 6 - Moment::LAG);
    let renewals = world.cache.calls(Op::TakeSeat);
    world.cache.resume(Op::TakeSeat);
    until(async || world.cache.stalled(Op::TakeSeat) == 0).await;
    tokio::time::sleep(SECOND * 4).await;
    assert!(world.cache.calls(Op::TakeSeat) > renewals);
    assert!(!permit.stands());
}

#[tokio::test]
async fn a_permit_by_failure_has_no_seat_and_never_stands() {
    let world = world();
    let reports = reports(&world.manager, OnError::Allow, SECOND * 9);
    world.cache.fail(Op::TakeSeat, ErrorKind::Unreachable);
    let permit = reports.acquire(7).await.unwrap().permit().unwrap();
    assert!(permit.decision().by_failure && !permit.stands());
    permit.release().await.unwrap();
    let exempt = reports.acquire("monitor").await.unwrap().permit().unwrap();
    assert!(exempt.decision().exempt && exempt.stands(), "there is nothing to lose");
}

/// A clock that, when it is told to, holds whoever asks it next.
#[derive(Debug)]
struct Gate {
    clock: ManualClock,
    armed: AtomicBool,
    entered: Sender<()>,
    open: Mutex<Receiver<()>>,
}

impl Clock for Gate {
    fn elapsed(&self) -> Duration {
        self.clock.shared().elapsed()
    }

    fn unix_millis(&self) -> u64 {
        self.clock.shared().unix_millis()
    }

    fn moment(&self) -> Moment {
        if self.armed.swap(false, Ordering::SeqCst) {
            self.entered.send(()).unwrap();
            let _ = self.open.lock().unwrap_or_else(PoisonError::into_inner).recv();
        }
        self.clock.shared().moment()
    }
}

/// A renewal that another thread is in the middle of, when the seat is given back.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_renewal_under_way_does_not_take_the_seat_again_that_was_given_back() {
    for drops in [false, true] {
        let world = world();
        let ((entered, has_entered), (open, opens)) = (channel(), channel());
        let gate = Arc::new(Gate {
            clock: world.clock.clone(),
            armed: AtomicBool::new(false),
            entered,
            open: Mutex::new(opens),
        });
        // Without a manager, so that nothing else asks for the time.
        let ground = Ground {
            cache: Arc::new(world.cache.clone()),
            clock: Arc::clone(&gate) as Arc<dyn Clock>,
            namespace: Namespace::new("shop").unwrap(),
        };
        let builder = ConcurrencyLimitBuilder::new(ground, "reports").on_error(OnError::Deny);
        let reports = builder.seats(Seats::new(1, Seats::MIN_LEASE).unwrap()).build().unwrap();
        let permit = reports.acquire(7).await.unwrap().permit().unwrap();
        gate.armed.store(true, Ordering::SeqCst);
        has_entered.recv_timeout(SECOND * 10).unwrap();
        let given_back = tokio::spawn(async move {
            match drops {
                true => drop(permit),
                false => permit.release().await.unwrap(),
            }
        });
        // It may be given back now, or wait for the renewal: whatever comes of it is right, if the seat is free in the end.
        for _ in 0..1_000 {
            if world.cache.calls(Op::LeaveSeat) > 0 {
                break;
            }
            tokio::time::sleep(Duration::from_micros(100)).await;
        }
        open.send(()).unwrap();
        given_back.await.unwrap();
        // The renewal was in the middle of a step, which it makes to its end.
        until(async || world.cache.calls(Op::TakeSeat) == 2).await;
        until(async || world.cache.calls(Op::LeaveSeat) > 0).await;
        until(async || reports.peek(7).await.unwrap().admitted).await;
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
            assert!(reports.peek(7).await.unwrap().admitted, "taken again, dropped: {drops}");
        }
    }
}
