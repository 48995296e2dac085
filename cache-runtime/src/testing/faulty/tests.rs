use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::stream::FaultyStream;
use super::*;
use crate::backend::MemoryCache;
use crate::entry::{Body, Mark, Token, Value};
use crate::key::{Key, Namespace, Pattern};
use crate::policy::Ttl;
use crate::port::{
    Action, Cache, Command, Fill, Heard, InvalidationStream, LeaseRequest, NewSession, Replacement,
    SessionChange, SessionDigest, SessionSpace, SurveyFrom, UserDigest, Walk,
};
use crate::quota::{Algorithm, Ask, LimitKey, Quota, Seat, Seats};

const MINUTE: Duration = Duration::from_secs(60);

fn key() -> Key {
    Namespace::new("faulty").and_then(|name| name.key().text("k").finish()).expect("a key")
}

fn faulty() -> FaultyCache {
    FaultyCache::over(Arc::new(MemoryCache::new()))
}

fn value() -> Bytes {
    Bytes::from_static(b"value")
}

fn nothing() -> Bytes {
    let (fingerprint, era, filled_at, nonce) = (1, 0, 0, 1);
    let (kept_millis, load_micros, stamps, body) = (0, 0, Vec::new(), Body::Nothing);
    Value { fingerprint, era, filled_at, nonce, kept_millis, load_micros, stamps, body }.to_bytes()
}

fn kind<T>(answer: Result<T>) -> Option<ErrorKind> {
    answer.err().map(|error| error.kind())
}

fn setting(cache: &FaultyCache) -> JoinHandle<Result<()>> {
    let cache = cache.clone();
    tokio::spawn(async move { cache.set(&key(), value(), Ttl::Forever).await })
}

/// Every call of the small ports once.
async fn every_small_call(cache: &FaultyCache) -> Vec<(Op, Option<ErrorKind>)> {
    let key = |name| Namespace::new("faulty").and_then(|space| space.key().text(name).finish());
    let [n, l, s, h] = ["number", "list", "set", "hash"].map(|name| key(name).expect("a key"));
    let (values, fields) = ([value()], [(value(), value())]);
    let pattern = Pattern::new(&Namespace::new("faulty").expect("a name"), "*").expect("a pattern");
    let commands = [Command { key: n.clone(), action: Action::Get }];
    let ports = (cache.counters(), cache.lists(), cache.sets(), cache.hashes());
    let (Some(counters), Some(lists), Some(sets), Some(hashes)) = ports else {
        panic!("the memory has them all")
    };
    let others = (cache.keyspace(), cache.pipelines(), cache.watched());
    let (Some(keyspace), Some(pipelines), Some(watched)) = others else {
        panic!("the memory has them all")
    };
    let limits = cache.limits().expect("the memory has limits");
    let space = Namespace::new("faulty").expect("a name");
    let limit = LimitKey::new(&space, "limit", "k", "gcra").expect("a key");
    let quota = Quota::new(Algorithm::Gcra, 1, MINUTE).expect("a quota");
    let asks = [Ask::new(limit.clone(), quota, 1).expect("it could be admitted")];
    let seats = Seats::new(1, MINUTE).expect("a seat");
    let seat = Seat { key: limit.clone(), seats, holder: Token::new() };
    vec![
        (Op::IncrementBy, kind(counters.increment(&n).await)),
        (Op::ListPushFront, kind(lists.list_push_front(&l, &values).await)),
        (Op::ListPushBack, kind(lists.list_push_back(&l, &values).await)),
        (Op::ListPopFront, kind(lists.list_pop_front(&l).await)),
        (Op::ListPopBack, kind(lists.list_pop_back(&l).await)),
        (Op::ListLength, kind(lists.list_length(&l).await)),
        (Op::ListRange, kind(lists.list_range(&l, 0, 1).await)),
        (Op::ListTrim, kind(lists.list_trim(&l, 0, 1).await)),
        (Op::SetAdd, kind(sets.set_add(&s, &values).await)),
        (Op::SetRemove, kind(sets.set_remove(&s, &values).await)),
        (Op::SetMembers, kind(sets.set_members(&s).await)),
        (Op::SetIsMember, kind(sets.set_is_member(&s, b"v").await)),
        (Op::SetCardinality, kind(sets.set_cardinality(&s).await)),
        (Op::HashSet, kind(hashes.hash_set(&h, &fields).await)),
        (Op::HashGet, kind(hashes.hash_get(&h, b"f").await)),
        (Op::HashGetAll, kind(hashes.hash_get_all(&h).await)),
        (Op::HashDelete, kind(hashes.hash_delete(&h, &values).await)),
        (Op::HashLength, kind(hashes.hash_length(&h).await)),
        (Op::HashIncrementBy, kind(hashes.hash_increment_by(&h, b"n", 1).await)),
        (Op::KeysMatching, kind(keyspace.keys_matching(&pattern, Walk::new()).await)),
        (Op::DeleteMatching, kind(keyspace.delete_matching(&pattern, Walk::new()).await)),
        (Op::RunCommands, kind(pipelines.run_commands(&commands).await)),
        (Op::BackendStats, kind(watched.backend_stats().await)),
        (Op::Decide, kind(limits.decide(&asks).await)),
        (Op::PeekLimits, kind(limits.peek(&asks).await)),
        (Op::ResetLimits, kind(limits.reset(&[limit]).await)),
        (Op::TakeSeat, kind(limits.take_seat(&seat).await)),
        (Op::PeekSeats, kind(limits.peek_seats(&seat).await)),
        (Op::LeaveSeat, kind(limits.leave_seat(&seat).await)),
    ]
}

