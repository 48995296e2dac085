//! Values on their way into Redis and out again: compressed, in each codec, and with rubbish among them.

use std::time::Duration;

use bytes::Bytes;
use cache_runtime::entry::{Body, Entry as Stands};
use cache_runtime::{
    CacheManager, CacheManagerBuilder, CachedRepository, Codec, Compression, Entity, Ttl,
    cached_repository,
};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgPool};
use tests::{Fixture, eventually};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "pages")]
pub struct Page {
    #[entity(id)]
    pub id: i64,
    pub shelf: String,
    pub text: String,
}

#[cached_repository(entity = Page, ttl = "stable", negative_ttl = "volatile", list(shelf))]
pub struct Pages {
    db: PgPool,
    cache: CacheManager,
}

#[cached_repository]
impl Pages {
    #[cached(
        key = "on:{shelf}",
        tags("pages"),
        codec = "msgpack",
        compression = "zstd",
        ttl = "realtime"
    )]
    pub async fn texts(&self, shelf: &str) -> sqlx::Result<Vec<String>> {
        sqlx::query_scalar("SELECT text FROM pages WHERE shelf = $1 ORDER BY id")
            .bind(shelf)
            .fetch_all(&self.db)
            .await
    }

    #[cached(key = "plainly:{shelf}", tags("pages"), codec = "json", compression = "none")]
    pub async fn plainly(&self, shelf: &str) -> sqlx::Result<Vec<String>> {
        self.texts(shelf).await
    }
}

#[cached_repository(entity = Page, codec = "msgpack", compression = "zstd")]
pub struct Packed {
    db: PgPool,
    cache: CacheManager,
}

const LONG: i64 = 1;
const SHORT: i64 = 2;
const NOISE: i64 = 3;

struct World {
    fixture: Fixture,
}

impl World {
    /// A long text, a short one, and one that cannot be made smaller.
    async fn new() -> Self {
        let fixture = Fixture::new().await;
        let table = "CREATE TABLE pages (id int8 PRIMARY KEY, shelf text NOT NULL, text text NOT NULL);
                     INSERT INTO pages VALUES (1, 'a', repeat('all work and no play ', 1000)), (2, 'a', 'short');";
        sqlx::raw_sql(table).execute(fixture.pool()).await.unwrap();
        let mut rng = fastrand::Rng::with_seed(3);
        let noise: String =
            std::iter::repeat_with(|| rng.char('\u{4e00}'..'\u{9000}')).take(3000).collect();
        sqlx::query("INSERT INTO pages VALUES (3, 'b', $1)")
            .bind(noise)
            .execute(fixture.pool())
            .await
            .unwrap();
        Self { fixture }
    }

    fn cache(&self, set: impl FnOnce(CacheManagerBuilder) -> CacheManagerBuilder) -> CacheManager {
        let builder =
            CacheManager::builder(self.fixture.namespace()).redis(self.fixture.redis_url());
        set(builder.tier(0, 0)).build().unwrap()
    }

    fn pages(&self, set: impl FnOnce(CacheManagerBuilder) -> CacheManagerBuilder) -> Pages {
        Pages { db: self.fixture.pool().clone(), cache: self.cache(set) }
    }

    /// What Redis has at the row's key.
    async fn stands(&self, cache: &CacheManager, id: i64) -> Option<Body> {
        let key = cache.key().text("pages:id").value(&id).finish().unwrap();
        match cache.backend().get(&key).await.unwrap().as_ref().map(Stands::parse) {
            Some(Stands::Value(value)) => Some(value.body),
            _ => None,
        }
    }

    async fn put(&self, cache: &CacheManager, id: i64, bytes: Vec<u8>) {
        let key = cache.key().text("pages:id").value(&id).finish().unwrap();
        let ttl = Ttl::After(Duration::from_secs(60));
        cache.backend().set(&key, Bytes::from(bytes), ttl).await.unwrap();
    }
}

/// Reads the row, which is then in the cache; says what it is.
async fn warm(pages: &Pages, id: i64) -> Page {
    let page = pages.get(id).await.unwrap().unwrap();
    pages.cache.drain().await;
    page.as_ref().clone()
}

