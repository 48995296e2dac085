//! A Redis that is there and no use, in every way that a server can be so.

use std::time::{Duration, Instant};

use cache_runtime::{CacheManagerBuilder, ErrorKind, Key, State};
use redis::aio::MultiplexedConnection;
use tests::{RedisServer, eventually};

use super::world::World;

/// Longer than any password or value that is in a log by accident.
pub const PASSWORD: &str = "correct-horse-battery";
pub const WRONG_PASSWORD: &str = "tr0ub4dor-and-3";

/// A failed call is answered within the operation timeout; the rest is for a busy machine.
pub const TIMEOUT: Duration = Duration::from_millis(250);
pub const SLACK: Duration = Duration::from_millis(200);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    WrongPassword,
    WrongDatabase,
    Replica,
    OutOfMemory,
    NobodyListens,
    Hangs,
}

impl Fault {
    /// What a warning has to say of it.
    pub fn words(self) -> &'static [&'static str] {
        match self {
            Self::WrongPassword => &["password", "127.0.0.1:"],
            Self::WrongDatabase => &["/99", "out of range"],
            Self::Replica => &["replica", "primary"],
            Self::OutOfMemory => &["out of memory", "maxmemory"],
            Self::NobodyListens => &["cannot be reached", "127.0.0.1:"],
            Self::Hangs => &["did not answer", "250 ms"],
        }
    }

    /// What lies beneath a write that was rejected.
    pub fn kind(self) -> ErrorKind {
        match self {
            Self::WrongPassword => ErrorKind::Denied,
            Self::WrongDatabase => ErrorKind::Backend,
            Self::Replica => ErrorKind::ReadOnly,
            Self::OutOfMemory => ErrorKind::OutOfMemory,
            Self::NobodyListens => ErrorKind::Unreachable,
            Self::Hangs => ErrorKind::Timeout,
        }
    }
}

/// A world whose Redis has a fault. The servers live as long as it does.
pub struct Place {
    pub world: World,
    pub server: RedisServer,
    _primary: Option<RedisServer>,
}

impl Place {
    pub async fn with(fault: Fault) -> Self {
        Self::of(fault, |builder| builder).await
    }

    pub async fn of(
        fault: Fault,
        options: impl Fn(CacheManagerBuilder) -> CacheManagerBuilder,
    ) -> Self {
        let primary = (fault == Fault::Replica).then(RedisServer::start);
        let mut server = RedisServer::options().password(PASSWORD);
        if let Some(primary) = &primary {
            server = server.replica_of(primary);
        }
        let mut server = server.start();
        let url = match fault {
            Fault::WrongPassword => server.url().replace(PASSWORD, WRONG_PASSWORD),
            Fault::WrongDatabase => format!("{}/99", server.url()),
            _ => server.url(),
        };
        let world = World::with(|builder| options(builder.redis(&url))).await;
        match fault {
            Fault::OutOfMemory => set_max_memory(&server, 1).await,
            Fault::NobodyListens => server.kill(),
            Fault::Hangs => server.pause(),
            _ => {}
        }
        Self { world, server, _primary: primary }
    }
}

pub async fn connect(url: &str) -> MultiplexedConnection {
    let client = redis::Client::open(url).expect("the URL is good");
    client.get_multiplexed_async_connection().await.expect("Redis is there")
}

pub async fn set_max_memory(server: &RedisServer, bytes: u64) {
    let mut connection = connect(&server.url()).await;
    let mut command = redis::cmd("CONFIG");
    command.arg("SET").arg("maxmemory").arg(bytes);
    let _: () = command.query_async(&mut connection).await.expect("the option is set");
}

/// What stands at a key, by its data type.
pub async fn kind_at(url: &str, key: &Key) -> String {
    let mut connection = connect(url).await;
    redis::cmd("TYPE").arg(key.as_str()).query_async(&mut connection).await.expect("a type")
}

/// Every kind of read, with the right answer.
pub async fn every_read_is_right(world: &World) {
    let here = &world.here;
    assert_eq!(here.get(1).await.unwrap().unwrap().population, 2100);
    assert_eq!(here.get(9).await.unwrap(), None);
    let rows = here.get_many(&[3, 9, 2, 3]).await.unwrap();
    let slugs: Vec<_> = rows.iter().map(|row| row.as_ref().map(|row| row.slug.as_str())).collect();
    assert_eq!(slugs, [Some("rome"), None, Some("lyon"), Some("rome")]);
    assert_eq!(here.find_by_slug("lyon").await.unwrap().unwrap().id, 2);
    assert_eq!(here.find_by_slug("nowhere").await.unwrap(), None);
    let ids: Vec<_> =
        here.list_by_country("FR", ..).await.unwrap().iter().map(|row| row.id).collect();
    assert_eq!(ids, [1, 2]);
    assert_eq!(here.list_by_country("FR", 1..9).await.unwrap().len(), 1);
    assert_eq!(here.largest(1).await.unwrap()[0].slug, "rome");
    assert_eq!(here.population_of("FR").await.unwrap(), Some(2600));
    assert_eq!(here.population_of("XX").await.unwrap(), None);
}

/// Reads a row until the cache has it: what stood in the way may take a moment to go.
pub async fn cached_in_the_end(world: &World, id: i64) {
    eventually("the row is cached", || async {
        world.here.get(id).await.unwrap();
        world.elsewhere.explain(id).await.state == State::Value
    })
    .await;
}

/// Reads until the cache answers again; says how long that took.
pub async fn hits_come_back(world: &World) -> Duration {
    let began = Instant::now();
    let before = world.here.stats().hits;
    eventually("the cache answers again", || async {
        assert_eq!(world.here.get(1).await.unwrap().unwrap().slug, "paris");
        world.here.stats().hits > before
    })
    .await;
    began.elapsed()
}