/// Every call of sessions once.
async fn every_session_call(cache: &FaultyCache) -> Vec<(Op, Option<ErrorKind>)> {
    let space = SessionSpace::new(key(), MINUTE, MINUTE, 1);
    let [id, to] = [1, 2].map(|number| SessionDigest::from_bytes([number; 32]));
    let user = UserDigest::from_bytes([3; 32]);
    let new = NewSession { data: value(), about: value(), user: None, lives: MINUTE };
    let change = SessionChange { from: None, data: value(), lives: None };
    let port = cache.sessions().expect("the memory has them");
    vec![
        (Op::SessionCreate, kind(port.session_create(&space, &id, &new).await)),
        (Op::SessionRead, kind(port.session_read(&space, &id).await)),
        (Op::SessionWrite, kind(port.session_write(&space, &id, &change).await)),
        (Op::SessionRotate, kind(port.session_rotate(&space, &id, &to, &change, None).await)),
        (Op::SessionList, kind(port.session_list(&space, &user).await)),
        (Op::SessionDestroy, kind(port.session_destroy(&space, &to).await)),
        (Op::SessionDestroyListed, kind(port.session_destroy_listed(&space, &user, &to).await)),
        (Op::SessionDestroyAll, kind(port.session_destroy_all(&space, &user, None).await)),
        (Op::SessionDestroyEveryone, kind(port.session_destroy_everyone(&space).await)),
    ]
}

