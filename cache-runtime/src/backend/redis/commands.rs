//! The ports, in Redis commands.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue, Pipeline, RedisError, RedisResult, Script, cmd, pipe};

use super::RedisCache;
use super::failure::{is_no_script, is_read_only, is_wrong_type, translate};
use super::link::Patience;
use super::scripts;
use crate::entry::Token;
use crate::error::{Error, ErrorKind, Result};
use crate::key::{Key, Namespace};
use crate::policy::{Remaining, Ttl};
use crate::port::{
    BoxFuture, Cache, CoherentCache, Fill, LeaseOutcome, LeaseRequest, ReleaseOutcome,
};

/// Keys in one command or pipeline: enough to make a round trip cheap, few enough not to hold up everyone else's.
const CHUNK: usize = 500;

impl RedisCache {
    async fn one<T: FromRedisValue>(&self, command: Cmd) -> Result<T> {
        let exchange = |mut connection| async move { command.query_async(&mut connection).await };
        self.link.run(Patience::Reader, exchange).await
    }

    /// Sends one command for each item, in pipelines; each answer stands for itself.
    async fn each<I, T: FromRedisValue>(
        &self,
        patience: Patience,
        items: &[I],
        mut command: impl FnMut(&mut Pipeline, &I),
    ) -> Result<Vec<RedisResult<T>>> {
        let mut answers = Vec::with_capacity(items.len());
        for chunk in items.chunks(CHUNK) {
            let mut pipeline = Pipeline::with_capacity(chunk.len());
            pipeline.ignore_errors();
            for item in chunk {
                command(&mut pipeline, item);
            }
            let exchanged =
                self.link.run(patience, |connection| exchange::<T>(connection, pipeline)).await?;
            if exchanged.iter().any(|answer| answer.as_ref().is_err_and(is_read_only)) {
                // A failover has made a replica of this server: its address leads elsewhere by now.
                self.link.leave();
            }
            answers.extend(exchanged);
        }
        Ok(answers)
    }

    fn failed(&self, error: RedisError) -> Error {
        translate(self.link.place(), error)
    }
}

/// Runs a pipeline. Where the server has forgotten the scripts, loads them and runs once more what has not run.
async fn exchange<T: FromRedisValue>(
    mut connection: MultiplexedConnection,
    pipeline: Pipeline,
) -> RedisResult<Vec<RedisResult<T>>> {
    let mut answers: Vec<RedisResult<T>> = pipeline.query_async(&mut connection).await?;
    if !answers.iter().any(|answer| answer.as_ref().is_err_and(is_no_script)) {
        return Ok(answers);
    }
    for script in scripts::all() {
        script.load_async(&mut connection).await?;
    }
    let mut again = Pipeline::new();
    again.ignore_errors();
    let mut places = Vec::new();
    for (answer, command) in answers.iter_mut().zip(pipeline.cmd_iter()) {
        if answer.as_ref().is_err_and(is_no_script) {
            again.add_command(command.clone());
            places.push(answer);
        }
    }
    let repeated: Vec<RedisResult<T>> = again.query_async(&mut connection).await?;
    for (place, answer) in places.into_iter().zip(repeated) {
        *place = answer;
    }
    Ok(answers)
}

fn call(pipeline: &mut Pipeline, script: &Script, key: &Key, arguments: &[&[u8]]) {
    let command = pipeline.cmd("EVALSHA").arg(script.get_hash()).arg(1).arg(key.as_str());
    for argument in arguments {
        command.arg(*argument);
    }
}

fn set(key: &Key, value: &[u8], ttl: Ttl) -> Cmd {
    let mut command = match ttl.millis() {
        // A zero TTL removes the key.
        Some(0) => return cmd("UNLINK").arg(key.as_str()).to_owned(),
        _ => cmd("SET"),
    };
    command.arg(key.as_str()).arg(value);
    if let Some(millis) = ttl.millis() {
        command.arg("PX").arg(millis);
    }
    command
}

fn millis(time: Duration) -> u64 {
    Ttl::After(time).millis().unwrap_or(0).max(1)
}

