//! Hits in the process, beside a bare `quick_cache`.

use std::sync::Arc;

use cache_runtime::CacheManager;
use tokio::sync::OnceCell;

use crate::Result;
use crate::bench::{Bench, with};
use crate::effort::Effort;
use crate::pair::{Goal, Measured, measure};
use crate::world::{USERS, User, Users, World, drawn_in_a_row};

/// Reads a call of either side: what the measuring itself takes, a clock and a task's poll, is little beside them.
const READS: u32 = 256;

pub(crate) async fn run(bench: &mut Bench) -> Result<()> {
    let near = OnceCell::new();
    for callers in [1, 8, 64] {
        let name = format!("hit in the process, {}", with(callers));
        if bench.wants(&name) {
            let world = bench.filled().await?;
            let near = near.get_or_try_init(|| Near::new(&world)).await?;
            bench.add(near.hit(&name, bench.effort(), callers).await);
        }
    }
    for callers in [1, 64] {
        let name = format!("hit in the process beside moka, {}", with(callers));
        if bench.wants(&name) {
            let world = bench.filled().await?;
            let near = near.get_or_try_init(|| Near::new(&world)).await?;
            bench.add(near.beside_moka(&name, bench.effort(), callers).await);
        }
    }
    Ok(())
}

/// A repository whose process holds every row, and the same rows in a bare cache.
pub(super) struct Near {
    pub(super) users: Users,
    pub(super) bare: Arc<quick_cache::sync::Cache<i64, Arc<User>>>,
    moka: moka::future::Cache<i64, Arc<User>>,
    pub(super) zipf: &'static [i64],
}

impl Near {
    pub(super) async fn new(world: &World) -> Result<Self> {
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
    async fn beside_moka(&self, name: &str, effort: Effort, callers: usize) -> Measured {
        let (users, moka, zipf) = (self.users.clone(), self.moka.clone(), self.zipf);
        let ours = move |random| reads(users.clone(), zipf, random);
        let theirs = move |random: u64| {
            let moka = moka.clone();
            async move {
                for id in drawn_in_a_row(zipf, random, READS) {
                    assert!(moka.get(&id).await.is_some(), "a hit");
                }
            }
        };
        measure(name, effort, callers, Goal::Throughput(4.0), ours, theirs).await.each(READS)
    }

    async fn hit(&self, name: &str, effort: Effort, callers: usize) -> Measured {
        let (users, bare, zipf) = (self.users.clone(), Arc::clone(&self.bare), self.zipf);
        let before = self.users.stats();
        let ours = move |random| reads(users.clone(), zipf, random);
        let theirs = move |random: u64| {
            let bare = Arc::clone(&bare);
            async move {
                for id in drawn_in_a_row(zipf, random, READS) {
                    let found = async { bare.get(&id) }.await;
                    assert!(found.is_some(), "a hit");
                }
            }
        };
        let measured =
            measure(name, effort, callers, Goal::at_most(1.2, callers), ours, theirs).await;
        let after = self.users.stats();
        let (near, far) = (after.tier_hits - before.tier_hits, after.hits - before.hits);
        assert!(near > 100 * far, "hits in the process: {near}, in Redis: {far}");
        measured.each(READS)
    }
}

/// So many reads of the repository, each a hit.
async fn reads(users: Users, zipf: &[i64], random: u64) {
    for id in drawn_in_a_row(zipf, random, READS) {
        let found = users.get(id).await;
        assert!(matches!(found, Ok(Some(_))), "a hit");
    }
}
