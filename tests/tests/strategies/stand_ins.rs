//! What stands in for a batch whose load failed, where its values have tags.

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::testing::Stepper;
use cache_runtime::{CacheManager, DataSource, Level, ReadThrough, Step, Ttl};
use tests::in_time;

use crate::renewals::HOUR;
use crate::source::{Failure, User, Users, user};

/// The same users, under a tag.
struct Tagged(Users);

impl DataSource for Tagged {
    type Key = u64;
    type Value = User;
    type Error = Failure;

    async fn load(&self, id: &u64) -> Result<Option<User>, Failure> {
        self.0.load(id).await
    }

    async fn load_many(&self, ids: &[u64]) -> Result<Vec<Option<User>>, Failure> {
        self.0.load_many(ids).await
    }

    async fn store(&self, user: &User) -> Result<User, Failure> {
        self.0.store(user).await
    }

    async fn delete(&self, id: &u64) -> Result<bool, Failure> {
        self.0.delete(id).await
    }

    fn tags(&self) -> Vec<String> {
        vec!["users".to_owned()]
    }
}

/// A user that has outlived its TTL, and is kept for an hour after it; its next load fails.
async fn expired() -> (CacheManager, Stepper, ReadThrough<Tagged>) {
    let stepper = Stepper::new();
    let cache = CacheManager::builder("town")
        .memory()
        .level(Level::Strong)
        .stale_on_error(HOUR)
        .observer(Arc::new(stepper.clone()))
        .build()
        .unwrap();
    let users = cache.read_through("users", Tagged(Users::default()));
    users.source().0.rows.lock().unwrap().insert(7, user("ada"));
    assert_eq!(names(&users).await.unwrap(), ["ada"]);
    cache.drain().await;
    let key = key(&cache);
    assert!(cache.backend().expire(&key, Ttl::After(HOUR / 2)).await.unwrap(), "{key} is cached");
    users.source().0.fails_with(Some(Failure::Lost));
    (cache, stepper, users)
}

fn key(cache: &CacheManager) -> cache_runtime::Key {
    cache.key().text("!source:users").value(&7_u64).finish().unwrap()
}

async fn names(users: &ReadThrough<Tagged>) -> Result<Vec<String>, Failure> {
    let found = tests::in_time("an answer", users.get_many(&[7])).await?;
    Ok(found.into_iter().flatten().map(|user| user.name.clone()).collect())
}

#[tokio::test]
async fn an_expired_value_stands_in_for_a_batch_that_fails() {
    let (_cache, _stepper, users) = expired().await;
    assert_eq!(names(&users).await, Ok(vec!["ada".to_owned()]));
    assert_eq!(users.stats().stale, 1);
}

/// Its lease outlives what changes only the tag.
#[tokio::test]
async fn a_value_whose_tag_was_invalidated_during_the_load_stands_in_for_no_batch() {
    let (cache, stepper, users) = expired().await;
    let load = stepper.park(Step::Load, &key(&cache));
    let reader = tokio::spawn({
        let users = users.clone();
        async move { names(&users).await }
    });
    load.arrived().await;
    cache.invalidate_tags(&["users"]).await.unwrap();
    load.open();
    assert_eq!(reader.await.unwrap(), Err(Failure::Lost));
    assert_eq!(users.stats().stale, 0);
}

/// A user whose name is cached by hand.
struct Named(CacheManager);

impl DataSource for Named {
    type Key = u64;
    type Value = User;
    type Error = Failure;

    async fn load(&self, _: &u64) -> Result<Option<User>, Failure> {
        // Kept for no time: it is loaded each time.
        let name = self
            .0
            .remember("name", Duration::ZERO, || async { Ok::<_, Failure>("ada".to_owned()) });
        Ok(Some(user(&name.await?)))
    }

    async fn load_many(&self, ids: &[u64]) -> Result<Vec<Option<User>>, Failure> {
        assert!(ids.is_empty(), "nobody asks for several");
        Ok(Vec::new())
    }

    async fn store(&self, _: &User) -> Result<User, Failure> {
        Err(Failure::Refused)
    }

    async fn delete(&self, _: &u64) -> Result<bool, Failure> {
        Err(Failure::Refused)
    }
}

/// Otherwise it would wait for the turn that the load around it has.
#[tokio::test]
async fn what_a_load_reads_that_may_go_on_without_its_caller_is_a_part_of_that_load() {
    let cache = CacheManager::builder("town")
        .memory()
        .level(Level::Strong)
        .stale_on_error(HOUR)
        .soft_timeout(HOUR)
        .max_loads(1, 10)
        .build()
        .unwrap();
    let users = cache.read_through("users", Named(cache.clone()));
    assert_eq!(users.get(&7).await.unwrap().unwrap().name, "ada");
    cache.drain().await;
    let key = key(&cache);
    assert!(cache.backend().expire(&key, Ttl::After(HOUR / 2)).await.unwrap(), "{key} is cached");
    let read = in_time("the load ends", users.get(&7)).await;
    assert_eq!(read.unwrap().unwrap().name, "ada");
}
