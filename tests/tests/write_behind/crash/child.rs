//! What a process of the run does, until it is killed.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use cache_runtime::backend::RedisCache;
use cache_runtime::{CacheManager, CoherentCache, ErrorKind, WriteBehind, WriteBehindBuilder};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgPoolOptions;

use super::doom::{Doom, DoomedQueue, DoomedSource};
use super::seat::Role;
use crate::world::{Notes, note};

/// The variable that tells a process what to be.
pub(super) const JOB: &str = "WRITE_BEHIND_JOB";
/// The test that is the process.
pub(super) const ENTRY: &str = "crash::child::a_process_of_the_run_or_nothing";

const TASKS: i64 = 3;
/// Writes to a window of so many keys, before it moves on by one.
const WINDOW: i64 = 6;
/// Writers are quicker than workers that keep dying.
const BOUND: u64 = 1000;

#[derive(Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) role: Role,
    pub(super) redis: String,
    pub(super) database: String,
    pub(super) namespace: String,
    /// Which process of its lane it is.
    pub(super) number: u32,
    /// The first key of the window.
    pub(super) first: i64,
    pub(super) step: String,
    pub(super) passes: u32,
}

/// Without the variable there is nothing to do: the run starts this test in processes of its own.
#[test]
fn a_process_of_the_run_or_nothing() {
    let Ok(job) = std::env::var(JOB) else { return };
    // Its parent holds the other end, and dies by itself.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    let job: Job = serde_json::from_str(&job).unwrap();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(work(job));
}

/// One line to the parent, in one piece.
fn tell(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n@{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

async fn work(job: Job) {
    let doom = Doom::new(&job.step, job.passes);
    let pool = PgPoolOptions::new().max_connections(3).connect(&job.database).await.unwrap();
    let redis = RedisCache::builder(&job.redis)
        .operation_timeout(Duration::from_secs(5))
        .hang_after(Duration::from_secs(5))
        .build()
        .unwrap();
    let cache = CacheManager::builder(&job.namespace)
        .backend(Arc::new(redis.clone()))
        .observer(doom.clone())
        .build()
        .unwrap();
    let name = cache.key().text("behind").value("notes").finish().unwrap();
    let queue =
        Arc::new(DoomedQueue { queue: redis.write_queue(&name).unwrap(), doom: doom.clone() });
    let source = DoomedSource { notes: Notes { db: pool, cache: cache.clone() }, doom };
    let builder = WriteBehind::builder(&cache, "notes", source)
        .queue(queue)
        .batch(8)
        .linger(Duration::from_millis(2))
        .every(Duration::from_millis(5))
        .backoff(Duration::from_millis(5), Duration::from_millis(50))
        .takeover(Duration::from_millis(300))
        .bound(BOUND)
        .tries(20);
    match job.role {
        Role::Worker => be_a_worker(builder).await,
        Role::Writer => be_a_writer(builder.build().unwrap(), job.number, job.first).await,
    }
}

async fn be_a_worker(builder: WriteBehindBuilder<DoomedSource>) {
    let _worker = builder.spawn().unwrap();
    tell("ready");
    std::future::pending().await
}

/// Several tasks, each with keys of its own: so it knows what every read must answer.
async fn be_a_writer(notes: WriteBehind<DoomedSource>, number: u32, first: i64) {
    let written = Arc::new(AtomicI64::new(0));
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (notes, written) = (notes.clone(), Arc::clone(&written));
            tokio::spawn(async move {
                for turn in 0_u32.. {
                    let window = first + written.fetch_add(1, Ordering::Relaxed) / 20;
                    let key = (window + fastrand::i64(0..WINDOW)) * TASKS + task;
                    let name = format!("{number}.{task}.{turn}");
                    let delete = fastrand::u32(0..5) == 0;
                    tell(&format!("sends {name} {key} {} {window}", u8::from(delete)));
                    let version = if delete {
                        notes.delete(&key).await
                    } else {
                        notes.put(&key, &note(key, &name)).await
                    };
                    let version = match version {
                        Ok(version) => version,
                        Err(error) if error.kind() == ErrorKind::QueueFull => {
                            tell(&format!("refused {name}"));
                            tokio::time::sleep(Duration::from_millis(5)).await;
                            continue;
                        }
                        Err(_) => continue,
                    };
                    tell(&format!("acknowledged {name} {version}"));
                    if turn % 3 == 0
                        && let Ok(found) = notes.get(&key).await
                    {
                        let expected = (!delete).then_some(&name);
                        if found.as_ref().map(|note| &note.text) != expected {
                            tell(&format!("wrong {name} {key} {expected:?} {found:?}"));
                        }
                    }
                }
            })
        })
        .collect();
    tell("ready");
    for task in tasks {
        let _ = task.await;
    }
}
