//! What goes through all keys: they are listed in pieces, so that nobody waits for long.

use bytes::Bytes;
use redis::{Pipeline, cmd};

use super::RedisCache;
use super::announcement;
use super::link::Patience;
use super::pipeline::{CHUNK, call};
use super::scripts;
use crate::error::Result;
use crate::key::{Namespace, Prefix};

/// Keys that a sweep looks at in one go: scripts of this many keys keep the server for about a millisecond.
const SWEPT: usize = 100;

#[derive(Clone, Copy, Debug)]
enum Spared {
    Nothing,
    Holds,
}

impl RedisCache {
    pub(super) async fn clear_namespace(&self, namespace: &Namespace) -> Result<u64> {
        self.remove_all(namespace.as_str(), &namespace.pattern(), Spared::Nothing).await
    }

    pub(super) async fn sweep_prefix(&self, prefix: &Prefix) -> Result<u64> {
        self.remove_all(prefix.namespace(), &prefix.pattern(), Spared::Holds).await
    }

    /// Announces everything before and after, whatever became of it: a part of it may have been done.
    async fn remove_all(&self, namespace: &str, pattern: &str, spared: Spared) -> Result<u64> {
        self.one::<redis::Value>(|| announcement::of_everything(namespace)).await?;
        let removed = self.remove_matching(pattern, spared).await;
        self.one::<redis::Value>(|| announcement::of_everything(namespace)).await?;
        removed
    }

    async fn remove_matching(&self, pattern: &str, spared: Spared) -> Result<u64> {
        let (mut cursor, mut removed) = (0_u64, 0_u64);
        loop {
            let mut scan = cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(CHUNK);
            let (next, keys): (u64, Vec<Bytes>) = self.one(|| scan).await?;
            removed += match spared {
                Spared::Nothing => self.unlink(&keys).await?,
                Spared::Holds => self.sweep_keys(&keys).await?,
            };
            cursor = next;
            if cursor == 0 {
                return Ok(removed);
            }
        }
    }

    async fn unlink(&self, keys: &[Bytes]) -> Result<u64> {
        if keys.is_empty() {
            return Ok(0);
        }
        let mut unlink = cmd("UNLINK");
        for key in keys {
            unlink.arg(&key[..]);
        }
        self.one(|| unlink).await
    }

    async fn sweep_keys(&self, keys: &[Bytes]) -> Result<u64> {
        let mut removed = 0;
        for keys in keys.chunks(SWEPT) {
            let mut pipeline = Pipeline::with_capacity(keys.len());
            for key in keys {
                call(&mut pipeline, &scripts::SWEEP, key, &[]);
            }
            for answer in self.pipeline::<u64>(Patience::Reader, pipeline, &[]).await? {
                removed += answer.map_err(|error| self.failed(error))?;
            }
        }
        Ok(removed)
    }
}
