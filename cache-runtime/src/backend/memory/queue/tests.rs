#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what fails here fails the test")]

//! The in-memory queue keeps the contract of the port.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::backend::MemoryCache;
use crate::error::ErrorKind;
use crate::key::{Key, Namespace};
use crate::port::{Cache, CoherentCache, NewWrite, WriteQueue};
use crate::testing::ManualClock;
use crate::testing::write_queue::QueueBackend;

struct Memory(ManualClock);

fn name(queue: &str) -> Key {
    Namespace::new("shop").unwrap().key().text("behind").value(queue).finish().unwrap()
}

impl QueueBackend for Memory {
    async fn fresh(&self) -> Arc<dyn WriteQueue> {
        let cache = MemoryCache::builder().clock(self.0.shared()).build();
        cache.write_queue(&name("orders")).unwrap()
    }

    async fn pass(&self, _: &dyn WriteQueue, time: Duration) {
        self.0.advance(time);
    }
}

crate::write_queue_suite!(Memory(ManualClock::new()));

#[tokio::test]
async fn a_queue_belongs_to_its_cache_and_ends_with_it() {
    let cache = MemoryCache::new();
    let orders = cache.write_queue(&name("orders")).unwrap();
    let write = NewWrite { key: name("k"), id: Bytes::new(), value: Some(Bytes::new()) };
    orders.enqueue(&write, 10).await.unwrap();
    let waiting =
        |queue: Arc<dyn WriteQueue>| async move { queue.backlog().await.unwrap().waiting };
    assert_eq!(waiting(cache.clone().write_queue(&name("orders")).unwrap()).await, 1);
    assert_eq!(waiting(cache.write_queue(&name("others")).unwrap()).await, 0);
    cache.clear(&Namespace::new("shop").unwrap()).await.unwrap();
    assert_eq!(waiting(Arc::clone(&orders)).await, 1, "acknowledged writes are no cache");
    cache.close().await.unwrap();
    assert_eq!(orders.backlog().await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(cache.write_queue(&name("orders")).unwrap_err().kind(), ErrorKind::Closed);
}
