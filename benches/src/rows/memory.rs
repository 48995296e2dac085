//! What an entry takes in Redis beside the bare value under the same key.

use redis::aio::MultiplexedConnection;

use crate::Result;
use crate::bench::Bench;
use crate::figures::{Bound, Figure};
use crate::world::World;

const ENTRIES: i64 = 1_000;

pub(crate) async fn run(bench: &mut Bench) -> Result<()> {
    let name = "memory of an entry in Redis, over the bare value";
    if bench.wants(name) {
        let world = bench.world().await?;
        let (over, bare) = in_redis(&world).await?;
        bench.add(Figure::new(name.to_owned(), over, "bytes", Bound::AtMost(40.0)));
        bench.add(Figure::new(
            "memory of the bare value in Redis".to_owned(),
            bare,
            "bytes",
            Bound::None,
        ));
    }
    Ok(())
}

/// The means of what an entry takes more, and of what the bare value takes.
async fn in_redis(world: &World) -> Result<(f64, f64)> {
    world.empty().await?;
    let mut redis = world.redis.clone();
    let (mut over, mut bare) = (Vec::new(), Vec::new());
    for id in 1..=ENTRIES {
        let user = world.users.get(id).await?.ok_or("no such user")?;
        world.users.cache.drain().await;
        let key = world.users.cache.key().text("users:id").value(&id).finish()?;
        let key = key.as_str();
        let ours = usage(&mut redis, key).await?;
        let ttl: u64 = redis::cmd("PTTL").arg(key).query_async(&mut redis).await?;
        let () = redis::cmd("DEL").arg(key).query_async(&mut redis).await?;
        let value = postcard::to_stdvec(&*user)?;
        let mut set = redis::cmd("SET");
        let () = set.arg(key).arg(value).arg("PX").arg(ttl).query_async(&mut redis).await?;
        let theirs = usage(&mut redis, key).await?;
        over.push(ours - theirs);
        bare.push(theirs);
    }
    world.empty().await?;
    Ok((mean(&over), mean(&bare)))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

async fn usage(redis: &mut MultiplexedConnection, key: &str) -> Result<f64> {
    let mut command = redis::cmd("MEMORY");
    let bytes: Option<u32> = command.arg("USAGE").arg(key).query_async(redis).await?;
    Ok(f64::from(bytes.ok_or_else(|| format!("no entry at {key}"))?))
}