impl Cache for RedisCache {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Bytes>>> {
        Box::pin(self.one(cmd("GET").arg(key.as_str()).to_owned()))
    }

    fn set<'a>(&'a self, key: &'a Key, value: Bytes, ttl: Ttl) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.one::<redis::Value>(set(key, &value, ttl)).await.map(drop) })
    }

    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.one(cmd("UNLINK").arg(key.as_str()).to_owned()))
    }

    fn exists<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.one(cmd("EXISTS").arg(key.as_str()).to_owned()))
    }

    fn expire<'a>(&'a self, key: &'a Key, ttl: Ttl) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let mut pipeline = pipe();
            match ttl.millis() {
                // PERSIST answers whether there was a lifetime to take away, so the key is asked for beside it.
                None => pipeline
                    .atomic()
                    .cmd("EXISTS")
                    .arg(key.as_str())
                    .cmd("PERSIST")
                    .arg(key.as_str())
                    .ignore(),
                Some(0) => pipeline.cmd("UNLINK").arg(key.as_str()),
                Some(millis) => pipeline.cmd("PEXPIRE").arg(key.as_str()).arg(millis),
            };
            let (found,): (bool,) = self
                .link
                .run(Patience::Reader, |mut connection| async move {
                    pipeline.query_async(&mut connection).await
                })
                .await?;
            Ok(found)
        })
    }

    fn ttl<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Remaining>> {
        Box::pin(async move {
            let millis: i64 = self.one(cmd("PTTL").arg(key.as_str()).to_owned()).await?;
            Ok(match u64::try_from(millis) {
                Ok(millis) => Remaining::Left(Duration::from_millis(millis)),
                Err(_) if millis == -1 => Remaining::Forever,
                Err(_) => Remaining::NoKey,
            })
        })
    }

    fn get_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Bytes>>>> {
        Box::pin(async move {
            let mut values = Vec::with_capacity(keys.len());
            for chunk in keys.chunks(CHUNK) {
                let mut command = cmd("MGET");
                for key in chunk {
                    command.arg(key.as_str());
                }
                values.extend(self.one::<Vec<Option<Bytes>>>(command).await?);
            }
            Ok(values)
        })
    }

    fn set_many<'a>(&'a self, entries: &'a [(Key, Bytes)], ttl: Ttl) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let answers = self
                .each::<_, redis::Value>(Patience::Reader, entries, |pipeline, (key, value)| {
                    pipeline.add_command(set(key, value, ttl));
                })
                .await?;
            answers
                .into_iter()
                .try_for_each(|answer| answer.map(drop).map_err(|error| self.failed(error)))
        })
    }

    fn delete_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let mut removed = 0;
            for chunk in keys.chunks(CHUNK) {
                let mut command = cmd("UNLINK");
                for key in chunk {
                    command.arg(key.as_str());
                }
                removed += self.one::<u64>(command).await?;
            }
            Ok(removed)
        })
    }

    fn ping(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.one::<redis::Value>(cmd("PING")).await.map(drop) })
    }

    fn clear<'a>(&'a self, namespace: &'a Namespace) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let pattern = namespace.pattern();
            let (mut cursor, mut removed) = (0_u64, 0_u64);
            loop {
                let mut scan = cmd("SCAN");
                scan.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(CHUNK);
                let (next, keys): (u64, Vec<Bytes>) = self.one(scan).await?;
                if !keys.is_empty() {
                    let mut unlink = cmd("UNLINK");
                    for key in &keys {
                        unlink.arg(&key[..]);
                    }
                    removed += self.one::<u64>(unlink).await?;
                }
                cursor = next;
                if cursor == 0 {
                    return Ok(removed);
                }
            }
        })
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        let link = Arc::clone(&self.link);
        Box::pin(async move {
            link.close();
            Ok(())
        })
    }
}