#[tokio::test]
async fn a_long_value_is_packed_and_a_short_one_and_noise_are_not() {
    let world = World::new().await;
    let pages = world.pages(|builder| builder);
    let mut rows = Vec::new();
    for id in [LONG, SHORT, NOISE] {
        rows.push(warm(&pages, id).await);
    }
    let Some(Body::Packed { codec, compression, unpacked, payload }) =
        world.stands(&pages.cache, LONG).await
    else {
        panic!("the long one is packed")
    };
    assert_eq!((codec, compression), (Codec::Postcard, Compression::Lz4));
    assert!(unpacked > 21_000 && payload.len() < 1000, "{unpacked} in {}", payload.len());
    for id in [SHORT, NOISE] {
        assert!(matches!(world.stands(&pages.cache, id).await, Some(Body::Encoded { .. })), "{id}");
    }
    let hits = pages.stats().hits;
    for row in rows {
        assert_eq!(*pages.get(row.id).await.unwrap().unwrap(), row);
    }
    assert_eq!(pages.stats().hits, hits + 3);
}

#[tokio::test]
async fn each_process_reads_what_another_packed_in_another_way() {
    let world = World::new().await;
    let ways = [Compression::None, Compression::Lz4, Compression::Zstd];
    for (at, written) in ways.into_iter().enumerate() {
        let writer = world.pages(|builder| builder.compression(written));
        writer.cache.clear().await.unwrap();
        let row = warm(&writer, LONG).await;
        let packed = match world.stands(&writer.cache, LONG).await {
            Some(Body::Packed { compression, .. }) => compression,
            _ => Compression::None,
        };
        assert_eq!(packed, written);
        let reader = world.pages(|builder| builder.compression(ways[(at + 1) % 3]));
        assert_eq!(*reader.get(LONG).await.unwrap().unwrap(), row);
        assert_eq!((reader.stats().hits, reader.stats().loads), (1, 0), "{written:?}");
    }
}

#[tokio::test]
async fn a_bomb_or_rubbish_is_a_miss_that_the_next_read_repairs() {
    let world = World::new().await;
    let pages = world.pages(|builder| builder.compression(Compression::Zstd));
    let row = warm(&pages, LONG).await;
    let key = pages.cache.key().text("pages:id").value(&LONG).finish().unwrap();
    let good = pages.cache.backend().get(&key).await.unwrap().unwrap();
    let Stands::Value(mut value) = Stands::parse(&good) else { panic!("a value") };
    let head = good.len() - value.body.len();
    let mut bombs = Vec::new();
    for compression in [Compression::Lz4, Compression::Zstd] {
        // Well formed, and beyond what may be unpacked.
        let payload = Bytes::from(vec![0_u8; 9 << 20]);
        value.body =
            Body::Encoded { codec: Codec::Postcard, payload }.packed(compression, 0, usize::MAX);
        bombs.push(value.to_bytes().to_vec());
    }
    let mut rng = fastrand::Rng::with_seed(9);
    let tail = |length: usize, rng: &mut fastrand::Rng| {
        let mut bytes = good[..head].to_vec();
        bytes.extend(std::iter::repeat_with(|| rng.u8(..)).take(length));
        bytes
    };
    // Four gigabytes, it says.
    bombs.push([&good[..head], &[0xFF; 4], &good[head + 4..]].concat());
    bombs.extend((0..20).map(|length| tail(length, &mut rng)));
    bombs.push(good[..good.len() - 1].to_vec());
    for (at, bomb) in bombs.into_iter().enumerate() {
        let before = pages.stats();
        world.put(&pages.cache, LONG, bomb).await;
        assert_eq!(warm(&pages, LONG).await, row, "{at}");
        let after = pages.stats();
        assert_eq!(after.foreign, before.foreign + 1, "{at}");
        assert_eq!((after.loads, after.errors), (before.loads + 1, before.errors), "{at}");
        assert!(world.stands(&pages.cache, LONG).await.is_some(), "{at}: it is repaired");
    }
}

