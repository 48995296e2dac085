//! Eight processes change one session, in Redis alone or kept in Postgres.

use std::io::Read;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Instant;

use cache_runtime::migrate;
use cache_runtime::session::{Client, SessionId, SessionRepository, Sessions};
use sqlx::postgres::PgPoolOptions;
use tests::TestDatabase;
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::world::{Login, Logins, World, user};

/// The variable that tells a process what to do: the server, the namespace, the database or nothing, the id, how many tasks.
const JOB: &str = "SESSION_JOB";
const ENTRY: &str = "processes::a_process_of_the_run_or_nothing";
const PROCESSES: usize = 8;

/// The sessions of one more process.
async fn sessions(world: &World, database: &str) -> Sessions<Login> {
    if database.is_empty() {
        return world.apart();
    }
    let cache = world.process().cache;
    let db = PgPoolOptions::new().max_connections(4).connect(database).await.unwrap();
    Sessions::over(cache.kept_sessions(&db), cache.namespace(), &Logins::CONFIG).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_the_concurrent_updates_of_eight_processes_none_is_lost() {
    none_is_lost("").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_the_concurrent_updates_of_eight_processes_none_is_lost_where_sessions_are_kept() {
    let database = TestDatabase::create().await;
    migrate(database.pool()).await.unwrap();
    none_is_lost(database.url()).await;
}

async fn none_is_lost(database: &str) {
    let all: usize =
        std::env::var("SESSION_UPDATES").map_or(1_000, |text| text.parse().expect("a number"));
    let each = all.div_ceil(PROCESSES);
    let world = World::new();
    let logins = sessions(&world, database).await;
    let id = logins.create(&user(7), &Client::new()).await.unwrap();
    let job = format!("{} {} {database} {} {each}", world.url, world.namespace, id.expose());
    let began = Instant::now();
    let mut running = JoinSet::new();
    for _ in 0..PROCESSES {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args([ENTRY, "--exact", "--nocapture", "--test-threads=1"])
            .env(JOB, &job)
            // Its end closes with this process.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .kill_on_drop(true);
        running.spawn(async move {
            let mut child = command.spawn().unwrap();
            let _held = child.stdin.take();
            child.wait().await.unwrap()
        });
    }
    while let Some(status) = running.join_next().await {
        assert!(status.unwrap().success(), "each process made all of its updates");
    }
    let views = logins.get(&id).await.unwrap().unwrap().views;
    assert_eq!(views, u64::try_from(each * PROCESSES).unwrap());
    println!("{views} updates by {PROCESSES} processes in {:?}", began.elapsed());
}

/// Without the variable there is nothing to do: the run starts this test in processes of its own.
#[test]
fn a_process_of_the_run_or_nothing() {
    let Ok(job) = std::env::var(JOB) else { return };
    // Its parent holds the other end, and dies by itself.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(1);
    });
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.unwrap().block_on(async {
        let [url, namespace, database, id, tasks] =
            job.split(' ').collect::<Vec<_>>().try_into().expect("five words");
        let world = World { url: url.to_owned(), namespace: namespace.to_owned() };
        let id = SessionId::parse(id).unwrap();
        let logins = Arc::new(sessions(&world, database).await);
        let mut updates = JoinSet::new();
        // All of them at once.
        for _ in 0..tasks.parse::<usize>().unwrap() {
            let (logins, id) = (Arc::clone(&logins), id.clone());
            updates.spawn(async move {
                let changed = logins.update(&id, |login| login.views += 1).await;
                assert_eq!(changed.expect("it is made"), Some(()));
            });
        }
        while let Some(done) = updates.join_next().await {
            done.unwrap();
        }
    });
}
