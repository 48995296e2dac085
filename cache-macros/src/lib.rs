//! The macros of `cache-runtime`, which re-exports them: depend on that crate alone.
//!
//! [`Entity`] describes a struct as a row of a table. [`macro@cached_repository`] on a struct with a pool and a cache
//! manager gives it cached reads and coherent writes of such rows; on an `impl` block of that struct it reads
//! `#[cached]`, `#[cache_put]` and `#[invalidates]` on the methods.
//!
//! What is wrong in an annotation is reported all at once, each mistake where it is, with what to write instead. The
//! annotated item is emitted in any case.
//!
//! The code has four rooms, each of which knows only those before it: `grammar` (tokens to annotations), `model` (what
//! the annotations come to), `check` (annotations to models, with the mistakes), `expand` (models to tokens).

mod check;
mod entry;
mod errors;
mod expand;
mod grammar;
mod model;
mod names;
mod suggest;
mod types;

use proc_macro::TokenStream;

/// Describes a struct with named fields as a row of a table: implements `cache_runtime::Entity`, and
/// `cache_runtime::Field` for each column that can be looked up by.
///
/// Beside it, an entity derives `Clone`, serde's `Serialize` and `Deserialize`, and sqlx's `FromRow`.
///
/// # On the struct
///
/// - `#[entity(table = "cities")]`: the table, required; with its schema where it is not on the search path,
///   `"geo.cities"`.
/// - `#[entity(version = 2)]`: a number to change when the meaning of a field changes but neither its name nor its
///   type: what is cached under another version is a miss. Default 1.
/// - `#[entity(crate = some::path)]`: where `cache_runtime` is found. Default `::cache_runtime`.
///
/// # On a field
///
/// - `#[entity(id)]`: the primary key, or a part of it; required on at least one field. Several make a composite id, a
///   tuple in the order of the fields.
/// - `#[entity(generated)]`: the database makes the value; it is read, and never written.
/// - `#[entity(column = "pop")]`: the column's name, for readers: it has to agree with the one that sqlx was told, since
///   that is the one that `FromRow` reads.
///
/// A field is a column of its own name, unless sqlx is told otherwise: `#[sqlx(rename = "…")]`,
/// `#[sqlx(rename_all = "…")]`, `#[sqlx(json)]`, `#[sqlx(json(nullable))]` and `#[sqlx(skip)]` (no column) are followed.
/// A field with `#[sqlx(json)]`, and one that serde reads `with` a function, cannot be looked up by.
///
/// # Example
///
/// ```
/// use cache_runtime::Entity;
/// use serde::{Deserialize, Serialize};
/// use sqlx::FromRow;
///
/// #[derive(Clone, Debug, Serialize, Deserialize, FromRow, Entity)]
/// #[entity(table = "cities")]
/// pub struct City {
///     #[entity(id, generated)]
///     pub id: i64,
///     pub slug: String,
///     #[sqlx(rename = "pop")]
///     pub population: Option<i64>,
/// }
///
/// assert_eq!(City::TABLE, "cities");
/// assert_eq!(City::COLUMNS[2].name, "pop");
/// ```
#[proc_macro_derive(Entity, attributes(entity, sqlx))]
pub fn derive_entity(item: TokenStream) -> TokenStream {
    entry::derive_entity(item.into()).into()
}

