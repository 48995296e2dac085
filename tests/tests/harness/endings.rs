//! Servers end with the process that started them, however it ends.
//!
//! Each test runs this very program again, with one test in it that starts servers, tells their
//! process ids and folders and ends as it is told.

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use sqlx::{Connection, PgConnection};
use tests::{PostgresServer, RedisServer, Servers, eventually, is_running};

const ROLE: &str = "HARNESS_TEST_ENDING";

#[tokio::test]
async fn servers_end_when_their_process_returns() {
    outlived_by_nothing("return", |_| {}).await;
}

#[tokio::test]
async fn servers_end_when_a_test_panics() {
    outlived_by_nothing("panic", |_| {}).await;
}

#[tokio::test]
async fn servers_end_when_their_process_aborts() {
    outlived_by_nothing("abort", |_| {}).await;
}

#[tokio::test]
async fn servers_end_when_their_process_is_killed() {
    outlived_by_nothing("wait", |child| child.kill().unwrap()).await;
}

#[tokio::test]
async fn servers_end_when_their_process_is_killed_while_they_start() {
    let mut child = process_with_servers("start");
    let of_child = format!("-{}-", child.id());
    let any_folder = || {
        let folders = env::temp_dir().read_dir().unwrap();
        folders.flatten().any(|folder| {
            let name = folder.file_name().into_string().unwrap_or_default();
            name.starts_with("cache-tests-") && name.contains(&of_child)
        })
    };
    eventually("a server is starting", || async { any_folder() }).await;
    child.kill().unwrap();
    child.wait().unwrap();
    // A server's folder goes last: after the server itself.
    eventually("all servers and folders are gone", || async { !any_folder() }).await;
}

#[tokio::test]
async fn a_server_of_a_test_s_own_ends_with_a_panic() {
    let server = RedisServer::start();
    let pid = server.pid().unwrap();
    let failing = std::thread::spawn(move || {
        let _server = server;
        panic!("on purpose");
    });
    assert!(failing.join().is_err());
    assert!(!is_running(pid));
}

async fn outlived_by_nothing(ending: &str, end: impl FnOnce(&mut Child)) {
    let mut child = process_with_servers(ending);
    let mut told = BufReader::new(child.stdout.take().unwrap());
    let (mut pids, mut folders) = (Vec::<u32>::new(), Vec::<String>::new());
    for line in told.by_ref().lines() {
        let line = line.unwrap();
        if let Some(pid) = line.strip_prefix("pid ") {
            pids.push(pid.parse().unwrap());
        } else if let Some(folder) = line.strip_prefix("folder ") {
            folders.push(folder.to_owned());
        } else if line == "told" {
            break;
        }
    }
    assert_eq!((pids.len(), folders.len()), (4, 1), "{pids:?} {folders:?}");

    end(&mut child);
    child.wait().unwrap();
    eventually("all servers are gone", || async { !pids.iter().any(|&pid| is_running(pid)) }).await;
    eventually("their folders are gone", || async {
        !folders.iter().any(|folder| Path::new(folder).exists())
    })
    .await;
}

fn process_with_servers(ending: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "endings::a_process_with_servers", "--nocapture"])
        .env(ROLE, ending)
        .env_remove("DATABASE_URL")
        .env_remove("REDIS_URL")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Does nothing unless one of the tests above runs it.
#[tokio::test]
async fn a_process_with_servers() {
    let Ok(ending) = env::var(ROLE) else { return };
    let servers = Servers::shared();
    servers.start();
    let mut shared_postgres =
        PgConnection::connect(&servers.postgres_url("postgres")).await.unwrap();
    let data: String =
        sqlx::query_scalar("SHOW data_directory").fetch_one(&mut shared_postgres).await.unwrap();
    let data = Path::new(&data);
    let postmaster = std::fs::read_to_string(data.join("postmaster.pid")).unwrap();
    let shared_redis = redis::Client::open(servers.redis_url()).unwrap();
    let mut shared_redis = shared_redis.get_connection().unwrap();
    let info: String = redis::cmd("INFO").query(&mut shared_redis).unwrap();
    let (postgres, redis) = (PostgresServer::start(), RedisServer::start());

    println!("folder {}", data.parent().unwrap().display());
    println!("pid {}", postmaster.lines().next().unwrap());
    println!("pid {}", info.lines().find_map(|line| line.strip_prefix("process_id:")).unwrap());
    println!("pid {}", postgres.pid().unwrap());
    println!("pid {}", redis.pid().unwrap());
    println!("told");
    match ending.as_str() {
        "panic" => panic!("on purpose"),
        "abort" => std::process::abort(),
        "wait" => std::future::pending::<()>().await,
        _ => {}
    }
}
