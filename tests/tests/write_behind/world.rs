//! A table of notes, and processes that write to it behind a queue.

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::backend::RedisCache;
use cache_runtime::{
    CacheManager, CoherentCache, Entity, Key, WriteBehind, WriteBehindBuilder, WriteQueue,
    cached_repository, migrate,
};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool};
use tests::{Fixture, TestDatabase};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "notes")]
pub(crate) struct Note {
    #[entity(id)]
    pub(crate) id: i64,
    pub(crate) text: String,
    pub(crate) reply_to: Option<i64>,
}

#[cached_repository(entity = Note, list(reply_to))]
#[derive(Clone)]
pub(crate) struct Notes {
    pub(crate) db: PgPool,
    pub(crate) cache: CacheManager,
}

/// Notes; and a journal of every change of theirs, and of every version that was taken for applied.
const TABLES: &str = "
    CREATE TABLE notes (
        id int8 PRIMARY KEY,
        text text NOT NULL CHECK (text <> 'poison'),
        reply_to int8 REFERENCES notes (id)
    );
    CREATE TABLE journal (
        id int8 GENERATED ALWAYS AS IDENTITY,
        transaction text NOT NULL DEFAULT pg_current_xact_id()::text,
        key int8 NOT NULL,
        version int8,
        text text
    );
    CREATE FUNCTION write_down() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_TABLE_NAME = 'applied' THEN
            INSERT INTO journal (key, version)
            VALUES (substring(NEW.key from '=(-?[0-9]+)$')::int8, NEW.version);
        ELSIF TG_OP = 'DELETE' THEN
            INSERT INTO journal (key) VALUES (OLD.id);
        ELSE
            INSERT INTO journal (key, text) VALUES (NEW.id, NEW.text);
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER write_down AFTER INSERT OR UPDATE OR DELETE ON notes
        FOR EACH ROW EXECUTE FUNCTION write_down();
    CREATE TRIGGER write_down AFTER INSERT OR UPDATE ON cache_runtime.applied
        FOR EACH ROW EXECUTE FUNCTION write_down();
";

pub(crate) struct World {
    pub(crate) fixture: Fixture,
}

impl World {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::from_template("notes_behind", async |pool: &PgPool| {
            migrate(pool).await.expect("the table of versions is made");
            sqlx::raw_sql(TABLES).execute(pool).await.expect("the tables are made");
        })
        .await;
        Self { fixture: Fixture::with_database(database) }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        self.fixture.pool()
    }

    /// The cache and the repository of one more process.
    pub(crate) fn process(&self) -> Notes {
        self.process_at(self.fixture.redis_url())
    }

    pub(crate) fn process_at(&self, redis: &str) -> Notes {
        Notes { db: self.pool().clone(), cache: manager(self.fixture.namespace(), redis) }
    }

    pub(crate) fn queue_at(&self, redis: &str) -> Arc<dyn WriteQueue> {
        RedisCache::open(redis).unwrap().write_queue(&self.queue_name()).unwrap()
    }

    pub(crate) fn queue_name(&self) -> Key {
        let namespace = cache_runtime::Namespace::new(self.fixture.namespace()).unwrap();
        namespace.key().text("behind").value("notes").finish().unwrap()
    }

    pub(crate) async fn text(&self, id: i64) -> Option<String> {
        sqlx::query_scalar("SELECT text FROM notes WHERE id = $1")
            .bind(id)
            .fetch_optional(self.pool())
            .await
            .unwrap()
    }
}

/// On a busy machine a call may take its time; what a server that hangs costs is tested elsewhere.
pub(crate) fn manager(namespace: &str, redis: &str) -> CacheManager {
    CacheManager::builder(namespace)
        .redis(redis)
        .operation_timeout(Duration::from_secs(2))
        .hang_after(Duration::from_secs(2))
        .build()
        .unwrap()
}

/// With short pauses, so that no test waits for long.
pub(crate) fn behind(notes: &Notes) -> WriteBehindBuilder<Notes> {
    WriteBehind::builder(&notes.cache, "notes", notes.clone())
        .backoff(Duration::from_millis(10), Duration::from_millis(200))
        .takeover(Duration::from_millis(300))
        .every(Duration::from_millis(5))
}

pub(crate) fn note(id: i64, text: &str) -> Note {
    Note { id, text: text.to_owned(), reply_to: None }
}

pub(crate) async fn text(notes: &WriteBehind<Notes>, id: i64) -> Option<String> {
    notes.get(&id).await.unwrap().map(|note| note.text.clone())
}

pub(crate) fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}
