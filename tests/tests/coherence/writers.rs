use cache_runtime::{State, Step};
use tests::{Proxy, eventually, in_time};

use super::world::{Cities, World, city};

/// Hazard 2.
#[tokio::test]
async fn a_reader_between_hold_and_commit_fills_nothing() {
    let world = World::new().await;
    world.cached(1).await;
    let commit = world.stepper.park(Step::Commit, &world.row(1));
    let writer = tokio::spawn({
        let here = world.here.clone();
        async move { here.update(&city(1, "paris", "FR", 1)).await }
    });
    commit.arrived().await;
    assert_eq!(world.elsewhere.explain(1).await.state, State::Hold);
    let before = world.elsewhere.get(1).await.unwrap().unwrap();
    assert_eq!(before.population, 2100, "it is not committed yet");
    assert_eq!(world.elsewhere.explain(1).await.state, State::Hold, "nothing was filled");

    commit.open();
    in_time("the write", writer).await.unwrap().unwrap();
    assert_eq!(world.elsewhere.get(1).await.unwrap().unwrap().population, 1);
}

/// Hazard 15: the writer itself, before its release is done.
#[tokio::test]
async fn a_write_is_seen_when_it_returns() {
    let world = World::new().await;
    world.cached(1).await;
    let release = world.unreleased(city(1, "paname", "FR", 1)).await;
    for cities in [&world.here, &world.elsewhere] {
        assert_eq!(cities.get(1).await.unwrap().unwrap().population, 1);
        assert_eq!(cities.find_by_slug("paname").await.unwrap().unwrap().id, 1);
        assert_eq!(cities.find_by_slug("paris").await.unwrap(), None);
    }
    release.open();
}

/// Hazard 3.
#[tokio::test]
async fn the_keys_of_a_writer_that_died_after_its_commit_are_released_by_time() {
    let world = World::new().await;
    world.cached(1).await;
    // The release never comes.
    let _release = world.unreleased(city(1, "paris", "FR", 1)).await;
    assert_eq!(world.elsewhere.get(1).await.unwrap().unwrap().population, 1);
    assert_eq!(world.elsewhere.explain(1).await.state, State::Hold);
    let remaining = world.elsewhere.explain(1).await.remaining;
    assert!(
        matches!(remaining, cache_runtime::Remaining::Left(_)),
        "a hold runs out: {remaining:?}"
    );

    world.expire(&world.row(1)).await;
    assert_eq!(world.elsewhere.get(1).await.unwrap().unwrap().population, 1);
    eventually("it is cached again", || async {
        world.elsewhere.explain(1).await.state == State::Value
    })
    .await;
    assert_eq!(world.elsewhere.get(1).await.unwrap().unwrap().population, 1);
}

/// Hazard 5.
#[tokio::test]
async fn a_commit_whose_answer_was_lost_counts_as_a_commit() {
    let world = World::new().await;
    world.cached(1).await;
    let postgres = tests::Servers::shared().postgres_url(world.fixture.database().name());
    let address = postgres.split('@').nth(1).unwrap().split('/').next().unwrap().to_owned();
    let proxy = Proxy::start(address).await;
    let db = sqlx::PgPool::connect(&proxy.url(&postgres)).await.unwrap();
    let writer = Cities { db, ..world.here.clone() };

    let commit = world.stepper.park(Step::Commit, &world.row(1));
    let write = tokio::spawn(async move { writer.update(&city(1, "paris", "FR", 1)).await });
    commit.arrived().await;
    proxy.hold_replies();
    commit.open();
    eventually("the server has committed", || async {
        let population: i64 = sqlx::query_scalar("SELECT population FROM cities WHERE id = 1")
            .fetch_one(world.fixture.pool())
            .await
            .unwrap();
        population == 1
    })
    .await;
    proxy.cut();
    let error = in_time("the write", write).await.unwrap().unwrap_err();
    assert!(matches!(error, sqlx::Error::Io(_)), "{error:?}");

    assert_eq!(world.elsewhere.get(1).await.unwrap().unwrap().population, 1, "not the cached one");
    assert_eq!(world.elsewhere.explain(1).await.state, State::Hold, "until it runs out");
    world.expire(&world.row(1)).await;
    assert_eq!(world.elsewhere.get(1).await.unwrap().unwrap().population, 1);
}