/// Every call of all ports once; how each failed, if it did.
/// The stream is opened past the plan: whether one can be opened is one call of many.
async fn every_call(cache: &FaultyCache) -> Vec<(Op, Option<ErrorKind>)> {
    let (k, token, ttl) = (key(), Token::new(), Ttl::Forever);
    let keys = [k.clone()];
    let entries = [(k.clone(), value())];
    let request = [LeaseRequest { key: k.clone(), token, over: None }];
    let fill = [Fill { key: k.clone(), token, entry: value(), ttl }];
    let over = Mark::of(&nothing()).expect("a value");
    let replacement = [Replacement { key: k.clone(), over, entry: value(), ttl }];
    let namespace = Namespace::new("faulty").expect("a name");
    let whole = SurveyFrom { cursor: 0, seen: 0, every: 1 };
    let opened = cache.inner.invalidations(&namespace).await.expect("a stream");
    let mut stream = FaultyStream::over(cache, opened);
    let mut calls = every_small_call(cache).await;
    calls.extend(every_session_call(cache).await);
    calls.extend([
        (Op::Beat, kind(stream.beat(1).await)),
        // There is always something to hear.
        (Op::Hear, {
            cache.inner.clear(&namespace).await.expect("it is open");
            kind(stream.next().await)
        }),
        (Op::Get, kind(cache.get(&k).await)),
        (Op::Set, kind(cache.set(&k, value(), ttl).await)),
        (Op::SetIfAbsent, kind(cache.set_if_absent(&k, value(), ttl).await)),
        (Op::Take, kind(cache.take(&k).await)),
        (Op::Delete, kind(cache.delete(&k).await)),
        (Op::Exists, kind(cache.exists(&k).await)),
        (Op::Expire, kind(cache.expire(&k, ttl).await)),
        (Op::Persist, kind(cache.persist(&k).await)),
        (Op::Ttl, kind(cache.ttl(&k).await)),
        (Op::GetMany, kind(cache.get_many(&keys).await)),
        (Op::SetMany, kind(cache.set_many(&entries, ttl).await)),
        (Op::DeleteMany, kind(cache.delete_many(&keys).await)),
        (Op::Ping, kind(cache.ping().await)),
        (Op::Clear, kind(cache.clear(&namespace).await)),
        (Op::Lease, kind(cache.lease(&request, MINUTE).await)),
        (Op::Fill, kind(cache.fill(&fill).await)),
        (Op::Replace, kind(cache.replace(&replacement).await)),
        (Op::Abandon, kind(cache.abandon(&keys, token).await)),
        (Op::Hold, kind(cache.hold(&keys, token, MINUTE).await)),
        (Op::Release, kind(cache.release(&keys, token).await)),
        (Op::Pull, kind(cache.pull(&keys).await)),
        (Op::GetLive, kind(cache.get_live(&keys).await)),
        (Op::Sweep, kind(cache.sweep(&namespace.whole()).await)),
        (Op::Survey, kind(cache.survey(&namespace, whole).await)),
        (Op::Invalidations, kind(cache.invalidations(&namespace).await)),
        (Op::Close, kind(cache.close().await)),
    ]);
    calls
}

#[tokio::test]
async fn each_call_has_its_own_op_and_its_own_count() {
    for op in Op::ALL {
        let cache = faulty();
        cache.fail(op, ErrorKind::OutOfMemory);
        let answers = every_call(&cache).await;
        assert_eq!(answers.len(), Op::ALL.len());
        for (called, failed) in answers {
            let expected = (called == op).then_some(ErrorKind::OutOfMemory);
            assert_eq!(failed, expected, "{called:?} while {op:?} fails");
            assert_eq!(cache.calls(called), 1, "{called:?} was called once");
        }
    }
}

#[tokio::test]
async fn a_server_that_is_away_fails_every_call_until_it_is_healed() {
    let cache = faulty();
    cache.fail_all(ErrorKind::Unreachable);
    for (op, failed) in every_call(&cache).await {
        assert_eq!(failed, Some(ErrorKind::Unreachable), "{op:?}");
    }
    cache.heal();
    for (op, failed) in every_call(&cache).await {
        assert_eq!(failed, None, "{op:?} after the server came back");
    }
}

#[tokio::test]
async fn a_call_that_fails_has_no_effect() -> Result<()> {
    let cache = faulty();
    cache.fail(Op::Set, ErrorKind::Timeout);
    assert_eq!(kind(cache.set(&key(), value(), Ttl::Forever).await), Some(ErrorKind::Timeout));
    assert_eq!(cache.get(&key()).await?, None);
    Ok(())
}

#[tokio::test]
async fn a_fault_for_a_number_of_calls_ends_by_itself() -> Result<()> {
    let cache = faulty();
    cache.fail_next(Op::Ping, 2, ErrorKind::Timeout);
    assert_eq!(kind(cache.ping().await), Some(ErrorKind::Timeout));
    assert_eq!(kind(cache.ping().await), Some(ErrorKind::Timeout));
    cache.ping().await?;
    cache.ping().await?;
    assert_eq!(cache.calls(Op::Ping), 4);
    Ok(())
}

