//! What goes through all keys: they are listed in pieces, so that nobody waits for long.

use bytes::Bytes;
use redis::{Pipeline, cmd};

use super::RedisCache;
use super::announcement;
use super::link::Patience;
use super::pipeline::{CHUNK, call};
use super::scripts;
use crate::error::Result;
use crate::key::{Key, Namespace, Pattern, Prefix};
use crate::port::{Progress, Walk};

/// Keys that a sweep looks at in one go: scripts of this many keys keep the server for about a millisecond.
const SWEPT: usize = 100;

#[derive(Clone, Copy, Debug)]
enum Spared {
    Nothing,
    Holds,
    HoldsAndOtherTypes,
}

impl RedisCache {
    pub(super) async fn clear_namespace(&self, namespace: &Namespace) -> Result<u64> {
        let (name, glob) = (namespace.as_str(), namespace.pattern());
        self.remove_all(name, &glob, Spared::Nothing, Walk::new()).await
    }

    pub(super) async fn sweep_prefix(&self, prefix: &Prefix) -> Result<u64> {
        let (name, glob) = (prefix.namespace(), prefix.pattern());
        self.remove_all(name, &glob, Spared::HoldsAndOtherTypes, Walk::new()).await
    }

    pub(super) async fn delete_pattern(&self, pattern: &Pattern, walk: Walk<'_>) -> Result<u64> {
        self.remove_all(pattern.namespace(), pattern.as_str(), Spared::Holds, walk).await
    }

    pub(super) async fn list_matching(
        &self,
        pattern: &Pattern,
        mut walk: Walk<'_>,
    ) -> Result<Vec<Key>> {
        let (mut scan, mut found) = (Scan::new(pattern.as_str(), &walk), Vec::new());
        while let Some(keys) = scan.next(self).await? {
            // What is no text is none of ours, and cannot be named by a key.
            found
                .extend(keys.iter().filter_map(|key| str::from_utf8(key).ok()).map(Key::from_text));
            walk.tell(scan.progress);
        }
        // The server lists a key twice where its table is moved meanwhile.
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Announces everything before and after, whatever became of it: a part of it may have been done.
    async fn remove_all(
        &self,
        namespace: &str,
        glob: &str,
        spared: Spared,
        walk: Walk<'_>,
    ) -> Result<u64> {
        self.one::<redis::Value>(|| announcement::of_everything(namespace)).await?;
        let removed = self.remove_matching(glob, spared, walk).await;
        self.one::<redis::Value>(|| announcement::of_everything(namespace)).await?;
        removed
    }

    async fn remove_matching(&self, glob: &str, spared: Spared, mut walk: Walk<'_>) -> Result<u64> {
        let mut scan = Scan::new(glob, &walk);
        while let Some(keys) = scan.next(self).await? {
            let removed = match spared {
                Spared::Nothing => self.unlink(&keys).await?,
                Spared::Holds => self.sweep_keys(&keys, b"all").await?,
                Spared::HoldsAndOtherTypes => self.sweep_keys(&keys, b"").await?,
            };
            self.link.tally().deleted(removed);
            scan.progress.removed += removed;
            walk.tell(scan.progress);
        }
        Ok(scan.progress.removed)
    }

    async fn unlink(&self, keys: &[Bytes]) -> Result<u64> {
        let mut removed = 0;
        for keys in keys.chunks(CHUNK) {
            let mut unlink = cmd("UNLINK");
            for key in keys {
                unlink.arg(&key[..]);
            }
            removed += self.one::<u64>(|| unlink).await?;
        }
        Ok(removed)
    }

    async fn sweep_keys(&self, keys: &[Bytes], types: &[u8]) -> Result<u64> {
        let mut removed = 0;
        for keys in keys.chunks(SWEPT) {
            let mut pipeline = Pipeline::with_capacity(keys.len());
            for key in keys {
                call(&mut pipeline, &scripts::SWEEP, key, &[types]);
            }
            for answer in self.pipeline::<u64>(Patience::Reader, pipeline, &[]).await? {
                removed += answer.map_err(|error| self.failed(error))?;
            }
        }
        Ok(removed)
    }
}

/// One walk through the server's keys.
struct Scan<'g> {
    glob: &'g str,
    batch: usize,
    /// Where it goes on; `None` at the end.
    cursor: Option<u64>,
    progress: Progress,
}

impl<'g> Scan<'g> {
    fn new(glob: &'g str, walk: &Walk<'_>) -> Self {
        Self { glob, batch: walk.batch_size(), cursor: Some(0), progress: Progress::default() }
    }

    /// The next keys that match, of which there may be none in one batch; `None` at the end.
    async fn next(&mut self, cache: &RedisCache) -> Result<Option<Vec<Bytes>>> {
        let Some(cursor) = self.cursor else { return Ok(None) };
        let mut scan = cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(self.glob).arg("COUNT").arg(self.batch);
        let (next, keys): (u64, Vec<Bytes>) = cache.read_one(|| scan).await?;
        self.cursor = (next != 0).then_some(next);
        // The server counts slots of its table, and some have several keys.
        let scanned = self.batch.max(keys.len());
        let wide = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        self.progress += Progress::new(wide(scanned), wide(keys.len()), 0);
        Ok(Some(keys))
    }
}
