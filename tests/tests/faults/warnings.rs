//! What is said of a Redis that is no use: once, clearly, and no secrets.

use cache_runtime::{Error, OnUnreachable};
use tests::{RedisServer, eventually};
use tracing::Level;

use super::journal::Journal;
use super::places::{Fault, PASSWORD, Place, WRONG_PASSWORD, connect, every_read_is_right};
use super::world::{World, city};

/// What no line may carry: passwords, and a value that is in no key.
const SECRETS: [&str; 3] = [PASSWORD, WRONG_PASSWORD, "987654321"];

async fn warned_once(fault: Fault) {
    let journal = Journal::begin();
    let place = Place::with(fault).await;
    // Bound and not written into the statement, which sqlx logs.
    sqlx::query("UPDATE cities SET population = $1 WHERE id = 1")
        .bind(987_654_321_i64)
        .execute(place.world.fixture.pool())
        .await
        .unwrap();
    // Where each read has to wait, fewer do.
    let reads = if fault == Fault::Hangs { 8 } else { 100 };
    for _ in 0..reads {
        assert_eq!(place.world.here.get(1).await.unwrap().unwrap().population, 987_654_321);
    }
    assert!(place.world.here.stats().errors >= reads, "{}", place.world.here.stats());
    let warnings = journal.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    for word in fault.words() {
        assert!(warnings[0].contains(word), "no {word} in: {}", warnings[0]);
    }
    assert!(journal.said(Level::ERROR).is_empty(), "{:?}", journal.said(Level::ERROR));
    journal.keeps_secret(&SECRETS);
}

/// Every other kind of read adds at most a line of its own.
async fn other_reads_add_few_words(fault: Fault) {
    let journal = Journal::begin();
    let place = Place::with(fault).await;
    for _ in 0..20 {
        every_read_is_right(&place.world).await;
    }
    let mut warnings = journal.warnings();
    let count = warnings.len();
    warnings.sort();
    warnings.dedup();
    assert!(warnings.len() == count && (1..=3).contains(&count), "{warnings:#?}");
    journal.keeps_secret(&SECRETS);
}

fn all_about(place: &Place, error: &sqlx::Error) -> String {
    let cache = &place.world.here.cache;
    let found = Error::of(error).unwrap();
    let mut causes = String::new();
    let mut cause: Option<&dyn std::error::Error> = Some(found);
    while let Some(error) = cause {
        causes.push_str(&format!("{error} / {error:?}\n"));
        cause = error.source();
    }
    format!("{cache:?}\n{:?}\n{error}\n{error:?}\n{causes}", cache.backend())
}

