//! What a write-behind moves.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use cache_runtime::{DataSource, Write, WriteBehind, WriteBehindSource};
use tests::eventually;

use super::watched::Watched;
use super::world::World;

/// Points by player, and whether they are refused.
#[derive(Clone, Default)]
struct Scores(Arc<Mutex<(BTreeMap<u32, i64>, bool)>>);

impl DataSource for Scores {
    type Key = u32;
    type Value = i64;
    type Error = std::io::Error;

    async fn load(&self, key: &u32) -> std::io::Result<Option<i64>> {
        Ok(self.0.lock().unwrap().0.get(key).copied())
    }

    async fn load_many(&self, keys: &[u32]) -> std::io::Result<Vec<Option<i64>>> {
        let scores = self.0.lock().unwrap();
        Ok(keys.iter().map(|key| scores.0.get(key).copied()).collect())
    }

    async fn store(&self, _: &i64) -> std::io::Result<i64> {
        Err(std::io::ErrorKind::Unsupported.into())
    }

    async fn delete(&self, _: &u32) -> std::io::Result<bool> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
}

impl WriteBehindSource for Scores {
    async fn apply(&self, _: &str, writes: &[Write<u32, i64>]) -> std::io::Result<()> {
        let mut scores = self.0.lock().unwrap();
        if scores.1 {
            return Err(std::io::ErrorKind::InvalidInput.into());
        }
        for write in writes {
            match write.value {
                Some(points) => scores.0.insert(write.key, points),
                None => scores.0.remove(&write.key),
            };
        }
        Ok(())
    }

    fn is_away(&self, _: &std::io::Error) -> bool {
        false
    }
}

#[tokio::test]
async fn what_waits_what_is_applied_and_what_dies_is_seen() {
    let world = World::new().await;
    let watched = Watched::of(&world.here.cache);
    let source = Scores::default();
    let builder = || WriteBehind::builder(&world.here.cache, "scores", source.clone()).tries(1);
    let writer = builder().build().unwrap();
    writer.put(&7, &1200).await.unwrap();
    writer.put(&7, &1300).await.unwrap();
    assert_eq!(watched.moved(), ["write_behind_accepted{scores} 2"]);
    watched.publish_all().await;
    let gauge = |what: &str| {
        let name = format!("cache_write_behind_{what}{{scores}}");
        watched.recorder.gauge(&name).unwrap()
    };
    assert_eq!((gauge("waiting"), gauge("dead_letters"), gauge("trouble")), (2.0, 0.0, 0.0));
    let oldest = gauge("oldest_seconds");
    assert!((0.0..60.0).contains(&oldest), "{oldest}");

    let worker = builder().spawn().unwrap();
    worker.flush().await.unwrap();
    watched.publish_all().await;
    assert_eq!(gauge("waiting"), 0.0);
    // A writer and a worker of one queue in one process add up.
    let moved = watched.moved();
    assert!(moved.contains(&"write_behind_applied{scores} 2".to_owned()), "{moved:?}");
    assert!(moved.contains(&"write_behind_collapsed{scores} 1".to_owned()), "{moved:?}");

    assert_eq!(worker.get(&7).await.unwrap().as_deref(), Some(&1300));
    world.here.cache.drain().await;
    let expected = [
        "fills{behind:scores,get} 1",
        "loads{behind:scores,get} 1",
        "misses{behind:scores,get,backend} 1",
    ];
    assert_eq!(watched.moved(), expected);
    assert_eq!(writer.get(&7).await.unwrap().as_deref(), Some(&1300));
    assert_eq!(watched.moved(), ["hits{behind:scores,get,backend} 1"]);

    source.0.lock().unwrap().1 = true;
    writer.put(&8, &1).await.unwrap();
    eventually("it is a dead letter", || async { worker.stats().dead == 1 }).await;
    watched.publish_all().await;
    assert_eq!(gauge("dead_letters"), 1.0);
    let moved = watched.moved();
    assert!(moved.contains(&"write_behind_dead{scores} 1".to_owned()), "{moved:?}");
    worker.stop().await;
}

#[tokio::test]
async fn a_strategy_counts_under_the_name_of_its_source_however_many_there_are() {
    let world = World::new().await;
    let watched = Watched::of(&world.here.cache);
    let source = Scores::default();
    source.0.lock().unwrap().0.insert(7, 1200);
    let (one, other) = (
        world.here.cache.read_through("scores", source.clone()),
        world.here.cache.cache_aside("scores", source),
    );
    assert_eq!(one.get(&7).await.unwrap().as_deref(), Some(&1200));
    world.here.cache.drain().await;
    let expected = [
        "fills{source:scores,get} 1",
        "loads{source:scores,get} 1",
        "misses{source:scores,get,backend} 1",
    ];
    assert_eq!(watched.moved(), expected);
    assert_eq!(other.get(&7).await.unwrap().as_deref(), Some(&1200));
    assert_eq!(watched.moved(), ["hits{source:scores,get,backend} 1"]);
}
