//! What `rate_limit(…)` generates, on a real Redis.

use cache_runtime::{Acquired, CacheManager, cached_repository};
use tests::RedisServer;

use crate::tools::manager;

#[cached_repository(
    rate_limit(name = login, algorithm = "gcra", limit = 5, per = "1m", burst = 2, on_error = "deny"),
    rate_limit(
        name = api,
        algorithm = "fixed_window",
        limit = 100,
        per = "1h",
        and(name = daily, algorithm = "sliding_log", limit = 150, per = "1d"),
        on_error = "allow",
        allow("monitor"),
        secret = pepper
    ),
    rate_limit(name = pages, algorithm = "token_bucket", limit = 1000, per = "1m", on_error = "allow", local),
    rate_limit(name = reports, algorithm = "concurrency", limit = 1, lease = "5s", on_error = "deny")
)]
struct Limits {
    cache: CacheManager,
    pepper: Vec<u8>,
}

fn limits(url: &str) -> Limits {
    Limits { cache: manager(url), pepper: b"pepper".to_vec() }
}

#[tokio::test]
async fn each_limit_is_a_method() {
    let server = RedisServer::start();
    let limits = limits(&server.url());
    for admitted in [true, true, false] {
        assert_eq!(limits.login().check("a@b.c").await.unwrap().admitted, admitted);
    }
    let peeked = limits.login().peek("a@b.c").await.unwrap();
    assert_eq!((peeked.admitted, peeked.limit, peeked.remaining), (false, 5, 0));
    limits.login().reset("a@b.c").await.unwrap();
    assert!(limits.login().check_n("a@b.c", 2).await.unwrap().admitted);
    assert!(limits.login().check_n("a@b.c", 3).await.is_err());

    assert!(limits.api().check("monitor").await.unwrap().exempt);
    assert!(limits.api().check_n(7, 100).await.unwrap().admitted);
    let names: Vec<String> =
        limits.api().rules().iter().map(|rule| rule.name().to_owned()).collect();
    assert_eq!(names, ["api", "api.daily"]);

    for _ in 0..300 {
        assert!(limits.pages().check("k").await.unwrap().admitted);
    }
    let stats = limits.pages().stats();
    assert!(stats.local > 200, "what one call has leased, the next one uses: {stats:?}");

    let Acquired::Admitted(_permit) = limits.reports().acquire(1).await.unwrap() else {
        panic!("a seat")
    };
    assert!(limits.reports().acquire(1).await.unwrap().permit().is_none());
}

#[tokio::test]
async fn two_processes_count_together_and_two_secrets_do_not() {
    let server = RedisServer::start();
    let (one, other) = (limits(&server.url()), limits(&server.url()));
    assert!(one.login().check("k").await.unwrap().admitted);
    assert!(other.login().check("k").await.unwrap().admitted);
    assert!(!one.login().check("k").await.unwrap().admitted);
    let salted = Limits { cache: one.cache.clone(), pepper: b"salt".to_vec() };
    assert_eq!(one.api().check("k").await.unwrap().verdicts()[0].remaining, 99);
    assert_eq!(other.api().check("k").await.unwrap().verdicts()[0].remaining, 98);
    assert_eq!(salted.api().check("k").await.unwrap().verdicts()[0].remaining, 99);
}

#[tokio::test]
async fn an_empty_secret_is_refused_by_every_call() {
    let server = RedisServer::start();
    let limits = Limits { cache: manager(&server.url()), pepper: Vec::new() };
    let error = limits.api().check("k").await.unwrap_err();
    assert!(error.to_string().contains("secret"), "{error}");
    assert!(limits.login().check("k").await.is_ok(), "the others have none");
}
