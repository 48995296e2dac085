//! What every cache of the table has to do: answer with a user, from wherever it is nearest.

use std::borrow::Borrow;
use std::future::Future;

use crate::Result;
use crate::source::Source;
use crate::world::{USERS, User};

/// More than there are users, so that nothing has to go.
pub(crate) const ENTRIES: u64 = 2 * USERS;
const WARMERS: usize = 64;

pub(crate) trait Peer: Clone + Send + Sync + 'static {
    /// What a hit gives: shared where the cache can share, else a copy.
    type Row: Borrow<User> + Send;

    fn user(&self, id: i64) -> impl Future<Output = Option<Self::Row>> + Send;
}

/// Where a cache keeps what it keeps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Tiers {
    /// In the process, and in Redis where it can do both.
    Near,
    /// In Redis alone.
    Far,
}

/// What a cache is opened with.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) tiers: Tiers,
    pub(crate) redis_url: String,
    /// Where ours keeps its entries; the others are told apart by their own prefixes.
    pub(crate) namespace: String,
    pub(crate) source: Source,
}

/// Reads every user twice: the second time all are admitted for certain.
pub(crate) async fn warm(peer: &impl Peer) -> Result<()> {
    for _ in 0..2 {
        let warmers = (0..WARMERS).map(|first| {
            let peer = peer.clone();
            tokio::spawn(async move {
                for id in (1..=USERS).skip(first).step_by(WARMERS) {
                    let id = i64::try_from(id).unwrap_or(1);
                    if peer.user(id).await.is_none_or(|user| user.borrow().id != id) {
                        return Err(format!("no user {id}"));
                    }
                }
                Ok(())
            })
        });
        for warmer in warmers.collect::<Vec<_>>() {
            warmer.await??;
        }
    }
    Ok(())
}
