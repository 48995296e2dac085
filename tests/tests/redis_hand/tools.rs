//! What the tests of this file have in common.

use std::net::Ipv4Addr;
use std::time::Duration;

use cache_runtime::backend::RedisCache;
use cache_runtime::{Heard, InvalidationStream, Key, Namespace};
use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, RedisResult};
use tests::{RedisServer, in_time};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub const MINUTE: Duration = Duration::from_secs(60);

pub fn shop() -> Namespace {
    Namespace::new("shop").unwrap()
}

pub fn key(name: &str) -> Key {
    shop().key().text("users").value(name).finish().unwrap()
}

/// A cache that gives a busy machine time; who tests the time says otherwise.
pub fn patient(url: &str) -> RedisCache {
    let long = Duration::from_secs(5);
    RedisCache::builder(url).operation_timeout(long).hang_after(long).build().unwrap()
}

/// A connection of the test's own, past the cache.
pub async fn raw(server: &RedisServer) -> MultiplexedConnection {
    let client = redis::Client::open(server.url()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

/// One command, written as one would type it.
pub async fn tell<T: FromRedisValue>(server: &RedisServer, words: &str) -> T {
    answer(server, words).await.unwrap()
}

pub async fn answer<T: FromRedisValue>(server: &RedisServer, words: &str) -> RedisResult<T> {
    let mut words = words.split_whitespace();
    let mut command = redis::cmd(words.next().unwrap());
    for word in words {
        command.arg(word);
    }
    command.query_async(&mut raw(server).await).await
}

pub async fn next(stream: &mut Box<dyn InvalidationStream>) -> Heard {
    in_time("something is heard", stream.next()).await.unwrap()
}

/// All that was announced so far.
pub async fn so_far(stream: &mut Box<dyn InvalidationStream>) -> Vec<Heard> {
    let number = fastrand::u64(..);
    stream.beat(number).await.unwrap();
    let mut heard = Vec::new();
    loop {
        match next(stream).await {
            Heard::Beat(back) if back == number => return heard,
            other => heard.push(other),
        }
    }
}

/// A balancer in front of several servers: each connection goes to whom it points at when it is made.
pub struct Switch {
    address: String,
    target: watch::Sender<String>,
}

impl Switch {
    pub async fn to(server: &RedisServer) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let target = watch::Sender::new(server.address());
        let pointed = target.subscribe();
        tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let to = pointed.borrow().clone();
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(to).await.unwrap();
                    // An end that breaks is the end of both.
                    drop(copy_bidirectional(&mut client, &mut server).await);
                });
            }
        });
        Self { address, target }
    }

    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Sends new connections there; those that stand go on.
    pub fn point_to(&self, server: &RedisServer) {
        self.target.send_replace(server.address());
    }
}

/// Moves the time of everything on this runtime, without waiting for it.
pub async fn later(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}
