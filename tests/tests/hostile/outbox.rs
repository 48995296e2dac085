//! The outbox: odd rows in it, and odd sessions before it.

use std::sync::Arc;

use cache_runtime::backend::RedisCache;
use cache_runtime::testing::{FaultyCache, Op, Stepper};
use cache_runtime::{CachedRepository, ErrorKind, Step};
use sqlx::{AssertSqlSafe, Connection};
use tests::{eventually, in_time};

use crate::behind::{World, cities, city};

/// By hand one writes what one likes: `escape(NULL)`, a table of keys.
#[tokio::test]
async fn a_row_with_holes_in_it_is_delivered_and_stands_in_nobodys_way() {
    let world = World::new().await;
    for id in [1, 2, 3] {
        world.cached(id).await;
    }
    let [one, two, three] = [1, 2, 3].map(|id| world.row(id));
    for keys in [
        format!("ARRAY[NULL, '{one}', 'tag:=' || cache_runtime.escape(NULL)]"),
        format!("ARRAY[['{two}', NULL], ['{two}', '']]"),
        "ARRAY[]::text[]".to_owned(),
        format!("ARRAY['{three}']"),
    ] {
        let namespace = world.fixture.namespace();
        let sql = format!(
            "INSERT INTO cache_runtime.outbox (namespace, keys) VALUES ('{namespace}', {keys})"
        );
        world.sql(&sql).await;
    }
    let relay = world.relay();
    eventually("everything is delivered", || async { world.waiting().await.rows == 0 }).await;
    for id in [1, 2, 3] {
        assert!(!world.is_cached(id).await, "{id}");
    }
    relay.stop().await;
}

/// Settings of a session that change how SQL is read, and how values are shown.
#[tokio::test]
async fn the_keys_of_a_row_are_the_same_whatever_the_session_says() {
    let world = World::new().await;
    world.cities.repository().watch().await.unwrap();
    let mut session = sqlx::PgConnection::connect(world.fixture.database().url()).await.unwrap();
    for setting in [
        "standard_conforming_strings = off",
        "search_path = ''",
        "DateStyle = 'German'",
        "bytea_output = 'escape'",
        "transform_null_equals = on",
        "default_transaction_isolation = 'serializable'",
        "session_replication_role = replica",
        "plpgsql.variable_conflict = 'use_variable'",
    ] {
        let row = city(7, r"a\b ß:=%N\\", r"C\", 0);
        sqlx::raw_sql(AssertSqlSafe(format!("RESET ALL; SET {setting}")))
            .execute(&mut session)
            .await
            .unwrap();
        sqlx::query(
            "INSERT INTO public.cities (id, slug, country, population) VALUES (7, $1, $2, 0)",
        )
        .bind(&row.slug)
        .bind(&row.country)
        .execute(&mut session)
        .await
        .unwrap_or_else(|error| panic!("{setting}: {error}"));
        let keys = world.outbox().await;
        assert_eq!(
            keys,
            [
                "cities:by:slug:=a%5Cb%20ß%3A%3D%25N%5C%5C",
                "cities:id:=7",
                "cities:list:country:=C%5C",
                "tag:=cities",
                "tag:=country%3AC%5C",
            ],
            "{setting}"
        );
        world.sql("DELETE FROM cities WHERE id = 7; DELETE FROM cache_runtime.outbox").await;
    }
}

/// Every way in which a statement can change a table.
#[tokio::test]
async fn a_merge_a_view_and_a_part_of_a_statement_name_their_rows() {
    let world = World::new().await;
    world.cities.repository().watch().await.unwrap();
    world.sql("CREATE VIEW seen AS SELECT id, slug, country, population FROM cities").await;
    for (sql, keys) in [
        ("UPDATE seen SET slug = 'paname' WHERE id = 1", &[1][..]),
        (
            "MERGE INTO cities USING (VALUES (2), (9)) AS of (id) ON cities.id = of.id \
             WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id, slug, population) VALUES (9, 'nine', 0)",
            &[2, 9],
        ),
        (
            "WITH gone AS (DELETE FROM cities WHERE id = 3 RETURNING *) \
             INSERT INTO cities (id, slug, population) SELECT 30, slug || '!', population FROM gone",
            &[3, 30],
        ),
    ] {
        world.sql(sql).await;
        let left = world.outbox().await;
        for id in keys {
            assert!(left.contains(&format!("cities:id:={id}")), "{sql}: {left:?}");
        }
        world.sql("DELETE FROM cache_runtime.outbox").await;
    }
}

/// What was taken back is in no row of the outbox, and what was kept is.
#[tokio::test]
async fn a_savepoint_that_was_rolled_back_leaves_nothing_where_the_keys_cannot_be_held() {
    let world = World::new().await;
    let stepper = Stepper::new();
    let redis = RedisCache::open(world.fixture.redis_url()).unwrap();
    let faulty = FaultyCache::over(Arc::new(redis));
    let here = cities(&world.fixture, |builder| {
        builder.backend(Arc::new(faulty.clone())).observer(Arc::new(stepper.clone()))
    });
    let relay = here.cache.relay(world.pool()).spawn().unwrap();
    world.caught_up(&relay).await;
    faulty.fail(Op::Hold, ErrorKind::Unreachable);
    let deliver = stepper.park(Step::Deliver, &world.row(1));
    let mut tx = here.begin().await.unwrap();
    here.within(&mut tx).update(&city(1, "paris", "FR", 7)).await.unwrap();
    let mut part = tx.savepoint().await.unwrap();
    here.within(&mut part).update(&city(2, "lyon", "FR", 7)).await.unwrap();
    part.rollback().await.unwrap();
    let mut part = tx.savepoint().await.unwrap();
    here.within(&mut part).update(&city(3, "rome", "IT", 7)).await.unwrap();
    part.commit().await.unwrap();
    let commit = tokio::spawn(tx.commit());
    deliver.arrived().await;
    let rows: Vec<_> =
        world.outbox().await.into_iter().filter(|key| key.starts_with("cities:id")).collect();
    assert_eq!(rows, ["cities:id:=1", "cities:id:=3"]);
    deliver.open();
    in_time("the commit", commit).await.unwrap().unwrap();
    for id in [1, 3] {
        assert_eq!(here.get(id).await.unwrap().unwrap().population, 7);
    }
    relay.stop().await;
}

/// A broken database is not the outbox's fault, and who repeats what may be repeated goes by the code.
#[tokio::test]
async fn a_transaction_that_has_failed_is_not_put_down_to_the_outbox() {
    let world = World::new().await;
    let here = cities(&world.fixture, |builder| builder.always_outbox(true));
    let mut tx = here.begin().await.unwrap();
    here.within(&mut tx).update(&city(1, "paris", "FR", 7)).await.unwrap();
    sqlx::query("SELECT 1 / 0").execute(tx.connection()).await.unwrap_err();
    let error = tx.commit().await.unwrap_err();
    let code = error.as_database_error().and_then(|error| error.code());
    assert_eq!(code.as_deref(), Some("25P02"), "{error:?}");
    assert_eq!(here.get(1).await.unwrap().unwrap().population, 2100);
    world.sql("DROP TABLE cache_runtime.outbox").await;
    let error = here.update(&city(1, "paris", "FR", 7)).await.unwrap_err();
    let ours = cache_runtime::Error::of(&error).expect("it says what to do");
    assert_eq!(ours.kind(), ErrorKind::Outbox);
}
