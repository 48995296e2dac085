//! What `#[cached_repository]` makes: signatures that callers can use, and a configuration that the runtime reads.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use cache_runtime::{
    CacheManager, CacheTransaction, CachedRepository, Codec, DataSource, Entity, Level, Page,
    TagPiece, cached_repository,
};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool};

#[derive(Clone, Debug, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "cities")]
struct City {
    #[entity(id)]
    id: i64,
    slug: String,
    country: String,
    name: String,
    r#type: String,
    population: Option<i64>,
}

#[cached_repository(
    entity = City,
    ttl = "15m",
    negative_ttl = "30s",
    codec = "json",
    level = "strong",
    stale_on_error = "45d",
    soft_timeout = "100ms",
    refresh_ahead,
    stale_while_revalidate = "30s",
    max_loads = 16,
    unique(slug, (country, name)),
    list(country, r#type),
    tags("everything", "country:{country}"),
)]
struct Cities {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository]
impl Cities {
    /// The largest cities.
    #[cached(key = "largest:{limit}", ttl = "1m", tags("cities", "limit:{limit}"), codec = "json")]
    pub async fn largest(&self, limit: i64) -> sqlx::Result<Vec<City>> {
        sqlx::query_as("SELECT * FROM cities ORDER BY population DESC LIMIT $1")
            .bind(limit)
            .fetch_all(&self.db)
            .await
    }

    /// A soft timeout alone: whether there is anything to serve is for the manager to say.
    #[cached(key = "capital:{country}", negative_ttl = "1s", level = "2s")]
    async fn capital(&self, country: &str) -> Result<Option<Arc<City>>, sqlx::Error> {
        let city = sqlx::query_as("SELECT * FROM cities WHERE country = $1").bind(country);
        Ok(city.fetch_optional(&self.db).await?.map(Arc::new))
    }

    #[cached(key = "filtered:{filter.country}:{filter.pair.0}", skip(because))]
    async fn filtered(
        &self,
        filter: Filter,
        mut because: String,
    ) -> Result<Arc<Vec<i64>>, Problem> {
        because.push('!');
        Ok(Arc::new(vec![filter.country.len() as i64, filter.pair.0, because.len() as i64]))
    }

