//! The Redis hand alone: whoever goes away, a reply never goes to somebody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cache_runtime::backend::RedisCache;
use cache_runtime::entry::{HOLD, Token};
use cache_runtime::{
    BoxFuture, Cache, CoherentCache, Fill, Key, LeaseOutcome, LeaseRequest, Namespace,
    ReleaseOutcome, Remaining, Ttl,
};
use tests::RedisServer;
use tokio::task::JoinSet;

use super::dropping::{dropped_after, places};

const PATIENCE: Duration = Duration::from_secs(6);
const TTL: Duration = Duration::from_secs(60);

/// The keys of one round, and what stands there.
struct Keys {
    namespace: Namespace,
    /// Bears `old`.
    value: Key,
    absent: Key,
    /// Bears a lease of `token`.
    leased: Key,
    /// Is held by `token`.
    held: Key,
    token: Token,
    old: Bytes,
    new: Bytes,
}

/// What stands at the four keys. Of a hold only that it is one.
type Marks = [Option<Bytes>; 4];

impl Keys {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let namespace = Namespace::new(&format!("hand-{number}")).unwrap();
        let key = |name: &str| namespace.key().text(name).finish().unwrap();
        Self {
            value: key("value"),
            absent: key("absent"),
            leased: key("leased"),
            held: key("held"),
            token: Token::new(),
            old: Bytes::from(format!("old {number}")),
            new: Bytes::from(format!("new {number}")),
            namespace,
        }
    }

    async fn prepare(&self, cache: &RedisCache) {
        cache.set(&self.value, self.old.clone(), Ttl::After(TTL)).await.unwrap();
        let request = LeaseRequest { key: self.leased.clone(), token: self.token, over: None };
        let outcomes = cache.lease(&[request], TTL).await.unwrap();
        assert_eq!(outcomes, [LeaseOutcome::Granted]);
        cache.hold(std::slice::from_ref(&self.held), self.token, TTL).await.unwrap();
    }

    fn before(&self) -> Marks {
        [Some(self.old.clone()), None, Some(self.token.lease()), hold()]
    }

    async fn found(&self, cache: &RedisCache) -> Marks {
        let keys = [&self.value, &self.absent, &self.leased, &self.held].map(Key::clone);
        let found = cache.get_many(&keys).await.unwrap();
        let found = found.into_iter().map(|bytes| match bytes {
            Some(bytes) if bytes.first() == Some(&HOLD) => hold(),
            other => other,
        });
        found.collect::<Vec<_>>().try_into().unwrap()
    }
}

fn hold() -> Option<Bytes> {
    Some(Bytes::from_static(b"a hold"))
}

/// A method of the ports: the call, which checks its own reply, and what it does to the keys.
struct Method {
    name: &'static str,
    call: for<'k> fn(&'k RedisCache, &'k Keys) -> BoxFuture<'k, ()>,
    after: fn(&Keys, &mut Marks),
}

