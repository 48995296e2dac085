//! Events that are sent to other processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cache_runtime::{CacheManager, Effects, ErrorKind, EventBus, NewWrite, WriteQueue};
use tests::{Proxy, eventually, in_time};

use super::world::{Cities, Counted, Moved, Unknown, World, bus};

const SOON: Duration = Duration::from_millis(200);

/// The stream as it is in Redis, for what only a test does.
fn stream(world: &World) -> Arc<dyn WriteQueue> {
    let name = world.here.cache.key().text("events").value("geo").finish().unwrap();
    world.elsewhere.cache.backend().write_queue(&name).unwrap()
}

fn sender(world: &World) -> EventBus {
    world.elsewhere.cache.events().stream("geo").build().unwrap()
}

/// A worker that counts what it is asked.
fn counting(cache: &CacheManager, count: &Arc<AtomicUsize>) -> EventBus {
    let count = Arc::clone(count);
    let handler = move |_: &Counted, it: Effects| {
        count.fetch_add(1, Ordering::SeqCst);
        it.tag("counts")
    };
    cache.events().on(handler).stream("geo").takeover(SOON).spawn().unwrap()
}

#[tokio::test]
async fn an_event_of_another_process_is_handled_here() {
    let world = World::new().await;
    let handling = bus(&world.here).stream("geo").spawn().unwrap();
    assert_eq!(world.french().await, (2, 2));
    world.here.get(2).await.unwrap();
    world.sql("DELETE FROM cities WHERE id = 2").await;
    let sender = sender(&world);
    sender.send(&Moved { ids: vec![2] }).await.unwrap();
    in_time("the event", sender.flush()).await.unwrap();
    assert_eq!(world.french().await, (1, 1));
    assert_eq!((sender.stats().sent, handling.stats().handled), (1, 1));
    assert_eq!(handling.backlog().await.unwrap().waiting, 0);
    handling.stop().await;
}

#[tokio::test]
async fn of_many_processes_one_handles_each_event() {
    let world = World::new().await;
    let count = Arc::new(AtomicUsize::new(0));
    let workers: Vec<EventBus> = [&world.here, &world.elsewhere, &world.here]
        .map(|cities| counting(&cities.cache, &count))
        .into();
    let sender = sender(&world);
    for _ in 0..50 {
        sender.send(&Counted).await.unwrap();
    }
    in_time("the events", sender.flush()).await.unwrap();
    let handled: u64 = workers.iter().map(|worker| worker.stats().handled).sum();
    assert_eq!((count.load(Ordering::SeqCst), handled), (50, 50));
}

#[tokio::test]
async fn events_wait_for_a_worker_and_survive_one_that_dies() {
    let world = World::new().await;
    assert_eq!(world.here.count().await.unwrap(), 3);
    world.here.cache.drain().await;
    world.sql("DELETE FROM cities").await;
    sender(&world).send(&Counted).await.unwrap();
    assert_eq!(world.here.count().await.unwrap(), 3, "nobody works yet");
    // It takes the event, and is never heard of again.
    let taken = stream(&world).take("the dead", 10, SOON).await.unwrap();
    assert_eq!(taken.len(), 1);
    let count = Arc::default();
    let living = counting(&world.elsewhere.cache, &count);
    eventually("the event is handled", || async { living.stats().handled == 1 }).await;
    assert_eq!(world.here.count().await.unwrap(), 0);
}

#[tokio::test]
async fn a_handler_that_panics_keeps_no_other_event_from_being_handled() {
    let world = World::new().await;
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let worker = world
        .here
        .cache
        .events()
        .on::<Moved>(|event, it| if event.ids.is_empty() { panic!("no ids") } else { it })
        .on::<Counted>(move |_, it| {
            counted.fetch_add(1, Ordering::SeqCst);
            it
        })
        .stream("geo")
        .takeover(SOON)
        .tries(2)
        .spawn()
        .unwrap();
    worker.send(&Moved { ids: Vec::new() }).await.unwrap();
    for _ in 0..3 {
        worker.send(&Counted).await.unwrap();
    }
    in_time("all of them", worker.flush()).await.unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 3);
    let letters = worker.dead_letters(10).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].tries, &*letters[0].reason), (2, "its handler panicked"));
    assert_eq!((worker.stats().handled, worker.stats().retried, worker.stats().dead), (3, 1, 1));
}

