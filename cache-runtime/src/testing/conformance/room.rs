//! Where a case works: a cache, a namespace, and what can be expected of them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::Backend;
use super::hold;
use crate::entry::Token;
use crate::error::{ErrorKind, Result};
use crate::key::{Key, Namespace};
use crate::policy::{Remaining, Ttl};
use crate::port::{CoherentCache, Fill, LeaseOutcome, LeaseRequest, ReleaseOutcome};

/// Lifetimes that no case outlives, far enough apart not to be mistaken for each other.
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(3600);

pub(super) struct Room {
    pub(super) cache: Arc<dyn CoherentCache>,
    namespace: Namespace,
}

/// The answer of a step that must not fail.
#[track_caller]
#[expect(clippy::panic, reason = "this is how a case fails")]
pub(super) fn ok<T, E: fmt::Debug>(answer: Result<T, E>, what: &str) -> T {
    match answer {
        Ok(answer) => answer,
        Err(error) => panic!("{what} failed: {error:?}"),
    }
}

/// How a step failed; `None` where it did not.
pub(super) fn failed<T>(answer: Result<T>) -> Option<ErrorKind> {
    answer.err().map(|error| error.kind())
}

/// The only answer of a batch of one.
#[track_caller]
pub(super) fn only<T: fmt::Debug>(mut answers: Vec<T>, what: &str) -> T {
    assert_eq!(answers.len(), 1, "{what} of one key has one answer, not {answers:?}");
    ok(answers.pop().ok_or("no answer"), what)
}

pub(super) fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

pub(super) fn request(key: &Key, token: Token) -> LeaseRequest {
    LeaseRequest { key: key.clone(), token, over: None }
}

pub(super) fn request_over(key: &Key, token: Token, over: &Bytes) -> LeaseRequest {
    LeaseRequest { key: key.clone(), token, over: Some(over.clone()) }
}

pub(super) fn fill(key: &Key, token: Token, entry: &Bytes, ttl: impl Into<Ttl>) -> Fill {
    Fill { key: key.clone(), token, entry: entry.clone(), ttl: ttl.into() }
}

impl Room {
    pub(super) async fn open<B: Backend>(backend: &B) -> Self {
        Self { cache: backend.fresh().await, namespace: backend.namespace() }
    }

    pub(super) fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    pub(super) fn key(&self, name: &str) -> Key {
        ok(self.namespace.key().text("case").value(name).finish(), "making a key")
    }

    /// So many keys that differ.
    pub(super) fn keys(&self, count: usize) -> Vec<Key> {
        (0..count).map(|number| self.key(&format!("key {number}"))).collect()
    }

    /// As many keys that differ as the pattern has names.
    pub(super) fn some_keys<const COUNT: usize>(&self) -> [Key; COUNT] {
        std::array::from_fn(|number| self.key(&format!("key {number}")))
    }

    pub(super) async fn get(&self, key: &Key) -> Option<Bytes> {
        ok(self.cache.get(key).await, "get")
    }

    pub(super) async fn get_many(&self, keys: &[Key]) -> Vec<Option<Bytes>> {
        ok(self.cache.get_many(keys).await, "get_many")
    }

    pub(super) async fn set(&self, key: &Key, value: &Bytes, ttl: impl Into<Ttl>) {
        ok(self.cache.set(key, value.clone(), ttl.into()).await, "set");
    }

    pub(super) async fn ttl(&self, key: &Key) -> Remaining {
        ok(self.cache.ttl(key).await, "ttl")
    }

    pub(super) async fn delete(&self, key: &Key) -> bool {
        ok(self.cache.delete(key).await, "delete")
    }

    pub(super) async fn expire(&self, key: &Key, ttl: impl Into<Ttl>) -> bool {
        ok(self.cache.expire(key, ttl.into()).await, "expire")
    }

