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
