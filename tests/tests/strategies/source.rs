//! A source in memory that fails where a test says so.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cache_runtime::testing::Stepper;
use cache_runtime::{CacheManager, DataSource, Error, Key, Level};
use serde::{Deserialize, Serialize};
use tests::Fixture;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) id: u64,
    pub(crate) name: String,
}

pub(crate) fn user(name: &str) -> User {
    User { id: 7, name: name.to_owned() }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Failure {
    /// Nothing was changed.
    Refused,
    /// Nobody knows.
    Lost,
    Cache(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Cache(error.to_string())
    }
}

#[derive(Debug, Default)]
pub(crate) struct Users {
    pub(crate) rows: Mutex<HashMap<u64, User>>,
    pub(crate) loads: AtomicUsize,
    pub(crate) failure: Mutex<Option<Failure>>,
    /// A store that fails has stored all the same.
    pub(crate) stores_all_the_same: AtomicBool,
}

impl Users {
    pub(crate) fn loads(&self) -> usize {
        self.loads.load(Ordering::SeqCst)
    }

    pub(crate) fn fails_with(&self, failure: Option<Failure>) {
        *self.failure.lock().unwrap() = failure;
    }

    fn outcome<T>(&self, done: T) -> Result<T, Failure> {
        self.failure.lock().unwrap().clone().map_or(Ok(done), Err)
    }
}

impl DataSource for Users {
    type Key = u64;
    type Value = User;
    type Error = Failure;

    async fn load(&self, id: &u64) -> Result<Option<User>, Failure> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.outcome(self.rows.lock().unwrap().get(id).cloned())
    }

    async fn load_many(&self, ids: &[u64]) -> Result<Vec<Option<User>>, Failure> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        let rows = self.rows.lock().unwrap();
        self.outcome(ids.iter().map(|id| rows.get(id).cloned()).collect())
    }

    async fn store(&self, user: &User) -> Result<User, Failure> {
        let outcome = self.outcome(user.clone());
        if outcome.is_ok() || self.stores_all_the_same.load(Ordering::SeqCst) {
            self.rows.lock().unwrap().insert(user.id, user.clone());
        }
        outcome
    }

    async fn delete(&self, id: &u64) -> Result<bool, Failure> {
        self.outcome(())?;
        Ok(self.rows.lock().unwrap().remove(id).is_some())
    }

    fn is_settled(failure: &Failure) -> bool {
        *failure == Failure::Refused
    }
}

/// One source, and two processes over one Redis. The first reports its steps.
pub(crate) struct Town {
    pub(crate) fixture: Fixture,
    pub(crate) stepper: Stepper,
    pub(crate) here: CacheManager,
    pub(crate) elsewhere: CacheManager,
    pub(crate) users: Arc<Users>,
}

impl Town {
    pub(crate) async fn new() -> Self {
        let fixture = Fixture::new().await;
        let stepper = Stepper::new();
        let manager = |observed: bool| {
            let builder = CacheManager::builder(fixture.namespace())
                .redis(fixture.redis_url())
                .level(Level::Strong)
                .share_errors::<Failure>()
                .hang_after(Duration::from_millis(250));
            let builder =
                if observed { builder.observer(Arc::new(stepper.clone())) } else { builder };
            builder.build().unwrap()
        };
        let (here, elsewhere) = (manager(true), manager(false));
        Self { stepper, here, elsewhere, fixture, users: Arc::default() }
    }

    pub(crate) fn key(&self) -> Key {
        self.here.key().text("!source:users").value(&7_u64).finish().unwrap()
    }
}
