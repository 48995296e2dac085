//! Items over the memory hand: two managers, as two processes, over one cache.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::backend::MemoryCache;
use crate::entry::{Entry, Token};
use crate::error::{Error, ErrorKind};
use crate::key::Key;
use crate::mind::Origin;
use crate::policy::{Compression, Level, ReadAt};
use crate::port::{Cache, CoherentCache, ReleaseOutcome, Step};
use crate::testing::{FaultyCache, ManualClock, Op, Stepper};

mod changes;
mod failing;
mod loading;
mod tiers;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const BOUNDED: Level = Level::Bounded(SECOND);

/// Two processes over one cache. What the first asks of it may go wrong, and its steps can be stopped.
struct World {
    clock: ManualClock,
    memory: MemoryCache,
    faulty: FaultyCache,
    stepper: Stepper,
    here: CacheManager,
    there: CacheManager,
}

impl World {
    fn new() -> Self {
        let clock = ManualClock::new();
        // Zero means "never" to the proof of a stream.
        clock.advance(HOUR);
        let memory = MemoryCache::builder().clock(clock.shared()).build();
        let faulty = FaultyCache::over(Arc::new(memory.clone()));
        let stepper = Stepper::new();
        let builder = || {
            CacheManager::builder("shop")
                .jitter(0.0)
                .level(Level::Strong)
                .negative_ttl(SECOND)
                .clock(clock.shared())
        };
        let here = builder()
            .backend(Arc::new(faulty.clone()))
            .observer(Arc::new(stepper.clone()))
            .share_errors::<Refused>()
            .build()
            .unwrap();
        let there = builder().backend(Arc::new(memory.clone())).build().unwrap();
        Self { clock, memory, faulty, stepper, here, there }
    }

    fn key(&self, name: &str) -> Key {
        name.item_key(self.here.namespace()).unwrap()
    }

    /// What stands at the item's key.
    async fn entry(&self, name: &str) -> Option<Entry> {
        self.memory.get(&self.key(name)).await.unwrap().as_ref().map(Entry::parse)
    }
}

/// A failure that can be copied, and says so.
#[derive(Clone, Debug, PartialEq)]
struct Refused(u32);

/// A load that answers with a number, and counts.
fn counted<E>(
    loads: &Arc<AtomicUsize>,
    answer: u32,
) -> impl FnOnce() -> std::future::Ready<Result<u32, E>> + use<E> {
    let loads = Arc::clone(loads);
    move || {
        loads.fetch_add(1, Ordering::SeqCst);
        std::future::ready(Ok(answer))
    }
}

fn count(loads: &AtomicUsize) -> usize {
    loads.load(Ordering::SeqCst)
}

async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let polling = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(10), polling).await.is_ok(), "{what}");
}

#[tokio::test]
async fn an_item_has_three_states() {
    let World { here, there, .. } = World::new();
    assert_eq!(here.get::<u32>("k").await.unwrap(), Cached::Miss);
    assert!(here.set("k", &7_u32, HOUR).await.unwrap());
    assert_eq!(there.get::<u32>("k").await.unwrap(), Cached::Hit(7, Origin::Cache));
    assert!(here.set_nothing::<u32>("k").await.unwrap());
    let nothing = there.get::<u32>("k").await.unwrap();
    assert_eq!(nothing, Cached::Nothing(Origin::Cache));
    assert_eq!((nothing.known(), nothing.value()), (Some(None), None));
    there.forget("k").await.unwrap();
    let miss = here.get::<u32>("k").await.unwrap();
    assert!(miss.is_miss() && miss.origin().is_none() && miss.known().is_none());
    assert_eq!(here.item_stats().misses, 2);
}

#[tokio::test]
async fn a_name_is_one_part_of_the_key_whatever_is_in_it() {
    let here = World::new().here;
    let key = |name: &dyn ItemKey| name.item_key(here.namespace()).unwrap().as_str().to_owned();
    assert_eq!(key(&"user:5"), "shop:item:=user%3A5");
    assert_eq!(key(&String::from("a b")), "shop:item:=a%20b");
    assert_eq!(key(&("user", 5)), "shop:item:=user:=5");
    let built = here.item_key("user").value(&5);
    assert_eq!(key(&built), "shop:item:=user:=5");
    assert_eq!(key(&built.finish().unwrap()), "shop:item:=user:=5");
}