async fn nothing_tells_a_secret(fault: Fault) {
    let journal = Journal::begin();
    let place = Place::with(fault).await;
    let error = place.world.here.update(&city(1, "paris", "FR", 987_654_321)).await.unwrap_err();
    let said = all_about(&place, &error);
    for secret in SECRETS {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
    journal.keeps_secret(&SECRETS);
}

async fn a_write_that_proceeds_names_its_keys(fault: Fault) {
    let journal = Journal::begin();
    let place = Place::of(fault, |builder| builder.on_unreachable(OnUnreachable::Proceed)).await;
    let world = &place.world;
    world.here.update(&city(1, "paname", "IT", 987_654_321)).await.unwrap();
    let said = journal.said(Level::ERROR);
    assert_eq!(said.len(), 1, "{said:#?}");
    for key in [
        world.row(1),
        world.slug("paris"),
        world.slug("paname"),
        world.list("FR"),
        world.list("IT"),
    ] {
        assert!(said[0].contains(key.as_str()), "{key} is not in {}", said[0]);
    }
    journal.keeps_secret(&SECRETS);
}

macro_rules! faults {
    ($($fault:ident: $once:ident, $others:ident, $secret:ident, $proceeds:ident;)*) => {$(
        #[tokio::test]
        async fn $once() {
            warned_once(Fault::$fault).await;
        }

        #[tokio::test]
        async fn $others() {
            other_reads_add_few_words(Fault::$fault).await;
        }

        #[tokio::test]
        async fn $secret() {
            nothing_tells_a_secret(Fault::$fault).await;
        }

        #[tokio::test]
        async fn $proceeds() {
            a_write_that_proceeds_names_its_keys(Fault::$fault).await;
        }
    )*};
}

faults! {
    WrongPassword: a_wrong_password_is_warned_of_once, reads_with_a_wrong_password_are_quiet,
        a_wrong_password_is_not_told, a_write_with_a_wrong_password_names_its_keys;
    WrongDatabase: a_wrong_database_is_warned_of_once, reads_of_a_wrong_database_are_quiet,
        a_wrong_database_tells_no_secret, a_write_to_a_wrong_database_names_its_keys;
    Replica: a_replica_is_warned_of_once, reads_of_a_replica_are_quiet,
        a_replica_tells_no_secret, a_write_beside_a_replica_names_its_keys;
    OutOfMemory: want_of_memory_is_warned_of_once, reads_without_memory_are_quiet,
        want_of_memory_tells_no_secret, a_write_without_memory_names_its_keys;
    NobodyListens: a_server_that_is_away_is_warned_of_once, reads_without_a_server_are_quiet,
        a_server_that_is_away_tells_no_secret, a_write_without_a_server_names_its_keys;
}

#[tokio::test]
async fn a_server_that_hangs_is_warned_of_once() {
    warned_once(Fault::Hangs).await;
}

#[tokio::test]
async fn a_server_that_hangs_tells_no_secret() {
    nothing_tells_a_secret(Fault::Hangs).await;
}

#[tokio::test]
async fn a_write_beside_a_server_that_hangs_names_its_keys() {
    a_write_that_proceeds_names_its_keys(Fault::Hangs).await;
}

/// One key of another data type: whatever read finds it, it is said once.
#[tokio::test]
async fn another_data_type_at_a_row_is_warned_of_once() {
    let journal = Journal::begin();
    let world = World::new().await;
    put_a_list(&world, &world.row(1)).await;
    for _ in 0..100 {
        assert!(world.here.get(1).await.unwrap().is_some());
    }
    let warnings = journal.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    assert!(warnings[0].contains("data type"), "{warnings:#?}");
}

#[tokio::test]
async fn another_data_type_in_a_batch_is_warned_of_once() {
    let journal = Journal::begin();
    let world = World::new().await;
    put_a_list(&world, &world.row(1)).await;
    for _ in 0..20 {
        assert!(world.here.get_many(&[1, 2]).await.unwrap()[0].is_some());
    }
    let warnings = journal.warnings();
    assert_eq!(warnings.len(), 1, "a row that is never cached is worth a word: {warnings:#?}");
}

#[tokio::test]
async fn another_data_type_at_a_tag_is_warned_of_once() {
    let journal = Journal::begin();
    let world = World::new().await;
    let tag = world.here.cache.namespace().tag().text("cities").finish().unwrap();
    put_a_list(&world, &tag).await;
    for _ in 0..20 {
        assert_eq!(world.here.largest(1).await.unwrap()[0].slug, "rome");
    }
    let warnings = journal.warnings();
    assert_eq!(warnings.len(), 1, "an answer that is never cached is worth a word: {warnings:#?}");
}

async fn put_a_list(world: &World, key: &cache_runtime::Key) {
    let mut connection = connect(world.fixture.redis_url()).await;
    let mut command = redis::cmd("RPUSH");
    command.arg(key.as_str()).arg("theirs");
    let _: i64 = command.query_async(&mut connection).await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_killed_is_warned_of_once() {
    let journal = Journal::begin();
    let mut server = RedisServer::options().password(PASSWORD).start();
    let world = World::with(|builder| builder.redis(&server.url())).await;
    world.cached(1).await;
    assert!(journal.warnings().is_empty(), "{:#?}", journal.warnings());
    server.kill();
    for _ in 0..100 {
        assert!(world.here.get(1).await.unwrap().is_some());
    }
    let warnings = journal.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    journal.keeps_secret(&SECRETS);
}

#[tokio::test]
async fn a_day_without_faults_is_silent_and_tells_no_value() {
    let journal = Journal::begin();
    let server = RedisServer::options().password(PASSWORD).start();
    let world = World::with(|builder| builder.redis(&server.url())).await;
    world.here.insert(&city(9, "nice", "FR", 987_654_321)).await.unwrap();
    eventually("the row is cached", || async {
        world.here.get(9).await.unwrap();
        world.here.stats().hits > 0
    })
    .await;
    every_read_is_right_beside(&world).await;
    world.here.delete(9).await.unwrap();
    assert!(journal.warnings().is_empty(), "{:#?}", journal.warnings());
    assert!(journal.said(Level::ERROR).is_empty());
    assert!(!journal.lines().is_empty(), "the journal is not listening");
    journal.keeps_secret(&SECRETS);
    let shown = format!("{:?} {:?}", world.here.cache, world.here.cache.backend());
    assert!(SECRETS.iter().all(|secret| !shown.contains(secret)), "{shown}");
}

async fn every_read_is_right_beside(world: &World) {
    assert_eq!(world.here.find_by_slug("nice").await.unwrap().unwrap().population, 987_654_321);
    assert_eq!(world.here.list_by_country("FR", ..).await.unwrap().len(), 3);
    assert_eq!(world.here.largest(1).await.unwrap()[0].population, 987_654_321);
}
