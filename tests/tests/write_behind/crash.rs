//! Writers and workers that are killed with signal 9, at every step and at any moment, and started again; at the end every
//! write that was acknowledged has arrived.
//!
//! A lane is a database, a namespace, one writer's seat and two workers'. In each seat one process follows another; each is
//! this test program itself, told by its environment what to be. Half of them die at a step that was chosen for them, the
//! others whenever they are killed. Keys come and go, so that for each there is a last write that nothing covers up.

#[path = "crash/check.rs"]
mod check;
#[path = "crash/child.rs"]
mod child;
#[path = "crash/doom.rs"]
mod doom;
#[path = "crash/seat.rs"]
mod seat;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cache_runtime::WriteBehind;
use tests::RedisServer;
use tokio::sync::Mutex;

use self::check::Ledger;
use self::seat::{Role, Seat};
use crate::world::{World, behind};

const LANES: usize = 3;
/// For what is left when nobody dies any more.
const AT_THE_END: Duration = Duration::from_secs(60);

/// What the seats of all lanes share.
struct Run {
    redis: RedisServer,
    /// Kills that are still to come.
    left: AtomicUsize,
    /// How many died at which step.
    deaths: Mutex<BTreeMap<String, usize>>,
}

impl Run {
    /// Whether there is one more kill to come.
    fn one_more(&self) -> bool {
        let fewer = |left: usize| left.checked_sub(1);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer).is_ok()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_that_was_acknowledged_is_lost_whoever_is_killed() {
    let rounds = std::env::var("WRITE_BEHIND_ROUNDS").ok().and_then(|text| text.parse().ok());
    let rounds = rounds.unwrap_or(100);
    let run = Arc::new(Run {
        redis: RedisServer::options().set("appendonly", &["yes"]).start(),
        left: AtomicUsize::new(rounds),
        deaths: Mutex::default(),
    });
    let lanes: Vec<_> = (0..LANES).map(|_| tokio::spawn(lane(Arc::clone(&run)))).collect();
    let mut acknowledged = 0;
    for lane in lanes {
        acknowledged += lane.await.expect("a lane held");
    }
    let deaths = run.deaths.lock().await;
    println!("{rounds} kills, {acknowledged} writes acknowledged, deaths: {deaths:?}");
    assert_eq!(deaths.values().sum::<usize>(), rounds);
    assert!(acknowledged > rounds, "the run did nothing");
}

/// Returns how many writes were acknowledged.
async fn lane(run: Arc<Run>) -> usize {
    let world = Arc::new(World::new().await);
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let seats: Vec<_> = [Role::Writer, Role::Worker, Role::Worker]
        .into_iter()
        .map(|role| {
            let seat = Seat {
                role,
                world: Arc::clone(&world),
                run: Arc::clone(&run),
                ledger: Arc::clone(&ledger),
            };
            tokio::spawn(seat.occupy())
        })
        .collect();
    for seat in seats {
        seat.await.expect("a seat was kept");
    }
    let notes = world.process_at(&run.redis.url());
    let survivor: WriteBehind<_> = behind(&notes).spawn().unwrap();
    let flushed = tokio::time::timeout(AT_THE_END, survivor.flush()).await;
    let backlog = survivor.backlog().await.unwrap();
    assert_eq!((backlog.waiting, backlog.dead), (0, 0), "{flushed:?} {:?}", survivor.stats());
    let ledger = ledger.lock().await;
    ledger.check(&world, &survivor).await;
    ledger.acknowledged()
}
