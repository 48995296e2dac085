//! Runs a call again and again, and drops it one await later each time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cache_runtime::entry::{self, Token};
use cache_runtime::{BoxFuture, Key, LeaseOutcome, LeaseRequest};
use redis::aio::MultiplexedConnection;
use tests::Servers;
use tokio::task::JoinSet;

use super::dropping::{dropped_after, places};
use super::invariants::{Outcome, Round, answers};
use super::steps::at_every_step;
use super::table::{Cast, Change, Table};
use super::world::{Site, World};

/// A call as its caller makes it. It checks its own answer where it gets one.
pub(crate) type Call = for<'w> fn(&'w World, Cast) -> BoxFuture<'w, ()>;

/// An operation to be dropped everywhere.
#[derive(Clone, Copy)]
pub(crate) struct Op {
    pub(crate) name: &'static str,
    pub(crate) call: Call,
    /// What it may have done where it was dropped, if it did anything; the last is what it does when it is not.
    pub(crate) changes: &'static [Change],
    /// It commits a transaction: from the hold on nobody can stop it.
    pub(crate) commits: bool,
}

impl Op {
    pub(crate) const fn read(name: &'static str, call: Call) -> Self {
        Self { name, call, changes: &[], commits: false }
    }

    pub(crate) const fn write(name: &'static str, call: Call, changes: &'static [Change]) -> Self {
        Self { name, call, changes, commits: true }
    }

    /// A change without a transaction, which goes away with its caller.
    pub(crate) const fn around(name: &'static str, call: Call, changes: &'static [Change]) -> Self {
        Self { name, call, changes, commits: false }
    }

    /// What it may have left, given whether it was done.
    pub(crate) fn outcome(&self, cast: Cast, done: bool, unknown: bool) -> Outcome {
        let before = Table::at_first(cast);
        let after = |change: &Change| {
            let mut table = before.clone();
            change(&mut table, cast);
            table
        };
        let mut all = vec![before.clone()];
        all.extend(self.changes.iter().map(after));
        Outcome {
            meanwhile: all.clone(),
            tables: if done { all.split_off(all.len() - 1) } else { all },
            unknown: unknown && !done,
        }
    }
}

/// What the call finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// Nothing is cached.
    Cold,
    /// Everything is cached.
    Warm,
    /// Another process is loading everything, and takes its time.
    Leased,
    /// Another process holds everything for a commit.
    Held,
    /// Nothing is cached, and the pool has no connection yet.
    Unconnected,
}

impl Start {
    pub(crate) const ALL: [Self; 5] =
        [Self::Cold, Self::Warm, Self::Leased, Self::Held, Self::Unconnected];
    pub(crate) const READER: [Self; 4] = [Self::Cold, Self::Warm, Self::Leased, Self::Held];
    /// A writer does the same whatever is cached; that it was forgotten shows where it was.
    pub(crate) const WRITER: [Self; 2] = [Self::Warm, Self::Held];
}

/// What another process has put at keys.
#[must_use]
pub(crate) enum Foreign {
    Nothing,
    Leases(Vec<Key>, Token),
    Holds(Vec<Key>, Token),
}

const FOREIGN: Duration = Duration::from_secs(60);

impl World {
    pub(crate) async fn prepare(&self, start: Start, cast: Cast) -> Foreign {
        let (token, backend) = (Token::new(), self.elsewhere.cache.backend());
        match start {
            Start::Cold => Foreign::Nothing,
            Start::Warm => {
                let home = cast.home();
                let cities = &self.here.cities;
                let (_, least, twice) = tokio::join!(
                    answers(&self.here, cast),
                    cities.least(&home),
                    cities.twice(cast.0)
                );
                assert!(least.is_ok() && twice.is_ok());
                self.here.cache.drain().await;
                Foreign::Nothing
            }
            Start::Leased => {
                let keys = self.values(cast);
                let request = |key: &Key| LeaseRequest { key: key.clone(), token, over: None };
                let requests: Vec<_> = keys.iter().map(request).collect();
                let outcomes = backend.lease(&requests, FOREIGN).await.expect("Redis answers");
                assert!(outcomes.iter().all(|outcome| *outcome == LeaseOutcome::Granted));
                Foreign::Leases(keys, token)
            }
            Start::Held => {
                let keys = self.keys(cast);
                backend.hold(&keys, token, FOREIGN).await.expect("Redis answers");
                Foreign::Holds(keys, token)
            }
            Start::Unconnected => {
                let connection = self.here.db.acquire().await.expect("the pool is free");
                connection.close().await.expect("the connection is closed");
                Foreign::Nothing
            }
        }
    }

