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
