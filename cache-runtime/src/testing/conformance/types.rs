//! A key has one data type at a time.
#![expect(missing_docs, reason = "the name of each case is its documentation")]

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;

use bytes::Bytes;

use super::Backend;
use super::room::{HOUR, Room, bytes, failed, ok};
use crate::entry::Token;
use crate::error::{ErrorKind, Result};
use crate::key::Key;
use crate::policy::Ttl;
use crate::port::{Hashes, Lists, Sets};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Bytes,
    List,
    Set,
    Hash,
}

const TYPES: [Type; 4] = [Type::Bytes, Type::List, Type::Set, Type::Hash];

/// All the structures of a backend that has them all.
struct Ports<'a> {
    room: &'a Room,
    lists: &'a dyn Lists,
    sets: &'a dyn Sets,
    hashes: &'a dyn Hashes,
}

/// What stands at a key, in full.
#[derive(Debug, PartialEq, Eq)]
enum There {
    Nothing,
    Bytes(Bytes),
    List(Vec<Bytes>),
    Set(HashSet<Bytes>),
    Hash(HashMap<Bytes, Bytes>),
}

impl<'a> Ports<'a> {
    fn of(room: &'a Room) -> Option<Self> {
        let cache = &room.cache;
        Some(Self { room, lists: cache.lists()?, sets: cache.sets()?, hashes: cache.hashes()? })
    }

    /// Makes a key of this type, which lives for an hour.
    async fn make(&self, key: &Key, of: Type) {
        let value = bytes("v");
        let made = match of {
            Type::Bytes => {
                self.room.set(key, &value, Ttl::Forever).await;
                1
            }
            Type::List => ok(self.lists.list_push_back(key, &[value]).await, "list_push_back"),
            Type::Set => ok(self.sets.set_add(key, &[value]).await, "set_add"),
            Type::Hash => {
                ok(self.hashes.hash_set(key, &[(value.clone(), value)]).await, "hash_set")
            }
        };
        assert_eq!(made, 1, "a new {of:?}");
        assert!(self.room.expire(key, HOUR).await, "the {of:?} was made");
    }

    async fn there(&self, key: &Key) -> There {
        if !ok(self.room.cache.exists(key).await, "exists") {
            return There::Nothing;
        }
        if let Ok(there) = self.room.cache.get(key).await {
            return there.map_or(There::Nothing, There::Bytes);
        }
        if let Ok(list) = self.lists.list_range(key, 0, -1).await {
            return There::List(list);
        }
        match self.sets.set_members(key).await {
            Ok(set) => There::Set(set),
            Err(_) => There::Hash(ok(self.hashes.hash_get_all(key).await, "hash_get_all")),
        }
    }
}

#[track_caller]
fn expect_refused<T: Debug>(answer: Result<T>, call: &str, of: Type) {
    assert_eq!(failed(answer), Some(ErrorKind::WrongType), "{call} at a {of:?}");
}

