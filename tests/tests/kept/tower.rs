//! The sessions of tower-sessions, kept.

use std::time::Duration;

use cache_runtime::session::TowerStore;
use tests::RedisServer;
use time::OffsetDateTime;
use tower_sessions::SessionStore;

use tower_sessions::session::{Id, Record};

use crate::world::World;

#[tokio::test]
async fn a_store_that_is_kept_outlives_its_redis_and_brings_nothing_back() {
    let server = RedisServer::start();
    let world = World::at(&server.url()).await;
    let logins = world.process();
    let sessions = logins.cache.kept_sessions(&logins.db);
    let store = TowerStore::over(sessions, logins.cache.namespace(), "web").unwrap();
    let expiry_date = OffsetDateTime::now_utc() + Duration::from_secs(600);
    let mut record = Record { id: Id::default(), data: Default::default(), expiry_date };
    store.create(&mut record).await.unwrap();
    record.data.insert("user".to_owned(), 7.into());
    store.save(&record).await.unwrap();
    world.flush().await;
    for _ in 0..2 {
        let loaded = store.load(&record.id).await.unwrap().unwrap();
        assert_eq!(loaded.data["user"], 7);
    }
    store.delete(&record.id).await.unwrap();
    store.save(&record).await.unwrap();
    assert_eq!(store.load(&record.id).await.unwrap(), None);
    world.flush().await;
    assert_eq!(store.load(&record.id).await.unwrap(), None);
}