#[tokio::test]
async fn a_key_that_is_no_items_is_refused_and_never_fails_a_load() {
    let here = World::new().here;
    let elsewhere = crate::key::Namespace::new("shop2").unwrap().item("k").finish().unwrap();
    for key in [here.key().text("cities").text("id").value(&1).finish().unwrap(), elsewhere] {
        let refused = here.get::<u32>(&key).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Config);
        assert!(refused.to_string().contains("item_key"), "{refused}");
        assert_eq!(here.forget(&key).await.unwrap_err().kind(), ErrorKind::Config);
        assert_eq!(here.get_or_set(&key, HOUR, 7).await, 7);
    }
    assert_eq!(here.backend().get_many(&[]).await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_value_of_another_type_is_a_miss_and_is_replaced() {
    let World { here, .. } = World::new();
    here.set("k", &7_u32, HOUR).await.unwrap();
    assert_eq!(here.get::<String>("k").await.unwrap(), Cached::Miss);
    assert_eq!(here.get_or_set("k", HOUR, "seven".to_owned()).await, "seven");
    here.drain().await;
    assert_eq!(here.get::<String>("k").await.unwrap().value().as_deref(), Some("seven"));
    assert_eq!(here.get::<u32>("k").await.unwrap(), Cached::Miss);
}

#[tokio::test]
async fn a_value_lives_for_its_ttl_and_the_knowledge_of_none_for_the_negative_one() {
    let World { here, clock, .. } = World::new();
    here.set("value", &7_u32, HOUR).await.unwrap();
    here.set_nothing::<u32>("nothing").await.unwrap();
    here.set("forever", &7_u32, Ttl::Forever).await.unwrap();
    clock.advance(SECOND);
    assert_eq!(here.get::<u32>("nothing").await.unwrap(), Cached::Miss);
    assert_eq!(here.get::<u32>("value").await.unwrap().value(), Some(7));
    clock.advance(HOUR);
    assert_eq!(here.get::<u32>("value").await.unwrap(), Cached::Miss);
    assert_eq!(here.get::<u32>("forever").await.unwrap().value(), Some(7));
    assert!(!here.set("forever", &8_u32, Duration::ZERO).await.unwrap(), "it is not kept");
    assert_eq!(here.get::<u32>("forever").await.unwrap(), Cached::Miss, "nor is the old one");
}

#[tokio::test]
async fn a_value_that_cannot_be_kept_is_an_error_and_the_old_one_is_gone() {
    let World { here, .. } = World::new();
    here.set("k", &"old".to_owned(), HOUR).await.unwrap();
    let long = "x".repeat(here.policy().max_value_bytes + 1);
    let as_it_is = || here.item("k").ttl(HOUR).compression(Compression::None);
    let refused = as_it_is().set(&long).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Codec);
    assert!(refused.to_string().contains("max_value_bytes"), "{refused}");
    assert_eq!(here.get::<String>("k").await.unwrap(), Cached::Miss);
    let unwritable = here.item("k").codec(crate::Codec::Json).set(&f64::NAN).await.unwrap_err();
    assert_eq!(unwritable.kind(), ErrorKind::Codec);
    assert_eq!(as_it_is().get_or_set(long.clone()).await, long, "a load's is given back");
    assert_eq!(here.get::<String>("k").await.unwrap(), Cached::Miss);
    assert!(here.set("k", &long, HOUR).await.unwrap(), "its size is that in which it is written");
    assert_eq!(here.get::<String>("k").await.unwrap().value(), Some(long));
}

#[tokio::test]
async fn tags_in_any_order_make_items_misses_at_once() {
    let World { here, there, .. } = World::new();
    assert!(here.item("k").tags(["b", "a", "b"]).ttl(HOUR).set(&7_u32).await.unwrap());
    for tag in ["a", "b"] {
        assert_eq!(there.item("k").tags(["a", "b"]).get::<u32>().await.unwrap().value(), Some(7));
        assert_eq!(there.get::<u32>("k").await.unwrap(), Cached::Miss, "it was kept under tags");
        there.invalidate_tags(&[tag]).await.unwrap();
        assert_eq!(here.item("k").tags(["b", "a"]).get::<u32>().await.unwrap(), Cached::Miss);
        here.item("k").tags(["a", "b"]).set(&7_u32).await.unwrap();
    }
    there.invalidate_tags(&["c"]).await.unwrap();
    assert_eq!(here.item("k").tags(["a", "b"]).get::<u32>().await.unwrap().value(), Some(7));
}

#[tokio::test]
async fn a_flush_takes_items_and_nothing_else() {
    let World { here, there, memory, .. } = World::new();
    let other = here.key().text("item").text("id").value(&1).finish().unwrap();
    memory.set(&other, b"row".to_vec().into(), Ttl::Forever).await.unwrap();
    let neighbour =
        CacheManager::builder("shop2").backend(Arc::new(memory.clone())).build().unwrap();
    for cache in [&here, &neighbour] {
        cache.set("one", &1_u32, HOUR).await.unwrap();
        cache.set("two", &2_u32, HOUR).await.unwrap();
    }
    let writer = Token::new();
    let held = "held".item_key(here.namespace()).unwrap();
    memory.hold(std::slice::from_ref(&held), writer, HOUR).await.unwrap();
    assert_eq!(there.flush().await.unwrap(), 2);
    assert_eq!(here.get::<u32>("one").await.unwrap(), Cached::Miss);
    assert_eq!(neighbour.get::<u32>("two").await.unwrap().value(), Some(2));
    assert!(memory.exists(&other).await.unwrap(), "it is a row of the table `item`");
    assert_eq!(memory.release(&[held], writer).await.unwrap(), [ReleaseOutcome::Released]);
}