    /// Puts another data type than bytes at the key; `false` where the backend knows none.
    pub(super) async fn put_another_type<B: Backend>(&self, backend: &B, key: &Key) -> bool {
        if backend.put_another_type(key).await {
            return true;
        }
        match self.cache.lists() {
            Some(lists) => ok(lists.list_push_back(key, &[bytes("x")]).await, "list_push_back") > 0,
            None => false,
        }
    }

    /// Takes a lease on an absent key, for a minute.
    pub(super) async fn lease(&self, key: &Key, token: Token) -> LeaseOutcome {
        only(ok(self.cache.lease(&[request(key, token)], MINUTE).await, "lease"), "lease")
    }

    /// Takes a lease over these bytes, for a minute.
    pub(super) async fn lease_over(&self, key: &Key, token: Token, over: &Bytes) -> LeaseOutcome {
        let requests = [request_over(key, token, over)];
        only(ok(self.cache.lease(&requests, MINUTE).await, "lease over bytes"), "lease over bytes")
    }

    /// A reader's lease that must be granted.
    pub(super) async fn leased(&self, key: &Key) -> Token {
        let token = Token::new();
        let outcome = self.lease(key, token).await;
        assert_eq!(outcome, LeaseOutcome::Granted, "a lease on an absent key is granted");
        token
    }

    /// Fills for an hour.
    pub(super) async fn fill(&self, key: &Key, token: Token, entry: &Bytes) -> bool {
        only(ok(self.cache.fill(&[fill(key, token, entry, HOUR)]).await, "fill"), "fill")
    }

    pub(super) async fn abandon(&self, key: &Key, token: Token) {
        ok(self.cache.abandon(std::slice::from_ref(key), token).await, "abandon");
    }

    pub(super) async fn hold(&self, key: &Key, token: Token, ttl: Duration) {
        ok(self.cache.hold(std::slice::from_ref(key), token, ttl).await, "hold");
    }

    /// A writer that holds the key for this long.
    pub(super) async fn held(&self, key: &Key, ttl: Duration) -> Token {
        let token = Token::new();
        self.hold(key, token, ttl).await;
        token
    }

    pub(super) async fn release(&self, key: &Key, token: Token) -> ReleaseOutcome {
        let answers = self.cache.release(std::slice::from_ref(key), token).await;
        only(ok(answers, "release"), "release")
    }

    /// Nothing stands there, whichever way it is asked.
    pub(super) async fn expect_absent(&self, key: &Key, why: &str) {
        assert_eq!(self.get(key).await, None, "nothing stands at the key: {why}");
        assert!(!ok(self.cache.exists(key).await, "exists"), "the key does not exist: {why}");
        assert_eq!(self.ttl(key).await, Remaining::NoKey, "there is no life left: {why}");
    }

    pub(super) async fn expect_bytes(&self, key: &Key, expected: &Bytes, why: &str) {
        assert_eq!(self.get(key).await.as_ref(), Some(expected), "the bytes at the key: {why}");
        assert!(ok(self.cache.exists(key).await, "exists"), "the key exists: {why}");
    }

    /// The key lives for at most this long, and for not much less.
    pub(super) async fn expect_left(&self, key: &Key, ttl: Duration, why: &str) {
        let left = self.ttl(key).await;
        let right = matches!(left, Remaining::Left(left) if left <= ttl && left > ttl / 2);
        assert!(right, "of {ttl:?} there is {left:?}: {why}");
    }

    pub(super) async fn expect_forever(&self, key: &Key, why: &str) {
        assert_eq!(self.ttl(key).await, Remaining::Forever, "the key has no lifetime: {why}");
    }

    /// A hold stands there with exactly these writers.
    pub(super) async fn expect_held(&self, key: &Key, writers: &[Token], why: &str) {
        let there = self.get(key).await;
        let found = there.as_ref().and_then(hold::tokens);
        let expected = hold::sorted(writers.to_vec());
        assert_eq!(found.map(hold::sorted), Some(expected), "the writers that hold the key: {why}");
    }
}
