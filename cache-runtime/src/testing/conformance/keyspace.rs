//! Keys by pattern.
#![expect(missing_docs, reason = "the name of each case is its documentation")]

use bytes::Bytes;

use super::Backend;
use super::room::{HOUR, MINUTE, Room, bytes, ok};
use crate::entry::Token;
use crate::key::{Key, Namespace, Pattern};
use crate::policy::Ttl;
use crate::port::{Heard, Keyspace, Progress, ReleaseOutcome, Walk};

fn pattern(room: &Room, glob: &str) -> Pattern {
    ok(Pattern::new(room.namespace(), glob), glob)
}

async fn listed(keyspace: &dyn Keyspace, pattern: &Pattern) -> Vec<Key> {
    let mut keys = ok(keyspace.keys_matching(pattern, Walk::new()).await, "keys_matching");
    keys.sort_unstable();
    keys
}

async fn delete(keyspace: &dyn Keyspace, pattern: &Pattern) -> u64 {
    ok(keyspace.delete_matching(pattern, Walk::new()).await, "delete_matching")
}

pub async fn a_pattern_lists_the_keys_that_it_matches<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(keyspace) = room.cache.keyspace() else { return };
    let names = ["a", "ab", "abc", "b", "a-b", "a:b", "é", "1", "a*b", "[a]", "A"];
    let keys = names.map(|name| room.key(name));
    for key in &keys {
        room.set(key, &bytes("v"), HOUR).await;
    }
    for glob in [
        "*",
        "case:*",
        "case:=a",
        "case:=a*",
        "case:=?",
        "case:=??",
        "case:=[ab]",
        "case:=[^ab]",
        "case:=[a-z]*",
        "case:=a?b",
        r"case:=\a",
        "case:=a%2Ab",
        "case:=*b",
        "x*",
        "case:=[-a]*",
        "case:=[A-Z]",
        "*:=*",
        "case",
        "case:=%5Ba%5D",
        "*b*c*",
    ] {
        let pattern = pattern(&room, glob);
        let mut expected: Vec<Key> =
            keys.iter().filter(|key| pattern.matches(key)).cloned().collect();
        expected.sort_unstable();
        assert_eq!(listed(keyspace, &pattern).await, expected, "{glob}");
    }
    assert_eq!(listed(keyspace, &pattern(&room, "*")).await.len(), keys.len(), "all of them");
    let literal = format!("case:={}", Pattern::literal("a*b"));
    assert_eq!(listed(keyspace, &pattern(&room, &literal)).await, [room.key("a*b")]);
}

pub async fn thousands_of_keys_are_listed_once_each<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(keyspace) = room.cache.keyspace() else { return };
    let mut keys = room.keys(2_345);
    let entries: Vec<_> = keys.iter().map(|key| (key.clone(), Bytes::from_static(b"v"))).collect();
    ok(room.cache.set_many(&entries, HOUR.into()).await, "set_many");
    keys.sort_unstable();
    for batch in [1_000, 7] {
        let mut last = Progress::default();
        let mut told = 0;
        let walk = Walk::new().batch(batch).on_progress(|progress| {
            assert!(progress.scanned >= last.scanned && progress.matched >= last.matched);
            (last, told) = (progress, told + 1);
        });
        let mut found = ok(keyspace.keys_matching(&pattern(&room, "*"), walk).await, "keys");
        found.sort_unstable();
        assert!(found == keys, "{} of {}", found.len(), keys.len());
        assert!(told > 0 && last.matched >= 2_345 && last.removed == 0, "{told}: {last:?}");
        assert!(last.scanned >= 2_345, "{last:?}");
    }
}

pub async fn a_pattern_deletes_what_it_matches_of_any_type<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(keyspace) = room.cache.keyspace() else { return };
    assert_eq!(delete(keyspace, &pattern(&room, "*")).await, 0, "nothing is there");
    let keys = room.keys(1_234);
    let entries: Vec<_> = keys.iter().map(|key| (key.clone(), Bytes::from_static(b"v"))).collect();
    ok(room.cache.set_many(&entries, Ttl::Forever).await, "set_many");
    let (leased, expired, other) = (room.key("leased"), room.key("dead"), room.key("other"));
    let reader = room.leased(&leased).await;
    room.set(&expired, &bytes("v"), MINUTE / 2).await;
    backend.expire_now(&*room.cache, &expired).await;
    let others = u64::from(room.put_another_type(backend, &other).await);
    let mut last = Progress::default();
    let walk = Walk::new().on_progress(|progress| last = progress);
    let all = pattern(&room, "*");
    let removed = ok(keyspace.delete_matching(&all, walk).await, "delete_matching");
    assert_eq!(removed, 1_235 + others, "every key that was alive counts");
    assert_eq!(last.removed, removed, "the last word of the progress");
    assert_eq!(listed(keyspace, &all).await, [], "nothing is left");
    assert!(!room.fill(&leased, reader, &bytes("old")).await, "its lease is gone");
}

