//! What docs/scale.md says of the stream of invalidations is what a server sends.
#![allow(missing_docs, reason = "each test's name says what holds")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_precision_loss,
    reason = "a test that can't go on fails"
)]

use std::time::{Duration, Instant};

use cache_runtime::backend::RedisCache;
use cache_runtime::{CacheManager, CoherentCache, Entity, Heard, Namespace, cached_repository};
use redis::aio::MultiplexedConnection;
use scale::{Window, load};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use tests::{Fixture, RedisServer, eventually, in_time};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Processes that listen, all but the first of them doing nothing else.
const LISTENERS: usize = 20;
/// Keys of three digits, so that all of a kind are equally long.
const FIRST: i64 = 100;
const PLAIN: usize = 120;
const MOVES: usize = 40;
const COMES: usize = 40;
const QUIET: Duration = Duration::from_millis(1_500);

#[derive(Clone, Debug, Serialize, Deserialize, FromRow, Entity)]
#[entity(table = "orders")]
struct Order {
    #[entity(id)]
    id: i64,
    number: String,
    customer: i64,
    total: i64,
}

impl Order {
    fn new(id: i64) -> Self {
        Self { id, number: format!("A-{id}"), customer: 500, total: 0 }
    }
}

#[cached_repository(entity = Order, unique(number), list(customer))]
struct Orders {
    db: sqlx::PgPool,
    cache: CacheManager,
}

/// What the server has done so far.
#[derive(Debug)]
struct Figures {
    at: Instant,
    sent: f64,
    published: f64,
    /// How often it was asked who it is.
    vigils: f64,
    /// Bytes of the answer that says all this, which is sent after it was written.
    answer: f64,
}

impl Figures {
    async fn ask(connection: &mut MultiplexedConnection) -> Self {
        let mut info = redis::cmd("INFO");
        let info: String =
            info.arg("stats").arg("commandstats").query_async(connection).await.unwrap();
        let of = |name: &str| {
            let line = info.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
            line.split(',').next().unwrap().parse::<f64>().unwrap()
        };
        Self {
            at: Instant::now(),
            sent: of("total_net_output_bytes:"),
            published: of("cmdstat_publish:calls="),
            vigils: of("cmdstat_role:calls="),
            answer: info.len() as f64,
        }
    }

    /// What was done between the two, and in how many seconds.
    fn since(self, before: &Self) -> (Self, f64) {
        let between = Self {
            sent: self.sent - before.sent - before.answer,
            published: self.published - before.published,
            vigils: self.vigils - before.vigils,
            ..self
        };
        (between, self.at.duration_since(before.at).as_secs_f64())
    }
}

fn are_near(what: &str, simulated: f64, sent: f64, within: f64) {
    let off = (simulated / sent - 1.0).abs();
    println!("{what}: {simulated:.0} simulated, {sent:.0} sent, {:.1} % off", off * 100.0);
    assert!(off < within, "{what}: the simulator says {simulated:.0}, the server sent {sent:.0}");
}

/// A busy machine is late, never early; and each process may have one more at one end of the time than at the other.
fn is_no_more_than(what: &str, simulated: f64, seen: f64) {
    println!("{what}: {simulated:.0} simulated, {seen:.0} seen");
    let end = LISTENERS as f64;
    let right = (simulated * 0.6 - end..=simulated + end).contains(&seen);
    assert!(right, "{what}: {simulated:.0} simulated, {seen:.0} seen");
}

