//! Random globs: the memory lists what Redis lists.

use bytes::Bytes;
use cache_runtime::backend::MemoryCache;
use cache_runtime::{Cache, Key, Keyspace, Pattern, Ttl, Walk};
use fastrand::Rng;

use super::shared;
use super::tools::patient;

const GLOBS: usize = 1_500;

/// What a glob is made of; what it makes together is often none.
const PIECES: [&str; 24] = [
    "*", "*", "?", "[", "]", "[^", "-", "^", "\\", "a", "a", "b", "c", "é", ":", "=", "[ab]",
    "[a-c]", "[c-a]", "[^a]", "%", "1", "k", "[\\]^-]",
];

fn text(random: &mut Rng, pieces: &[&str], most: usize) -> String {
    (0..random.usize(1..=most)).map(|_| pieces[random.usize(..pieces.len())]).collect()
}

#[tokio::test]
async fn the_memory_matches_random_globs_as_redis_does() {
    let (url, namespace) = shared();
    let redis = patient(&url);
    let memory = MemoryCache::new();
    let seed = fastrand::u64(..);
    let mut random = Rng::with_seed(seed);
    let keys: Vec<Key> = (0..300)
        .map(|_| {
            let name =
                text(&mut random, &["a", "b", "c", "-", "^", "é", ":", "1", "]", "k", "%"], 5);
            namespace.key().text(&name).finish().unwrap()
        })
        .collect();
    let entries: Vec<_> = keys.iter().map(|key| (key.clone(), Bytes::from_static(b"v"))).collect();
    for cache in [&redis as &dyn Cache, &memory] {
        cache.set_many(&entries, Ttl::Forever).await.unwrap();
    }
    let (mut globs, mut matched) = (0, 0);
    while globs < GLOBS {
        let Ok(pattern) = Pattern::new(&namespace, &text(&mut random, &PIECES, 7)) else {
            continue;
        };
        globs += 1;
        let there = redis.keys_matching(&pattern, Walk::new().batch(10_000)).await.unwrap();
        let mut here = memory.keys_matching(&pattern, Walk::new()).await.unwrap();
        here.sort();
        assert_eq!(here, there, "memory and Redis, {pattern}, seed {seed}");
        matched += usize::from(!here.is_empty());
    }
    assert!(matched > GLOBS / 20, "{matched} of {globs} globs matched anything");
}
