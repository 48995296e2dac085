//! What holds after any call was dropped anywhere.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cache_runtime::{Key, Ttl, entry};

use super::everywhere::Start;
use super::repositories::Process;
use super::table::{Cast, Table};
use super::world::World;

/// Whoever waits for longer waits for ever.
const PATIENCE: Duration = Duration::from_secs(8);

/// One call that is dropped: which, what it found, and when it was dropped.
#[derive(Clone, Debug)]
pub(crate) struct Round {
    pub(crate) op: &'static str,
    pub(crate) start: Start,
    pub(crate) when: String,
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {:?}, dropped {}", self.op, self.start, self.when)
    }
}

impl Round {
    /// Runs `work` to its end, in a time that is bounded.
    pub(crate) async fn in_time<T>(&self, what: &str, work: impl Future<Output = T>) -> T {
        let _told = Told(self);
        match tokio::time::timeout(PATIENCE, work).await {
            Ok(done) => done,
            Err(_) => panic!("{self}: {what} is not done in {PATIENCE:?}"),
        }
    }
}

/// Says which round it was where a call itself panics.
struct Told<'r>(&'r Round);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("while: {}", self.0);
        }
    }
}

/// What may have become of a call.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// The states in which it may have left its rows, each of them whole.
    pub(crate) tables: Vec<Table>,
    /// Those in which they may be seen before it has come to its end.
    pub(crate) meanwhile: Vec<Table>,
    /// Nobody knows whether its change was made: its keys may stay held until the hold runs out.
    pub(crate) unknown: bool,
}

impl World {
    /// Checks everything that has to hold after a call was dropped.
    pub(crate) async fn is_unharmed(&self, round: &Round, cast: Cast, outcome: &Outcome) {
        self.next_calls_are_right(round, cast, outcome).await;
        round.in_time("the work in the background", self.here.cache.drain()).await;
        let held = self.held(round, cast).await;
        assert!(outcome.unknown || held.is_empty(), "{round}: held for nobody: {held:?}");
        // A statement that was dropped on its way outside of a transaction is over when its connection is back.
        round.in_time("the way of the connection into the pool", self.is_quiet()).await;
        self.expire(&held).await;
        let truth = Table::truth(&self.elsewhere.db, cast).await;
        assert!(
            outcome.tables.contains(&truth),
            "{round}: happened in part: {truth:?}, expected one of {:#?}",
            outcome.tables
        );
        let expected = expected(&truth, cast);
        let read = round.in_time("the reads", answers(&self.here, cast)).await;
        compare(&read, &expected, |what| format!("{round}: {what}, read here"));
        round.in_time("the fills", self.here.cache.drain()).await;
        // Every key can be filled again, and what was filled is right.
        let misses = self.elsewhere.cache.stats().misses;
        let read = round.in_time("the hits", answers(&self.elsewhere, cast)).await;
        compare(&read, &expected, |what| format!("{round}: {what}, read elsewhere"));
        assert_eq!(self.elsewhere.cache.stats().misses, misses, "{round}: a key was not filled");
    }

    /// The very next calls through the same pool and the same manager get the answers to their own questions.
    async fn next_calls_are_right(&self, round: &Round, cast: Cast, outcome: &Outcome) {
        static NUMBER: AtomicI64 = AtomicI64::new(1_000_000);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let key = self.here.cache.key().text("echo").value(&number).finish().expect("a key");
        let value = Bytes::from(number.to_string());
        let backend = self.here.cache.backend();
        let of_redis = async {
            backend.set(&key, value.clone(), Ttl::After(PATIENCE)).await?;
            backend.get(&key).await
        };
        let of_the_pool = sqlx::query_scalar("SELECT $1").bind(number).fetch_one(&self.here.db);
        let cities = &self.here.cities;
        let slug = cast.slug(2);
        let next = async {
            tokio::join!(of_the_pool, of_redis, cities.get(cast.id(1)), cities.find_by_slug(&slug))
        };
        let (of_the_pool, of_redis, row, found) = round.in_time("the next calls", next).await;
        assert_eq!(of_the_pool.ok(), Some(number), "{round}: the pool's answer");
        assert_eq!(of_redis.ok(), Some(Some(value)), "{round}: the answer of Redis");
        let answers = [said(row), said(found)];
        let possible: Vec<_> = outcome
            .meanwhile
            .iter()
            .map(|table| [shown(table.get(cast.id(1))), shown(table.find(&cast.slug(2)))])
            .collect();
        for (at, answer) in answers.iter().enumerate() {
            let right = possible.iter().any(|possible| possible[at] == *answer);
            assert!(
                right,
                "{round}: the next read answered {answer}\nexpected one of {possible:#?}"
            );
        }
    }

