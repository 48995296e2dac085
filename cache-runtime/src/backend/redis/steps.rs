//! The steps of the protocol, in Redis commands.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use redis::{Pipeline, RedisResult};

use super::RedisCache;
use super::announcement;
use super::commands::remaining;
use super::failure::is_wrong_type;
use super::fills::put_fill;
use super::link::Patience;
use super::pipeline::{CHUNK, call};
use super::queue::RedisWriteQueue;
use super::scripts;
use super::stream::Stream;
use crate::entry::Token;
use crate::error::{ErrorKind, Result};
use crate::key::{Key, Namespace, Prefix};
use crate::policy::{Remaining, Ttl};
use crate::port::{
    BoxFuture, CoherentCache, Fill, InvalidationStream, LeaseOutcome, LeaseRequest, Live,
    ReleaseOutcome, Replacement, Survey, SurveyFrom, WriteQueue,
};

/// PTTL's answer where nothing stands.
const NO_KEY: i64 = -2;

pub(super) fn millis(time: Duration) -> u64 {
    Ttl::After(time).millis().unwrap_or(0).max(1)
}

impl CoherentCache for RedisCache {
    fn lease<'a>(
        &'a self,
        requests: &'a [LeaseRequest],
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Vec<LeaseOutcome>>> {
        Box::pin(async move {
            if let [request @ LeaseRequest { over: None, .. }] = requests {
                return Ok(vec![self.lease_together(request, ttl).await?]);
            }
            let answers = self
                .each(Patience::Reader, requests, |pipeline, request| take(pipeline, request, ttl))
                .await?;
            requests
                .iter()
                .zip(answers)
                .map(|(request, answer)| self.leased(request, answer))
                .collect()
        })
    }

    fn fill<'a>(&'a self, fills: &'a [Fill]) -> BoxFuture<'a, Result<Vec<bool>>> {
        Box::pin(async move {
            match fills {
                [fill] => Ok(vec![self.fill_together(fill).await?]),
                fills => self.fill_several(fills).await,
            }
        })
    }

    fn replace<'a>(&'a self, replacements: &'a [Replacement]) -> BoxFuture<'a, Result<Vec<bool>>> {
        Box::pin(async move {
            let answers = self
                .each(Patience::Reader, replacements, |pipeline, replacement| {
                    let (over, ttl) = (replacement.over, argument(replacement.ttl));
                    let arguments = [over.as_bytes(), &replacement.entry[..], ttl.as_bytes()];
                    call(pipeline, &scripts::REPLACE, replacement.key.as_str(), &arguments);
                })
                .await?;
            self.standing(answers)
        })
    }

    fn abandon<'a>(&'a self, keys: &'a [Key], token: Token) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let lease = token.lease();
            let answers = self
                .each::<_, redis::Value>(Patience::Reader, keys, |pipeline, key| {
                    call(pipeline, &scripts::ABANDON, key.as_str(), &[&lease]);
                })
                .await?;
            answers.into_iter().try_for_each(|answer| match answer {
                Err(error) if !is_wrong_type(&error) => Err(self.failed(error)),
                _ => Ok(()),
            })
        })
    }

    fn hold<'a>(
        &'a self,
        keys: &'a [Key],
        token: Token,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.hold_keys(keys, token, ttl))
    }

    fn release<'a>(
        &'a self,
        keys: &'a [Key],
        token: Token,
    ) -> BoxFuture<'a, Result<Vec<ReleaseOutcome>>> {
        Box::pin(self.release_keys(keys, token))
    }

    fn pull<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Live>>> {
        Box::pin(async move {
            let answers = self
                .each::<_, redis::Value>(Patience::Reader, keys, |pipeline, key| {
                    let channel = announcement::channel(key.namespace());
                    call(pipeline, &scripts::PULL, key.as_str(), &[channel.as_bytes()]);
                })
                .await?;
            let pulled = |answer: RedisResult<redis::Value>| match answer
                .map_err(|error| self.failed(error))?
            {
                redis::Value::Array(none) if none.is_empty() => Ok(None),
                pair => {
                    let (value, left): (Bytes, i64) = self.read(pair)?;
                    Ok(Some((value, remaining(left))))
                }
            };
            answers.into_iter().map(pulled).collect()
        })
    }

    fn read<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Bytes>>> {
        Box::pin(async move {
            let found = self.counted(self.link.read_one_together(key).await)?;
            self.link.tally().read(found.is_some());
            Ok(found)
        })
    }

    fn get_live<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Live>>> {
        Box::pin(async move {
            let mut live = Vec::with_capacity(keys.len());
            for chunk in keys.chunks(CHUNK) {
                for read in self.counted(self.link.read_together(chunk, true).await)? {
                    let left = match remaining(read.left.unwrap_or(NO_KEY)) {
                        // It came only after that.
                        Remaining::NoKey => Remaining::Left(Duration::ZERO),
                        left => left,
                    };
                    live.push(read.value.map(|value| (value, left)));
                }
            }
            self.link.tally().read_each(&live);
            Ok(live)
        })
    }

    fn invalidations<'a>(
        &'a self,
        namespace: &'a Namespace,
    ) -> BoxFuture<'a, Result<Box<dyn InvalidationStream>>> {
        Box::pin(async move {
            let stream = Stream::open(self, namespace).await?;
            Ok(Box::new(stream) as Box<dyn InvalidationStream>)
        })
    }

    fn sweep<'a>(&'a self, prefix: &'a Prefix) -> BoxFuture<'a, Result<u64>> {
        Box::pin(self.sweep_prefix(prefix))
    }

    fn write_queue(&self, name: &Key) -> Result<Arc<dyn WriteQueue>> {
        Ok(Arc::new(RedisWriteQueue::new(self, name)))
    }

    fn survey<'a>(
        &'a self,
        namespace: &'a Namespace,
        from: SurveyFrom,
    ) -> BoxFuture<'a, Result<Survey>> {
        Box::pin(self.survey_piece(namespace, from))
    }

    fn era(&self) -> u64 {
        self.link.era()
    }

    fn session(&self) -> u64 {
        self.link.session()
    }
}