pub async fn a_pattern_deletes_nothing_that_it_does_not_match<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(keyspace) = room.cache.keyspace() else { return };
    let (gone, left) = (["aa", "ab", "a b"], ["a", "b", "ba", "aaa", "AA"]);
    let others: Vec<Key> = {
        let own = room.namespace().as_str();
        // Whoever compares only the beginning, or takes a name for a pattern, takes these for its own.
        let names = [format!("{own}b"), format!("{own}?"), format!("{own}*"), format!("x{own}")];
        let key = |name: String| {
            let namespace = ok(Namespace::new(&name), "making a namespace");
            ok(namespace.key().text("case").value("aa").finish(), "making a key")
        };
        names.map(key).into()
    };
    let kept: Vec<Key> = left.map(|name| room.key(name)).into_iter().chain(others).collect();
    for key in gone.map(|name| room.key(name)).iter().chain(&kept) {
        room.set(key, &bytes("v"), MINUTE).await;
    }
    let starred = ok(Namespace::new(&format!("{}*", room.namespace().as_str())), "a namespace");
    let starred = ok(Pattern::new(&starred, "*"), "a pattern");
    assert_eq!(
        delete(keyspace, &pattern(&room, "case:=a[ab%]*b")).await,
        1,
        "`a b` as keys have it"
    );
    assert_eq!(delete(keyspace, &pattern(&room, "case:=a?")).await, 2);
    for key in &kept {
        room.expect_bytes(key, &bytes("v"), key.as_str()).await;
    }
    assert_eq!(delete(keyspace, &starred).await, 1, "a name is no pattern");
    for key in gone {
        room.expect_absent(&room.key(key), "it matched").await;
    }
}

pub async fn a_pattern_leaves_writers_holds_alone<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(keyspace) = room.cache.keyspace() else { return };
    let [held, value, both] = room.some_keys();
    let first = room.held(&held, HOUR).await;
    let writers = [room.held(&both, MINUTE).await, room.held(&both, HOUR).await];
    room.set(&value, &bytes("v"), HOUR).await;
    let mut last = Progress::default();
    let walk = Walk::new().on_progress(|progress| last = progress);
    let removed = keyspace.delete_matching(&pattern(&room, "*"), walk).await;
    assert_eq!(ok(removed, "delete_matching"), 1, "a hold is not removed");
    assert_eq!((last.matched, last.removed), (3, 1), "it matched all the same");
    room.expect_held(&held, &[first], "nobody's hold is lost").await;
    room.expect_held(&both, &writers, "nobody's hold is lost").await;
    for (key, writer) in [(&held, first), (&both, writers[0]), (&both, writers[1])] {
        let outcome = room.release(key, writer).await;
        assert_eq!(outcome, ReleaseOutcome::Released, "its hold stood");
    }
    let dead = super::hold::entry(&[(Token::new(), super::hold::PAST)]);
    room.set(&value, &dead, Ttl::Forever).await;
    assert_eq!(delete(keyspace, &pattern(&room, "*")).await, 1, "a hold that ran out is nobody's");
}

pub async fn a_deletion_by_pattern_is_announced<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(keyspace) = room.cache.keyspace() else { return };
    let Ok(mut stream) = room.cache.invalidations(room.namespace()).await else { return };
    room.set(&room.key("k"), &bytes("v"), HOUR).await;
    assert_eq!(delete(keyspace, &pattern(&room, "case:*")).await, 1);
    ok(keyspace.keys_matching(&pattern(&room, "*"), Walk::new()).await, "keys_matching");
    ok(stream.beat(1).await, "beat");
    let mut heard = Vec::new();
    while heard.last() != Some(&Heard::Beat(1)) {
        heard.push(ok(stream.next().await, "next"));
    }
    assert_eq!(
        heard,
        [Heard::Everything, Heard::Everything, Heard::Beat(1)],
        "before and after; a list announces nothing"
    );
}
