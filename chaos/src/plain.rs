//! The baseline: what one writes without a library. Read, load on a miss, set with a TTL; write, commit, delete.

use std::sync::Mutex;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::PgPool;

use crate::shop::{self, Item, Row};

/// As that of the repository.
const TTL_SECONDS: u64 = 12;
const PATIENCE: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(crate) struct Plain {
    pub(crate) db: PgPool,
    client: Client,
    connection: Mutex<Option<MultiplexedConnection>>,
}

impl Plain {
    pub(crate) fn new(db: PgPool, url: &str) -> redis::RedisResult<Self> {
        Ok(Self { db, client: Client::open(url)?, connection: Mutex::default() })
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<MultiplexedConnection>> {
        self.connection.lock().expect("nobody panics with the lock")
    }

    async fn ask<T: FromRedisValue>(&self, command: redis::Cmd) -> redis::RedisResult<T> {
        let kept = self.slot().clone();
        let mut connection = match kept {
            Some(connection) => connection,
            None => {
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(PATIENCE))
                    .set_response_timeout(Some(PATIENCE));
                let made =
                    self.client.get_multiplexed_async_connection_with_config(&config).await?;
                *self.slot() = Some(made.clone());
                made
            }
        };
        let answer = command.query_async(&mut connection).await;
        if let Err(error) = &answer {
            let error: &redis::RedisError = error;
            if error.is_io_error() || error.is_unrecoverable_error() {
                *self.slot() = None;
            }
        }
        answer
    }

    async fn cached<T, Fut>(&self, key: String, load: impl FnOnce() -> Fut) -> sqlx::Result<T>
    where
        T: Serialize + DeserializeOwned,
        Fut: Future<Output = sqlx::Result<T>>,
    {
        let found: Option<String> =
            self.ask(redis::cmd("GET").arg(&key).to_owned()).await.ok().flatten();
        if let Some(value) = found.and_then(|text| serde_json::from_str(&text).ok()) {
            return Ok(value);
        }
        let value = load().await?;
        self.set(key, &value).await;
        Ok(value)
    }

    async fn set<T: Serialize>(&self, key: String, value: &T) {
        let Ok(text) = serde_json::to_string(value) else { return };
        let command = redis::cmd("SET").arg(key).arg(text).arg("EX").arg(TTL_SECONDS).to_owned();
        let _ = self.ask::<redis::Value>(command).await;
    }

    pub(crate) async fn get(&self, id: i64) -> sqlx::Result<Option<Item>> {
        self.cached(row_key(id), || by_id(&self.db, id)).await
    }

    pub(crate) async fn get_many(&self, ids: &[i64]) -> sqlx::Result<Vec<Option<Item>>> {
        let mut command = redis::cmd("MGET");
        for id in ids {
            command.arg(row_key(*id));
        }
        let found: Vec<Option<String>> =
            self.ask(command).await.unwrap_or_else(|_| vec![None; ids.len()]);
        let mut rows: Vec<Option<Option<Item>>> =
            found.into_iter().map(|text| serde_json::from_str(&text?).ok()).collect();
        let missing: Vec<i64> =
            ids.iter().zip(&rows).filter(|(_, row)| row.is_none()).map(|(id, _)| *id).collect();
        if !missing.is_empty() {
            let loaded = by_ids(&self.db, &missing).await?;
            for (id, row) in ids.iter().zip(&mut rows) {
                if row.is_none() {
                    let item = loaded.iter().find(|item| item.id == *id).cloned();
                    self.set(row_key(*id), &item).await;
                    *row = Some(item);
                }
            }
        }
        Ok(rows.into_iter().map(Option::flatten).collect())
    }

    pub(crate) async fn find(&self, code: &str) -> sqlx::Result<Option<Item>> {
        self.cached(code_key(code), || by_code(&self.db, code)).await
    }

    pub(crate) async fn list(&self, shelf: &str) -> sqlx::Result<Vec<Item>> {
        self.cached(list_key(shelf), || by_shelf(&self.db, shelf)).await
    }

    pub(crate) async fn on_shelf(&self, shelf: &str) -> sqlx::Result<Vec<Row>> {
        self.cached(on_key(shelf), || shop::on_shelf(&self.db, shelf)).await
    }

    pub(crate) async fn everything(&self) -> sqlx::Result<Vec<Row>> {
        self.cached("plain:everything".to_owned(), || shop::everything(&self.db)).await
    }

    /// Deletes every key of these states of rows, after their commit.
    pub(crate) async fn forget(&self, states: &[Item]) {
        let mut command = redis::cmd("DEL");
        command.arg("plain:everything");
        for item in states {
            command.arg(row_key(item.id)).arg(code_key(&item.code));
            if let Some(shelf) = &item.shelf {
                command.arg(list_key(shelf)).arg(on_key(shelf));
            }
        }
        let _ = self.ask::<redis::Value>(command).await;
    }
}

fn row_key(id: i64) -> String {
    format!("plain:row:{id}")
}

fn code_key(code: &str) -> String {
    format!("plain:code:{code}")
}

fn list_key(shelf: &str) -> String {
    format!("plain:list:{shelf}")
}

fn on_key(shelf: &str) -> String {
    format!("plain:on:{shelf}")
}

pub(crate) async fn by_id(db: &PgPool, id: i64) -> sqlx::Result<Option<Item>> {
    sqlx::query_as("SELECT * FROM items WHERE id = $1").bind(id).fetch_optional(db).await
}

pub(crate) async fn by_ids(db: &PgPool, ids: &[i64]) -> sqlx::Result<Vec<Item>> {
    sqlx::query_as("SELECT * FROM items WHERE id = ANY($1)").bind(ids).fetch_all(db).await
}

pub(crate) async fn by_code(db: &PgPool, code: &str) -> sqlx::Result<Option<Item>> {
    sqlx::query_as("SELECT * FROM items WHERE code = $1").bind(code).fetch_optional(db).await
}

pub(crate) async fn by_shelf(db: &PgPool, shelf: &str) -> sqlx::Result<Vec<Item>> {
    sqlx::query_as("SELECT * FROM items WHERE shelf = $1 ORDER BY id")
        .bind(shelf)
        .fetch_all(db)
        .await
}