impl CoherentCache for RedisCache {
    fn lease<'a>(
        &'a self,
        requests: &'a [LeaseRequest],
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Vec<LeaseOutcome>>> {
        Box::pin(async move {
            let ttl = millis(ttl).to_string();
            let answers = self
                .each::<_, redis::Value>(Patience::Reader, requests, |pipeline, request| {
                    let lease = request.token.lease();
                    match &request.over {
                        None => {
                            pipeline.cmd("SET").arg(request.key.as_str()).arg(&lease[..]);
                            pipeline.arg("NX").arg("GET").arg("PX").arg(&ttl);
                        }
                        Some(over) => {
                            let arguments = [&over[..], &lease[..], ttl.as_bytes()];
                            call(pipeline, &scripts::LEASE_OVER, &request.key, &arguments);
                        }
                    }
                })
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
            let answers = self
                .each::<_, bool>(Patience::Reader, fills, |pipeline, fill| {
                    let ttl = fill
                        .ttl
                        .millis()
                        .map_or_else(String::new, |millis| millis.max(1).to_string());
                    let arguments = [&fill.token.lease()[..], &fill.entry[..], ttl.as_bytes()];
                    call(pipeline, &scripts::FILL, &fill.key, &arguments);
                })
                .await?;
            // Another data type at the key is not our lease.
            let stands = |answer: RedisResult<bool>| match answer {
                Err(error) if is_wrong_type(&error) => Ok(false),
                other => other.map_err(|error| self.failed(error)),
            };
            answers.into_iter().map(stands).collect()
        })
    }

    fn abandon<'a>(&'a self, keys: &'a [Key], token: Token) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let lease = token.lease();
            let answers = self
                .each::<_, redis::Value>(Patience::Reader, keys, |pipeline, key| {
                    call(pipeline, &scripts::ABANDON, key, &[&lease]);
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
        Box::pin(async move {
            let ttl = millis(ttl).to_string();
            let answers = self
                .each::<_, redis::Value>(Patience::Writer, keys, |pipeline, key| {
                    call(pipeline, &scripts::HOLD, key, &[token.as_bytes(), ttl.as_bytes()]);
                })
                .await?;
            answers
                .into_iter()
                .try_for_each(|answer| answer.map(drop).map_err(|error| self.failed(error)))
        })
    }

    fn release<'a>(
        &'a self,
        keys: &'a [Key],
        token: Token,
    ) -> BoxFuture<'a, Result<Vec<ReleaseOutcome>>> {
        Box::pin(async move {
            let answers = self
                .each::<_, bool>(Patience::Reader, keys, |pipeline, key| {
                    call(pipeline, &scripts::RELEASE, key, &[token.as_bytes()]);
                })
                .await?;
            let outcome = |answer: RedisResult<bool>| match answer {
                Ok(true) => Ok(ReleaseOutcome::Released),
                Ok(false) => Ok(ReleaseOutcome::WasGone),
                Err(error) if is_wrong_type(&error) => Ok(ReleaseOutcome::WasGone),
                Err(error) => Err(self.failed(error)),
            };
            answers.into_iter().map(outcome).collect()
        })
    }
}

impl RedisCache {
    fn leased(
        &self,
        request: &LeaseRequest,
        answer: RedisResult<redis::Value>,
    ) -> Result<LeaseOutcome> {
        let unreadable = |error: redis::ParsingError| self.failed(error.into());
        match answer {
            Err(error) if is_wrong_type(&error) => Ok(LeaseOutcome::Refused(ErrorKind::WrongType)),
            Err(error) => Err(self.failed(error)),
            Ok(value) if request.over.is_some() => {
                let (code, found): (u8, Bytes) =
                    FromRedisValue::from_redis_value(value).map_err(unreadable)?;
                Ok(match code {
                    0 => LeaseOutcome::Taken(found),
                    1 => LeaseOutcome::Granted,
                    _ => LeaseOutcome::Gone,
                })
            }
            // SET … NX GET answers with what was there before, and nothing where it set.
            Ok(value) => {
                let before: Option<Bytes> =
                    FromRedisValue::from_redis_value(value).map_err(unreadable)?;
                Ok(before.map_or(LeaseOutcome::Granted, LeaseOutcome::Taken))
            }
        }
    }
}
