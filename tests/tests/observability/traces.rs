//! What the log says of calls, and what it never says.

use std::time::Duration;

use cache_runtime::{Codec, Level};
use tests::RedisServer;

use super::journal::Journal;
use super::world::{World, city};

const PASSWORD: &str = "kR7-secret-pw";
/// A value that is in no key.
const SECRET: i64 = 987_654_321;

fn told(journal: &Journal) -> Vec<String> {
    let ours = journal.lines().into_iter();
    ours.filter(|line| line.target == "cache_runtime::backend").map(|line| line.text).collect()
}

fn has(lines: &[String], words: &[&str]) -> bool {
    lines.iter().any(|line| words.iter().all(|word| line.contains(word)))
}

async fn everything(world: &World) {
    let here = &world.here;
    here.update(&city(1, "paris", "FR", SECRET)).await.unwrap();
    for _ in 0..2 {
        assert_eq!(here.get(1).await.unwrap().unwrap().population, SECRET);
        here.find_by_slug("paris").await.unwrap();
        here.list_by_country("FR", ..).await.unwrap();
        here.get_many(&[1, 2, 99]).await.unwrap();
        assert_eq!(here.largest(1).await.unwrap()[0].population, SECRET);
        here.cache.drain().await;
    }
    here.refresh(1).await.unwrap();
    here.invalidate(1).await.unwrap();
    here.warm_all().run().await;
    let list = here.cache.key().text("list").finish().unwrap();
    let secret = SECRET.to_string().into_bytes().into();
    here.cache.lists().list_push_back(&list, &[secret]).await.unwrap();
    here.cache.lists().list_range(&list, 0, -1).await.unwrap();
    here.cache.set("secret", &SECRET, Duration::from_secs(60)).await.unwrap();
    assert_eq!(here.cache.pull::<i64>("secret").await.unwrap(), Some(SECRET));
    here.cache.backend_stats().await.unwrap();
    here.cache.memory_report().run().await.unwrap();
    here.cache.clear().await.unwrap();
}

#[tokio::test]
async fn each_call_is_told_of_and_no_value_and_no_password() {
    let journal = Journal::begin();
    let server = RedisServer::options().password(PASSWORD).start();
    let minute = Level::Bounded(Duration::from_secs(60));
    let world = World::with(|builder| {
        builder.redis(&server.url()).level(minute).codec(Codec::Json).debug(true)
    })
    .await;
    everything(&world).await;
    let lines = told(&journal);
    let row = format!("key={}", world.row(1));
    assert!(has(&lines, &["operation=hold", "keys=3", "outcome=done"]), "{lines:#?}");
    assert!(has(&lines, &[&row, "outcome=miss", "bytes=0"]), "{lines:#?}");
    assert!(has(&lines, &["operation=fill", &row, "count=1"]), "{lines:#?}");
    assert!(has(&lines, &["outcome=hit", "took="]), "{lines:#?}");
    assert!(has(&lines, &["operation=list_range", "count=1", "bytes=9"]), "{lines:#?}");
    for operation in [
        "lease",
        "release",
        "survey",
        "clear",
        "invalidations",
        "list_push_back",
        "pull",
        "backend_stats",
    ] {
        assert!(has(&lines, &[&format!("operation={operation} ")]), "{operation}: {lines:#?}");
    }
    journal.keeps_secret(&[PASSWORD, &SECRET.to_string()]);
    // Nor as a list of its bytes: as JSON they are its digits.
    let bytes = format!("{:?}", SECRET.to_string().as_bytes());
    journal.keeps_secret(&[bytes.trim_matches(['[', ']'])]);
}

#[tokio::test]
async fn an_error_is_told_by_its_kind() {
    let journal = Journal::begin();
    let mut server = RedisServer::options().password(PASSWORD).start();
    let world = World::with(|builder| builder.redis(&server.url()).debug(true)).await;
    server.kill();
    world.here.get(1).await.unwrap();
    let lines = told(&journal);
    assert!(has(&lines, &["operation=read ", "outcome=error", "kind=Unreachable"]), "{lines:#?}");
    journal.keeps_secret(&[PASSWORD]);
}

#[tokio::test]
async fn without_debug_no_call_is_told_of() {
    let journal = Journal::begin();
    let world = World::new().await;
    world.cached(1).await;
    assert_eq!(told(&journal), [""; 0]);
}

#[tokio::test]
async fn a_load_is_in_a_span_that_names_who_asked() {
    let journal = Journal::begin();
    let world = World::new().await;
    world.here.get(1).await.unwrap();
    world.here.get_many(&[1, 2]).await.unwrap();
    world.here.largest(1).await.unwrap();
    let spans = journal.said(tracing::Level::DEBUG);
    for operation in ["get", "get_many", "largest"] {
        let fields = format!("repository=Cities operation={operation} ");
        assert!(spans.iter().any(|span| span == &fields), "{fields} is not among {spans:#?}");
    }
}