const METHODS: &[Method] = &[
    Method {
        name: "get",
        call: |cache, keys| {
            Box::pin(async move {
                assert_eq!(cache.get(&keys.value).await.unwrap().as_ref(), Some(&keys.old));
            })
        },
        after: |_, _| {},
    },
    Method {
        name: "set",
        call: |cache, keys| {
            Box::pin(async move {
                cache.set(&keys.value, keys.new.clone(), Ttl::After(TTL)).await.unwrap();
            })
        },
        after: |keys, marks| marks[0] = Some(keys.new.clone()),
    },
    Method {
        name: "delete",
        call: |cache, keys| {
            Box::pin(async move { assert!(cache.delete(&keys.value).await.unwrap()) })
        },
        after: |_, marks| marks[0] = None,
    },
    Method {
        name: "exists",
        call: |cache, keys| {
            Box::pin(async move { assert!(!cache.exists(&keys.absent).await.unwrap()) })
        },
        after: |_, _| {},
    },
    Method {
        name: "expire",
        call: |cache, keys| {
            Box::pin(async move {
                assert!(cache.expire(&keys.value, Ttl::Forever).await.unwrap());
                assert!(!cache.expire(&keys.absent, Ttl::After(TTL)).await.unwrap());
            })
        },
        after: |_, _| {},
    },
    Method {
        name: "ttl",
        call: |cache, keys| {
            Box::pin(async move {
                let left = cache.ttl(&keys.leased).await.unwrap();
                assert!(matches!(left, Remaining::Left(left) if left <= TTL), "{left:?}");
                assert_eq!(cache.ttl(&keys.absent).await.unwrap(), Remaining::NoKey);
            })
        },
        after: |_, _| {},
    },
    Method {
        name: "get_many",
        call: |cache, keys| {
            Box::pin(async move {
                let found = cache.get_many(&[keys.absent.clone(), keys.value.clone()]).await;
                assert_eq!(found.unwrap(), [None, Some(keys.old.clone())]);
            })
        },
        after: |_, _| {},
    },
    Method {
        name: "get_many of more than fit in one command",
        call: |cache, keys| {
            Box::pin(async move {
                let mut wanted = vec![keys.absent.clone(); 1_200];
                wanted.push(keys.value.clone());
                let found = cache.get_many(&wanted).await.unwrap();
                assert_eq!((found.len(), found.last()), (1_201, Some(&Some(keys.old.clone()))));
                assert!(found[..1_200].iter().all(Option::is_none));
            })
        },
        after: |_, _| {},
    },
    Method {
        name: "set_many",
        call: |cache, keys| {
            Box::pin(async move {
                let entries =
                    [&keys.value, &keys.absent].map(|key| (key.clone(), keys.new.clone()));
                cache.set_many(&entries, Ttl::After(TTL)).await.unwrap();
            })
        },
        after: |keys, marks| {
            marks[0] = Some(keys.new.clone());
            marks[1] = Some(keys.new.clone());
        },
    },
    Method {
        name: "delete_many",
        call: |cache, keys| {
            Box::pin(async move {
                let gone = [&keys.value, &keys.absent, &keys.leased].map(Key::clone);
                assert_eq!(cache.delete_many(&gone).await.unwrap(), 2);
            })
        },
        after: |_, marks| (marks[0], marks[2]) = (None, None),
    },
    Method {
        name: "ping",
        call: |cache, _| Box::pin(async move { cache.ping().await.unwrap() }),
        after: |_, _| {},
    },
    Method {
        name: "clear",
        call: |cache, keys| {
            Box::pin(async move { assert_eq!(cache.clear(&keys.namespace).await.unwrap(), 3) })
        },
        after: |_, marks| *marks = [None, None, None, None],
    },
    Method {
        name: "lease",
        call: |cache, keys| {
            Box::pin(async move {
                let over = Some(keys.old.clone());
                let requests = [
                    LeaseRequest { key: keys.absent.clone(), token: keys.token, over: None },
                    LeaseRequest { key: keys.value.clone(), token: keys.token, over },
                ];
                let outcomes = cache.lease(&requests, TTL).await.unwrap();
                assert_eq!(outcomes, [LeaseOutcome::Granted, LeaseOutcome::Granted]);
            })
        },
        after: |keys, marks| {
            marks[0] = Some(keys.token.lease());
            marks[1] = Some(keys.token.lease());
        },
    },
    Method {
        name: "fill",
        call: |cache, keys| {
            Box::pin(async move {
                let fill = |key: &Key| Fill {
                    key: key.clone(),
                    token: keys.token,
                    entry: keys.new.clone(),
                    ttl: Ttl::After(TTL),
                };
                let fills = [fill(&keys.value), fill(&keys.leased)];
                assert_eq!(cache.fill(&fills).await.unwrap(), [false, true]);
            })
        },
        after: |keys, marks| marks[2] = Some(keys.new.clone()),
    },
    Method {
        name: "abandon",
        call: |cache, keys| {
            Box::pin(async move {
                let all = [keys.value.clone(), keys.leased.clone()];
                cache.abandon(&all, keys.token).await.unwrap();
            })
        },
        after: |_, marks| marks[2] = None,
    },
    Method {
        name: "hold",
        call: |cache, keys| {
            Box::pin(async move {
                let all = [&keys.value, &keys.absent, &keys.leased].map(Key::clone);
                cache.hold(&all, Token::new(), TTL).await.unwrap();
            })
        },
        after: |_, marks| *marks = [hold(), hold(), hold(), hold()],
    },
    Method {
        name: "release",
        call: |cache, keys| {
            Box::pin(async move {
                let all = [keys.held.clone(), keys.leased.clone()];
                let outcomes = cache.release(&all, keys.token).await.unwrap();
                assert_eq!(outcomes, [ReleaseOutcome::Released, ReleaseOutcome::WasGone]);
            })
        },
        after: |_, marks| (marks[2], marks[3]) = (None, None),
    },
];