    /// The keys that a writer holds. No reader has a lease.
    pub(crate) async fn held(&self, round: &Round, cast: Cast) -> Vec<Key> {
        let (values, tags) = (self.values(cast), self.tags(cast));
        let keys: Vec<_> = values.iter().chain(&tags).collect();
        let marks = self.marks(&keys).await;
        let with = |mark, among: usize| -> Vec<Key> {
            let marked = keys.iter().zip(&marks).take(among).filter(|(_, at)| **at == Some(mark));
            marked.map(|(key, _)| Key::clone(key)).collect()
        };
        // At a tag's key a lease is its stamp.
        let leased = with(entry::LEASE, values.len());
        assert!(leased.is_empty(), "{round}: leased by nobody: {leased:?}");
        with(entry::HOLD, keys.len())
    }

    /// Waits until the one connection is back in its pool, or gone, and no session is left in a transaction.
    pub(crate) async fn is_quiet(&self) {
        let mut pause = Duration::from_micros(200);
        loop {
            let pool = &self.here.db;
            let back = pool.size() as usize == pool.num_idle();
            if back && self.sessions_in_a_transaction().await == 0 {
                return;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }

    async fn sessions_in_a_transaction(&self) -> i64 {
        sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND state <> 'idle'",
        )
        .bind(&self.name)
        .fetch_one(&self.elsewhere.db)
        .await
        .expect("the database answers")
    }
}

/// What was asked, and the answer.
type Answers = Vec<(&'static str, String)>;

/// A read of every kind.
pub(crate) async fn answers(process: &Process, cast: Cast) -> Answers {
    let Process { cities, notes, .. } = process;
    let ids = [3, 1, 3, 9, 2, 4, 5].map(|number| cast.id(number));
    let (home, abroad) = (cast.home(), cast.abroad());
    let (old, new) = (cast.slug(1), cast.slug(11));
    // At once: in few round trips, and with neighbours on both connections.
    let read = tokio::join!(
        cities.get(cast.id(1)),
        cities.get_many(&ids),
        cities.find_by_slug(&old),
        cities.find_by_slug(&new),
        cities.list_by_country(&home, ..),
        cities.list_by_country(&abroad, ..),
        cities.total(&home),
        cities.area(&home),
        notes.get(cast.0),
    );
    vec![
        ("get", said(read.0)),
        ("get_many", said(read.1)),
        ("find 1", said(read.2)),
        ("find 11", said(read.3)),
        ("list home", said(read.4)),
        ("list abroad", said(read.5)),
        ("total", said(read.6)),
        ("area", said(read.7)),
        ("note", said(read.8.map(|note| note.map(|note| note.text.clone())))),
    ]
}

/// The same, as the database has it.
fn expected(table: &Table, cast: Cast) -> Answers {
    let ids = [3, 1, 3, 9, 2, 4, 5].map(|number| table.get(cast.id(number)));
    let (home, abroad) = (cast.home(), cast.abroad());
    vec![
        ("get", shown(table.get(cast.id(1)))),
        ("get_many", shown(ids)),
        ("find 1", shown(table.find(&cast.slug(1)))),
        ("find 11", shown(table.find(&cast.slug(11)))),
        ("list home", shown(table.list(&home))),
        ("list abroad", shown(table.list(&abroad))),
        ("total", shown(table.sum(&home, |row| row.city.population))),
        ("area", shown(table.sum(&home, |row| row.area))),
        ("note", shown(&table.note)),
    ]
}

fn compare(read: &Answers, expected: &Answers, context: impl Fn(&str) -> String) {
    for ((what, read), (_, expected)) in read.iter().zip(expected) {
        assert_eq!(read, expected, "{}", context(what));
    }
}

fn said<T: fmt::Debug>(answer: sqlx::Result<T>) -> String {
    match answer {
        Ok(answer) => shown(answer),
        Err(error) => format!("failed: {error}"),
    }
}

fn shown<T: fmt::Debug>(answer: T) -> String {
    format!("{answer:?}")
}
