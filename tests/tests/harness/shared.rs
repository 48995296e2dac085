//! The servers and fixtures that all tests of a process share.

use sqlx::PgPool;
use tests::{Fixture, Servers, TestDatabase, eventually, in_time};

#[test]
fn the_shared_servers_start_once() {
    let urls = || {
        let servers = Servers::shared();
        servers.start();
        (servers.postgres_url("postgres"), servers.redis_url())
    };
    std::thread::scope(|threads| {
        let elsewhere = threads.spawn(urls);
        assert_eq!(urls(), elsewhere.join().unwrap());
    });
}

#[tokio::test]
async fn two_fixtures_see_nothing_of_each_other() {
    let (one, other) = tokio::join!(Fixture::new(), Fixture::new());
    assert_ne!(one.database().name(), other.database().name());
    assert_ne!(one.namespace(), other.namespace());
    assert_eq!(one.redis_url(), other.redis_url());

    sqlx::query("CREATE TABLE notes (id bigint)").execute(one.pool()).await.unwrap();
    let seen: Option<String> = sqlx::query_scalar("SELECT to_regclass('notes')::text")
        .fetch_one(other.pool())
        .await
        .unwrap();
    assert_eq!(seen, None);
}

#[tokio::test]
async fn a_database_is_gone_after_its_test() {
    let kept = TestDatabase::create().await;
    let dropped = TestDatabase::create().await;
    let name = dropped.name().to_owned();
    assert!(exists(kept.pool(), &name).await);

    let in_use = dropped.pool().acquire().await.unwrap();
    drop(dropped);
    assert!(!exists(kept.pool(), &name).await);
    drop(in_use);
}

#[tokio::test]
async fn a_database_is_gone_after_its_test_panicked() {
    let kept = TestDatabase::create().await;
    let dropped = TestDatabase::create().await;
    let name = dropped.name().to_owned();

    let failing = tokio::spawn(async move {
        let _dropped = dropped;
        panic!("on purpose");
    });
    assert!(failing.await.unwrap_err().is_panic());
    assert!(!exists(kept.pool(), &name).await);
}

#[tokio::test]
async fn a_template_is_set_up_once_and_copied() {
    let copy = || {
        TestDatabase::from_template("numbers", async |pool| {
            // A second set-up would find the table there already.
            sqlx::query("CREATE TABLE numbers AS SELECT generate_series(1, 1000) AS number")
                .execute(pool)
                .await
                .unwrap();
        })
    };
    let (one, other) = tokio::join!(copy(), copy());
    sqlx::query("DELETE FROM numbers").execute(one.pool()).await.unwrap();
    let left: i64 =
        sqlx::query_scalar("SELECT count(*) FROM numbers").fetch_one(other.pool()).await.unwrap();
    assert_eq!(left, 1_000);
}

#[tokio::test]
async fn waiting_ends_when_the_condition_holds() {
    let mut asked = 0;
    eventually("the third question", || {
        asked += 1;
        let now = asked;
        async move { now == 3 }
    })
    .await;
    assert_eq!(asked, 3);
}

#[tokio::test(start_paused = true)]
async fn waiting_fails_at_the_deadline_and_says_for_what_and_where() {
    let waiting = tokio::spawn(eventually("the end of time", || async { false }));
    let panic = waiting.await.unwrap_err().into_panic();
    let message = panic.downcast_ref::<String>().unwrap();
    assert!(message.contains("the end of time"), "{message}");
    assert!(message.contains("shared.rs"), "{message}");

    let bounded = tokio::spawn(in_time("a reply", std::future::pending::<()>()));
    assert!(bounded.await.unwrap_err().is_panic());
}

async fn exists(pool: &PgPool, database: &str) -> bool {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(database)
        .fetch_one(pool)
        .await
        .unwrap()
}
