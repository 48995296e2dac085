//! Hits in the process, beside a bare `quick_cache`.

use std::error::Error;
use std::sync::Arc;

use cache_runtime::CacheManager;

use crate::pair::{Effort, Goal, Measured, measure};
use crate::rows::drawn;
use crate::world::{USERS, User, Users, World};

/// Reads a call of either side: what the measuring itself takes, a clock and a task's poll, is little beside them.
const READS: u64 = 256;

/// A repository whose process holds every row, and the same rows in a bare cache.
pub(crate) struct Near {
    users: Users,
    bare: Arc<quick_cache::sync::Cache<i64, Arc<User>>>,
    moka: moka::future::Cache<i64, Arc<User>>,
    zipf: &'static [i64],
}

impl Near {
    pub(crate) async fn new(world: &World) -> Result<Self, Box<dyn Error>> {
        let entries = 2 * usize::try_from(USERS)?;
        let cache = CacheManager::builder(world.users.cache.namespace().as_str())
            .redis(world.redis_url())
            .tier(entries, 1 << 30)
            .build()?;
        let users = Users { db: world.pool.clone(), cache };
        let bare = Arc::new(quick_cache::sync::Cache::new(entries));
        let moka = moka::future::Cache::builder()
            .max_capacity(entries as u64)
            .time_to_live(std::time::Duration::from_secs(3600))
            .build();
        let all: Vec<i64> = (1..=i64::try_from(USERS)?).collect();
        // The first time they come from Redis or the database, the second they are admitted for certain.
        for _ in 0..2 {
            for ids in all.chunks(1000) {
                for user in users.get_many(ids).await?.into_iter().flatten() {
                    moka.insert(user.id, Arc::clone(&user)).await;
                    bare.insert(user.id, user);
                }
            }
            users.cache.drain().await;
        }
        moka.run_pending_tasks().await;
        Ok(Self { users, bare, moka, zipf: world.zipf })
    }

    /// Beside what one would write by hand: moka with a time to live, before the same database.
    pub(crate) async fn beside_moka(&self, name: &str, effort: Effort, callers: usize) -> Measured {
        let (users, moka, zipf) = (self.users.clone(), self.moka.clone(), self.zipf);
        let ours = move |random: u64| {
            let users = users.clone();
            async move {
                for read in 0..READS {
                    let found = users.get(drawn(zipf, random.wrapping_add(read) >> 1)).await;
                    assert!(matches!(found, Ok(Some(_))), "a hit");
                }
            }
        };
        let theirs = move |random: u64| {
            let moka = moka.clone();
            async move {
                for read in 0..READS {
                    let id = drawn(zipf, random.wrapping_add(read) >> 1);
                    assert!(moka.get(&id).await.is_some(), "a hit");
                }
            }
        };
        measure(name, effort, callers, Goal::Throughput(4.0), ours, theirs).await
    }

    pub(crate) async fn hit(&self, name: &str, effort: Effort, callers: usize) -> Measured {
        let (users, bare, zipf) = (self.users.clone(), Arc::clone(&self.bare), self.zipf);
        let before = users.stats();
        let asked = self.users.clone();
        let ours = move |random: u64| {
            let users = users.clone();
            async move {
                for read in 0..READS {
                    let found = users.get(drawn(zipf, random.wrapping_add(read) >> 1)).await;
                    assert!(matches!(found, Ok(Some(_))), "a hit");
                }
            }
        };
        let theirs = move |random: u64| {
            let bare = Arc::clone(&bare);
            async move {
                for read in 0..READS {
                    let id = drawn(zipf, random.wrapping_add(read) >> 1);
                    let found = async { bare.get(&id) }.await;
                    assert!(found.is_some(), "a hit");
                }
            }
        };
        let measured = measure(name, effort, callers, Goal::Latency(1.2), ours, theirs).await;
        let after = asked.stats();
        let (near, far) = (after.tier_hits - before.tier_hits, after.hits - before.hits);
        assert!(near > 100 * far, "hits in the process: {near}, in Redis: {far}");
        measured
    }
}