pub async fn a_call_at_another_type_is_refused_and_changes_nothing<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(ports) = Ports::of(&room) else { return };
    let Ports { lists, sets, hashes, .. } = ports;
    let value = [bytes("w")];
    for of in TYPES {
        let key = room.key(&format!("{of:?}"));
        ports.make(&key, of).await;
        let before = ports.there(&key).await;
        if of != Type::Bytes {
            expect_refused(room.cache.get(&key).await, "get", of);
            expect_refused(room.cache.take(&key).await, "take", of);
            if let Some(counters) = room.cache.counters() {
                expect_refused(counters.increment(&key).await, "increment", of);
                expect_refused(counters.decrement_by(&key, 2).await, "decrement_by", of);
            }
            let hold = room.cache.hold(std::slice::from_ref(&key), Token::new(), HOUR).await;
            expect_refused(hold, "hold", of);
        }
        if of != Type::List {
            expect_refused(lists.list_push_front(&key, &value).await, "list_push_front", of);
            expect_refused(lists.list_push_back(&key, &value).await, "list_push_back", of);
            expect_refused(lists.list_push_back(&key, &[]).await, "an empty push", of);
            expect_refused(lists.list_pop_front(&key).await, "list_pop_front", of);
            expect_refused(lists.list_pop_back(&key).await, "list_pop_back", of);
            expect_refused(lists.list_length(&key).await, "list_length", of);
            expect_refused(lists.list_range(&key, 0, -1).await, "list_range", of);
            expect_refused(lists.list_trim(&key, 0, -1).await, "list_trim", of);
        }
        if of != Type::Set {
            expect_refused(sets.set_add(&key, &value).await, "set_add", of);
            expect_refused(sets.set_add(&key, &[]).await, "an empty set_add", of);
            expect_refused(sets.set_remove(&key, &value).await, "set_remove", of);
            expect_refused(sets.set_remove(&key, &[]).await, "an empty set_remove", of);
            expect_refused(sets.set_members(&key).await, "set_members", of);
            expect_refused(sets.set_is_member(&key, b"v").await, "set_is_member", of);
            expect_refused(sets.set_cardinality(&key).await, "set_cardinality", of);
        }
        if of != Type::Hash {
            let field = [(bytes("f"), bytes("w"))];
            expect_refused(hashes.hash_set(&key, &field).await, "hash_set", of);
            expect_refused(hashes.hash_set(&key, &[]).await, "an empty hash_set", of);
            expect_refused(hashes.hash_get(&key, b"v").await, "hash_get", of);
            expect_refused(hashes.hash_get_all(&key).await, "hash_get_all", of);
            expect_refused(hashes.hash_delete(&key, &value).await, "hash_delete", of);
            expect_refused(hashes.hash_delete(&key, &[]).await, "an empty hash_delete", of);
            expect_refused(hashes.hash_length(&key).await, "hash_length", of);
            let count = hashes.hash_increment_by(&key, b"n", 1).await;
            expect_refused(count, "hash_increment_by", of);
        }
        assert_eq!(ports.there(&key).await, before, "the {of:?} is as it was");
        room.expect_left(&key, HOUR, "and lives as long").await;
    }
}

pub async fn a_set_replaces_a_value_of_any_type<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(ports) = Ports::of(&room) else { return };
    for of in TYPES {
        let [set, many, conditional] =
            ["set", "many", "conditional"].map(|name| room.key(&format!("{name} {of:?}")));
        for key in [&set, &many, &conditional] {
            ports.make(key, of).await;
        }
        room.set(&set, &bytes("new"), Ttl::Forever).await;
        room.expect_bytes(&set, &bytes("new"), "whatever was there").await;
        room.expect_forever(&set, "and its life").await;
        let entries = [(many.clone(), bytes("new"))];
        ok(room.cache.set_many(&entries, HOUR.into()).await, "set_many");
        room.expect_bytes(&many, &bytes("new"), "in a batch, too").await;
        let before = ports.there(&conditional).await;
        let put = room.cache.set_if_absent(&conditional, bytes("new"), HOUR.into()).await;
        assert!(!ok(put, "set_if_absent"), "a {of:?} stands there");
        assert_eq!(ports.there(&conditional).await, before, "the {of:?} is as it was");
    }
}

pub async fn a_key_of_any_type_lives_and_dies_like_any_other<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let Some(ports) = Ports::of(&room) else { return };
    for of in TYPES {
        let key = room.key(&format!("{of:?}"));
        ports.make(&key, of).await;
        room.expect_left(&key, HOUR, "it has a lifetime").await;
        assert!(ok(room.cache.persist(&key).await, "persist"), "it had one");
        room.expect_forever(&key, "it has none any more").await;
        assert!(room.expire(&key, HOUR).await, "it gets another");
        backend.expire_now(&*room.cache, &key).await;
        assert_eq!(ports.there(&key).await, There::Nothing, "a dead {of:?} is absent");
        for other in TYPES {
            ports.make(&key, other).await;
            assert!(room.delete(&key).await, "a {other:?} after a dead {of:?}");
            assert_eq!(ports.there(&key).await, There::Nothing, "it was deleted");
        }
    }
    let keys = room.keys(4);
    for (key, of) in keys.iter().zip(TYPES) {
        ports.make(key, of).await;
    }
    assert_eq!(ok(room.cache.delete_many(&keys).await, "delete_many"), 4, "of any type");
    for (key, of) in keys.iter().zip(TYPES) {
        ports.make(key, of).await;
    }
    assert_eq!(ok(room.cache.clear(room.namespace()).await, "clear"), 4, "of any type");
}