#[tokio::test]
async fn the_simulator_says_what_a_server_sends_to_all() {
    let (fixture, server) = (Fixture::new().await, RedisServer::start());
    let create = "CREATE TABLE orders (id bigint PRIMARY KEY, number text NOT NULL UNIQUE,
                                       customer bigint NOT NULL, total bigint NOT NULL)";
    sqlx::raw_sql(create).execute(fixture.pool()).await.unwrap();
    let process = || Orders {
        db: fixture.pool().clone(),
        cache: CacheManager::builder("shop").redis(&server.url()).build().unwrap(),
    };
    let processes: Vec<Orders> = (0..LISTENERS).map(|_| process()).collect();
    let writer = &processes[0];
    let mut order = writer.insert(&Order::new(FIRST)).await.unwrap().as_ref().clone();
    for process in &processes {
        // The first read begins to listen.
        process.get(FIRST).await.unwrap();
    }
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    // One more that does nothing but count.
    let counter = RedisCache::open(&server.url()).unwrap();
    let mut stream = counter.invalidations(&Namespace::new("shop").unwrap()).await.unwrap();
    eventually("all of them listen", || {
        let mut connection = connection.clone();
        async move {
            let mut listening = redis::cmd("PUBSUB");
            listening.arg("NUMSUB").arg("shop:!invalidations");
            let count: (String, usize) = listening.query_async(&mut connection).await.unwrap();
            count.1 == LISTENERS + 1
        }
    })
    .await;
    for process in &processes {
        process.cache.drain().await;
    }

    // Nobody writes.
    let before = Figures::ask(&mut connection).await;
    tokio::time::sleep(QUIET).await;
    let quiet = Figures::ask(&mut connection).await;
    let (idle, seconds) = quiet.since(&before);
    let listeners = LISTENERS as f64;
    is_no_more_than("beats", listeners * seconds / load::BEAT, idle.published);
    // They began together, so that all have asked once or all twice.
    assert!(idle.vigils > 0.0 && idle.vigils <= listeners * (seconds / load::VIGIL).ceil());
    let window = Window {
        listeners: LISTENERS + 1,
        namespace: "shop".len(),
        writes: &[],
        beats: idle.published,
        vigils: idle.vigils,
    };
    // Most of it is the answer to the vigil, and how much a server says of itself is its version's affair.
    are_near("bytes while nobody writes", window.bytes_to_all(), idle.sent, 0.3);

    // One of them writes.
    let quiet = Figures::ask(&mut connection).await;
    for _ in 0..PLAIN {
        order.total += 1;
        writer.update(&order).await.unwrap().unwrap();
    }
    for _ in 0..MOVES {
        order.customer += 1;
        writer.update(&order).await.unwrap().unwrap();
    }
    for id in (FIRST + 1..).take(COMES) {
        writer.insert(&Order::new(id)).await.unwrap();
    }
    writer.cache.drain().await;
    let (busy, seconds) = Figures::ask(&mut connection).await.since(&quiet);

    let row = "shop:orders:id:=100".len();
    let look_up = "shop:orders:by:number:=A-100".len();
    let list = "shop:orders:list:customer:=500".len();
    let tag = "shop:tag:=orders".len();
    let writes = [
        (PLAIN, &[row, tag][..]),
        // Their holds were placed beside their statements, which told of the lists.
        (MOVES, &[row, tag]),
        (MOVES, &[list, list]),
        (COMES, &[row, look_up, list, tag]),
    ];
    let (mut messages, mut keys) = (0, 0);
    stream.beat(1).await.unwrap();
    loop {
        match in_time("the stream goes on", stream.next()).await.unwrap() {
            Heard::Keys(heard) => (messages, keys) = (messages + 1, keys + heard.len()),
            Heard::Beat(1) => break,
            other => panic!("{other:?}"),
        }
    }
    let announced: usize = writes.iter().map(|(writes, _)| writes).sum();
    assert_eq!(messages, announced);
    assert_eq!(keys, writes.iter().map(|(writes, keys)| writes * keys.len()).sum::<usize>());
    let beats = busy.published - announced as f64;
    is_no_more_than("beats beside writes", listeners * seconds / load::BEAT, beats);
    let window = Window { writes: &writes, beats, vigils: busy.vigils, ..window };
    are_near("bytes while somebody writes", window.bytes_to_all(), busy.sent, 0.05);
}

/// Sends lines to a server, on a connection that speaks the protocol's third version, and reads what comes back until it
/// ends so.
async fn said(connection: &mut TcpStream, lines: &str, end: &str) -> String {
    connection.write_all(lines.as_bytes()).await.unwrap();
    let mut said = String::new();
    while !said.ends_with(end) {
        let mut buffer = [0; 1024];
        let read = in_time("an answer", connection.read(&mut buffer)).await.unwrap();
        assert!(read > 0, "the server has ended the connection: {said:?}");
        said.push_str(str::from_utf8(&buffer[..read]).unwrap());
    }
    said
}

const PUSH: &str = ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n";

#[tokio::test]
async fn a_reply_comes_behind_the_pushes_of_tracking_and_before_those_of_a_prefix() {
    let server = RedisServer::start();
    let mut connection = TcpStream::connect(server.address()).await.unwrap();
    // Of a map the server's last word is an empty list of modules.
    said(&mut connection, "HELLO 3\r\n", "*0\r\n").await;
    said(&mut connection, "CLIENT TRACKING ON\r\n", "+OK\r\n").await;
    said(&mut connection, "GET a\r\n", "_\r\n").await;
    // What a PING says that was sent behind a write: the write was pushed.
    let tracked = said(&mut connection, "SET a 1\r\nPING\r\n", "+PONG\r\n").await;
    assert_eq!(tracked, format!("+OK\r\n{PUSH}+PONG\r\n"));

    said(&mut connection, "CLIENT TRACKING OFF\r\n", "+OK\r\n").await;
    said(&mut connection, "CLIENT TRACKING ON BCAST PREFIX a\r\n", "+OK\r\n").await;
    // Nothing: the push comes once the server has done all that has come. The next PING finds it sent.
    let broadcast = said(&mut connection, "SET a 2\r\nPING\r\n", PUSH).await;
    assert_eq!(broadcast, format!("+OK\r\n+PONG\r\n{PUSH}"));
    assert_eq!(said(&mut connection, "PING\r\n", "+PONG\r\n").await, "+PONG\r\n");
}
