//! The contract of a source, on Postgres.

use cache_runtime::{PgSource, Write, WriteBehindSource};
use tests::in_time;

use crate::world::{Note, Notes, World, note, some};

fn put(id: i64, version: u64, said: &str) -> Write<i64, Note> {
    Write::new(id, Some(note(id, said)), version, format!("n:={id}"))
}

fn delete(id: i64, version: u64) -> Write<i64, Note> {
    Write::new(id, None, version, format!("n:={id}"))
}

async fn keeps_the_contract(
    source: impl WriteBehindSource<Key = i64, Value = Note, Error = sqlx::Error>,
) {
    let said = async |id: i64| source.load(&id).await.unwrap().map(|note| note.text);
    source.apply("q", &[put(1, 10, "ten"), put(2, 11, "eleven")]).await.unwrap();
    // Again, and later than what is newer.
    source.apply("q", &[put(1, 10, "ten again")]).await.unwrap();
    source.apply("q", &[put(1, 9, "nine"), put(2, 12, "twelve")]).await.unwrap();
    assert_eq!((said(1).await, said(2).await), (some("ten"), some("twelve")));
    source.apply("q", &[delete(1, 20)]).await.unwrap();
    source.apply("q", &[put(1, 15, "fifteen")]).await.unwrap();
    assert_eq!(said(1).await, None, "what was deleted stays so");
    source.apply("q", &[delete(3, 5)]).await.unwrap();
    // All or nothing.
    source.apply("q", &[put(4, 30, "x"), put(5, 31, "poison")]).await.unwrap_err();
    assert_eq!(said(4).await, None);
    source.apply("q", &[put(4, 30, "x")]).await.unwrap();
    assert_eq!(said(4).await, some("x"), "nor was its version kept");
    source.apply("other", &[put(1, 1, "another queue")]).await.unwrap();
    assert_eq!(said(1).await, some("another queue"));
    source.apply("q", &[]).await.unwrap();
    // What is forgotten is as if it had never been.
    source.forget("q", 12).await.unwrap();
    source.apply("q", &[put(2, 11, "not forgotten"), put(3, 4, "forgotten")]).await.unwrap();
    assert_eq!((said(2).await, said(3).await), (some("twelve"), some("forgotten")));
}

#[tokio::test]
async fn a_table_keeps_the_contract() {
    keeps_the_contract(PgSource::<Note>::new(World::new().await.pool())).await;
}

#[tokio::test]
async fn a_repository_keeps_the_contract() {
    let world = World::new().await;
    keeps_the_contract(world.process()).await;
}

/// Many batches over the same keys at once, in any order: no deadlock, and the highest version stays.
#[tokio::test]
async fn batches_at_once_leave_the_newest() {
    let world = World::new().await;
    let notes: Notes = world.process();
    let mut batches = Vec::new();
    for version in 1..=24_u64 {
        let notes = notes.clone();
        let mut writes: Vec<_> =
            (0..10).map(|id| put(id, version * 100, &format!("{version}"))).collect();
        fastrand::shuffle(&mut writes);
        batches.push(tokio::spawn(async move { notes.apply("q", &writes).await }));
    }
    for batch in batches {
        in_time("a batch", batch).await.unwrap().unwrap();
    }
    for id in 0..10 {
        assert_eq!(world.text(id).await, some("24"));
    }
}

#[tokio::test]
async fn what_is_the_servers_fault_is_not_the_writes() {
    let world = World::new().await;
    let source = PgSource::<Note>::new(world.pool());
    let away = async |sql: &'static str| {
        let error = sqlx::raw_sql(sql).execute(world.pool()).await.unwrap_err();
        source.is_away(&error)
    };
    assert!(!away("INSERT INTO notes VALUES (1, 'poison')").await);
    assert!(!away("INSERT INTO notes VALUES (1, NULL)").await);
    assert!(!away("INSERT INTO notes VALUES (1, 'x', 77)").await);
    assert!(!away("SELECT 1 / 0").await);
    assert!(!away("DO $$ BEGIN RAISE 'no'; END $$").await);
    assert!(away("SELECT * FROM missing").await);
    assert!(away("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$").await);
    assert!(away("DO $$ BEGIN RAISE SQLSTATE '57P01'; END $$").await);
    assert!(away("BEGIN READ ONLY; DELETE FROM notes").await);
    assert!(source.is_away(&sqlx::Error::PoolTimedOut));
    assert!(!source.is_away(&sqlx::Error::RowNotFound));
}