#[tokio::test]
async fn the_size_limit_is_of_what_is_written_and_what_it_unpacks_to_has_its_own() {
    let world = World::new().await;
    // 21 KB that pack into less than one.
    let packs = world.pages(|builder| builder.max_value_bytes(4000));
    warm(&packs, LONG).await;
    assert!(world.stands(&packs.cache, LONG).await.is_some());
    packs.cache.clear().await.unwrap();
    let limited = world.pages(|builder| builder.max_value_bytes(4000).max_unpacked_bytes(20_000));
    warm(&limited, LONG).await;
    assert!(world.stands(&limited.cache, LONG).await.is_none());
    assert_eq!(limited.stats().too_large, 1);
    // And who may unpack less than what another has written loads for itself.
    warm(&packs, LONG).await;
    assert_eq!(warm(&limited, LONG).await.id, LONG);
    assert_eq!((limited.stats().hits, limited.stats().foreign), (0, 1));
}

#[tokio::test]
async fn an_annotation_says_codec_and_compression_and_ttl() {
    let world = World::new().await;
    let packed = Packed {
        db: world.fixture.pool().clone(),
        cache: world.cache(|builder| builder.compression(Compression::None)),
    };
    let row = packed.get(LONG).await.unwrap().unwrap();
    packed.cache.drain().await;
    let Some(Body::Packed { codec, compression, .. }) = world.stands(&packed.cache, LONG).await
    else {
        panic!("it is packed")
    };
    assert_eq!((codec, compression), (Codec::MessagePack, Compression::Zstd));
    assert_eq!(packed.get(LONG).await.unwrap().unwrap(), row);
    assert_eq!(packed.stats().hits, 1);

    let pages = world.pages(|builder| builder.jitter(0.0));
    for _ in 0..2 {
        assert_eq!(pages.texts("a").await.unwrap()[1], "short");
        assert_eq!(pages.plainly("a").await.unwrap()[1], "short");
        pages.cache.drain().await;
    }
    let at =
        |name: &str| pages.cache.key().text("pages:call").text(name).value("a").finish().unwrap();
    let backend = pages.cache.backend();
    for (name, codec, compression, ttl) in [
        ("on:", Codec::MessagePack, Compression::Zstd, 5),
        ("plainly:", Codec::Json, Compression::None, 6 * 3600),
    ] {
        let key = at(name.trim_end_matches(':'));
        let bytes = backend.get(&key).await.unwrap().unwrap_or_else(|| panic!("nothing at {key}"));
        let Stands::Value(value) = Stands::parse(&bytes) else { panic!("{name}: a value") };
        let found = match value.body {
            Body::Packed { codec, compression, .. } => (codec, compression),
            Body::Encoded { codec, .. } => (codec, Compression::None),
            Body::Nothing => panic!("{name}: a value"),
        };
        assert_eq!(found, (codec, compression), "{name}");
        let cache_runtime::Remaining::Left(left) = backend.ttl(&key).await.unwrap() else {
            panic!("{name} lives for a time")
        };
        assert!(left.as_secs() <= ttl && left.as_secs() + 4 >= ttl, "{name}: {left:?}");
    }
    assert_eq!(pages.repository().get(&SHORT).await.unwrap().unwrap().text, "short");
}

#[tokio::test]
async fn a_packed_value_weighs_in_the_tier_what_it_is_unpacked() {
    let world = World::new().await;
    let cache = CacheManager::builder(world.fixture.namespace())
        .redis(world.fixture.redis_url())
        // Room for the packed bytes of the long text, not for the text.
        .tier(1000, 10_000)
        .build()
        .unwrap();
    let pages = Pages { db: world.fixture.pool().clone(), cache };
    for id in [LONG, SHORT] {
        warm(&pages, id).await;
    }
    eventually("the short one is near", || async {
        pages.get(SHORT).await.unwrap();
        pages.stats().tier_hits > 0
    })
    .await;
    // As it comes from the database, and as it comes from Redis.
    pages.invalidate(LONG).await.unwrap();
    let before = pages.stats();
    for _ in 0..3 {
        warm(&pages, LONG).await;
    }
    let after = pages.stats();
    assert_eq!((after.loads, after.hits), (before.loads + 1, before.hits + 2));
    assert_eq!(after.tier_hits, before.tier_hits);
}
