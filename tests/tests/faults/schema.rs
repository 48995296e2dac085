//! What the annotations claim, and a database that differs.

use std::collections::BTreeSet;

use cache_runtime::{CacheManager, Entity, SchemaDifference, cached_repository};
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, FromRow, PgPool};
use tests::TestDatabase;

#[derive(Clone, Debug, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "parts")]
struct Part {
    #[entity(id)]
    id: i64,
    sku: String,
    maker: String,
    weight: f64,
    price: i64,
    note: Option<String>,
}

#[cached_repository(entity = Part, unique(sku, (maker, price)), list(maker, weight))]
struct Parts {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository(entity = Part, tags("noted:{note}"))]
struct Noted {
    db: PgPool,
    cache: CacheManager,
}

fn parts(database: &TestDatabase) -> Parts {
    let cache = CacheManager::builder("schema").memory().build().unwrap();
    Parts { db: database.pool().clone(), cache }
}

/// What differs after these statements, a line for each difference.
async fn differences(statements: &str) -> Vec<String> {
    let database = TestDatabase::create().await;
    let statements = statements.to_owned();
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(database.pool()).await.unwrap();
    match parts(&database).verify_schema().await {
        Ok(()) => Vec::new(),
        Err(error) => {
            let said = error.to_string();
            let differences = error.differences();
            assert!(!differences.is_empty(), "{error:?}");
            for difference in differences {
                assert!(said.contains(&difference.to_string()), "{said}");
            }
            assert!(said.contains("parts"), "{said}");
            differences.iter().map(short).collect()
        }
    }
}

fn short(difference: &SchemaDifference) -> String {
    match difference {
        SchemaDifference::NoTable => "no table".to_owned(),
        SchemaDifference::NoColumn { column } => format!("no {column}"),
        SchemaDifference::OtherType { column, claimed, .. } => format!("{column} is no {claimed}"),
        SchemaDifference::Nullable { column } => format!("{column} may be null"),
        SchemaDifference::NoUniqueIndex { columns } => format!("not unique: {}", columns.join(" ")),
        SchemaDifference::LooseEquality { column, .. } => format!("{column} is loose"),
        other => format!("{other:?}"),
    }
}

fn right_but(change: &str) -> String {
    format!(
        "CREATE TABLE parts (id int8 PRIMARY KEY, sku text NOT NULL, maker text NOT NULL, weight float8 NOT NULL, \
         price int8 NOT NULL, note text); \
         CREATE UNIQUE INDEX by_sku ON parts (sku); CREATE UNIQUE INDEX by_both ON parts (price, maker); {change}"
    )
}

/// A list by a floating-point column is loose whatever the table is.
const ALWAYS: &str = "weight is loose";

async fn differs(change: &str, expected: &[&str]) {
    let found: BTreeSet<String> = differences(&right_but(change)).await.into_iter().collect();
    let expected = expected.iter().copied().chain([ALWAYS]).map(str::to_owned).collect();
    assert_eq!(found, expected, "{change}");
}

#[tokio::test]
async fn a_missing_table_is_one_difference() {
    assert_eq!(differences("SELECT 1").await, ["no table"]);
    assert_eq!(
        differences("CREATE SCHEMA other; CREATE TABLE other.parts (id int8)").await,
        ["no table"]
    );
}

#[tokio::test]
async fn every_difference_is_listed_at_once() {
    let found: BTreeSet<String> = differences(
        "CREATE TABLE parts (id int8, sku char(8), maker varchar(20) NOT NULL, weight numeric NOT NULL, price text NOT NULL)",
    )
    .await
    .into_iter()
    .collect();
    let expected = [
        "id may be null",
        "not unique: id",
        "sku may be null",
        "sku is loose",
        "not unique: sku",
        "weight is no f64",
        "weight is loose",
        "price is no i64",
        "no note",
        "not unique: maker price",
    ];
    assert_eq!(found, expected.map(str::to_owned).into());
}

#[tokio::test]
async fn a_table_that_is_right_differs_in_nothing_else() {
    differs("", &[]).await;
    differs("ALTER TABLE parts ADD more text; ALTER TABLE parts ALTER sku TYPE varchar(40)", &[])
        .await;
    differs("ALTER TABLE parts ADD gone text; ALTER TABLE parts DROP gone", &[]).await;
    differs("DROP INDEX by_sku; ALTER TABLE parts ADD UNIQUE (sku) INCLUDE (price)", &[]).await;
    differs("DROP INDEX by_sku; CREATE UNIQUE INDEX ON parts (sku DESC NULLS LAST)", &[]).await;
    differs("CREATE DOMAIN filled AS text NOT NULL; ALTER TABLE parts ALTER sku DROP NOT NULL, ALTER sku TYPE filled", &[])
        .await;
}