/// What the call finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// A connection that others use.
    Connection,
    /// None yet.
    Nothing,
    /// A connection to a server that has forgotten the scripts.
    NoScripts,
}

async fn every_method_is_dropped_everywhere(start: Found) {
    let server = RedisServer::start();
    // On a busy machine everything is silent for a while.
    let open = || {
        let builder = RedisCache::builder(&server.url()).operation_timeout(PATIENCE);
        builder.hang_after(PATIENCE).build().unwrap()
    };
    let shared = open();
    let (stop, mut others) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
    for _ in 0..3 {
        others.spawn(somebody_else(shared.clone(), Arc::clone(&stop)));
    }
    for method in METHODS {
        let mut done_in_a_row = 0;
        for (awaits, at) in places() {
            let round =
                format!("{}, {start:?}, dropped after {awaits} awaits, {at:?}", method.name);
            let keys = Keys::new();
            keys.prepare(&shared).await;
            let cache = match start {
                Found::Connection => shared.clone(),
                Found::Nothing => open(),
                Found::NoScripts => {
                    forget_scripts(&server).await;
                    shared.clone()
                }
            };
            let call = async {
                let done = dropped_after(awaits, at, (method.call)(&cache, &keys)).await.is_some();
                // The very next call on the same connection.
                let own = keys.namespace.key().text("own").finish().unwrap();
                cache.set(&own, keys.new.clone(), Ttl::After(TTL)).await.unwrap();
                assert_eq!(cache.get(&own).await.unwrap().as_ref(), Some(&keys.new), "{round}");
                (done, keys.found(&cache).await)
            };
            let called = tokio::time::timeout(PATIENCE, call).await;
            let (done, found) = called.unwrap_or_else(|_| panic!("{round}: no answer"));
            let before = keys.before();
            let mut after = before.clone();
            (method.after)(&keys, &mut after);
            for (at, found) in found.iter().enumerate() {
                let whole = *found == after[at] || (!done && *found == before[at]);
                assert!(whole, "{round}: {found:?} at key {at}, {before:?}, {after:?}");
            }
            done_in_a_row = if done { done_in_a_row + 1 } else { 0 };
            if done_in_a_row == 3 {
                break;
            }
        }
    }
    stop.store(true, Ordering::Relaxed);
    for calls in others.join_all().await {
        assert!(calls > 0, "nobody else was there");
    }
}

async fn forget_scripts(server: &RedisServer) {
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let () = redis::cmd("SCRIPT").arg("FLUSH").query_async(&mut connection).await.unwrap();
}

/// Goes on calling, each time with another value, and insists on its own replies; says how often.
async fn somebody_else(cache: RedisCache, stop: Arc<AtomicBool>) -> usize {
    let mut calls = 0;
    while !stop.load(Ordering::Relaxed) {
        let keys = Keys::new();
        cache.set(&keys.value, keys.old.clone(), Ttl::After(TTL)).await.unwrap();
        assert_eq!(cache.get(&keys.value).await.unwrap().as_ref(), Some(&keys.old));
        assert!(!cache.exists(&keys.absent).await.unwrap());
        let both = [keys.absent.clone(), keys.value.clone()];
        assert_eq!(cache.get_many(&both).await.unwrap(), [None, Some(keys.old.clone())]);
        assert_eq!(cache.delete_many(&both).await.unwrap(), 1);
        calls += 1;
    }
    calls
}

#[tokio::test]
async fn a_call_that_goes_away_takes_nobodys_reply() {
    every_method_is_dropped_everywhere(Found::Connection).await;
}

#[tokio::test]
async fn a_call_that_goes_away_before_the_connection_is_there_keeps_it_from_nobody() {
    every_method_is_dropped_everywhere(Found::Nothing).await;
}

#[tokio::test]
async fn a_call_that_goes_away_while_the_scripts_are_loaded_takes_nobodys_reply() {
    every_method_is_dropped_everywhere(Found::NoScripts).await;
}
