//! The triggers write the very keys that the program reads.

use std::collections::BTreeSet;
use std::sync::Arc;

use cache_runtime::testing::Stepper;
use cache_runtime::{CacheManager, CachedRepository, Entity, Step, cached_repository, migrate};
use chrono::{NaiveDate, NaiveDateTime};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool};
use tests::{Fixture, TestDatabase};
use uuid::Uuid;

/// How many of these texts SQL escapes otherwise than the program.
async fn differing(pool: &PgPool, texts: &[String]) -> Vec<String> {
    let keys = CacheManager::builder("n").memory().build().unwrap();
    let escaped: Vec<String> = texts
        .iter()
        .map(|text| keys.key().value(text).finish().unwrap().as_str()["n:=".len()..].to_owned())
        .collect();
    sqlx::query_scalar(
        "SELECT text FROM unnest($1::text[], $2::text[]) AS all_of_them (text, escaped) \
         WHERE cache_runtime.escape(text) <> escaped COLLATE \"C\"",
    )
    .bind(texts)
    .bind(escaped)
    .fetch_all(pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn every_character_is_escaped_alike() {
    let database = TestDatabase::create().await;
    migrate(database.pool()).await.unwrap();
    // Text in Postgres has no NUL.
    let all: Vec<char> = ('\u{1}'..=char::MAX).collect();
    assert_eq!(all.len(), 0x11_0000 - 0x800 - 1);
    let nothing: [&str; 0] = [];
    for chunk in all.chunks(100_000) {
        let alone: Vec<String> = chunk.iter().map(char::to_string).collect();
        assert_eq!(differing(database.pool(), &alone).await, nothing);
        // And among others, which takes another way through the function.
        let together: Vec<String> = chunk.chunks(97).map(|chars| chars.iter().collect()).collect();
        assert_eq!(differing(database.pool(), &together).await, nothing);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[sqlx(transparent)]
struct ThingId(i16);

/// Its names are not those of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[sqlx(type_name = "grade", rename_all = "kebab-case")]
enum Grade {
    FirstRate,
    #[serde(rename = "so: so")]
    SoSo,
    Poor,
}

/// Every type that can be watched, and a composite id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "stock.things")]
struct Thing {
    #[entity(id)]
    id: ThingId,
    #[entity(id)]
    #[sqlx(rename = "Part \"x\"")]
    part: String,
    code: Uuid,
    grade: Grade,
    made: Option<NaiveDate>,
    digest: Vec<u8>,
    good: bool,
    small: Option<i32>,
    label: String,
    /// In no key, and of a type that could be in none.
    weight: f64,
    tags: Vec<String>,
    seen: NaiveDateTime,
}

#[cached_repository(
    entity = Thing,
    unique(code, (grade, part), label),
    list(made, digest, good, (small, label)),
    tags("grade:{grade}", "{digest}", "{made} and {label}", "all")
)]
#[derive(Clone)]
struct Things {
    db: PgPool,
    cache: CacheManager,
}

const TABLES: &str = r#"
    CREATE SCHEMA stock;
    CREATE TYPE stock.grade AS ENUM ('first-rate', 'so-so', 'poor', 'unheard of');
    CREATE DOMAIN stock.label AS varchar(60) CHECK (value <> '');
    CREATE TABLE stock.things (
        id int2, "Part ""x""" text, code uuid NOT NULL UNIQUE, grade stock.grade NOT NULL, made date, digest bytea NOT NULL,
        good bool NOT NULL, small int4, label stock.label NOT NULL UNIQUE, weight float8 NOT NULL, tags text[] NOT NULL,
        seen timestamp NOT NULL, PRIMARY KEY (id, "Part ""x"""), UNIQUE (grade, "Part ""x"""));
"#;

fn things() -> Vec<Thing> {
    let days = [
        NaiveDate::from_ymd_opt(2024, 2, 29),
        NaiveDate::from_ymd_opt(1, 1, 1),
        NaiveDate::from_ymd_opt(0, 12, 31),
        NaiveDate::from_ymd_opt(-4711, 3, 4),
        NaiveDate::from_ymd_opt(9999, 12, 31),
        NaiveDate::from_ymd_opt(10000, 1, 1),
        NaiveDate::from_ymd_opt(123_456, 7, 8),
        None,
    ];
    days.into_iter()
        .enumerate()
        .map(|(n, made)| Thing {
            id: ThingId(i16::try_from(n).unwrap() - 3),
            part: ["", "a b", "ß:=", "{x}", "*", "%N", "\t", "\u{3000}x"][n].to_owned(),
            code: Uuid::from_u128(n as u128 * 0x1234_5678_9abc_def0_1234_5678_9abc),
            grade: [Grade::FirstRate, Grade::SoSo, Grade::Poor][n % 3],
            made,
            digest: (0..n).map(|byte| u8::try_from(byte * 36).unwrap()).collect(),
            good: n % 2 == 0,
            small: (n % 3 > 0).then_some(i32::MIN + i32::try_from(n).unwrap()),
            label: format!("label {n}: '\"\\é"),
            weight: 0.1,
            tags: vec!["x".to_owned()],
            seen: NaiveDateTime::default(),
        })
        .collect()
}

struct Stock {
    _fixture: Fixture,
    things: Things,
}

impl Stock {
    async fn new() -> Self {
        let database = TestDatabase::from_template("stock", async |pool: &PgPool| {
            migrate(pool).await.unwrap();
            sqlx::raw_sql(TABLES).execute(pool).await.unwrap();
        })
        .await;
        let fixture = Fixture::with_database(database);
        // The type's name in the program has no schema.
        let options = sqlx::postgres::PgConnectOptions::clone(&fixture.pool().connect_options())
            .options([("search_path", "public,stock")]);
        let db = sqlx::PgPool::connect_with(options).await.unwrap();
        let cache = CacheManager::builder(fixture.namespace()).redis(fixture.redis_url());
        Self { things: Things { db, cache: cache.build().unwrap() }, _fixture: fixture }
    }

    /// What waits in the outbox, which is empty afterwards.
    async fn waiting(&self) -> BTreeSet<String> {
        let keys: Vec<Vec<String>> =
            sqlx::query_scalar("DELETE FROM cache_runtime.outbox RETURNING keys")
                .fetch_all(&self.things.db)
                .await
                .unwrap();
        keys.into_iter().flatten().collect()
    }
}

/// What the program holds when it inserts a row, and what the triggers write when plain SQL deletes it.
#[tokio::test]
async fn rows_of_every_type_have_the_same_keys_in_both_languages() {
    let stock = Stock::new().await;
    stock.things.repository().watch().await.unwrap();
    let stepper = Stepper::new();
    let cache = CacheManager::builder(stock.things.cache.namespace().as_str())
        .memory()
        .observer(Arc::new(stepper.clone()))
        .build()
        .unwrap();
    let writer = Things { db: stock.things.db.clone(), cache };
    for thing in things() {
        let before = stepper.seen().len();
        writer.insert(&thing).await.unwrap();
        let held: BTreeSet<String> = stepper.seen()[before..]
            .iter()
            .filter(|(step, _)| *step == Step::Hold)
            .map(|(_, key)| key.as_str().to_owned())
            .collect();
        assert_eq!(stock.waiting().await, BTreeSet::new());
        sqlx::query("DELETE FROM stock.things WHERE code = $1")
            .bind(thing.code)
            .execute(&stock.things.db)
            .await
            .unwrap();
        assert_eq!(stock.waiting().await, held, "{thing:?}");
        assert!(held.len() >= 10, "{held:?}");
    }
}

/// With rows there, and with none.
#[tokio::test]
async fn watching_looks_at_the_rows_that_are_there() {
    let stock = Stock::new().await;
    for thing in things() {
        stock.things.insert(&thing).await.unwrap();
    }
    stock.things.repository().watch().await.unwrap();
    stock.things.repository().watch().await.unwrap();
    stock.things.repository().unwatch().await.unwrap();
    sqlx::query("DELETE FROM stock.things").execute(&stock.things.db).await.unwrap();
    assert_eq!(stock.waiting().await, BTreeSet::new());
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "odd")]
struct Odd {
    #[entity(id)]
    id: i64,
    key: String,
    keys: String,
    o: Option<String>,
    held: bool,
}

#[cached_repository(entity = Odd, unique(key), list(keys, (o, held)), tags("{key}"))]
#[derive(Clone)]
struct Odds {
    db: PgPool,
    cache: CacheManager,
}

/// Names that the trigger itself uses, and a type that has no equality.
#[tokio::test]
async fn columns_may_have_any_name_and_those_outside_the_keys_any_type() {
    let database = TestDatabase::create().await;
    let db = database.pool().clone();
    migrate(&db).await.unwrap();
    sqlx::raw_sql(
        "CREATE TABLE odd (id int8 PRIMARY KEY, key text NOT NULL UNIQUE, keys text NOT NULL, o text, held bool NOT NULL, \
             n int8, watch int8, row_before json, row_after json, chunk int8, namespace text, old_rows int8, new_rows int8, \
             changed point, numbered xml, \"select\" int8); \
         CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.n := 1; RETURN NEW; END $$",
    )
    .execute(&db)
    .await
    .unwrap();
    let cache = CacheManager::builder("odd").memory().build().unwrap();
    let odds = Odds { db: db.clone(), cache };
    let watched = async |first: i64| {
        odds.repository().watch().await.unwrap();
        let keys: Vec<Vec<String>> = {
            sqlx::query(
                "INSERT INTO odd (id, key, keys, o, held, row_before) VALUES ($1, 'a' || $1, 'b', 'c', true, '{}')",
            )
            .bind(first)
            .execute(&db)
            .await
            .unwrap();
            sqlx::query("UPDATE odd SET held = false WHERE id = $1")
                .bind(first)
                .execute(&db)
                .await
                .unwrap();
            sqlx::query("UPDATE odd SET row_before = '[]' WHERE id = $1")
                .bind(first)
                .execute(&db)
                .await
                .unwrap();
            sqlx::query("UPDATE odd SET row_before = '[]' WHERE id = $1")
                .bind(first)
                .execute(&db)
                .await
                .unwrap();
            sqlx::query("DELETE FROM odd WHERE id = $1").bind(first).execute(&db).await.unwrap();
            sqlx::query_scalar(
                "WITH gone AS (DELETE FROM cache_runtime.outbox RETURNING id, keys) \
                 SELECT ARRAY(SELECT unnest(keys) ORDER BY 1) FROM gone ORDER BY id",
            )
            .fetch_all(&db)
            .await
            .unwrap()
        };
        let all = keys.iter().map(Vec::len).collect::<Vec<_>>();
        // The fourth statement changes nothing.
        assert_eq!(all, [6, 5, 3, 6], "{keys:#?}");
        let row =
            Odd { id: first + 1, key: "k".to_owned(), keys: String::new(), o: None, held: true };
        odds.insert(&row).await.unwrap();
        odds.update(&Odd { held: false, ..row.clone() }).await.unwrap();
        odds.delete(first + 1).await.unwrap();
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM cache_runtime.outbox")
            .fetch_one(&db)
            .await
            .unwrap();
        assert_eq!(left, 0);
    };
    watched(1).await;
    // The same where the function compares what the repository sees.
    sqlx::raw_sql(
        "CREATE TRIGGER touch BEFORE UPDATE ON odd FOR EACH ROW EXECUTE FUNCTION touch()",
    )
    .execute(&db)
    .await
    .unwrap();
    watched(10).await;
}
