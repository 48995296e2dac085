//! Random commands, to the memory and to Redis: both answer the same.

use std::time::Duration;

use bytes::Bytes;
use cache_runtime::backend::MemoryCache;
use cache_runtime::{Action, Cache, Command, ErrorKind, Key, Pipelines, Remaining, Reply, Ttl};
use fastrand::Rng;

use super::shared;
use super::tools::patient;

const ROUNDS: usize = 600;
const HOUR: Duration = Duration::from_secs(3600);

fn any<T: Clone>(random: &mut Rng, of: &[T]) -> T {
    of[random.usize(..of.len())].clone()
}

/// Texts, numbers, and what is nearly a number.
fn value(random: &mut Rng) -> Bytes {
    const TEXTS: [&str; 14] = [
        "",
        "a",
        "b",
        "0",
        "1",
        "-1",
        "41",
        "-0",
        "01",
        "+1",
        " 1",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
    ];
    Bytes::from_static(any(random, &TEXTS).as_bytes())
}

fn values(random: &mut Rng) -> Vec<Bytes> {
    (0..random.usize(0..4)).map(|_| value(random)).collect()
}

fn step(random: &mut Rng) -> i64 {
    any(random, &[0, 1, -1, 2, 1_000, i64::MAX, i64::MIN, i64::MIN + 1])
}

fn place(random: &mut Rng) -> i64 {
    any(random, &[0, 1, 2, -1, -2, -3, 5, -9, i64::MIN, i64::MAX])
}

fn ttl(random: &mut Rng) -> Ttl {
    any(random, &[Ttl::Forever, Ttl::After(HOUR), Ttl::After(HOUR), Ttl::After(Duration::ZERO)])
}

fn action(random: &mut Rng) -> Action {
    match random.u8(0..32) {
        0 => Action::Get,
        1 => Action::Set(value(random), ttl(random)),
        2 => Action::SetIfAbsent(value(random), ttl(random)),
        3 => Action::Take,
        4 => Action::Delete,
        5 => Action::Exists,
        6 => Action::Expire(any(random, &[HOUR, HOUR, HOUR, Duration::ZERO])),
        7 => Action::Persist,
        8 => Action::Ttl,
        9 | 10 => Action::IncrementBy(step(random)),
        11 => Action::ListPushFront(values(random)),
        12 | 13 => Action::ListPushBack(values(random)),
        14 => Action::ListPopFront,
        15 => Action::ListPopBack,
        16 => Action::ListLength,
        17 => Action::ListRange(place(random), place(random)),
        18 => Action::ListTrim(place(random), place(random)),
        19 | 20 => Action::SetAdd(values(random)),
        21 => Action::SetRemove(values(random)),
        22 => Action::SetMembers,
        23 => Action::SetIsMember(value(random)),
        30 => Action::SetCardinality,
        31 => Action::HashLength,
        24 | 25 => Action::HashSet(
            (0..random.usize(0..4)).map(|_| (value(random), value(random))).collect(),
        ),
        26 => Action::HashGet(value(random)),
        27 => Action::HashGetAll,
        28 => Action::HashDelete(values(random)),
        _ => Action::HashIncrementBy(value(random), step(random)),
    }
}

/// An answer, without the time that goes by between the two.
#[derive(Debug, PartialEq)]
enum Answer {
    Reply(String),
    Failed(ErrorKind),
}

fn answer(reply: cache_runtime::Result<Reply>) -> Answer {
    let sorted = |mut parts: Vec<String>| {
        parts.sort();
        format!("{parts:?}")
    };
    match reply {
        Err(error) => Answer::Failed(error.kind()),
        Ok(reply) => Answer::Reply(match reply {
            Reply::Life(Remaining::Left(left)) => format!("some time: {}", left > HOUR / 2),
            Reply::Bytes(bytes) => format!("{bytes:?}"),
            Reply::List(values) => format!("{values:?}"),
            Reply::Set(members) => sorted(members.iter().map(|one| format!("{one:?}")).collect()),
            Reply::Hash(fields) => sorted(fields.iter().map(|pair| format!("{pair:?}")).collect()),
            other => format!("{other:?}"),
        }),
    }
}

/// What an action is asked, with its values: they are the test's own.
fn shown(Command { key, action }: &Command) -> String {
    let arguments = match action {
        Action::Set(value, ttl) | Action::SetIfAbsent(value, ttl) => format!("{value:?} {ttl:?}"),
        Action::Expire(time) => format!("{time:?}"),
        Action::IncrementBy(by) => by.to_string(),
        Action::ListRange(first, last) | Action::ListTrim(first, last) => format!("{first} {last}"),
        Action::ListPushFront(values)
        | Action::ListPushBack(values)
        | Action::SetAdd(values)
        | Action::SetRemove(values)
        | Action::HashDelete(values) => format!("{values:?}"),
        Action::SetIsMember(value) | Action::HashGet(value) => format!("{value:?}"),
        Action::HashSet(fields) => format!("{fields:?}"),
        Action::HashIncrementBy(field, by) => format!("{field:?} {by}"),
        _ => String::new(),
    };
    format!("{} {} {arguments}", action.name(), key.as_str().rsplit(':').next().unwrap())
}

async fn compare(seed: u64) {
    let (url, namespace) = shared();
    let redis = patient(&url);
    let memory = MemoryCache::new();
    let keys: Vec<Key> =
        ["a", "b", "c"].map(|name| namespace.key().text(name).finish().unwrap()).into();
    let mut random = Rng::with_seed(seed);
    let mut told = Vec::new();
    for round in 0..ROUNDS {
        if round % 50 == 0 {
            // New types get a chance at each key.
            for cache in [&redis as &dyn Cache, &memory] {
                cache.delete_many(&keys).await.unwrap();
            }
        }
        let commands: Vec<Command> = (0..random.usize(1..40))
            .map(|_| Command { key: any(&mut random, &keys), action: action(&mut random) })
            .collect();
        let there = redis.run_commands(&commands).await.unwrap();
        let here = memory.run_commands(&commands).await.unwrap();
        for (command, (there, here)) in commands.iter().zip(there.into_iter().zip(here)) {
            told.push(shown(command));
            let (there, here) = (answer(there), answer(here));
            let before = || told[told.len().saturating_sub(12)..].join("\n");
            assert_eq!(here, there, "memory and Redis, seed {seed}, after\n{}", before());
        }
    }
    assert!(told.len() > ROUNDS * 15, "{} commands", told.len());
}

#[tokio::test]
async fn the_memory_answers_random_commands_as_redis_does() {
    compare(0xC0FFEE).await;
    compare(fastrand::u64(..)).await;
}
