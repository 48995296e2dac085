//! A Postgres of a test's own.

use sqlx::{Connection, PgConnection};
use tests::{PostgresServer, TestDatabase, is_running};

#[tokio::test]
async fn a_stopped_postgres_refuses_and_comes_back_with_its_data() {
    let mut server = PostgresServer::start();
    let database = TestDatabase::create_on(&server).await;
    sqlx::query("CREATE TABLE kept AS SELECT 1 AS number").execute(database.pool()).await.unwrap();

    let pid = server.pid().unwrap();
    server.stop();
    assert!(!is_running(pid));
    assert_eq!(server.pid(), None);
    let away = PgConnection::connect(database.url()).await;
    assert!(matches!(away, Err(sqlx::Error::Io(_))), "{away:?}");

    server.restart();
    let number: i32 =
        sqlx::query_scalar("SELECT number FROM kept").fetch_one(database.pool()).await.unwrap();
    assert_eq!(number, 1);
}

#[tokio::test]
async fn a_setting_of_the_test_wins() {
    let server = PostgresServer::start_with(&[("max_connections", "17")]);
    let database = TestDatabase::create_on(&server).await;
    let connections: String =
        sqlx::query_scalar("SHOW max_connections").fetch_one(database.pool()).await.unwrap();
    assert_eq!(connections, "17");
}

#[test]
#[should_panic(expected = "no_such_setting")]
fn a_server_that_can_not_start_says_why() {
    let _ = PostgresServer::start_with(&[("no_such_setting", "1")]);
}