/// On a struct with a `PgPool` and a `CacheManager`: cached reads and coherent writes of an entity. On an `impl` block
/// of that struct: cached methods, and methods that invalidate.
///
/// # On the struct
///
/// Everything but `entity` can be left out.
///
/// - `entity = City`: the type of the rows.
/// - `ttl = "15m"`: how long a row lives in the cache. Default: the manager's.
/// - `negative_ttl = "30s"`: how long it is remembered that there is no such row. Default: the manager's.
/// - `codec = "postcard"`, `"json"` or, with the feature `msgpack`, `"msgpack"`: how rows are written. Default: the
///   manager's.
/// - `compression = "lz4"`, `"none"` or, with the feature `zstd`, `"zstd"`: how rows above the manager's `compress_above`
///   are made smaller. Default: the manager's.
/// - `level = "strong"`, `level = "database"` or a time, `level = "500ms"`: how old an answer may be. `"strong"` is never
///   older than what was committed when the read began; a time is `Level::Bounded`: never older than what was committed
///   that long before the read began, nor than what this process has written; `"database"` passes the cache over. A
///   caller sets another one with `ReadAt`. Default: the manager's.
/// - `stale_on_error = "1h"`: for how long after its TTL an answer may be served when the database fails; never one that
///   a write has invalidated. `"0s"`: never, whatever the manager says. Default: the manager's.
/// - `soft_timeout = "100ms"`: after how long an expired answer is served in place of one that is still being loaded,
///   where `stale_on_error`, given here or to the manager, allows it to be served at all. Default: the manager's.
/// - `refresh_ahead`, or `refresh_ahead = 1.5`: a value is renewed ahead of its TTL, while its readers go on being served:
///   the likelier the nearer the TTL is and the longer the load took. The number is XFetch's beta (Vattani, Chierichetti,
///   Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", PVLDB 8(8), 2015), 1.0 where none is given; `0` is
///   never, whatever the manager says. Default: the manager's.
/// - `stale_while_revalidate = "30s"`: for how long after its TTL a value is served while one reader of one process renews
///   it; never one that a write has invalidated. `"0s"`: never, whatever the manager says. Default: the manager's.
/// - `max_loads = 16`: loads of this repository that run at once, at most. Default: the manager's cap, for all
///   repositories together, alone.
/// - `unique(slug, (country, name))`: look-ups by columns that are unique in the table, at most four together.
/// - `list(country)`: lists by columns.
/// - `list(name = big, where = "population >= $min AND country = $country", order = "population DESC", limit = 100)`: a
///   list, `list_big`, of the rows that meet a condition. Can stand more than once.
///   - `where`: comparisons of columns, each with a whole number, a `'text'`, `TRUE`, `FALSE` or a `$parameter`, by `=`, `<>`,
///     `<`, `<=`, `>`, `>=` (by order numbers alone) or `IN (…)`; `IS NULL`; `AND`, `OR`, `NOT` and parentheses. It means what
///     Postgres means by it. A parameter is an argument of the method, of its column's type.
///   - `order`: columns, each with `DESC` or not and `NULLS FIRST` or `NULLS LAST`; the id is the last of them in any case.
///   - `limit`: how many rows the list has at most. Default: no limit.
///   - `buckets(min = [1_000, 100_000])`: a change of a row invalidates the lists for which it meets the condition with some
///     value of each parameter. Of one that is compared by order that are many; with bounds it is those alone whose value
///     may come between the same bounds.
/// - `tags("cities", "country:{country}")`: tags that every change of a row invalidates, beside the table's own; a
///   placeholder is a column. `{{` and `}}` are braces.
/// - `db = field`, `cache = field`: the fields with the pool and the manager. Default: the one whose type is `PgPool`
///   (or `Pool<Postgres>`), the one whose type is `CacheManager`.
/// - `except(insert, delete)`: generated methods to leave out, because there are others of that name or there should
///   be none.
/// - `crate = some::path`: where `cache_runtime` is found. Default `::cache_runtime`.
///
/// Durations are numbers with a unit of `ms`, `s`, `m`, `h` or `d`, or several from large to small: `"1.5s"`,
/// `"1h30m"`. A TTL of `"0s"` stores nothing; one may also be named by how often the data change: `"realtime"` (5 s),
/// `"volatile"` (1 min), `"normal"` (15 min), `"stable"` (6 h), `"static"` (1 d).
///
/// The struct gets `get`, `get_many`, `find_by_…` for each of `unique`, `list_by_…` or `list_…` for each of `list`, `insert`,
/// `insert_many`, `update`, `upsert`, `delete`, `delete_many`, `warm`, `warm_all`, `warm_where`, `invalidate`,
/// `invalidate_matching`, `refresh`, `explain`,
/// `verify_schema`, `watch`, `unwatch`, `watch_sql`, `stats`, `begin`, and `within`, which gives the reads and writes
/// inside a transaction, and `get_for_update` beside them. It is also a `cache_runtime::DataSource`, whose loads pass the
/// cache over and whose writes invalidate.
///
/// # Sessions
///
/// `session(…)` in the place of `entity`, on a struct with a `CacheManager`, gives it sessions and not rows. It needs the
/// feature `session` of the runtime.
///
/// - `data = Login`, `idle = "30m"`, `absolute = "12h"`, required: the type of what a session keeps, how long one lives
///   without being used, and how long it lives at most.
/// - `user = user_id`: the field of the data that says whose the session is; `None` and an empty text are nobody.
/// - `per_user = 100`: sessions that a user has at most; the one that was not used for longest gives way.
/// - `fields(theme: String)`: fields with a setter of their own.
/// - `name = "logins"`: what stands in the keys. Default: the struct's name.
/// - `tolerant`: data of another version of their type are read as far as JSON can; without it such a session is none.
///
/// Beside it stand `cache` and `crate`. The struct gets `create`, `get`, `touch`, `update`, `rotate`, `destroy`,
/// `destroy_everyone`, a `set_…` for each of `fields`, and with `user` also `destroy_all`, `destroy_others`,
/// `destroy_listed` and `list`.
///
/// # Rate limits
///
/// `rate_limit(…)`, as often as there are limits, in the place of `entity` or beside it, or beside `session(…)`. It needs the
/// feature `rate-limit` of the runtime. The struct gets a method of the limit's name, which gives the limit.
///
/// - `name = login`, required: the method, and what stands in the keys: limits of one name in one namespace are one.
/// - `algorithm = "gcra"`, required: or `"token_bucket"`, `"fixed_window"`, `"sliding_counter"`, `"sliding_log"`, or
///   `"concurrency"`, of what happens at the same time.
/// - `limit = 5`, `per = "1m"`, required: how many calls in how much time. Of `"concurrency"` only how many.
/// - `burst = 2`: how many at once, of `"gcra"` and `"token_bucket"`. Default: the limit.
/// - `on_error = "deny"`, required: or `"allow"`, what is said where the backend cannot decide.
/// - `and(name = daily, algorithm = "fixed_window", limit = 100, per = "1d")`: one more rule that a call comes under, in the same
///   step; as often as there are.
/// - `allow("monitor")`: keys that are never limited.
/// - `secret = field`: the field with the secret that keys are digested with. Default: none, a plain SHA-256.
/// - `local`: calls are leased in batches, and decided about in the process.
/// - `lease = "10s"`: of `"concurrency"`, for how long the seat of a process that died stays taken. Default: 10 seconds.
///
/// # On an `impl` block
///
/// Methods without one of these attributes are left as they are. The others are async, take `&self`, and return a
/// `Result`. The option `crate` can be given here, too.
///
/// `#[cached(…)]`: the body runs only when the answer is not in the cache.
/// - `key = "largest:{limit}"`, required: the key under the repository's table. Every argument, or a field of it
///   (`{filter.country}`), must be in it, so that no two calls share an answer by mistake.
/// - `skip(argument)`: arguments that make no difference to the answer.
/// - `ttl`, `negative_ttl`, `codec`, `compression`, `level`, `stale_on_error`, `refresh_ahead`, `stale_while_revalidate` as
///   on the struct. Default: the repository's. `negative_ttl` is for methods that return an `Option`. A level promises as
///   much as `tags` name. The body borrows, so the one caller that renews an answer waits for it; all others are served.
/// - `tags("cities", "country:{country}")`: tags that the answer depends on; a placeholder is an argument. The tag that
///   bears the table's name is invalidated by every change of a row. Another repository's tags can stand here as well;
///   one that is a slip away from this repository's own does not compile, unless that one stands beside it.
///
/// `#[cache_put(…)]`, with the same options but those of reading (`level`, `stale_on_error`, `refresh_ahead`,
/// `stale_while_revalidate`): the body always runs, and its answer takes the place of what is cached.
///
/// `#[invalidates(…)]`: the body changes what is cached. At least one of:
/// - `id`, or `id = "argument"`: the row whose id is in the argument `id` or in another one; a slice or a `Vec` is several
///   rows. With an argument of type `&mut CacheTransaction` the row is read before and after the body, so that all its
///   keys are known; without one, `id` is only for repositories that have neither `unique` nor `list` nor `tags`.
/// - `key = "largest:{limit}"`: the answer of a cached method. Can stand more than once.
/// - `tags("cities")`: everything under a tag.
///
/// The error type is one that a `sqlx::Error` turns into.
///
/// # Example
///
/// ```no_run
/// # use cache_runtime::{CacheManager, CacheTransaction, Entity, cached_repository};
/// # use serde::{Deserialize, Serialize};
/// # use sqlx::{FromRow, PgPool};
/// #
/// # #[derive(Clone, Debug, Serialize, Deserialize, FromRow, Entity)]
/// # #[entity(table = "cities")]
/// # pub struct City {
/// #     #[entity(id)]
/// #     pub id: i64,
/// #     pub slug: String,
/// #     pub country: String,
/// # }
/// #
/// #[cached_repository(entity = City, ttl = "15m", unique(slug), list(country))]
/// pub struct Cities {
///     db: PgPool,
///     cache: CacheManager,
/// }
///
/// #[cached_repository]
/// impl Cities {
///     #[cached(key = "largest:{limit}", ttl = "1m", tags("cities"))]
///     pub async fn largest(&self, limit: i64) -> sqlx::Result<Vec<City>> {
///         sqlx::query_as("SELECT * FROM cities ORDER BY population DESC LIMIT $1")
///             .bind(limit)
///             .fetch_all(&self.db)
///             .await
///     }
///
///     #[invalidates(id)]
///     pub async fn grow(&self, tx: &mut CacheTransaction, id: i64, by: i64) -> sqlx::Result<()> {
///         sqlx::query("UPDATE cities SET population = population + $2 WHERE id = $1")
///             .bind(id)
///             .bind(by)
///             .execute(&mut **tx)
///             .await?;
///         Ok(())
///     }
/// }
///
/// # async fn example(cities: Cities) -> sqlx::Result<()> {
/// let city = cities.find_by_slug("oslo").await?;
/// let norwegian = cities.list_by_country("NO", ..20).await?;
/// let largest = cities.largest(10).await?;
///
/// let mut tx = cities.begin().await?;
/// cities.grow(&mut tx, 5, 1_000).await?;
/// tx.commit().await?;
/// # Ok(())
/// # }
/// ```
#[proc_macro_attribute]
pub fn cached_repository(arguments: TokenStream, item: TokenStream) -> TokenStream {
    entry::cached_repository(arguments.into(), item.into()).into()
}

/// On a method of an `impl` block with [`macro@cached_repository`], which describes it: the body runs only when the
/// answer is not in the cache.
///
/// On its own it only says what is missing.
#[proc_macro_attribute]
pub fn cached(_: TokenStream, item: TokenStream) -> TokenStream {
    entry::on_its_own("cached", item.into()).into()
}

/// On a method of an `impl` block with [`macro@cached_repository`], which describes it: the body always runs, and its
/// answer takes the place of what is cached.
///
/// On its own it only says what is missing.
#[proc_macro_attribute]
pub fn cache_put(_: TokenStream, item: TokenStream) -> TokenStream {
    entry::on_its_own("cache_put", item.into()).into()
}

/// On a method of an `impl` block with [`macro@cached_repository`], which describes it: the body changes what is cached.
///
/// On its own it only says what is missing.
#[proc_macro_attribute]
pub fn invalidates(_: TokenStream, item: TokenStream) -> TokenStream {
    entry::on_its_own("invalidates", item.into()).into()
}