    pub(crate) async fn put_away(&self, foreign: Foreign) {
        let backend = self.elsewhere.cache.backend();
        match foreign {
            Foreign::Nothing => {}
            Foreign::Leases(keys, token) => {
                backend.abandon(&keys, token).await.expect("Redis answers");
            }
            Foreign::Holds(keys, token) => {
                backend.release(&keys, token).await.expect("Redis answers");
            }
        }
    }
}

/// Drops `op` at each of its awaits, from each of `starts`, and at each step of the protocol that it takes; checks the
/// invariants every time.
pub(crate) async fn everywhere(op: Op, starts: &'static [Start]) {
    let site = Site::new().await;
    let mut runs = JoinSet::new();
    for start in starts {
        let site = Arc::clone(&site);
        runs.spawn(async move {
            let world = World::at(site).await;
            at_every_await(&world, &op, *start).await;
        });
    }
    for changing in [false, true] {
        let site = Arc::clone(&site);
        runs.spawn(async move {
            let mut world = World::at(site).await;
            if changing {
                world.expects_changes().await;
                at_every_await(&world, &op, starts[0]).await;
            }
            at_every_step(&world, &op).await;
        });
    }
    all(runs).await;
    site.nothing_is_left().await;
}

/// Waits for all of them, and fails with the first that fails.
pub(crate) async fn all(mut runs: JoinSet<()>) {
    while let Some(run) = runs.join_next().await {
        if let Err(error) = run {
            std::panic::resume_unwind(error.into_panic());
        }
    }
}

async fn at_every_await(world: &World, op: &Op, start: Start) {
    let mut done_in_a_row = 0;
    for (awaits, at) in places() {
        let when = format!("after {awaits} awaits, {at:?}");
        let round = Round { op: op.name, start, when };
        let cast = world.cast();
        let foreign = world.prepare(start, cast).await;
        let changes = world.here.changes.load(Ordering::SeqCst);
        let call = dropped_after(awaits, at, (op.call)(world, cast));
        let done = round.in_time("the call itself", call).await.is_some();
        let unknown = world.here.changes.load(Ordering::SeqCst) > changes;
        world.put_away(foreign).await;
        world.is_unharmed(&round, cast, &op.outcome(cast, done, unknown)).await;
        done_in_a_row = if done { done_in_a_row + 1 } else { 0 };
        // How many awaits there are varies with the servers' timing.
        if done_in_a_row == 3 {
            return;
        }
    }
}

impl Site {
    /// At the end: whatever the keys are called, no writer holds one, and no reader has a lease.
    pub(crate) async fn nothing_is_left(&self) {
        let client = redis::Client::open(Servers::shared().redis_url()).expect("the URL is good");
        let mut redis = client.get_multiplexed_async_connection().await.expect("Redis is there");
        let mut cursor = 0_u64;
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(format!("{}-*", self.namespace));
            scan.arg("COUNT").arg(5_000).arg("TYPE").arg("string");
            let (next, keys): (u64, Vec<String>) =
                scan.query_async(&mut redis).await.expect("Redis answers");
            for keys in keys.chunks(1_000) {
                nothing_is_at(keys, &mut redis).await;
            }
            cursor = next;
            if cursor == 0 {
                return;
            }
        }
    }
}

/// Removes them, too: the fewer keys there are, the sooner the next test has looked through them.
async fn nothing_is_at(keys: &[String], redis: &mut MultiplexedConnection) {
    let found: Vec<Option<Vec<u8>>> =
        redis::cmd("MGET").arg(keys).query_async(redis).await.expect("Redis answers");
    for (key, found) in keys.iter().zip(found) {
        let mark = found.and_then(|bytes| bytes.first().copied());
        assert_ne!(mark, Some(entry::HOLD), "{key} is held for nobody");
        // At a tag's key a lease is its stamp.
        let is_tag = key.contains(":tag:");
        assert!(is_tag || mark != Some(entry::LEASE), "{key} is leased by nobody");
    }
    let _: u64 = redis::cmd("UNLINK").arg(keys).query_async(redis).await.expect("Redis answers");
}
