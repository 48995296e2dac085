//! A table whose every committed state is known: the database numbers each change of a row and keeps a log of it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cache_runtime::{
    BoxFuture, CacheManager, CacheTransaction, Entity, Key, Observer, Step, cached_repository,
};
use fastrand::Rng;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, FromRow, PgPool};
use tests::{Fixture, TestDatabase};

use super::history::{History, Moment, NEVER, Read, Seen, State};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "items")]
pub struct Item {
    #[entity(id)]
    pub id: i64,
    pub slug: String,
    pub shelf: Option<String>,
    /// The write that made this state.
    pub op: i64,
    /// Higher with each change of the row.
    #[entity(generated)]
    pub version: i64,
}

impl From<&Item> for Seen {
    fn from(item: &Item) -> Self {
        Self {
            slug: item.slug.clone(),
            shelf: item.shelf.clone(),
            op: item.op,
            version: item.version,
        }
    }
}

#[cached_repository(entity = Item, ttl = "1m", unique(slug), list(shelf), tags("shelf:{shelf}"))]
#[derive(Clone, Debug)]
pub struct Items {
    pub db: PgPool,
    pub cache: CacheManager,
}

#[cached_repository]
impl Items {
    #[cached(key = "on:{shelf}", tags("shelf:{shelf}"))]
    pub async fn versions_on(&self, shelf: &str) -> sqlx::Result<Vec<(i64, i64)>> {
        let found = sqlx::query_as("SELECT id, version FROM items WHERE shelf = $1 ORDER BY id")
            .bind(shelf)
            .fetch_all(&self.db)
            .await;
        dawdle().await;
        found
    }

    /// Another answer under the same tag, and one more.
    #[cached(key = "also on:{shelf}", tags("items", "shelf:{shelf}"))]
    pub async fn also_on(&self, shelf: &str) -> sqlx::Result<Vec<(i64, i64)>> {
        sqlx::query_as("SELECT id, version FROM items WHERE shelf = $1 ORDER BY id")
            .bind(shelf)
            .fetch_all(&self.db)
            .await
    }

    #[cached(key = "versions", tags("items"))]
    pub async fn versions(&self) -> sqlx::Result<Vec<(i64, i64)>> {
        sqlx::query_as("SELECT id, version FROM items ORDER BY id").fetch_all(&self.db).await
    }

    #[invalidates(id)]
    pub async fn put(
        &self,
        tx: &mut CacheTransaction,
        id: i64,
        shelf: Option<&str>,
        op: i64,
    ) -> sqlx::Result<()> {
        sqlx::query("UPDATE items SET shelf = $2, op = $3 WHERE id = $1")
            .bind(id)
            .bind(shelf)
            .bind(op)
            .execute(&mut **tx)
            .await?;
        Ok(())
    }
}

const TABLES: &str = "
    CREATE SEQUENCE versions;
    CREATE TABLE items (id int8 PRIMARY KEY, slug text NOT NULL UNIQUE, shelf text, op int8 NOT NULL, \
                        version int8 NOT NULL);
    CREATE INDEX ON items (shelf);
    CREATE TABLE log (entry bigserial PRIMARY KEY, tx int8 NOT NULL DEFAULT txid_current(), id int8, slug text, \
                      shelf text, op int8, version int8, gone boolean);
    CREATE FUNCTION number() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN NEW.version := nextval('versions'); RETURN NEW; END $$;
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' THEN
                INSERT INTO log (id, slug, shelf, op, version, gone)
                VALUES (OLD.id, OLD.slug, OLD.shelf, OLD.op, OLD.version, true);
            ELSE
                INSERT INTO log (id, slug, shelf, op, version, gone)
                VALUES (NEW.id, NEW.slug, NEW.shelf, NEW.op, NEW.version, false);
            END IF;
            RETURN NULL;
        END $$;
    CREATE TRIGGER number BEFORE INSERT OR UPDATE ON items FOR EACH ROW EXECUTE FUNCTION number();
    CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON items FOR EACH ROW EXECUTE FUNCTION note();
    INSERT INTO items SELECT n, 'slug-' || n, CASE WHEN n % 5 > 0 THEN 'shelf-' || n % 5 END, 0
    FROM generate_series(1, 20) n;";

pub const ROWS: i64 = 20;
pub const SHELVES: i64 = 5;
pub const SLUGS: i64 = 26;

pub fn any_slug(rng: &mut Rng) -> String {
    format!("slug-{}", rng.i64(1..=SLUGS))
}

/// One shelf in six is none.
pub fn any_shelf(rng: &mut Rng) -> Option<String> {
    let number = rng.i64(0..=SHELVES);
    (number > 0).then(|| format!("shelf-{}", number % SHELVES))
}

pub fn index(id: i64) -> usize {
    usize::try_from(id).expect("ids are small")
}

/// Two processes over one database and one Redis, and what they did.
pub struct Shop {
    pub fixture: Fixture,
    pub processes: [Items; 2],
    pub reads: Mutex<Vec<Read>>,
    /// Taken by who deletes or inserts a row, and shared by who updates it: an insert draws its number before it waits.
    pub rows: Vec<tokio::sync::RwLock<()>>,
    began: Instant,
    next_op: AtomicI64,
    /// When each write began, and when it was over.
    ops: Mutex<HashMap<i64, (Moment, Arc<AtomicU64>)>>,
    /// The write that took each version away.
    gone: Mutex<HashMap<i64, i64>>,
}

