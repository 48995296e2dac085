//! The data of the examples, loaded into a real Postgres through the migrations.

#![allow(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use migrations::{Error, Loaded, Table, geonames, load_geonames};
use sqlx::PgPool;
use tests::TestDatabase;

const COUNTRIES: &str = "iso,name,capital,areakm2,population,continentcode,currencycode
FR,France,Paris,547030,66987244,EU,EUR
US,United States,Washington,9629091,327167434,NA,USD
";
const CITY_COLUMNS: &str =
    "geonameid,name,countrycode,admin1code,latitude,longitude,population,timezone\n";

#[tokio::test]
async fn the_whole_data_loads_over_a_single_connection() {
    let database = migrated().await;
    let pool = database.connect(1).await;
    let mut seen = Vec::new();
    let loaded = load_geonames(
        &pool,
        File::open(data("countries.csv")).unwrap(),
        File::open(data("cities15000.csv.gz")).unwrap(),
        |progress| seen.push((progress.table, progress.rows)),
    )
    .await
    .unwrap();

    assert_eq!(loaded, Loaded { countries: 252, cities: 34_006, skipped: 0 });
    assert_eq!(counts(&pool).await, (252, 34_006));
    assert_eq!(seen.first(), Some(&(Table::Countries, 252)));
    assert_eq!(seen.last(), Some(&(Table::Cities, 34_006)));
    assert!(seen.is_sorted_by_key(|(_, rows)| *rows));

    let slug = |id: i64| {
        let pool = &pool;
        async move {
            sqlx::query_scalar::<_, String>("SELECT slug FROM cities WHERE id = $1")
                .bind(id)
                .fetch_one(pool)
                .await
                .unwrap()
        }
    };
    assert_eq!(slug(5_128_581).await, "new-york-city");
    assert_eq!(slug(3_448_439).await, "sao-paulo");
    let odd: Vec<String> =
        sqlx::query_scalar("SELECT slug FROM cities WHERE slug !~ '^[a-z0-9]+(-[a-z0-9]+)*$'")
            .fetch_all(&pool)
            .await
            .unwrap();
    assert_eq!(odd, [""; 0]);
    let unknown: (i64, i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM cities WHERE admin1 IS NULL),
                (SELECT count(*) FROM countries WHERE capital IS NULL),
                (SELECT count(*) FROM countries WHERE currency IS NULL)",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(unknown, (25, 6, 1));
}

#[tokio::test]
async fn rows_that_are_there_already_stay_as_they_are() {
    let database = migrated().await;
    let pool = database.pool();
    sqlx::raw_sql(
        "INSERT INTO countries VALUES ('FR', 'Gaul', NULL, 1, 2, 'EU', NULL);
         INSERT INTO cities VALUES (1, 'paris', 'Lutetia', 'FR', NULL, 0, 0, 3, 'Europe/Paris')",
    )
    .execute(pool)
    .await
    .unwrap();
    let cities = "1,Paris,FR,11,48.85341,2.3488,2138551,Europe/Paris
2,Paris,US,TX,33.66094,-95.55551,24782,America/Chicago
3,Paris,US,,36.302,-88.32671,10316,America/Chicago
";
    let loaded = load(pool, COUNTRIES, cities).await.unwrap();
    assert_eq!(loaded, Loaded { countries: 1, cities: 2, skipped: 2 });
    let again = load(pool, COUNTRIES, cities).await.unwrap();
    assert_eq!(again, Loaded { countries: 0, cities: 0, skipped: 5 });

    let names: Vec<(String, String)> =
        sqlx::query_as("SELECT slug, name FROM cities ORDER BY id").fetch_all(pool).await.unwrap();
    let names: Vec<(&str, &str)> =
        names.iter().map(|(slug, name)| (slug.as_str(), name.as_str())).collect();
    assert_eq!(names, [("paris", "Lutetia"), ("paris-us", "Paris"), ("paris-us-3", "Paris")]);
}

#[tokio::test]
async fn malformed_input_is_named_by_its_line_and_leaves_nothing_behind() {
    let database = migrated().await;
    let pool = database.pool();
    let good = "1,Paris,FR,11,48.85341,2.3488,2138551,Europe/Paris\n";
    for (line, message) in [
        (
            "2,Lyon,FR,84,45.7,4.8,many,Europe/Paris",
            r#"cities, line 3: `population` is "many", expected a whole number"#,
        ),
        (
            "2,Lyon,FR,84,NaN,4.8,5,Europe/Paris",
            r#"cities, line 3: `latitude` is "NaN", expected a number"#,
        ),
        ("2,,FR,84,45.7,4.8,5,Europe/Paris", r#"cities, line 3: `name` is "", expected a text"#),
        (
            "2,Lyon,XX,84,45.7,4.8,5,Europe/Paris",
            r#"cities, line 3: `countrycode` is "XX", expected the code of a country in the file of countries"#,
        ),
        ("2,Lyon,FR", "the file of cities can't be read at line 3"),
    ] {
        let error = load(pool, COUNTRIES, &format!("{good}{line}\n")).await.unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(counts(pool).await, (0, 0), "{line}");
    }
}

#[tokio::test]
async fn a_file_of_another_kind_is_refused() {
    let database = migrated().await;
    let pool = database.pool();
    let error = load(pool, "iso,name\nFR,France\n", "").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the first line of the file of countries has no column `capital`"
    );
    let plain = load_geonames(pool, COUNTRIES.as_bytes(), CITY_COLUMNS.as_bytes(), |_| {}).await;
    assert!(matches!(plain, Err(Error::Read { table: Table::Cities, .. })), "{plain:?}");
}

#[tokio::test]
async fn the_sql_files_can_be_applied_by_hand() {
    let database = TestDatabase::create().await;
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("migrations/geonames");
    let mut files: Vec<PathBuf> =
        folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in &files {
        let sql = std::fs::read_to_string(file).unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(database.pool()).await.unwrap();
    }
    assert_eq!(geonames().iter().count(), files.len(), "each file is in the migrator");
    assert_eq!(counts(database.pool()).await, (0, 0));
}

#[tokio::test]
async fn migrating_twice_changes_nothing() {
    let database = migrated().await;
    geonames().run(database.pool()).await.unwrap();
}

async fn migrated() -> TestDatabase {
    TestDatabase::from_template("geonames_schema", async |pool| {
        geonames().run(pool).await.unwrap();
    })
    .await
}

async fn load(pool: &PgPool, countries: &str, cities: &str) -> Result<Loaded, Error> {
    let cities = gzip(&format!("{CITY_COLUMNS}{cities}"));
    load_geonames(pool, countries.as_bytes(), cities.as_slice(), |_| {}).await
}

async fn counts(pool: &PgPool) -> (i64, i64) {
    sqlx::query_as("SELECT (SELECT count(*) FROM countries), (SELECT count(*) FROM cities)")
        .fetch_one(pool)
        .await
        .unwrap()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

fn data(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("examples/data").join(file)
}
