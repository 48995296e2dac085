//! Tables that cannot be watched, and who may not watch them.

use std::error::Error as _;

use cache_runtime::{
    CacheManager, CachedRepository, Entity, Error, ErrorKind, Origin, State, cached_repository,
    migrate,
};
use serde::{Deserialize, Serialize, Serializer};
use sqlx::{AssertSqlSafe, FromRow, PgPool};
use tests::{TestDatabase, eventually, in_time};

use super::world::World;

/// Every text in capitals, but only in keys: the database does not do that.
fn loud<S: Serializer>(text: &str, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&text.to_uppercase())
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[sqlx(transparent)]
struct Loud(#[serde(serialize_with = "loud")] String);

#[derive(Clone, Debug, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "parts")]
struct Part {
    #[entity(id)]
    id: i64,
    code: Loud,
    price: Option<i64>,
}

#[cached_repository(entity = Part, list(code))]
struct Parts {
    db: PgPool,
    cache: CacheManager,
}

#[derive(Clone, Debug, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "parts")]
struct Plain {
    #[entity(id)]
    id: i64,
    code: String,
    price: Option<i64>,
}

#[cached_repository(entity = Plain, list(code))]
struct Plains {
    db: PgPool,
    cache: CacheManager,
}

/// A text that has to look like an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[sqlx(transparent)]
struct Any(String);

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Address(String);

impl TryFrom<Any> for Address {
    type Error = String;

    fn try_from(text: Any) -> Result<Self, String> {
        if text.0.contains('@') { Ok(Self(text.0)) } else { Err("no address".to_owned()) }
    }
}

impl sqlx::Type<sqlx::Postgres> for Address {
    fn type_info() -> sqlx::postgres::PgTypeInfo {
        <String as sqlx::Type<sqlx::Postgres>>::type_info()
    }
}

impl<'r> sqlx::Decode<'r, sqlx::Postgres> for Address {
    fn decode(value: sqlx::postgres::PgValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
        Ok(Any::decode(value)?.try_into()?)
    }
}

impl<'q> sqlx::Encode<'q, sqlx::Postgres> for Address {
    fn encode_by_ref(
        &self,
        buffer: &mut sqlx::postgres::PgArgumentBuffer,
    ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
        <String as sqlx::Encode<'q, sqlx::Postgres>>::encode_by_ref(&self.0, buffer)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "parts")]
struct Strict {
    #[entity(id)]
    id: i64,
    code: Address,
}

#[cached_repository(entity = Strict, list(code))]
struct Stricts {
    db: PgPool,
    cache: CacheManager,
}

async fn database(statements: &str) -> (TestDatabase, CacheManager) {
    let database = TestDatabase::create().await;
    migrate(database.pool()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(database.pool()).await.unwrap();
    (database, CacheManager::builder("refusals").memory().build().unwrap())
}

const PARTS: &str = "CREATE TABLE parts (id int8 PRIMARY KEY, code text NOT NULL, price int8)";

async fn plainly(statements: &str) -> Result<(), Error> {
    let (database, cache) = database(statements).await;
    Plains { db: database.pool().clone(), cache }.repository().watch().await
}

#[tokio::test]
async fn a_column_that_the_program_writes_otherwise_is_refused_by_name() {
    for rows in ["", "; INSERT INTO parts VALUES (1, 'abc', 1)"] {
        let (database, cache) = database(&format!("{PARTS}{rows}")).await;
        let parts = Parts { db: database.pool().clone(), cache };
        let error = parts.repository().watch().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Outbox);
        let said = error.to_string();
        for word in ["column code", "Loud", "leave the column out"] {
            assert!(said.contains(word), "no {word} in: {said}");
        }
        if !rows.is_empty() {
            assert!(said.contains("\"ABC\"") && said.contains("\"abc\""), "{said}");
        }
        let triggers: i64 =
            sqlx::query_scalar("SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'cache%'")
                .fetch_one(database.pool())
                .await
                .unwrap();
        assert_eq!(triggers, 0, "nothing was installed");
    }
}

/// Rows that it can read show how it writes; made-up ones it cannot read do not.
#[tokio::test]
async fn a_table_without_a_row_to_learn_from_is_refused_until_there_is_one() {
    let (database, cache) = database(PARTS).await;
    let stricts = Stricts { db: database.pool().clone(), cache };
    let error = stricts.repository().watch().await.unwrap_err();
    assert!(error.to_string().contains("in column id, code"), "{error}");
    assert!(format!("{:?}", error.source()).contains("no address"), "{:?}", error.source());
    sqlx::raw_sql("INSERT INTO parts VALUES (1, 'a@b', 1)").execute(database.pool()).await.unwrap();
    stricts.repository().watch().await.unwrap();
}

#[tokio::test]
async fn tables_whose_changes_pass_statement_triggers_by_are_refused() {
    for (statements, words) in [
        (
            "CREATE TABLE parts (id int8 PRIMARY KEY, code text NOT NULL, price int8) PARTITION BY HASH (id)",
            "partitioned",
        ),
        (
            "CREATE TABLE whole (id int8 PRIMARY KEY, code text NOT NULL, price int8) PARTITION BY HASH (id); \
             CREATE TABLE parts PARTITION OF whole FOR VALUES WITH (MODULUS 1, REMAINDER 0)",
            "partition",
        ),
        (
            "CREATE TABLE parent (id int8); CREATE TABLE parts (id int8 PRIMARY KEY, code text NOT NULL, price int8) INHERITS (parent)",
            "inherits",
        ),
        ("CREATE VIEW parts AS SELECT 1::int8 AS id, ''::text AS code, 1::int8 AS price", "view"),
        ("CREATE TABLE others ()", "no such table"),
        ("CREATE TABLE parts (id int8 PRIMARY KEY, price int8)", "no column code"),
        ("CREATE TABLE parts (id int8 PRIMARY KEY, code numeric NOT NULL, price int8)", "numeric"),
        (
            "CREATE TABLE parts (id int8, code text NOT NULL, price int8)",
            "differs from its annotations",
        ),
    ] {
        let error = plainly(statements).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Outbox, "{error}");
        assert!(error.to_string().contains(words), "no {words} in: {error}");
    }
    plainly(PARTS).await.unwrap();
}

#[tokio::test]
async fn without_the_outbox_everyone_says_what_to_call() {
    let database = TestDatabase::create().await;
    sqlx::raw_sql(PARTS).execute(database.pool()).await.unwrap();
    let cache = CacheManager::builder("refusals").memory().build().unwrap();
    let plains = Plains { db: database.pool().clone(), cache: cache.clone() };
    let error = plains.repository().watch().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Outbox);
    assert!(error.to_string().contains("cache_runtime::migrate"), "{error}");
    let relay = cache.relay(database.pool()).spawn().unwrap();
    tests::eventually("the relay says so", || async {
        relay.stats().failing == Some(ErrorKind::Outbox)
    })
    .await;
    migrate(database.pool()).await.unwrap();
    tests::eventually("the relay works", || async { relay.stats().failing.is_none() }).await;
}

#[tokio::test]
async fn watching_again_or_at_the_same_time_is_fine_and_takes_no_lock() {
    let world = World::new().await;
    let racing: Vec<_> = (0..5)
        .map(|_| {
            let cities = world.cities.clone();
            tokio::spawn(async move { cities.repository().watch().await })
        })
        .collect();
    for one in racing {
        in_time("the triggers", one).await.unwrap().unwrap();
    }
    let triggers = "SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'cache%'";
    let count: i64 = sqlx::query_scalar(triggers).fetch_one(world.pool()).await.unwrap();
    assert_eq!(count, 4);
    // A transaction that has changed rows: nobody could make a trigger now.
    let mut busy = world.pool().begin().await.unwrap();
    sqlx::query("UPDATE cities SET population = 1").execute(&mut *busy).await.unwrap();
    in_time("the look", world.cities.repository().watch()).await.unwrap();
}

#[tokio::test]
async fn a_table_in_use_is_not_waited_for_for_long() {
    let world = World::new().await;
    let mut busy = world.pool().begin().await.unwrap();
    sqlx::query("UPDATE cities SET population = 1").execute(&mut *busy).await.unwrap();
    let error = in_time("the refusal", world.cities.repository().watch()).await.unwrap_err();
    assert!(error.to_string().contains("pg_stat_activity"), "{error}");
    busy.commit().await.unwrap();
    world.cities.repository().watch().await.unwrap();
}

#[tokio::test]
async fn triggers_that_were_tampered_with_are_made_anew() {
    let world = World::new().await;
    world.cities.repository().watch().await.unwrap();
    let trigger: String = sqlx::query_scalar(
        "SELECT tgname::text FROM pg_trigger WHERE tgrelid = 'cities'::regclass AND tgname LIKE '%update'",
    )
    .fetch_one(world.pool())
    .await
    .unwrap();
    for tampering in [
        format!("ALTER TABLE cities DISABLE TRIGGER {trigger}"),
        format!("DROP TRIGGER {trigger} ON cities"),
        "ALTER TABLE cities DISABLE TRIGGER ALL".to_owned(),
    ] {
        world.sql(&tampering).await;
        world.sql("UPDATE cities SET population = population + 1 WHERE id = 1").await;
        assert_eq!(world.waiting().await.rows, 0);
        world.cities.repository().watch().await.unwrap();
        world.sql("UPDATE cities SET population = population + 1 WHERE id = 1").await;
        assert_eq!(world.waiting().await.rows, 1);
        world.sql("DELETE FROM cache_runtime.outbox").await;
    }
}

/// The relay starts, and nothing is believed: whoever asks is told why.
#[tokio::test]
async fn a_relay_over_a_database_without_an_outbox_is_told_by_health_and_explain() {
    let world = World::new().await;
    world.cached(1).await;
    world.sql("ALTER SCHEMA cache_runtime RENAME TO elsewhere").await;
    let relay = world.relay();
    eventually("the relay fails", || async { relay.stats().failures > 0 }).await;
    let health = world.cities.cache.health().await;
    let why = health.disbelief.clone().unwrap();
    assert!(why.contains("call cache_runtime::migrate"), "{why}");
    assert!(health.is_up() && health.to_string().ends_with(&why), "{health}");
    let explained = world.cities.explain(1).await;
    assert_eq!((explained.state.clone(), explained.origin), (State::Value, Origin::Database));
    assert!(explained.to_string().ends_with(&why), "{explained}");
    world.sql("ALTER SCHEMA elsewhere RENAME TO cache_runtime").await;
    eventually("the relay drains", || async {
        world.cities.cache.health().await.disbelief.is_none()
    })
    .await;
    assert_eq!(world.cities.explain(1).await.disbelief, None);
}
