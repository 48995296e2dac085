use std::slice::from_ref;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::entry::Token;
use crate::key::Namespace;
use crate::policy::{Remaining, Ttl};
use crate::port::{
    Cache, CoherentCache, Fill, Hashes, Heard, LeaseOutcome, LeaseRequest, Lists, ReleaseOutcome,
    Sets, Watched,
};

const SECOND: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);

/// A clock that a test moves; the one of the testing room is behind a feature.
#[derive(Clone, Debug, Default)]
struct Hands(Arc<Mutex<Duration>>);

impl Hands {
    fn advance(&self, time: Duration) {
        *self.0.lock().expect("nobody panics") += time;
    }
}

impl Clock for Hands {
    fn elapsed(&self) -> Duration {
        *self.0.lock().expect("nobody panics")
    }

    fn unix_millis(&self) -> u64 {
        0
    }
}

fn cache(capacity: usize) -> (MemoryCache, Hands) {
    let hands = Hands::default();
    let clock = Arc::new(hands.clone());
    (MemoryCache::builder().capacity_bytes(capacity).clock(clock).build(), hands)
}

fn key(name: impl std::fmt::Display) -> Key {
    let namespace = Namespace::new("memory").expect("a name");
    namespace.key().text(&name.to_string()).finish().expect("a key")
}

fn kilobyte() -> Bytes {
    Bytes::from(vec![b'H'; 1024])
}

async fn flood(cache: &MemoryCache, entries: usize) -> Result<()> {
    for number in 0..entries {
        cache.set(&key(format!("flood {number}")), kilobyte(), Ttl::Forever).await?;
    }
    Ok(())
}

fn bytes_held(cache: &MemoryCache) -> u64 {
    cache.inner.shards.iter().map(|shard| lock(shard).bytes()).sum()
}

#[tokio::test]
async fn a_key_expires_on_the_very_millisecond() -> Result<()> {
    let (cache, hands) = cache(1 << 20);
    let k = key("k");
    cache.set(&k, kilobyte(), Ttl::After(SECOND)).await?;
    hands.advance(SECOND - MILLI);
    assert_eq!(cache.ttl(&k).await?, Remaining::Left(MILLI));
    assert!(cache.exists(&k).await?);
    hands.advance(MILLI);
    assert!(!cache.exists(&k).await?);
    assert_eq!(bytes_held(&cache), 0, "what has expired is removed when it is come across");
    Ok(())
}

#[tokio::test]
async fn a_lifetime_below_a_millisecond_lasts_one() -> Result<()> {
    let (cache, hands) = cache(1 << 20);
    let k = key("k");
    cache.set(&k, kilobyte(), Ttl::After(Duration::from_nanos(1))).await?;
    assert_eq!(cache.ttl(&k).await?, Remaining::Left(MILLI));
    hands.advance(MILLI);
    assert_eq!(cache.ttl(&k).await?, Remaining::NoKey);
    Ok(())
}

#[tokio::test]
async fn a_lease_and_a_hold_run_out_by_the_clock() -> Result<()> {
    let (cache, hands) = cache(1 << 20);
    let (k, reader, writer) = (key("k"), Token::new(), Token::new());
    let request = LeaseRequest { key: k.clone(), token: reader, over: None };
    assert_eq!(cache.lease(from_ref(&request), SECOND).await?, [LeaseOutcome::Granted]);
    hands.advance(SECOND);
    let fill = Fill { key: k.clone(), token: reader, entry: kilobyte(), ttl: Ttl::Forever };
    assert_eq!(cache.fill(&[fill]).await?, [false]);
    cache.hold(from_ref(&k), writer, SECOND).await?;
    hands.advance(SECOND - MILLI);
    assert!(matches!(cache.lease(from_ref(&request), SECOND).await?[..], [LeaseOutcome::Taken(_)]));
    hands.advance(MILLI);
    assert_eq!(cache.lease(&[request], SECOND).await?, [LeaseOutcome::Granted]);
    Ok(())
}

