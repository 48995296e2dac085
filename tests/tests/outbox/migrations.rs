//! The tables of the outbox, however they come into the database.

use std::path::Path;
use std::process::Command;

use cache_runtime::{ErrorKind, migrate};
use tests::{Fixture, TestDatabase, in_time};

#[tokio::test]
async fn migrating_again_or_at_the_same_time_is_fine() {
    let database = TestDatabase::create().await;
    let racing: Vec<_> = (0..6)
        .map(|_| {
            let pool = database.pool().clone();
            tokio::spawn(async move { migrate(&pool).await })
        })
        .collect();
    for one in racing {
        in_time("the migration", one).await.unwrap().unwrap();
    }
    migrate(database.pool()).await.unwrap();
    let versions: Vec<i32> =
        sqlx::query_scalar("SELECT version FROM cache_runtime.migrations ORDER BY version")
            .fetch_all(database.pool())
            .await
            .unwrap();
    assert_eq!(versions, [1, 2, 3, 4]);
}

#[tokio::test]
async fn a_database_that_is_ahead_of_the_program_is_refused() {
    let database = TestDatabase::create().await;
    migrate(database.pool()).await.unwrap();
    sqlx::query("INSERT INTO cache_runtime.migrations (version, name) VALUES (99, 'later')")
        .execute(database.pool())
        .await
        .unwrap();
    let error = migrate(database.pool()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Outbox);
    assert!(error.to_string().contains("version 99"), "{error}");
}

#[tokio::test]
async fn a_pool_of_one_connection_migrates() {
    let database = TestDatabase::create().await;
    let pool = database.connect(1).await;
    for _ in 0..2 {
        in_time("the migration", migrate(&pool)).await.unwrap();
    }
}

/// By hand with psql first, and then by a role that may make no schema.
#[tokio::test]
async fn the_files_run_by_hand_and_twice() {
    let fixture = Fixture::new().await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("migrations/outbox");
    let mut files: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files.iter().chain(&files) {
        let sql = std::fs::read_to_string(file).unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(fixture.pool()).await.unwrap();
    }
    migrate(fixture.pool()).await.unwrap();
}

#[test]
fn the_published_package_has_the_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["package", "--list", "--allow-dirty", "--offline", "--package", "cache-runtime"])
        .current_dir(root)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8(output.stdout).unwrap();
    for file in root.join("migrations/outbox").read_dir().unwrap() {
        let name = format!("sql/{}", file.unwrap().file_name().to_str().unwrap());
        assert!(listed.lines().any(|line| line == name), "{name} is not in:\n{listed}");
    }
}
