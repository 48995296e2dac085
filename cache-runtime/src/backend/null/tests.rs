use super::*;

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