#[tokio::test]
async fn each_writer_runs_out_by_its_own_deadline() -> Result<()> {
    let (cache, hands) = cache(1 << 20);
    let (keys, short, long) = ([key("k")], Token::new(), Token::new());
    cache.hold(&keys, short, SECOND).await?;
    cache.hold(&keys, long, 2 * SECOND).await?;
    hands.advance(SECOND);
    assert_eq!(cache.release(&keys, short).await?, [ReleaseOutcome::WasGone]);
    assert!(cache.exists(&keys[0]).await?, "the longer hold stands");
    assert_eq!(cache.release(&keys, long).await?, [ReleaseOutcome::Released]);
    assert!(!cache.exists(&keys[0]).await?);
    Ok(())
}

#[tokio::test]
async fn it_never_grows_beyond_its_capacity() -> Result<()> {
    for capacity in [64 << 10, 20 << 20] {
        let (cache, _) = cache(capacity);
        flood(&cache, capacity / 1024 * 2).await?;
        let (bytes, capacity) = (bytes_held(&cache), u64::try_from(capacity).expect("it is small"));
        assert!(bytes <= capacity, "{bytes} of {capacity}");
        assert!(bytes > capacity / 2, "{bytes} of {capacity}: room is used");
    }
    Ok(())
}

#[tokio::test]
async fn a_hold_that_lives_is_never_evicted_and_makes_room_once_it_ran_out() -> Result<()> {
    let (cache, hands) = cache(64 << 10);
    let writer = Token::new();
    let held: Vec<Key> = (0..1_000).map(|number| key(format!("held {number}"))).collect();
    cache.hold(&held, writer, SECOND).await?;
    flood(&cache, 1_000).await?;
    assert!(bytes_held(&cache) > 64 << 10, "holds carry it above its capacity");
    let outcomes = cache.release(&held[..10], writer).await?;
    assert_eq!(outcomes, [ReleaseOutcome::Released; 10], "they stood through the flood");
    hands.advance(SECOND);
    flood(&cache, 1_000).await?;
    assert!(bytes_held(&cache) <= 64 << 10, "dead holds are evicted like anything else");
    Ok(())
}

#[tokio::test]
async fn a_hold_is_never_refused_for_lack_of_room() -> Result<()> {
    for capacity in [0, 1, 4 << 10] {
        let (cache, _) = cache(capacity);
        let writer = Token::new();
        let held: Vec<Key> = (0..1_000).map(|number| key(format!("held {number}"))).collect();
        cache.hold(&held, writer, SECOND).await?;
        cache.hold(&held, Token::new(), SECOND).await?;
        flood(&cache, 10).await?;
        let outcomes = cache.release(&held, writer).await?;
        assert_eq!(outcomes, [ReleaseOutcome::Released; 1_000], "with a capacity of {capacity}");
        assert!(cache.get_many(&held).await?.iter().all(Option::is_some), "the other writer holds");
    }
    Ok(())
}

#[tokio::test]
async fn a_value_too_large_is_not_stored_and_what_it_replaces_is_gone() -> Result<()> {
    let (cache, _) = cache(64 << 10);
    let (k, large) = (key("k"), Bytes::from(vec![0; 64 << 10]));
    cache.set(&k, kilobyte(), Ttl::Forever).await?;
    cache.set(&k, large.clone(), Ttl::Forever).await?;
    assert_eq!(cache.get(&k).await?, None, "the old value must not stay");
    let token = Token::new();
    let request = LeaseRequest { key: k.clone(), token, over: None };
    assert_eq!(cache.lease(from_ref(&request), SECOND).await?, [LeaseOutcome::Granted]);
    let fill = Fill { key: k.clone(), token, entry: large, ttl: Ttl::Forever };
    assert_eq!(cache.fill(&[fill]).await?, [false], "it says that it did not store it");
    assert_eq!(cache.lease(&[request], SECOND).await?, [LeaseOutcome::Granted], "the key is free");
    Ok(())
}

#[tokio::test]
async fn with_no_capacity_nothing_is_stored() -> Result<()> {
    let (cache, _) = cache(0);
    cache.set(&key("k"), Bytes::new(), Ttl::Forever).await?;
    assert_eq!(cache.get(&key("k")).await?, None);
    assert_eq!(bytes_held(&cache), 0);
    Ok(())
}

