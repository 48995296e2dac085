//! Entities of every shape, and values with every character that someone may take for a separator.

use cache_runtime::{CacheManager, Entity, cached_repository};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool};
use tests::{Fixture, TestDatabase};

/// A text id, a unique and a listed text column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "names")]
pub struct Name {
    #[entity(id)]
    pub id: String,
    pub alias: String,
    pub family: Option<String>,
    pub number: i64,
}

#[cached_repository(entity = Name, unique(alias), list(family), tags("family:{family}"))]
#[derive(Clone)]
pub struct Names {
    pub db: PgPool,
    pub cache: CacheManager,
}

#[cached_repository]
impl Names {
    #[cached(key = "numbered:{text}:{other}", tags("text:{text}"))]
    pub async fn joined(&self, text: &str, other: &str) -> sqlx::Result<String> {
        Ok(format!("{text}|{other}"))
    }
}

/// A composite id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "pairs")]
pub struct Pair {
    #[entity(id)]
    pub left: String,
    #[entity(id)]
    pub right: i64,
    pub note: Option<String>,
}

#[cached_repository(entity = Pair, unique(note), list(left, (left, note)))]
#[derive(Clone)]
pub struct Pairs {
    pub db: PgPool,
    pub cache: CacheManager,
}

/// Nothing but an id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "links")]
pub struct Link {
    #[entity(id)]
    pub a: i64,
    #[entity(id)]
    pub b: i64,
}

#[cached_repository(entity = Link, list(a, b))]
#[derive(Clone)]
pub struct Links {
    pub db: PgPool,
    pub cache: CacheManager,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[sqlx(transparent)]
pub struct GadgetId(pub i64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[sqlx(type_name = "gadget_kind", rename_all = "lowercase")]
pub enum Kind {
    Small,
    Large,
}

/// A newtype id and a time that the database makes, a renamed column, one that is a keyword, an enum, options; in a
/// schema of its own, in a table that is a keyword.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "stock.order")]
pub struct Gadget {
    #[entity(id, generated)]
    pub id: GadgetId,
    #[sqlx(rename = "Label \"x\"")]
    pub name: String,
    pub r#type: Kind,
    pub size: Option<i32>,
    pub parts: Vec<String>,
    pub weight: Option<f64>,
    #[entity(generated)]
    pub created_at: String,
}

#[cached_repository(entity = Gadget, unique(name, (r#type, size)), list(r#type, size))]
#[derive(Clone)]
pub struct Gadgets {
    pub db: PgPool,
    pub cache: CacheManager,
}

const TABLES: &str = r#"
    CREATE TABLE names (id text PRIMARY KEY, alias text NOT NULL UNIQUE, family text, number int8 NOT NULL);
    CREATE TABLE pairs ("left" text, "right" int8, note text UNIQUE, PRIMARY KEY ("left", "right"));
    CREATE TABLE links (a int8, b int8, PRIMARY KEY (a, b));
    CREATE TYPE gadget_kind AS ENUM ('small', 'large');
    CREATE SCHEMA stock;
    CREATE TABLE stock.order (
        id bigserial PRIMARY KEY, "Label ""x""" text NOT NULL UNIQUE, type gadget_kind NOT NULL, size int4,
        parts text[] NOT NULL, weight float8, created_at text NOT NULL DEFAULT clock_timestamp()::text,
        UNIQUE (type, size));
"#;

/// The tables, and a repository over each.
pub struct Shapes {
    _fixture: Fixture,
    pub names: Names,
    pub pairs: Pairs,
    pub links: Links,
    pub gadgets: Gadgets,
}

impl Shapes {
    pub async fn new() -> Self {
        let database = TestDatabase::from_template("shapes", async |pool: &PgPool| {
            sqlx::raw_sql(TABLES).execute(pool).await.expect("the tables are made");
        })
        .await;
        let fixture = Fixture::with_database(database);
        let cache = CacheManager::builder(fixture.namespace())
            .redis(fixture.redis_url())
            .level(cache_runtime::Level::Strong);
        let cache = cache.build().expect("the manager is built");
        let db = fixture.pool().clone();
        Self {
            names: Names { db: db.clone(), cache: cache.clone() },
            pairs: Pairs { db: db.clone(), cache: cache.clone() },
            links: Links { db: db.clone(), cache: cache.clone() },
            gadgets: Gadgets { db, cache },
            _fixture: fixture,
        }
    }
}
