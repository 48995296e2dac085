//! Random conditions and random rows: the program and Postgres answer alike.

use cache_runtime::__private::When;
use cache_runtime::{By, Column, Entity, Operand, Test};
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, FromRow};

use super::world::World;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "things")]
struct Thing {
    #[entity(id)]
    id: i64,
    small: Option<i16>,
    middle: Option<i32>,
    large: Option<i64>,
    text: Option<String>,
    truth: Option<bool>,
}

/// Of each kind of column its places, and values that meet and miss each other.
const NUMBERS: [usize; 3] = [1, 2, 3];
const TEXT: usize = 4;
const TRUTH: usize = 5;
const SOME_NUMBERS: [i64; 7] = [-32_768, -1, 0, 1, 2, 100, 32_767];
const SOME_TEXTS: [&str; 8] = ["", "a", "A", "a ", "ä", "it's", "%N", "a:=b\\"];
const ALL: [By; 6] =
    [By::Equal, By::Unequal, By::Less, By::LessOrEqual, By::Greater, By::GreaterOrEqual];

fn leaked<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn some<T: Copy>(from: &[T], random: &mut fastrand::Rng) -> T {
    from[random.usize(..from.len())]
}

/// A random condition; parameter 0 is compared with the large number where `parameter`.
fn condition(random: &mut fastrand::Rng, depth: u32, parameter: bool) -> Test {
    if depth == 0 || random.u8(..4) == 0 {
        return match random.u8(..if parameter { 6 } else { 4 }) {
            0 => Test::IsNull(random.usize(1..=5)),
            1 => Test::Compare {
                column: TEXT,
                by: some(&ALL[..2], random),
                to: Operand::Text(some(&SOME_TEXTS, random)),
            },
            2 => Test::Compare {
                column: TRUTH,
                by: some(&ALL[..2], random),
                to: Operand::Truth(random.bool()),
            },
            3 => Test::Compare {
                column: some(&NUMBERS, random),
                by: some(&ALL, random),
                to: Operand::Number(some(&SOME_NUMBERS, random)),
            },
            _ => Test::Compare { column: 3, by: some(&ALL, random), to: Operand::Parameter(0) },
        };
    }
    let several = |random: &mut fastrand::Rng| -> &'static [Test] {
        let tests: Vec<Test> =
            (0..random.u8(1..4)).map(|_| condition(random, depth - 1, parameter)).collect();
        tests.leak()
    };
    match random.u8(..3) {
        0 => Test::Not(leaked(condition(random, depth - 1, parameter))),
        1 => Test::All(several(random)),
        _ => Test::Any(several(random)),
    }
}

fn thing(random: &mut fastrand::Rng, id: i64) -> Thing {
    let there = |random: &mut fastrand::Rng| random.u8(..3) > 0;
    let number = |random: &mut fastrand::Rng| some(&SOME_NUMBERS, random);
    Thing {
        id,
        small: there(random).then(|| i16::try_from(number(random)).unwrap()),
        middle: there(random).then(|| i32::try_from(number(random)).unwrap()),
        large: there(random).then(|| number(random)),
        text: there(random).then(|| some(&SOME_TEXTS, random).to_owned()),
        truth: there(random).then(|| random.bool()),
    }
}

fn columns() -> &'static [Column] {
    Thing::COLUMNS
}

async fn things(world: &World, random: &mut fastrand::Rng) -> Vec<Thing> {
    world
        .sql(
            "CREATE TABLE things (id int8 PRIMARY KEY, small int2, middle int4, large int8, text text, truth bool)",
        )
        .await;
    let things: Vec<Thing> = (0..300).map(|id| thing(random, id)).collect();
    for Thing { id, small, middle, large, text, truth } in &things {
        sqlx::query("INSERT INTO things VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(id)
            .bind(small)
            .bind(middle)
            .bind(large)
            .bind(text)
            .bind(truth)
            .execute(world.fixture.pool())
            .await
            .unwrap();
    }
    things
}

/// The ids of the rows that the database takes for meeting this.
async fn met(world: &World, sql: &str, parameter: Option<i64>) -> Vec<i64> {
    let sql = format!("SELECT id FROM things row WHERE {sql} ORDER BY id");
    let mut query = sqlx::query_scalar(AssertSqlSafe(sql)).persistent(false);
    if let Some(parameter) = parameter {
        query = query.bind(parameter);
    }
    query.fetch_all(world.fixture.pool()).await.unwrap()
}

fn ours(things: &[Thing], when: &When) -> Vec<i64> {
    things.iter().filter(|thing| when.may_hold(*thing)).map(|thing| thing.id).collect()
}

#[tokio::test]
async fn a_condition_without_parameters_means_the_same_to_the_program_and_to_postgres() {
    let world = World::new().await;
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let things = things(&world, &mut random).await;
    let mut mixed = 0;
    for _ in 0..400 {
        let test: &'static Test = leaked(condition(&mut random, 3, false));
        let when = When { test, bucket: None };
        let theirs = met(&world, &test.sql(columns()), None).await;
        assert_eq!(ours(&things, &when), theirs, "{test:?}, seed {seed}");
        assert_eq!(
            met(&world, &when.sql(columns(), "row"), None).await,
            theirs,
            "{test:?}, seed {seed}"
        );
        mixed += usize::from(!theirs.is_empty() && theirs.len() < things.len());
    }
    assert!(mixed > 100, "most conditions tell rows apart: {mixed}");
}

#[tokio::test]
async fn a_write_invalidates_every_list_that_its_row_stands_in_whatever_the_parameter() {
    const BOUNDS: [i64; 3] = [-1, 2, 100];
    let world = World::new().await;
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let things = things(&world, &mut random).await;
    let mut spared = 0;
    for _ in 0..150 {
        let test: &'static Test = leaked(condition(&mut random, 3, true));
        let any = When { test, bucket: None };
        let touched = ours(&things, &any);
        // The triggers and the program hold the same keys.
        assert_eq!(
            met(&world, &any.sql(columns(), "row"), None).await,
            touched,
            "{test:?}, seed {seed}"
        );
        for parameter in SOME_NUMBERS {
            let sql = format!("({}) AND ($1::int8 IS NOT NULL)", test.sql(columns()));
            let listed = met(&world, &sql, Some(parameter)).await;
            assert!(
                listed.iter().all(|id| touched.contains(id)),
                "{test:?} with {parameter}, seed {seed}"
            );
            let number = BOUNDS.iter().filter(|bound| **bound <= parameter).count();
            let from = number.checked_sub(1).map(|before| BOUNDS[before]);
            let bucket = When { test, bucket: Some((0, (from, BOUNDS.get(number).copied()))) };
            let in_bucket = ours(&things, &bucket);
            assert_eq!(
                met(&world, &bucket.sql(columns(), "row"), None).await,
                in_bucket,
                "{test:?} with {parameter}, seed {seed}"
            );
            assert!(
                listed.iter().all(|id| in_bucket.contains(id)),
                "{test:?} with {parameter} in its bucket, seed {seed}"
            );
            assert!(in_bucket.iter().all(|id| touched.contains(id)), "buckets only narrow");
            spared += touched.len() - in_bucket.len();
        }
    }
    assert!(spared > 1000, "buckets spare lists: {spared}");
}