/// Now and then somebody dawdles before a step, so that others come between.
#[derive(Debug)]
struct Dawdler;

impl Observer for Dawdler {
    fn before<'a>(&'a self, _: Step, _: &'a Key) -> BoxFuture<'a, ()> {
        Box::pin(dawdle())
    }
}

/// Mostly not at all, sometimes for as long as a write takes, rarely for as long as many do.
async fn dawdle() {
    let most = match fastrand::u32(0..150) {
        0 => 80_000,
        1..13 => 6_000,
        _ => return,
    };
    tokio::time::sleep(Duration::from_micros(fastrand::u64(0..most))).await;
}

/// A write on its way.
pub struct Op {
    pub number: i64,
    end: Arc<AtomicU64>,
}

#[derive(FromRow)]
struct Logged {
    tx: i64,
    id: i64,
    slug: String,
    shelf: Option<String>,
    op: i64,
    version: i64,
    gone: bool,
}

impl Shop {
    /// A row is held for so long when nobody knows what became of its commit.
    pub const HOLD: Duration = Duration::from_millis(1500);

    pub async fn new() -> Self {
        let fixture = Self::tables().await;
        let (redis, postgres) =
            (fixture.redis_url().to_owned(), fixture.database().url().to_owned());
        Self::through(fixture, &redis, &postgres).await
    }

    pub async fn tables() -> Fixture {
        let database = TestDatabase::from_template("shop", async |pool: &PgPool| {
            sqlx::raw_sql(TABLES).execute(pool).await.expect("the tables are made");
        })
        .await;
        // Writers that wait for each other in a circle are told so at once, where the role may ask for it.
        let hurry = format!("ALTER DATABASE \"{}\" SET deadlock_timeout = '20ms'", database.name());
        let _ = sqlx::raw_sql(AssertSqlSafe(hurry)).execute(database.pool()).await;
        Fixture::with_database(database)
    }

    /// Two processes that reach their servers by these URLs.
    pub async fn through(fixture: Fixture, redis: &str, postgres: &str) -> Self {
        let mut processes = Vec::new();
        for _ in 0..2 {
            let cache = CacheManager::builder(fixture.namespace())
                .redis(redis)
                .hold_ttl(Self::HOLD)
                .level(cache_runtime::Level::Strong);
            let cache = cache.observer(Arc::new(Dawdler));
            let cache = cache.build().expect("the manager is built");
            let pool =
                PgPoolOptions::new().max_connections(12).acquire_timeout(Duration::from_secs(10));
            processes.push(Items {
                db: pool.connect(postgres).await.expect("Postgres is there"),
                cache,
            });
        }
        Self {
            processes: processes.try_into().expect("two processes"),
            fixture,
            reads: Mutex::default(),
            rows: (0..=ROWS).map(|_| tokio::sync::RwLock::default()).collect(),
            began: Instant::now(),
            next_op: AtomicI64::new(1),
            ops: Mutex::default(),
            gone: Mutex::default(),
        }
    }

    pub fn now(&self) -> Moment {
        u64::try_from(self.began.elapsed().as_nanos()).expect("a short run")
    }

    pub fn op(&self) -> Op {
        let number = self.next_op.fetch_add(1, Ordering::Relaxed);
        let end = Arc::new(AtomicU64::new(NEVER));
        self.ops.lock().expect("no poison").insert(number, (self.now(), Arc::clone(&end)));
        Op { number, end }
    }

    /// The write's commit is sent only now.
    pub fn sends(&self, op: &Op) {
        self.ops.lock().expect("no poison").insert(op.number, (self.now(), Arc::clone(&op.end)));
    }

    /// The caller has been told that the write is done.
    pub fn done(&self, op: &Op) {
        op.end.store(self.now(), Ordering::Relaxed);
    }

    /// The same for one that took a row away.
    pub fn took_away(&self, op: &Op, version: i64) {
        self.done(op);
        self.gone.lock().expect("no poison").insert(version, op.number);
    }

    /// What the rows were, by the database's own log.
    pub async fn history(&self) -> History {
        let entries: Vec<Logged> =
            sqlx::query_as("SELECT * FROM log ORDER BY id, version, gone, entry")
                .fetch_all(self.fixture.pool())
                .await
                .expect("the log is read");
        let mut history = History::default();
        let (ops, gone) =
            (self.ops.lock().expect("no poison"), self.gone.lock().expect("no poison"));
        for (at, entry) in entries.iter().enumerate() {
            // Only the last state that a transaction leaves was ever seen.
            if entries.get(at + 1).is_some_and(|next| next.id == entry.id && next.tx == entry.tx) {
                continue;
            }
            let op = if entry.gone { gone.get(&entry.version).copied() } else { Some(entry.op) };
            let (begin, end) = match op.and_then(|op| ops.get(&op)) {
                Some((begin, end)) => (*begin, end.load(Ordering::Relaxed)),
                // Whoever took the row away was never told that it was done.
                None if entry.gone => (0, NEVER),
                None if entry.op == 0 => (0, 0),
                None => panic!("a write that nobody made: {} {}", entry.id, entry.version),
            };
            let row = (!entry.gone).then(|| Seen {
                slug: entry.slug.clone(),
                shelf: entry.shelf.clone(),
                op: entry.op,
                version: entry.version,
            });
            history.push(entry.id, State { row, begin, end });
        }
        history.settle();
        history
    }
}