/// Asks for one lease.
pub(super) fn take(pipeline: &mut Pipeline, request: &LeaseRequest, ttl: Duration) {
    let (lease, ttl) = (request.token.lease(), millis(ttl).to_string());
    match &request.over {
        None => {
            pipeline.cmd("SET").arg(request.key.as_str()).arg(&lease[..]);
            pipeline.arg("NX").arg("GET").arg("PX").arg(&ttl);
        }
        Some(over) => {
            let channel = announcement::channel(request.key.namespace());
            let arguments = [&over[..], &lease[..], ttl.as_bytes(), channel.as_bytes()];
            call(pipeline, &scripts::LEASE_OVER, request.key.as_str(), &arguments);
        }
    }
}

/// A value's lifetime in milliseconds; nothing is forever.
pub(super) fn argument(ttl: Ttl) -> String {
    ttl.millis().map_or_else(String::new, |millis| millis.max(1).to_string())
}

impl RedisCache {
    /// Fills these keys, each by itself.
    pub(super) async fn fill_each(&self, fills: &[&Fill]) -> Result<Vec<bool>> {
        let answers =
            self.each(Patience::Reader, fills, |pipeline, fill| put_fill(pipeline, fill)).await?;
        self.standing(answers)
    }

    /// Which fills were accepted. Another data type at a key is neither the reader's lease nor its value.
    fn standing(&self, answers: Vec<RedisResult<bool>>) -> Result<Vec<bool>> {
        let stands = |answer| match answer {
            Err(error) if is_wrong_type(&error) => Ok(false),
            other => other.map_err(|error| self.failed(error)),
        };
        let stand = answers.into_iter().map(stands).collect::<Result<Vec<_>>>()?;
        self.link.tally().set(stand.iter().filter(|stands| **stands).count());
        Ok(stand)
    }

    pub(super) fn leased(
        &self,
        request: &LeaseRequest,
        answer: RedisResult<redis::Value>,
    ) -> Result<LeaseOutcome> {
        match answer {
            Err(error) if is_wrong_type(&error) => Ok(LeaseOutcome::Refused(ErrorKind::WrongType)),
            Err(error) => Err(self.failed(error)),
            Ok(value) if request.over.is_some() => {
                let (code, found): (u8, Bytes) = self.read(value)?;
                Ok(match code {
                    0 => LeaseOutcome::Taken(found),
                    1 => LeaseOutcome::Granted,
                    _ => LeaseOutcome::Gone,
                })
            }
            // SET … NX GET answers with what was there before, and nothing where it set.
            Ok(value) => {
                let before: Option<Bytes> = self.read(value)?;
                Ok(before.map_or(LeaseOutcome::Granted, LeaseOutcome::Taken))
            }
        }
    }
}
