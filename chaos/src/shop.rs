//! The table of a run. The database numbers each state of a row and logs it, so that what was committed is known by one
//! number, whoever died meanwhile.

use cache_runtime::{CacheManager, CacheTransaction, Entity, cached_repository};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool};

use crate::event::{Brief, Code, NO_SHELF, Seen, Shelf};

pub(crate) const ROWS: u16 = 240;
/// Many more codes than rows: there are look-ups of nothing, and a write rarely wants the code of another row.
pub(crate) const CODES: Code = 1200;
pub(crate) const SHELVES: Shelf = 24;

/// `numbers` goes on counting while a row is not there. Its row is locked from a change of the item to the end of that
/// transaction, so a number that was rolled back is given once more, to another write.
pub(crate) const TABLES: &str = "
    CREATE TABLE items (id int8 PRIMARY KEY, code text NOT NULL UNIQUE, shelf text, op int8 NOT NULL, \
                        at int8 NOT NULL, version int8 NOT NULL);
    CREATE INDEX ON items (shelf);
    CREATE TABLE numbers (id int8 PRIMARY KEY, version int8 NOT NULL) WITH (fillfactor = 20);
    CREATE TABLE log (entry bigserial PRIMARY KEY, tx int8 NOT NULL DEFAULT txid_current(), id int8 NOT NULL, \
                      version int8 NOT NULL, op int8 NOT NULL, at int8 NOT NULL, code text, shelf text);
    CREATE FUNCTION number() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE public.numbers SET version = version + 1 WHERE id = NEW.id RETURNING version INTO NEW.version;
            RETURN NEW;
        END $$;
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' THEN
                UPDATE public.numbers SET version = version + 1 WHERE id = OLD.id;
                INSERT INTO public.log (id, version, op, at)
                SELECT id, version, COALESCE(NULLIF(current_setting('chaos.op', true), '')::int8, 0), 0
                FROM public.numbers WHERE id = OLD.id;
            ELSE
                INSERT INTO public.log (id, version, op, at, code, shelf)
                VALUES (NEW.id, NEW.version, NEW.op, NEW.at, NEW.code, NEW.shelf);
            END IF;
            RETURN NULL;
        END $$;
    CREATE TRIGGER number BEFORE INSERT OR UPDATE ON items FOR EACH ROW EXECUTE FUNCTION number();
    CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON items FOR EACH ROW EXECUTE FUNCTION note();";

/// A transaction that leaves keys in the outbox is marked in the log by an entry of no row: its keys need not be held.
pub(crate) const MARKS: &str = "
    CREATE FUNCTION mark() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO public.log (id, version, op, at) VALUES (0, 0, 0, 0);
            RETURN NULL;
        END $$;
    CREATE TRIGGER mark AFTER INSERT ON cache_runtime.outbox FOR EACH STATEMENT EXECUTE FUNCTION mark();";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "items")]
pub(crate) struct Item {
    #[entity(id)]
    pub(crate) id: i64,
    pub(crate) code: String,
    pub(crate) shelf: Option<String>,
    /// The write that made this state.
    pub(crate) op: i64,
    /// When its statement was sent.
    pub(crate) at: i64,
    /// Higher with each change of the row, also over deletes.
    #[entity(generated)]
    pub(crate) version: i64,
}

#[cached_repository(
    entity = Item,
    ttl = "12s",
    negative_ttl = "12s",
    unique(code),
    list(shelf),
    list(name = standing_on, where = "shelf = $shelf", order = "id"),
    list(name = from, where = "id >= $least", order = "id", buckets(least = [100])),
    tags("shelf:{shelf}")
)]
#[derive(Clone, Debug)]
pub(crate) struct Items {
    pub(crate) db: PgPool,
    pub(crate) cache: CacheManager,
}

/// Id, version and op of a row.
pub(crate) type Row = (i64, i64, i64);

#[cached_repository]
impl Items {
    #[cached(key = "on:{shelf}", tags("shelf:{shelf}"))]
    pub(crate) async fn on_shelf(&self, shelf: &str) -> sqlx::Result<Vec<Row>> {
        on_shelf(&self.db, shelf).await
    }

    #[cached(key = "everything", tags("items"))]
    pub(crate) async fn everything(&self) -> sqlx::Result<Vec<Row>> {
        everything(&self.db).await
    }

    /// Puts the row on a shelf; answers with its version.
    #[invalidates(id)]
    pub(crate) async fn put(
        &self,
        tx: &mut CacheTransaction,
        id: i64,
        shelf: Option<&str>,
        stamp: (i64, i64),
    ) -> sqlx::Result<Option<i64>> {
        put(tx.connection(), id, shelf, stamp).await
    }
}

impl From<&Item> for Brief {
    fn from(item: &Item) -> Self {
        brief((item.id, item.version, item.op))
    }
}

pub(crate) async fn on_shelf(db: &PgPool, shelf: &str) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as("SELECT id, version, op FROM items WHERE shelf = $1 ORDER BY id")
        .bind(shelf)
        .fetch_all(db)
        .await
}

pub(crate) async fn everything(db: &PgPool) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as("SELECT id, version, op FROM items ORDER BY id").fetch_all(db).await
}

pub(crate) async fn put(
    connection: &mut sqlx::PgConnection,
    id: i64,
    shelf: Option<&str>,
    (op, at): (i64, i64),
) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar(
        "UPDATE items SET shelf = $2, op = $3, at = $4 WHERE id = $1 RETURNING version",
    )
    .bind(id)
    .bind(shelf)
    .bind(op)
    .bind(at)
    .fetch_optional(connection)
    .await
}

pub(crate) fn code(number: Code) -> String {
    format!("code-{number}")
}

pub(crate) fn shelf(number: Shelf) -> Option<String> {
    (number != NO_SHELF).then(|| format!("shelf-{number}"))
}

/// The number behind a name that [`code`] or [`shelf`] made; the highest where it is none of theirs.
pub(crate) fn number<N: std::str::FromStr>(name: &str, highest: N) -> N {
    name.rsplit('-').next().and_then(|digits| digits.parse().ok()).unwrap_or(highest)
}

pub(crate) fn shelf_number(name: Option<&str>) -> Shelf {
    name.map_or(NO_SHELF, |name| number(name, NO_SHELF - 1))
}

fn narrow<N: TryFrom<i64>>(number: i64) -> N {
    number.try_into().ok().expect("the database numbers from one")
}

impl From<&Item> for Seen {
    fn from(item: &Item) -> Self {
        Self {
            id: narrow(item.id),
            version: narrow(item.version),
            op: narrow(item.op),
            code: number(&item.code, Code::MAX),
            shelf: shelf_number(item.shelf.as_deref()),
        }
    }
}

pub(crate) fn brief((id, version, op): Row) -> Brief {
    Brief { id: narrow(id), version: narrow(version), op: narrow(op) }
}
