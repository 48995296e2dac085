use std::sync::Arc;

use bytes::Bytes;
use cache_runtime::backend::{MemoryCache, NullCache};
use cache_runtime::{
    CacheManager, Counters, ErrorKind, Hashes, Lists, Namespace, Pattern, Pipeline, Sets, Ttl, Walk,
};

use super::shared;

async fn works(cache: &CacheManager) {
    let key = |name: &str| cache.key().text(name).value(&5).finish().unwrap();
    let value = [Bytes::from_static(b"v")];
    assert_eq!(cache.counters().increment(&key("views")).await.unwrap(), 1);
    assert_eq!(cache.lists().list_push_back(&key("recent"), &value).await.unwrap(), 1);
    assert_eq!(cache.sets().set_add(&key("online"), &value).await.unwrap(), 1);
    assert_eq!(cache.hashes().hash_length(&key("basket")).await.unwrap(), 0);
    let mut pipeline = Pipeline::new();
    let views = pipeline.increment(&key("views"));
    let mut replies = cache.run(pipeline).await.unwrap();
    assert_eq!(replies.take(views).unwrap(), 2);
    let lists = cache.pattern("recent:*").unwrap();
    assert_eq!(cache.keyspace().keys_matching(&lists, Walk::new()).await.unwrap(), [key("recent")]);
    assert_eq!(cache.delete_matching(&lists, Walk::new()).await.unwrap(), 1);
    assert!(cache.backend_stats().await.unwrap().keys.unwrap() >= 2);
    assert_eq!(cache.clear().await.unwrap(), 2, "views and online are left");
}

#[tokio::test]
async fn a_manager_gives_the_small_ports_of_its_backend() {
    let (url, namespace) = shared();
    let builder = || CacheManager::builder(namespace.as_str());
    works(&builder().redis(&url).build().unwrap()).await;
    works(&builder().memory().build().unwrap()).await;
}

#[tokio::test]
async fn a_pattern_of_another_namespace_is_refused() {
    let memory = MemoryCache::new();
    let manager =
        |name| CacheManager::builder(name).backend(Arc::new(memory.clone())).build().unwrap();
    let (shop, other) = (manager("shop"), manager("shop2"));
    let theirs = other.key().text("views").finish().unwrap();
    other.backend().set(&theirs, Bytes::from_static(b"1"), Ttl::Forever).await.unwrap();
    for pattern in [other.pattern("*").unwrap(), Pattern::new(other.namespace(), "views").unwrap()]
    {
        let refused = shop.delete_matching(&pattern, Walk::new()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Config);
        assert!(refused.to_string().contains("shop2"), "{refused}");
    }
    assert_eq!(shop.delete_matching(&shop.pattern("*").unwrap(), Walk::new()).await.unwrap(), 0);
    assert!(other.backend().exists(&theirs).await.unwrap(), "nothing of others is touched");
    let malformed = shop.pattern("views[").unwrap_err();
    assert_eq!(malformed.kind(), ErrorKind::Config);
}

/// All traits on one value: no name is in two of them.
#[tokio::test]
async fn the_ports_of_one_cache_do_not_get_in_each_others_way() {
    use cache_runtime::{Cache, CoherentCache, Execute, Keyspace, Pipelines, Watched};
    let cache = MemoryCache::new();
    let key = Namespace::new("shop").unwrap().key().text("k").finish().unwrap();
    cache.increment(&key).await.unwrap();
    cache.delete(&key).await.unwrap();
    cache.list_push_front(&key, &[]).await.unwrap();
    cache.set_add(&key, &[]).await.unwrap();
    cache.hash_set(&key, &[]).await.unwrap();
    cache.set(&key, Bytes::new(), Ttl::Forever).await.unwrap();
    cache.get_live(&[]).await.unwrap();
    cache.backend_stats().await.unwrap();
    cache.run(Pipeline::new()).await.unwrap();
    fn has_all<C: CoherentCache + Execute + Keyspace + Pipelines + Watched>(_: &C) {}
    has_all(&cache);
    has_all(&NullCache::new());
}