    /// Keys and arguments may have the names that generated code uses.
    #[cached(key = "odd:{key}:{tag}:{type}")]
    async fn odd(&self, key: i64, tag: &str, r#type: bool) -> sqlx::Result<i64> {
        Ok(key + tag.len() as i64 + i64::from(r#type))
    }

    #[cache_put(key = "largest:{limit}", ttl = "1m", tags("cities"), codec = "json")]
    async fn recount(&self, limit: i64) -> sqlx::Result<Vec<City>> {
        sqlx::query_as("SELECT * FROM cities LIMIT $1").bind(limit).fetch_all(&self.db).await
    }

    #[invalidates(id, key = "largest:{by}", tags("cities"))]
    async fn grow(&self, tx: &mut CacheTransaction, id: i64, by: i64) -> sqlx::Result<()> {
        sqlx::query("UPDATE cities SET population = population + $2 WHERE id = $1")
            .bind(id)
            .bind(by)
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    #[invalidates(id = "all", id = "more", id = "one")]
    async fn merge(
        &self,
        tx: &mut CacheTransaction,
        all: &[i64],
        more: Vec<i64>,
        one: &i64,
    ) -> Result<usize, Problem> {
        let _ = tx;
        Ok(all.len() + more.len() + usize::from(*one > 0))
    }

    #[invalidates(key = "largest:10", tags("cities"))]
    async fn rename<T: AsRef<str> + Send + Sync>(&self, to: T) -> Result<usize, Problem> {
        Ok(to.as_ref().len())
    }

    fn untouched(&self) -> &PgPool {
        &self.db
    }
}

struct Filter {
    country: String,
    pair: (i64, i64),
}

#[derive(Debug)]
struct Problem;

impl From<sqlx::Error> for Problem {
    fn from(_: sqlx::Error) -> Self {
        Self
    }
}

#[derive(Clone, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "keys")]
struct Pair {
    #[entity(id)]
    left: String,
    #[entity(id)]
    right: Vec<u8>,
}

mod with_other_names {
    use super::*;

    #[cached_repository(
        entity = Pair,
        level = "250ms",
        stale_on_error = "0s",
        db = main,
        cache = kept,
        except(within, insert_many, delete_many),
        crate = ::cache_runtime,
    )]
    pub(crate) struct Pairs {
        main: PgPool,
        #[expect(dead_code, reason = "a second pool, which must not be taken for the first")]
        replica: PgPool,
        kept: Arc<CacheManager>,
    }

    #[cached_repository(crate = ::cache_runtime)]
    impl Pairs {
        #[cache_runtime::invalidates(id)]
        pub(crate) async fn touch(&self, id: &(String, Vec<u8>)) -> sqlx::Result<()> {
            let _ = (&self.main, id);
            Ok(())
        }
    }
}
use with_other_names::Pairs;

#[test]
fn the_configuration_is_the_annotation() {
    let config = Cities::CONFIG;
    assert_eq!(config.name, "Cities");
    assert_eq!(config.ttl, Some(Duration::from_secs(900)));
    assert_eq!(config.negative_ttl, Some(Duration::from_secs(30)));
    assert_eq!(config.codec, Some(Codec::Json));
    assert_eq!(config.level, Some(Level::Strong));
    assert_eq!(config.stale_on_error, Some(Duration::from_secs(45 * 24 * 3600)));
    assert_eq!(config.soft_timeout, Some(Duration::from_millis(100)));
    assert_eq!(config.refresh_ahead, Some(1.0));
    assert_eq!(config.stale_while_revalidate, Some(Duration::from_secs(30)));
    assert_eq!(config.max_loads, Some(16));
    let unique: Vec<_> = config.unique.iter().map(|index| (index.name, index.columns)).collect();
    assert_eq!(unique, [("slug", [1].as_slice()), ("country+name", [2, 3].as_slice())]);
    let list: Vec<_> = config.list.iter().map(|index| (index.name, index.columns)).collect();
    assert_eq!(list, [("country", [2].as_slice()), ("type", [4].as_slice())]);
    assert_eq!(config.tags.len(), 2);
    assert!(matches!(config.tags[1].pieces, [TagPiece::Text("country:"), TagPiece::Column(2)]));
    let pairs = Pairs::CONFIG;
    assert_eq!(pairs.level, Some(Level::Bounded(Duration::from_millis(250))));
    assert_eq!(pairs.stale_on_error, Some(Duration::ZERO));
    assert_eq!((pairs.ttl, pairs.soft_timeout, pairs.max_loads), (None, None, None));
    assert_eq!((pairs.refresh_ahead, pairs.stale_while_revalidate), (None, None));
}

/// A future that a web server can run.
fn sent<T>(future: impl Future<Output = T> + Send) -> impl Future<Output = T> + Send {
    future
}

/// Not run, for want of a database: that it compiles is the test.
#[expect(dead_code, reason = "it only has to compile")]
async fn callers_write_it_like_this(
    cities: &Cities,
    pairs: &Pairs,
    city: &City,
) -> sqlx::Result<()> {
    let _: Option<Arc<City>> = sent(cities.get(5)).await?;
    let _: Vec<Option<Arc<City>>> = sent(cities.get_many(&[5, 6])).await?;
    let _: Option<Arc<City>> = sent(cities.find_by_slug("oslo")).await?;
    let _: Option<Arc<City>> = sent(cities.find_by_country_and_name("NO", &city.name)).await?;
    let _: Vec<Arc<City>> = sent(cities.list_by_country("NO", ..)).await?;
    let _: Vec<Arc<City>> = sent(cities.list_by_type("town", 20..40)).await?;
    let _: Vec<Arc<City>> = cities.list_by_country(&city.country, Page::limit(10)).await?;
    let _: Arc<City> = sent(cities.insert(city)).await?;
    let _: Vec<Arc<City>> = sent(cities.insert_many(std::slice::from_ref(city))).await?;
    let _: Option<Arc<City>> = sent(cities.update(city)).await?;
    let _: Arc<City> = sent(cities.upsert(city)).await?;
    let _: Option<Arc<City>> = sent(cities.delete(5)).await?;
    let _: Vec<Arc<City>> = sent(cities.delete_many(&[5])).await?;
    let _: usize = sent(cities.warm(&[1, 2])).await?;
    let _ = sent(cities.warm_all().run()).await;
    let _ = sent(cities.warm_where("population > $1").bind(5_i64).run()).await;
    let _ = sent(cities.invalidate(5)).await.is_ok();
    let _ = sent(cities.refresh(5)).await?;
    let _ = sent(cities.explain(5)).await;
    let _ = sent(cities.verify_schema()).await.is_ok();
    let _: cache_runtime::Result<()> = sent(cities.watch()).await;
    let _: cache_runtime::Result<()> = sent(cities.unwatch()).await;
    let _: cache_runtime::Result<String> = sent(cities.watch_sql()).await;
    let _ = cities.stats();

    let mut tx = sent(cities.begin()).await?;
    let mut within = cities.within(&mut tx);
    let _ = format!("{within:?}");
    let _: Option<Arc<City>> = sent(within.find_by_slug("oslo")).await?;
    let _: Vec<Arc<City>> = sent(within.list_by_country("NO", ..20)).await?;
    let _: Option<Arc<City>> = sent(within.update(city)).await?;
    sent(cities.grow(&mut tx, 5, 1)).await?;
    let _ = sent(cities.merge(&mut tx, &[1], vec![2], &3)).await;
    sent(tx.commit()).await?;

    let _: Vec<City> = sent(cities.largest(10)).await?;
    let _: Option<Arc<City>> = sent(cities.capital("NO")).await?;
    let filter = Filter { country: "NO".to_owned(), pair: (1, 2) };
    let _ = sent(cities.filtered(filter, String::new())).await;
    let _ = sent(cities.odd(1, "two", true)).await?;
    let _ = sent(cities.recount(10)).await?;
    let _ = sent(cities.rename("x")).await;
    let _ = cities.untouched();

    let id = ("a".to_owned(), vec![1]);
    let _ = sent(pairs.get(&id)).await?;
    sent(pairs.touch(&id)).await?;
    let _ = sent(DataSource::load(pairs, &id)).await?;
    Ok(())
}
