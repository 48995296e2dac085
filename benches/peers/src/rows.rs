//! Hits beside another cache.

use std::borrow::Borrow;
use std::sync::Arc;

use crate::Result;
use crate::bench::{Bench, with};
use crate::pair::{Goal, Measured, measure};
use crate::peer::{Peer, Setup, Tiers, warm};
use crate::source::Source;
use crate::world::{Users, World, drawn_in_a_row};
use crate::{effort::Effort, ours};

/// Reads a call of either side, in the process: what the measuring itself takes is little beside them.
const READS: u32 = 256;

/// Ours and the other one, both with every user.
struct Pair<P> {
    ours: Users,
    peer: P,
    source: Source,
    zipf: &'static [i64],
}

/// The rows of hits, in the process or in Redis, beside the cache that `open` gives.
pub(crate) async fn hits<P: Peer>(
    bench: &mut Bench,
    tiers: Tiers,
    name: &str,
    open: impl AsyncFn(&Setup) -> Result<P>,
) -> Result<()> {
    let (place, callers): (_, &[usize]) = match tiers {
        Tiers::Near => ("the process", &[1, 64]),
        Tiers::Far => ("Redis", &[1, 64, 256]),
    };
    let mut pair = None;
    for &callers in callers {
        let name = format!("hit in {place} beside {name}, {}", with(callers));
        if bench.wants(&name) {
            let opened = match pair {
                Some(pair) => pair,
                None => Pair::new(&*bench.filled().await?, tiers, &open).await?,
            };
            bench.add(opened.measured(&name, bench.effort(), tiers, callers).await?);
            pair = Some(opened);
        }
    }
    Ok(())
}

impl<P: Peer> Pair<P> {
    async fn new(
        world: &World,
        tiers: Tiers,
        open: &impl AsyncFn(&Setup) -> Result<P>,
    ) -> Result<Self> {
        let source = Source::ahead(&world.pool).await?;
        let namespace = world.users.cache.namespace().as_str().to_owned();
        let redis_url = world.redis_url().to_owned();
        let setup = Setup { tiers, redis_url, namespace, source: source.clone() };
        let (ours, peer) = (ours::open(&setup)?, open(&setup).await?);
        warm(&ours).await?;
        ours.cache.drain().await;
        warm(&peer).await?;
        Ok(Self { ours, peer, source, zipf: world.zipf })
    }

    async fn measured(
        &self,
        name: &str,
        effort: Effort,
        tiers: Tiers,
        callers: usize,
    ) -> Result<Measured> {
        let reads = if tiers == Tiers::Near { READS } else { 1 };
        // Ahead of every one of them.
        let goal = if callers == 1 { Goal::Latency(1.0) } else { Goal::Throughput(1.0) };
        let before = (self.source.loads(), self.ours.stats());
        let (ours, theirs) = (self.reading(&self.ours, reads), self.reading(&self.peer, reads));
        let measured = measure(name, effort, callers, goal, ours, theirs).await;
        let (loads, stats) = (self.source.loads() - before.0, self.ours.stats());
        let ours = stats.loads - before.1.loads;
        let far = stats.hits - before.1.hits;
        let near = stats.tier_hits - before.1.tier_hits;
        if loads > 0 || ours > 0 || (tiers == Tiers::Near && near < 100 * far) {
            let told = format!("{name}: not only hits; {loads} loads, ours {ours}, {far} in Redis");
            return Err(told.into());
        }
        // One read a call is in the unit of a call.
        Ok(if reads > 1 { measured.each(reads) } else { measured })
    }

    fn reading<Q: Peer>(
        &self,
        peer: &Q,
        reads: u32,
    ) -> impl Fn(u64) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> + Clone + use<Q, P>
    {
        let (peer, zipf) = (Arc::new(peer.clone()), self.zipf);
        move |random| {
            let peer = Arc::clone(&peer);
            Box::pin(async move {
                for id in drawn_in_a_row(zipf, random, reads) {
                    let user = peer.user(id).await;
                    assert!(user.is_some_and(|user| user.borrow().id == id), "a hit");
                }
            })
        }
    }
}
