//! Servers that are there already, named by `DATABASE_URL` and `REDIS_URL`.

use std::env;
use std::process::Command;

use sqlx::{Connection, PgConnection};
use tests::{PostgresServer, RedisServer};

/// Runs the tests of the shared servers once more, in a process that is given its servers.
#[tokio::test]
async fn given_servers_are_used_and_no_database_is_left_on_them() {
    let (postgres, redis) = (PostgresServer::start(), RedisServer::start());
    let url = postgres.url("postgres");
    let run = Command::new(env::current_exe().unwrap())
        .arg("shared::")
        .env("DATABASE_URL", &url)
        .env("REDIS_URL", redis.url())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{said}");
    assert!(said.contains("two_fixtures_see_nothing_of_each_other ... ok"), "{said}");

    let mut connection = PgConnection::connect(&url).await.unwrap();
    let left: Vec<String> = sqlx::query_scalar("SELECT datname FROM pg_database ORDER BY datname")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    assert_eq!(left, ["postgres", "template0", "template1"]);
}