#[tokio::test]
async fn an_event_that_nobody_knows_or_can_read_is_a_dead_letter_with_the_reason() {
    let world = World::new().await;
    let worker = bus(&world.here).stream("geo").spawn().unwrap();
    let sender = sender(&world);
    sender.send(&Unknown).await.unwrap();
    let garbled = NewWrite {
        key: world.here.cache.key().text("event").value("x").finish().unwrap(),
        id: Bytes::from_static(b"city.moved"),
        value: Some(Bytes::from_static(b"{\"id\":")),
    };
    stream(&world).enqueue(&garbled, 10).await.unwrap();
    sender.send(&Moved { ids: vec![1] }).await.unwrap();
    in_time("all of them", sender.flush()).await.unwrap();
    assert_eq!((worker.stats().handled, worker.stats().dead), (1, 2));

    let letters = worker.dead_letters(10).await.unwrap();
    assert_eq!(letters.len(), 2);
    assert_eq!(&letters[0].id[..], b"city.twinned");
    assert!(letters[0].reason.contains("nobody handles"), "{}", letters[0].reason);
    assert_eq!(letters[1].value.as_deref(), garbled.value.as_deref());
    assert!(letters[1].reason.contains("not what this program expects"), "{}", letters[1].reason);

    // A newer version of the program knows the event.
    worker.stop().await;
    let newer = bus(&world.here).on::<Unknown>(|_, it| it).stream("geo").spawn().unwrap();
    assert!(newer.retry(&letters[0]).await.unwrap());
    in_time("the letter", newer.flush()).await.unwrap();
    eventually("it is handled", || async { newer.stats().handled == 1 }).await;
    assert!(newer.discard(&letters[1]).await.unwrap());
    assert_eq!(newer.dead_letters(10).await.unwrap(), []);
}

#[tokio::test]
async fn a_stream_that_is_full_refuses_events() {
    let world = World::new().await;
    let sender = world.here.cache.events().stream("geo").bound(2).build().unwrap();
    sender.send(&Counted).await.unwrap();
    sender.send(&Counted).await.unwrap();
    let error = sender.send(&Counted).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QueueFull);
    assert!(error.to_string().contains("stream of events"), "{error}");
    assert_eq!(sender.backlog().await.unwrap().waiting, 2);
}

/// Who cannot reach the database leaves the event to those who can, and makes no dead letter of it.
#[tokio::test]
async fn an_event_whose_rows_cannot_be_read_waits_for_who_can_read_them() {
    let world = World::new().await;
    let lonely = world.fixture.database().connect(1).await;
    lonely.close().await;
    let cut_off = Cities { db: lonely, ..world.elsewhere.clone() };
    let worker = bus(&cut_off).stream("geo").takeover(SOON).tries(1).spawn().unwrap();
    assert_eq!(world.french().await, (2, 2));
    world.sql("DELETE FROM cities WHERE id = 2").await;
    worker.send(&Moved { ids: vec![2] }).await.unwrap();
    eventually("it is tried twice", || async { worker.stats().retried >= 2 }).await;
    assert_eq!((worker.stats().dead, worker.backlog().await.unwrap().waiting), (0, 1));
    worker.send(&Counted).await.unwrap();
    eventually("others go on", || async { worker.stats().handled == 1 }).await;

    let able = bus(&world.here).stream("geo").takeover(SOON).spawn().unwrap();
    worker.stop().await;
    in_time("the event", able.flush()).await.unwrap();
    assert_eq!(able.stats().handled, 1);
    assert_eq!(world.french().await, (1, 1));
}

/// An event is either in the stream or its sender knows better; what waits there is handled once Redis is back.
#[tokio::test]
async fn while_redis_is_away_sending_and_publishing_fail_and_nothing_is_lost() {
    let world = World::new().await;
    let redis = world.fixture.redis_url();
    let address = redis.trim_start_matches("redis://").rsplit('@').next().unwrap();
    let proxy = Proxy::start(address.trim_end_matches('/').to_owned()).await;
    let cache = CacheManager::builder(world.fixture.namespace())
        .redis(&proxy.url(redis))
        .operation_timeout(Duration::from_millis(200))
        .build()
        .unwrap();
    let count = Arc::default();
    let worker = counting(&cache, &count);
    worker.send(&Counted).await.unwrap();
    eventually("it works", || async { worker.stats().handled == 1 }).await;

    proxy.black_hole();
    proxy.cut();
    eventually("Redis is away", || async { cache.ping().await.is_err() }).await;
    worker.send(&Counted).await.unwrap_err();
    worker.publish(&Counted).await.unwrap_err();
    sender(&world).send(&Counted).await.unwrap();

    proxy.forward();
    eventually("what was sent is handled", || async { worker.stats().handled == 2 }).await;
}