#[tokio::test]
async fn a_listener_that_lags_loses_its_stream_and_takes_no_memory() -> Result<()> {
    let (cache, _) = cache(1 << 20);
    let namespace = Namespace::new("memory")?;
    let mut slow = cache.invalidations(&namespace).await?;
    let mut quick = cache.invalidations(&namespace).await?;
    let writer = Token::new();
    for number in 0..5_000_u64 {
        cache.hold(&[key("k")], writer, SECOND).await?;
        quick.beat(number).await?;
        assert_eq!(quick.next().await?, Heard::Keys(vec![key("k")]));
        assert_eq!(quick.next().await?, Heard::Beat(number));
    }
    let mut heard = 0;
    let lost = loop {
        match slow.next().await {
            Ok(_) => heard += 1,
            Err(lost) => break lost,
        }
    };
    assert_eq!(lost.kind(), ErrorKind::Unreachable);
    assert!((1_000..5_000).contains(&heard), "it heard {heard}, and nothing after the gap");
    assert!(slow.beat(1).await.is_err() && slow.next().await.is_err(), "it stays lost");
    let mut another = cache.invalidations(&namespace).await?;
    drop(slow);
    another.beat(1).await?;
    assert_eq!(another.next().await?, Heard::Beat(1), "the one that was lost took none with it");
    Ok(())
}

#[tokio::test]
async fn one_hold_of_very_many_keys_is_no_lag() -> Result<()> {
    let (cache, _) = cache(64 << 20);
    let mut stream = cache.invalidations(&Namespace::new("memory")?).await?;
    let keys: Vec<Key> = (0..20_000).map(key).collect();
    cache.hold(&keys, Token::new(), SECOND).await?;
    stream.beat(1).await?;
    let mut heard = Vec::new();
    while let Heard::Keys(some) = stream.next().await? {
        heard.extend(some);
    }
    assert!(heard == keys);
    Ok(())
}

#[tokio::test]
async fn a_stream_that_was_dropped_is_announced_to_no_more() -> Result<()> {
    let (cache, _) = cache(1 << 20);
    let namespace = Namespace::new("memory")?;
    for _ in 0..3 {
        let stream = cache.clone().invalidations(&namespace).await?;
        assert_eq!(cache.inner.listeners.count(), 1);
        drop(stream);
        assert_eq!(cache.inner.listeners.count(), 0);
    }
    cache.close().await?;
    assert!(cache.invalidations(&namespace).await.is_err());
    assert_eq!(cache.inner.listeners.count(), 0, "nobody listens to a cache that is closed");
    Ok(())
}

#[tokio::test]
async fn closing_lets_go_of_all_memory_for_all_clones() -> Result<()> {
    let (cache, _) = cache(64 << 10);
    let clone = cache.clone();
    flood(&cache, 10).await?;
    cache.close().await?;
    assert_eq!(bytes_held(&clone), 0);
    let refused = clone.get_many(&[]).await.map_err(|error| error.kind());
    assert_eq!(refused, Err(ErrorKind::Closed), "even for no keys");
    Ok(())
}

#[tokio::test]
async fn debug_shows_how_full_it_is_and_no_keys_or_values() -> Result<()> {
    let (cache, _) = cache(64 << 10);
    cache.set(&key("secret-key"), Bytes::from_static(b"secret value"), Ttl::Forever).await?;
    let shown = format!("{cache:?}");
    assert!(!shown.contains("secret"), "{shown}");
    assert!(shown.contains("entries: 1") && shown.contains("capacity_bytes: 65536"), "{shown}");
    Ok(())
}

