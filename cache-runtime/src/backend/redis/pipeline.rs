//! How commands are sent: one at a time, and many in one round trip.

use bytes::Bytes;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue, Pipeline, RedisError, RedisResult, Script};

use super::RedisCache;
use super::failure::{is_no_script, is_read_only, translate};
use super::link::Patience;
use super::{limits, queue, scripts, sessions};
use crate::error::{Error, Result};

/// Keys in one command or pipeline: enough to make a round trip cheap, few enough not to hold up everyone else's.
pub(super) const CHUNK: usize = 500;

impl RedisCache {
    /// Sends one command, which is made only where it is let through.
    pub(super) async fn one<T: FromRedisValue>(&self, command: impl FnOnce() -> Cmd) -> Result<T> {
        self.admitted()?;
        let command = command();
        let exchange = |mut connection| async move { command.query_async(&mut connection).await };
        self.counted(self.link.run(Patience::Reader, exchange).await)
    }

    /// Fails where no call would be let through now.
    pub(super) fn admitted(&self) -> Result<()> {
        self.counted(self.link.admit())
    }

    /// Counts a call that failed.
    pub(super) fn counted<T>(&self, answer: Result<T>) -> Result<T> {
        if answer.is_err() {
            self.link.tally().failed(1);
        }
        answer
    }

    /// Sends one command that may be sent twice: a read.
    pub(super) async fn read_one<T: FromRedisValue>(
        &self,
        command: impl FnOnce() -> Cmd,
    ) -> Result<T> {
        self.admitted()?;
        let command = &command();
        let exchange = |mut connection| async move { command.query_async(&mut connection).await };
        self.counted(self.link.run_again(Patience::Reader, exchange).await)
    }

    /// Sends one command for each item, in pipelines; each answer stands for itself.
    pub(super) async fn each<I, T: FromRedisValue>(
        &self,
        patience: Patience,
        items: &[I],
        mut command: impl FnMut(&mut Pipeline, &I),
    ) -> Result<Vec<RedisResult<T>>> {
        let mut answers = Vec::with_capacity(items.len());
        for chunk in items.chunks(CHUNK) {
            self.admitted()?;
            let mut pipeline = Pipeline::with_capacity(chunk.len());
            for item in chunk {
                command(&mut pipeline, item);
            }
            answers.extend(self.pipeline(patience, pipeline, &[]).await?);
        }
        Ok(answers)
    }

    /// Sends one pipeline, and the commands of `tail` behind all of it; each answer stands for itself.
    pub(super) async fn pipeline<T: FromRedisValue>(
        &self,
        patience: Patience,
        mut pipeline: Pipeline,
        tail: &[Cmd],
    ) -> Result<Vec<RedisResult<T>>> {
        pipeline.ignore_errors();
        for command in tail {
            pipeline.add_command(command.clone());
        }
        let exchange = |connection| exchange::<T>(connection, pipeline, tail.len());
        let answers = self.counted(self.link.run(patience, exchange).await)?;
        self.answered(&answers);
        Ok(answers)
    }

    /// Sends one pipeline that may be sent twice: it reads, or writes the same however often it is sent.
    pub(super) async fn pipeline_again<T: FromRedisValue>(
        &self,
        patience: Patience,
        pipeline: &Pipeline,
    ) -> Result<Vec<RedisResult<T>>> {
        let exchange = |connection| {
            let mut pipeline = pipeline.clone();
            pipeline.ignore_errors();
            exchange::<T>(connection, pipeline, 0)
        };
        let answers = self.counted(self.link.run_again(patience, exchange).await)?;
        self.answered(&answers);
        Ok(answers)
    }

    /// Counts what has failed, and leaves a server that takes no writes.
    fn answered<T>(&self, answers: &[RedisResult<T>]) {
        self.link.tally().failed(answers.iter().filter(|answer| answer.is_err()).count());
        if answers.iter().any(|answer| answer.as_ref().is_err_and(is_read_only)) {
            // A failover has made a replica of this server: its address leads elsewhere by now.
            self.link.leave();
        }
    }

    pub(super) fn failed(&self, error: RedisError) -> Error {
        translate(self.link.place(), error)
    }

    pub(super) fn read<T: FromRedisValue>(&self, value: redis::Value) -> Result<T> {
        T::from_redis_value(value).map_err(|error| self.failed(error.into()))
    }
}

/// Runs a pipeline. Where the server has forgotten the scripts, loads them and runs once more what has not run, and
/// the last `tail` commands, which must come behind all others.
async fn exchange<T: FromRedisValue>(
    mut connection: MultiplexedConnection,
    pipeline: Pipeline,
    tail: usize,
) -> RedisResult<Vec<RedisResult<T>>> {
    let mut answers: Vec<RedisResult<T>> = pipeline.query_async(&mut connection).await?;
    if !answers.iter().any(|answer| answer.as_ref().is_err_and(is_no_script)) {
        return Ok(answers);
    }
    let ours = scripts::all().into_iter().chain(queue::all());
    for script in ours.chain(sessions::all()).chain(limits::all()) {
        script.load_async(&mut connection).await?;
    }
    let mut again = Pipeline::new();
    again.ignore_errors();
    let mut places = Vec::new();
    let head = answers.len().saturating_sub(tail);
    for (number, (answer, command)) in answers.iter_mut().zip(pipeline.cmd_iter()).enumerate() {
        if number >= head || answer.as_ref().is_err_and(is_no_script) {
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

pub(super) fn call(
    pipeline: &mut Pipeline,
    script: &Script,
    key: impl AsRef<[u8]>,
    arguments: &[&[u8]],
) {
    let command = pipeline.cmd("EVALSHA").arg(script.get_hash()).arg(1).arg(key.as_ref());
    for argument in arguments {
        command.arg(*argument);
    }
}

/// The same for a script of several keys.
pub(super) fn call_over<'a>(
    pipeline: &mut Pipeline,
    script: &Script,
    keys: impl ExactSizeIterator<Item = &'a str>,
    arguments: &[&[u8]],
) {
    let command = pipeline.cmd("EVALSHA").arg(script.get_hash()).arg(keys.len());
    keys.for_each(|key| {
        command.arg(key);
    });
    for argument in arguments {
        command.arg(*argument);
    }
}

/// The same for a script of several keys, with three arguments each.
pub(super) fn call_many<'a>(
    pipeline: &mut Pipeline,
    script: &Script,
    keys: usize,
    fills: impl Iterator<Item = (&'a str, Bytes, &'a Bytes, String)> + Clone,
) {
    let command = pipeline.cmd("EVALSHA").arg(script.get_hash()).arg(keys);
    for (key, ..) in fills.clone() {
        command.arg(key);
    }
    for (_, lease, entry, ttl) in fills {
        command.arg(&lease[..]).arg(&entry[..]).arg(ttl);
    }
}
