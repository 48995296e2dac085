//! What stands in the server, piece by piece.
//!
//! A report must not disturb what it reports on. `SCAN`, `MEMORY USAGE` and `PTTL` leave alone when a key was last used;
//! a look at its first byte does not, and a server that evicts by age would keep what a report has looked at. So only
//! what is about to expire anyway is looked at: leases and holds live for seconds.

use std::time::Duration;

use bytes::Bytes;
use redis::{FromRedisValue, Pipeline, RedisResult, cmd};

use super::RedisCache;
use super::commands::remaining;
use super::failure::is_wrong_type;
use super::link::Patience;
use crate::entry::{HOLD, LEASE};
use crate::error::Result;
use crate::key::{Key, Namespace};
use crate::policy::Remaining;
use crate::port::{Standing, Survey, SurveyFrom, Surveyed};

/// Keys that one `SCAN` passes, some tenths of a millisecond.
const PASSED: usize = 500;
/// Keys in one pipeline: the server answers others between any two of its commands.
const LOOKED_AT: usize = 100;
/// Elements of a foreign data type that `MEMORY USAGE` looks at to guess the rest. The server's own default.
const SAMPLES: usize = 5;
/// What lives longer is neither a lease nor a hold.
const SHORT: Duration = Duration::from_secs(300);

impl RedisCache {
    pub(super) async fn survey_piece(
        &self,
        namespace: &Namespace,
        from: SurveyFrom,
    ) -> Result<Survey> {
        let mut scan = cmd("SCAN");
        scan.arg(from.cursor).arg("MATCH").arg(namespace.pattern()).arg("COUNT").arg(PASSED);
        let (next, found): (u64, Vec<Bytes>) = self.read_one(|| scan).await?;
        let seen = found.len() as u64;
        let sampled: Vec<Bytes> = from.sampled(found).collect();
        let mut keys = Vec::with_capacity(sampled.len());
        for chunk in sampled.chunks(LOOKED_AT) {
            keys.extend(self.weighed(chunk).await?);
        }
        self.tell_apart(&mut keys).await?;
        Ok(Survey { next: (next != 0).then_some(next), seen, keys })
    }

    /// Those of the keys that are still there, with what they take.
    async fn weighed(&self, keys: &[Bytes]) -> Result<Vec<Surveyed>> {
        self.admitted()?;
        let mut pipeline = Pipeline::with_capacity(keys.len() * 2);
        for key in keys {
            pipeline.cmd("MEMORY").arg("USAGE").arg(&key[..]).arg("SAMPLES").arg(SAMPLES);
            pipeline.cmd("PTTL").arg(&key[..]);
        }
        let answers = self.pipeline::<redis::Value>(Patience::Reader, pipeline, &[]).await?;
        let mut answers = answers.into_iter();
        let mut weighed = Vec::with_capacity(keys.len());
        for key in keys {
            let bytes = self.answer_of::<Option<u64>>(answers.next())?.flatten();
            let life = self.answer_of::<i64>(answers.next())?;
            let (Some(bytes), Some(life)) = (bytes, life) else { continue };
            let (key, remaining) = (Key::from_text(&String::from_utf8_lossy(key)), remaining(life));
            if remaining != Remaining::NoKey {
                weighed.push(Surveyed { key, bytes, remaining, standing: Standing::Value });
            }
        }
        Ok(weighed)
    }

    /// Finds the leases and the holds among those that do not live long.
    async fn tell_apart(&self, keys: &mut [Surveyed]) -> Result<()> {
        let mut short: Vec<&mut Surveyed> = keys
            .iter_mut()
            .filter(|key| matches!(key.remaining, Remaining::Left(left) if left <= SHORT))
            .collect();
        for chunk in short.chunks_mut(LOOKED_AT) {
            self.admitted()?;
            let mut pipeline = Pipeline::with_capacity(chunk.len());
            for key in &*chunk {
                pipeline.cmd("GETRANGE").arg(key.key.as_str()).arg(0).arg(0);
            }
            let answers = self.pipeline::<Bytes>(Patience::Reader, pipeline, &[]).await?;
            for (key, answer) in chunk.iter_mut().zip(answers) {
                let first = match answer {
                    Err(error) if is_wrong_type(&error) => Bytes::new(),
                    other => other.map_err(|error| self.failed(error))?,
                };
                key.standing = match first.first() {
                    Some(&LEASE) => Standing::Lease,
                    Some(&HOLD) => Standing::Hold,
                    _ => Standing::Value,
                };
            }
        }
        Ok(())
    }

    fn answer_of<T: FromRedisValue>(
        &self,
        answer: Option<RedisResult<redis::Value>>,
    ) -> Result<Option<T>> {
        match answer {
            Some(Ok(value)) => self.read(value).map(Some),
            Some(Err(error)) => Err(self.failed(error)),
            None => Ok(None),
        }
    }
}