#[tokio::test]
async fn structures_weigh_what_they_hold_and_are_evicted_like_values() -> Result<()> {
    let (cache, _) = cache(64 << 10);
    let (list, set, hash) = (key("list"), key("set"), key("hash"));
    cache.list_push_back(&list, &[kilobyte(), kilobyte()]).await?;
    cache.set_add(&set, &[kilobyte()]).await?;
    cache.hash_set(&hash, &[(Bytes::from_static(b"f"), kilobyte())]).await?;
    let full = bytes_held(&cache);
    assert!((4 << 10..6 << 10).contains(&full), "{full}");
    cache.list_pop_front(&list).await?;
    cache.hash_set(&hash, &[(Bytes::from_static(b"f"), Bytes::new())]).await?;
    let less = bytes_held(&cache);
    assert!((2 << 10..4 << 10).contains(&less), "{less}");
    cache.list_trim(&list, 1, 0).await?;
    cache.set_remove(&set, &[kilobyte()]).await?;
    cache.hash_delete(&hash, &[Bytes::from_static(b"f")]).await?;
    assert_eq!(bytes_held(&cache), 0, "what is emptied weighs nothing");

    for number in 0..100 {
        cache.list_push_back(&key(format!("list {number}")), &[kilobyte()]).await?;
    }
    let held = bytes_held(&cache);
    assert!(held <= 64 << 10 && held > 32 << 10, "{held}: lists make room for lists");
    for number in 0..50 {
        cache.list_push_back(&list, &[kilobyte()]).await?;
        assert_eq!(cache.list_length(&list).await?, number + 1, "a list that grows stays");
    }
    let held = bytes_held(&cache);
    assert!(held <= 64 << 10, "{held}: a list that grows makes room for itself");
    let stats = cache.backend_stats().await?;
    assert!(stats.evictions.is_some_and(|evicted| evicted >= 90), "{stats:?}");
    assert_eq!(stats.memory_limit_bytes, Some(64 << 10));
    Ok(())
}

#[tokio::test]
async fn a_structure_that_grows_too_large_is_refused_and_stays_as_it_is() -> Result<()> {
    let (cache, _) = cache(64 << 10);
    let (list, set, hash) = (key("list"), key("set"), key("hash"));
    let values: Vec<Bytes> = (0..100_u8).map(|byte| vec![byte; 1024].into()).collect();
    let fields: Vec<_> = values.iter().map(|value| (value.clone(), value.clone())).collect();
    let one = [Bytes::from_static(b"a")];
    cache.list_push_back(&list, &one).await?;
    cache.set_add(&set, &one).await?;
    cache.hash_set(&hash, &[(one[0].clone(), one[0].clone())]).await?;
    let refused = [
        cache.list_push_back(&list, &values).await,
        cache.list_push_front(&list, &values).await,
        cache.set_add(&set, &values).await,
        cache.hash_set(&hash, &fields).await,
    ];
    for answer in refused {
        assert_eq!(answer.map_err(|error| error.kind()), Err(ErrorKind::OutOfMemory));
    }
    assert_eq!(cache.list_length(&list).await?, 1);
    assert_eq!(cache.set_cardinality(&set).await?, 1);
    assert_eq!(cache.hash_length(&hash).await?, 1);
    assert_eq!(cache.backend_stats().await?.errors, 4);
    Ok(())
}

#[tokio::test]
async fn what_expired_is_told_apart_from_what_was_evicted() -> Result<()> {
    let (cache, hands) = cache(64 << 10);
    for number in 0..10 {
        cache.set(&key(number), Bytes::new(), Ttl::After(SECOND)).await?;
    }
    hands.advance(SECOND);
    for number in 0..5 {
        cache.get(&key(number)).await?;
    }
    cache.delete(&key(5)).await?;
    let stats = cache.backend_stats().await?;
    assert_eq!((stats.expiries, stats.evictions, stats.deletes), (Some(6), Some(0), 0));
    assert_eq!(stats.keys, Some(4), "dead, and not come across yet");
    flood(&cache, 200).await?;
    for number in 6..10 {
        assert!(!cache.exists(&key(number)).await?);
    }
    let stats = cache.backend_stats().await?;
    assert_eq!(stats.expiries, Some(10), "each once, whether it was come across or made room");
    assert!(stats.evictions.is_some_and(|evicted| evicted > 100), "{stats:?}");
    Ok(())
}