#[tokio::test]
async fn a_lost_reply_hides_an_effect_that_was_taken() -> Result<()> {
    let cache = faulty();
    cache.lose_next_reply(Op::Set, 1, ErrorKind::Timeout);
    assert_eq!(kind(cache.set(&key(), value(), Ttl::Forever).await), Some(ErrorKind::Timeout));
    assert_eq!(cache.get(&key()).await?, Some(value()));
    cache.lose_reply(Op::Delete, ErrorKind::Unreachable);
    assert_eq!(kind(cache.delete(&key()).await), Some(ErrorKind::Unreachable));
    assert_eq!(cache.get(&key()).await?, None);
    Ok(())
}

#[tokio::test]
async fn a_stalled_call_takes_effect_only_when_it_is_resumed() -> Result<()> {
    let cache = faulty();
    cache.stall(Op::Set);
    let stalled = setting(&cache);
    cache.until_stalled(Op::Set).await;
    assert_eq!(cache.stalled(Op::Set), 1);
    assert!(!stalled.is_finished());
    assert_eq!(cache.get(&key()).await?, None);
    cache.resume(Op::Set);
    stalled.await.expect("it goes on")?;
    assert_eq!(cache.get(&key()).await?, Some(value()));
    assert_eq!(cache.stalled(Op::Set), 0);
    cache.set(&key(), value(), Ttl::Forever).await
}

#[tokio::test]
async fn a_stalled_reply_hides_an_effect_that_was_taken() -> Result<()> {
    let cache = faulty();
    cache.stall_reply(Op::Set);
    let stalled = setting(&cache);
    cache.until_stalled(Op::Set).await;
    assert_eq!(cache.get(&key()).await?, Some(value()));
    assert!(!stalled.is_finished());
    cache.heal();
    stalled.await.expect("it goes on")
}

#[tokio::test]
async fn a_stalled_call_that_is_dropped_never_takes_effect() -> Result<()> {
    let cache = faulty();
    cache.stall(Op::Set);
    let stalled = setting(&cache);
    cache.until_stalled(Op::Set).await;
    stalled.abort();
    assert!(stalled.await.is_err_and(|error| error.is_cancelled()));
    assert_eq!(cache.stalled(Op::Set), 0);
    cache.resume(Op::Set);
    assert_eq!(cache.get(&key()).await?, None);
    Ok(())
}

#[tokio::test]
async fn a_fault_that_replaces_a_stall_leaves_the_stalled_calls_where_they_are() -> Result<()> {
    let cache = faulty();
    cache.stall(Op::Set);
    let stalled = setting(&cache);
    cache.until_stalled(Op::Set).await;
    cache.fail(Op::Set, ErrorKind::ReadOnly);
    assert_eq!(kind(setting(&cache).await.expect("it ends")), Some(ErrorKind::ReadOnly));
    assert_eq!(cache.stalled(Op::Set), 1);
    cache.resume(Op::Set);
    stalled.await.expect("it goes on")?;
    assert_eq!(kind(setting(&cache).await.expect("it ends")), Some(ErrorKind::ReadOnly));
    Ok(())
}

#[tokio::test]
async fn a_stream_that_is_stalled_says_nothing_and_loses_nothing() -> Result<()> {
    for stall in [FaultyCache::stall, FaultyCache::stall_reply] {
        let cache = faulty();
        let namespace = Namespace::new("faulty")?;
        let mut stream = cache.invalidations(&namespace).await?;
        stall(&cache, Op::Hear);
        cache.hold(&[key()], Token::new(), MINUTE).await?;
        let heard = tokio::time::timeout(Duration::from_millis(5), stream.next()).await;
        assert!(heard.is_err(), "{heard:?}");
        cache.resume(Op::Hear);
        assert_eq!(stream.next().await?, Heard::Keys(vec![key()]));
    }
    Ok(())
}

#[tokio::test]
async fn a_beat_that_fails_is_never_heard() -> Result<()> {
    let cache = faulty();
    let mut stream = cache.invalidations(&Namespace::new("faulty")?).await?;
    cache.fail_next(Op::Beat, 1, ErrorKind::Timeout);
    assert_eq!(kind(stream.beat(1).await), Some(ErrorKind::Timeout));
    stream.beat(2).await?;
    assert_eq!(stream.next().await?, Heard::Beat(2));
    Ok(())
}