#[tokio::test]
async fn a_missing_or_nullable_column_is_a_difference() {
    differs("ALTER TABLE parts DROP note", &["no note"]).await;
    differs("ALTER TABLE parts RENAME price TO cost", &["no price", "not unique: maker price"])
        .await;
    differs("ALTER TABLE parts ALTER sku DROP NOT NULL", &["sku may be null"]).await;
    // An Option that cannot be null is no difference.
    differs("ALTER TABLE parts ALTER note SET NOT NULL", &[]).await;
}

#[tokio::test]
async fn a_column_of_another_type_is_a_difference() {
    differs("ALTER TABLE parts ALTER price TYPE int4", &["price is no i64"]).await;
    differs("ALTER TABLE parts ALTER note TYPE bytea USING NULL", &["note is no Option<String>"])
        .await;
}

#[tokio::test]
async fn only_a_whole_unique_index_on_exactly_the_columns_counts() {
    for index in [
        "CREATE INDEX ON parts (sku)",
        "CREATE UNIQUE INDEX ON parts (sku) WHERE price > 0",
        "CREATE UNIQUE INDEX ON parts (lower(sku))",
        "CREATE UNIQUE INDEX ON parts (sku, price)",
        "CREATE UNIQUE INDEX ON parts (sku, lower(maker))",
        "CREATE UNIQUE INDEX ON parts (price) INCLUDE (sku)",
    ] {
        differs(&format!("DROP INDEX by_sku; {index}"), &["not unique: sku"]).await;
    }
    differs("ALTER TABLE parts DROP CONSTRAINT parts_pkey", &["not unique: id"]).await;
}

/// `ON CONFLICT` cannot go by it, so the generated upsert would fail.
#[tokio::test]
async fn a_deferrable_key_is_no_key_for_an_upsert() {
    let found = differences(&right_but(
        "ALTER TABLE parts DROP CONSTRAINT parts_pkey; ALTER TABLE parts ADD PRIMARY KEY (id) DEFERRABLE",
    ))
    .await;
    assert!(found.len() > 1, "{found:?}");
}

#[tokio::test]
async fn a_column_under_which_different_values_are_equal_is_no_cache_key() {
    differs("ALTER TABLE parts ALTER maker TYPE char(20)", &["maker is loose"]).await;
    differs(
        "CREATE DOMAIN padded AS char(20); ALTER TABLE parts ALTER maker TYPE padded",
        &["maker is loose"],
    )
    .await;
    // Nobody looks a note up.
    differs("ALTER TABLE parts ALTER note TYPE char(20)", &[]).await;
}

/// A method's argument would be another tag than the row's column.
#[tokio::test]
async fn such_a_column_is_no_tag_either() {
    let database = TestDatabase::create().await;
    let table = right_but("ALTER TABLE parts ALTER note TYPE char(20)");
    sqlx::raw_sql(AssertSqlSafe(table)).execute(database.pool()).await.unwrap();
    let Parts { db, cache } = parts(&database);
    let error = Noted { db, cache }.verify_schema().await.unwrap_err();
    assert_eq!(error.differences().iter().map(short).collect::<Vec<_>>(), ["note is loose"]);
}

#[tokio::test]
async fn text_that_ignores_case_is_no_cache_key() {
    let probe = TestDatabase::create().await;
    if sqlx::raw_sql("CREATE EXTENSION citext").execute(probe.pool()).await.is_err() {
        println!("no citext here: nothing to see");
        return;
    }
    differs("CREATE EXTENSION citext; ALTER TABLE parts ALTER sku TYPE citext", &["sku is loose"])
        .await;
    differs(
        "CREATE EXTENSION citext; CREATE DOMAIN code AS citext; ALTER TABLE parts ALTER sku TYPE code",
        &["sku is loose"],
    )
    .await;
}

#[tokio::test]
async fn a_nondeterministic_collation_is_no_cache_key() {
    let collation = "CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false)";
    let probe = TestDatabase::create().await;
    if sqlx::raw_sql(collation).execute(probe.pool()).await.is_err() {
        println!("no ICU here: nothing to see");
        return;
    }
    let change = format!("{collation}; ALTER TABLE parts ALTER maker TYPE text COLLATE folded");
    differs(&change, &["maker is loose"]).await;
    // The index may go by another collation than its column.
    let change = format!(
        "{collation}; DROP INDEX by_sku; CREATE UNIQUE INDEX ON parts (sku COLLATE folded)"
    );
    let found = differences(&right_but(&change)).await;
    assert!(found.len() <= 2, "{found:?}");
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_no_difference() {
    let database = TestDatabase::create().await;
    let parts = parts(&database);
    parts.db.close().await;
    let error = parts.verify_schema().await.unwrap_err();
    assert!(error.differences().is_empty());
    assert!(std::error::Error::source(&error).is_some(), "{error}");
}
