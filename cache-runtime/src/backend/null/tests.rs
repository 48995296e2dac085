use super::*;
use crate::port::Pipeline;

#[tokio::test]
async fn the_null_cache_takes_everything_and_remembers_nothing() -> Result<()> {
    let cache = NullCache::new();
    let key = Namespace::new("null")?.key().text("k").finish()?;
    let keys = [key.clone(), key.clone()];
    let token = Token::new();
    let entry = Bytes::from_static(b"value");

    cache.set(&key, entry.clone(), Ttl::Forever).await?;
    assert_eq!(cache.get(&key).await?, None);
    assert_eq!(cache.get_many(&keys).await?, [None, None]);
    assert_eq!(cache.ttl(&key).await?, Remaining::NoKey);
    assert_eq!(cache.pull(&keys).await?, [None, None]);

    let request = LeaseRequest { key: key.clone(), token, over: None };
    let leases = cache.lease(&[request.clone(), request], Duration::from_secs(1)).await?;
    assert_eq!(leases, [LeaseOutcome::Granted, LeaseOutcome::Granted]);
    let fill = Fill { key, token, entry, ttl: Ttl::Forever };
    assert_eq!(cache.fill(&[fill]).await?, [false]);
    cache.hold(&keys, token, Duration::from_secs(1)).await?;
    assert_eq!(
        cache.release(&keys, token).await?,
        [ReleaseOutcome::Released, ReleaseOutcome::Released]
    );
    Ok(())
}

#[tokio::test]
async fn the_null_cache_can_be_closed_for_all_its_clones() -> Result<()> {
    let cache = NullCache::new();
    let clone = cache.clone();
    cache.ping().await?;
    cache.close().await?;
    cache.close().await?;
    let refused = clone.ping().await.map_err(|error| error.kind());
    assert_eq!(refused, Err(ErrorKind::Closed));
    Ok(())
}

#[tokio::test]
async fn what_is_counted_pushed_and_added_is_forgotten_at_once() -> Result<()> {
    let cache = NullCache::new();
    let namespace = Namespace::new("null")?;
    let key = namespace.key().text("k").finish()?;
    let (a, b) = (Bytes::from_static(b"a"), Bytes::from_static(b"b"));
    let values = [a.clone(), b.clone(), a.clone()];
    for _ in 0..2 {
        assert_eq!(cache.increment_by(&key, 5).await?, 5);
        assert_eq!(cache.list_push_back(&key, &values).await?, 3);
        assert!(cache.list_range(&key, 0, -1).await?.is_empty());
        assert_eq!(cache.set_add(&key, &values).await?, 2);
        assert!(!cache.set_is_member(&key, b"a").await?);
        assert_eq!(
            cache.hash_set(&key, &[(a.clone(), b.clone()), (a.clone(), b.clone())]).await?,
            1
        );
        assert_eq!(cache.hash_increment_by(&key, b"a", -1).await?, -1);
        assert!(cache.set_if_absent(&key, a.clone(), Ttl::Forever).await?);
        assert_eq!(cache.take(&key).await?, None);
    }
    let all = Pattern::new(&namespace, "*")?;
    assert!(cache.keys_matching(&all, Walk::new()).await?.is_empty());
    assert_eq!(cache.delete_matching(&all, Walk::new()).await?, 0);
    let mut pipeline = Pipeline::new();
    let (up, length) = (pipeline.increment(&key), pipeline.list_length(&key));
    let mut replies = cache.run(pipeline).await?;
    assert_eq!((replies.take(up)?, replies.take(length)?), (1, 0));
    assert_eq!(cache.backend_stats().await?.keys, Some(0));
    cache.close().await?;
    let refused = cache.increment(&key).await.map_err(|error| error.kind());
    assert_eq!(refused, Err(ErrorKind::Closed));
    Ok(())
}