/// Hazard 5, where the server says that it refused.
#[tokio::test]
async fn a_commit_that_the_database_refused_releases_its_keys() {
    let world = World::new().await;
    world.sql("CREATE TABLE owners (city int8 REFERENCES cities (id) DEFERRABLE INITIALLY DEFERRED); INSERT INTO owners VALUES (3)").await;
    world.cached(3).await;
    let error = world.here.delete(3).await.unwrap_err();
    assert!(error.as_database_error().unwrap().is_foreign_key_violation(), "{error}");
    world.released(3).await;
    assert_eq!(world.here.get(3).await.unwrap().unwrap().slug, "rome");
}

/// Hazard 6.
#[tokio::test]
async fn a_write_whose_caller_went_away_is_finished_and_released() {
    let world = World::new().await;
    world.cached(1).await;
    let commit = world.stepper.park(Step::Commit, &world.row(1));
    let writer = tokio::spawn({
        let here = world.here.clone();
        async move { here.update(&city(1, "paris", "FR", 1)).await }
    });
    commit.arrived().await;
    writer.abort();
    assert!(writer.await.unwrap_err().is_cancelled());
    commit.open();
    world.released(1).await;
    assert_eq!(world.here.get(1).await.unwrap().unwrap().population, 1);
}

/// Hazard 10: the writer that held first releases first.
#[tokio::test]
async fn a_key_stays_held_until_its_last_writer_releases_it() {
    for first_releases_last in [false, true] {
        let world = World::new().await;
        world.cached(1).await;
        let first_release = world.unreleased(city(1, "paris", "FR", 1)).await;
        let second_release = world.unreleased(city(1, "paris", "FR", 2)).await;

        let (one, other) = if first_releases_last {
            (second_release, first_release)
        } else {
            (first_release, second_release)
        };
        let holds = || async {
            let entry = world.here.cache.backend().get(&world.row(1)).await.unwrap().unwrap();
            assert_eq!(entry[0], cache_runtime::entry::HOLD);
            (entry.len() - 1) / 24
        };
        assert_eq!(holds().await, 2);
        one.open();
        eventually("one hold is taken out", || async { holds().await == 1 }).await;
        assert_eq!(world.elsewhere.get(1).await.unwrap().unwrap().population, 2);
        assert_eq!(world.elsewhere.explain(1).await.state, State::Hold);
        other.open();
        world.released(1).await;
        assert_eq!(world.elsewhere.get(1).await.unwrap().unwrap().population, 2);
    }
}

#[tokio::test]
async fn a_row_that_is_written_unchanged_invalidates_nothing() {
    let world = World::new().await;
    world.cached(1).await;
    world.here.update(&city(1, "paris", "FR", 2100)).await.unwrap();
    world.here.upsert(&city(1, "paris", "FR", 2100)).await.unwrap();
    assert_eq!(world.here.stats().invalidations, 0);
    assert_eq!(world.here.explain(1).await.state, State::Value);
}

#[tokio::test]
async fn a_change_of_another_column_leaves_the_look_ups_and_lists_alone() {
    let world = World::new().await;
    world.here.find_by_slug("paris").await.unwrap();
    world.here.list_by_country("FR", ..).await.unwrap();
    eventually("they are cached", || async { world.here.stats().fills == 4 }).await;
    world.here.update(&city(1, "paris", "FR", 1)).await.unwrap();
    world.released(1).await;
    for key in [world.slug("paris"), world.list("FR")] {
        assert!(world.here.cache.backend().exists(&key).await.unwrap(), "{key} is still there");
    }
    assert_eq!(world.here.list_by_country("FR", ..).await.unwrap()[0].population, 1);
}

#[tokio::test]
async fn a_sweep_takes_what_is_cached_and_leaves_the_holds_of_writers() {
    let world = World::new().await;
    world.cached(1).await;
    world.cached(2).await;
    let release = world.unreleased(city(1, "paris", "FR", 1)).await;
    assert!(world.elsewhere.cache.sweep().await.unwrap() > 0);
    assert_eq!(world.elsewhere.explain(1).await.state, State::Hold);
    assert_eq!(world.elsewhere.explain(2).await.state, State::Absent);
    release.open();
}
