use bytes::Bytes;
use cache_runtime::backend::RedisCache;
use cache_runtime::{Cache, ErrorKind, Pipeline, Pipelines};
use tests::{Proxy, RedisServer, eventually, in_time};

use super::tools::{MINUTE, key, patient, raw};

#[tokio::test]
async fn a_pipeline_is_one_round_trip() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address()).await;
    let cache = patient(&proxy.url(&server.url()));
    cache.ping().await.unwrap();
    let counter = key("counter");
    // No reply comes back: what waits for one before it goes on gets no further.
    proxy.hold_replies();
    let run = tokio::spawn({
        let (cache, counter) = (cache.clone(), counter.clone());
        async move {
            let mut pipeline = Pipeline::new();
            let steps: Vec<_> = (0..500).map(|_| pipeline.increment(&counter)).collect();
            let mut replies = cache.run(pipeline).await?;
            steps
                .into_iter()
                .map(|step| replies.take(step))
                .collect::<cache_runtime::Result<Vec<_>>>()
        }
    });
    let mut connection = raw(&server).await;
    eventually("all commands are there", || {
        let get = redis::cmd("GET").arg(counter.as_str()).to_owned();
        let mut connection = connection.clone();
        async move { get.query_async::<Option<i64>>(&mut connection).await.unwrap() == Some(500) }
    })
    .await;
    assert!(!run.is_finished(), "nobody has heard of it");
    proxy.forward();
    let steps = in_time("the pipeline", run).await.unwrap().unwrap();
    assert_eq!(steps, (1..=500).collect::<Vec<i64>>());
    let _: () = redis::cmd("PING").query_async(&mut connection).await.unwrap();
}

#[tokio::test]
async fn a_pipeline_to_a_server_that_is_away_fails_as_a_whole() {
    let mut server = RedisServer::start();
    let cache = RedisCache::open(&server.url()).unwrap();
    cache.set(&key("k"), Bytes::from_static(b"v"), MINUTE.into()).await.unwrap();
    server.kill();
    let mut pipeline = Pipeline::new();
    pipeline.get(&key("k"));
    let failed = cache.run(pipeline).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Unreachable, "{failed}");
}
