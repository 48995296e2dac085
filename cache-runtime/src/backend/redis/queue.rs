//! The queue of a write-behind: a stream and its helpers, all in one slot.
//!
//! | key | type | what |
//! |---|---|---|
//! | `{shop:behind:=orders}:writes` | stream, group `workers` | the writes, oldest first; an entry's number is its place |
//! | `{shop:behind:=orders}:pending` | hash | for each key the place of its newest write; `!last` is the highest place ever given |
//! | `{shop:behind:=orders}:dead` | stream | dead letters |
//! | `{shop:behind:=orders}:tries` | hash | how often a write has failed |
//!
//! The braces are a cluster's hash tag: all four stand in one slot, so one script may touch them. They also keep the queue
//! out of the namespace, none of whose keys begins with a brace: a cache may be cleared, acknowledged writes may not.
//!
//! A value stands in the stream alone. A reader looks up the place and reads the entry, in one script.

mod answers;
mod caveats;
mod scripts;

use std::fmt;
use std::time::Duration;

use redis::{Pipeline, Script};

use self::answers::{dead_letter, pending, taken};
pub(super) use self::scripts::all;
use super::RedisCache;
use super::link::Patience;
use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::policy::Ttl;
use crate::port::{
    BoxFuture, DeadLetter, Failed, NewWrite, Pending, QueueBacklog, QueuedWrite, WriteQueue,
};

/// Writes in one script: it keeps the server for about a millisecond.
const CHUNK: usize = 200;

pub(super) struct RedisWriteQueue {
    cache: RedisCache,
    writes: String,
    pending: String,
    dead: String,
    tries: String,
}

impl RedisWriteQueue {
    pub(super) fn new(cache: &RedisCache, name: &Key) -> Self {
        let key = |what: &str| format!("{{{name}}}:{what}");
        Self {
            cache: cache.clone(),
            writes: key("writes"),
            pending: key("pending"),
            dead: key("dead"),
            tries: key("tries"),
        }
    }

    /// Runs one script on these keys.
    async fn run(
        &self,
        script: &Script,
        keys: &[&str],
        arguments: &[&[u8]],
    ) -> Result<redis::Value> {
        self.cache.link.admit()?;
        let mut pipeline = Pipeline::with_capacity(1);
        let command = pipeline.cmd("EVALSHA").arg(script.get_hash()).arg(keys.len());
        for key in keys {
            command.arg(*key);
        }
        for argument in arguments {
            command.arg(*argument);
        }
        let mut answers = self.cache.pipeline(Patience::Writer, pipeline, &[]).await?;
        match answers.pop() {
            Some(answer) => answer.map_err(|error| self.cache.failed(error)),
            None => Err(Error::new(ErrorKind::Backend, "Redis gave no answer to a script")),
        }
    }

    async fn whether(&self, script: &Script, keys: &[&str], argument: &str) -> Result<bool> {
        let answer = self.run(script, keys, &[argument.as_bytes()]).await?;
        self.cache.read(answer)
    }
}

/// How an entry of the stream is called.
fn id(place: u64) -> String {
    format!("{place}-0")
}

impl WriteQueue for RedisWriteQueue {
    fn enqueue<'a>(&'a self, write: &'a NewWrite, bound: u64) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let bound = bound.to_string();
            let (deletes, value) = match &write.value {
                Some(value) => (&b"0"[..], &value[..]),
                None => (&b"1"[..], &b""[..]),
            };
            let arguments =
                [bound.as_bytes(), write.key.as_str().as_bytes(), &write.id[..], deletes, value];
            let keys = [&*self.writes, &self.pending, &self.dead];
            let answer = self.run(&scripts::ENQUEUE, &keys, &arguments).await?;
            let (place, waiting, dead): (u64, u64, u64) = self.cache.read(answer)?;
            if place != 0 {
                return Ok(place);
            }
            Err(Error::new(
                ErrorKind::QueueFull,
                format!(
                    "the write-behind's queue is full: {waiting} writes wait and {dead} dead letters lie there, of \
                     {bound} that it may hold: find out why the source does not take them, or raise the bound"
                ),
            ))
        })
    }

    fn pending<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Pending>>> {
        Box::pin(async move {
            let mut found = Vec::with_capacity(keys.len());
            for chunk in keys.chunks(CHUNK) {
                let arguments: Vec<&[u8]> =
                    chunk.iter().map(|key| key.as_str().as_bytes()).collect();
                let names = [&*self.writes, &self.pending];
                let answer = self.run(&scripts::PENDING, &names, &arguments).await?;
                let answers: Vec<redis::Value> = self.cache.read(answer)?;
                for answer in answers {
                    found.push(pending(&self.cache, answer)?);
                }
            }
            Ok(found)
        })
    }

    fn take<'a>(
        &'a self,
        consumer: &'a str,
        most: usize,
        idle: Duration,
    ) -> BoxFuture<'a, Result<Vec<QueuedWrite>>> {
        Box::pin(async move {
            let (most, idle) = (most.to_string(), millis(idle));
            let arguments = [consumer.as_bytes(), most.as_bytes(), idle.as_bytes()];
            let answer = self.run(&scripts::TAKE, &[&self.writes], &arguments).await?;
            taken(&self.cache, answer)
        })
    }

    fn touch<'a>(
        &'a self,
        consumer: &'a str,
        places: &'a [u64],
    ) -> BoxFuture<'a, Result<Vec<u64>>> {
        Box::pin(async move {
            let mut own = Vec::with_capacity(places.len());
            for chunk in places.chunks(CHUNK) {
                let ids: Vec<String> = chunk.iter().map(|place| id(*place)).collect();
                let mut arguments = vec![consumer.as_bytes()];
                arguments.extend(ids.iter().map(|id| id.as_bytes()));
                let answer = self.run(&scripts::TOUCH, &[&self.writes], &arguments).await?;
                // The places, in the chunk's order, with a mark each.
                let marks: Vec<bool> = self.cache.read(answer)?;
                own.extend(
                    chunk.iter().zip(marks).filter(|(_, own)| *own).map(|(place, _)| *place),
                );
            }
            Ok(own)
        })
    }

    fn acknowledge<'a>(&'a self, writes: &'a [QueuedWrite]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            for chunk in writes.chunks(CHUNK) {
                let ids: Vec<String> = chunk.iter().map(|write| id(write.place)).collect();
                let pairs = ids.iter().zip(chunk);
                let arguments: Vec<&[u8]> = pairs
                    .flat_map(|(id, write)| [id.as_bytes(), write.key.as_str().as_bytes()])
                    .collect();
                let keys = [&*self.writes, &self.pending, &self.tries];
                self.run(&scripts::ACKNOWLEDGE, &keys, &arguments).await?;
            }
            Ok(())
        })
    }

    fn fail<'a>(
        &'a self,
        write: &'a QueuedWrite,
        tries: u32,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<Failed>> {
        Box::pin(async move {
            let (id, tries) = (id(write.place), tries.to_string());
            let key = write.key.as_str();
            let arguments = [id.as_bytes(), key.as_bytes(), tries.as_bytes(), reason.as_bytes()];
            let keys = [&*self.writes, &self.pending, &self.tries, &self.dead];
            let answer = self.run(&scripts::FAIL, &keys, &arguments).await?;
            let times: i64 = self.cache.read(answer)?;
            Ok(match u32::try_from(times) {
                Ok(0) => Failed::Gone,
                Ok(times) => Failed::Times(times),
                Err(_) => Failed::Dead,
            })
        })
    }

    fn leave<'a>(&'a self, consumer: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.run(&scripts::LEAVE, &[&self.writes], &[consumer.as_bytes()]).await.map(drop)
        })
    }

    fn backlog(&self) -> BoxFuture<'_, Result<QueueBacklog>> {
        Box::pin(async move {
            let answer = self.run(&scripts::BACKLOG, &[&self.writes, &self.dead], &[]).await?;
            let (waiting, dead, oldest, now): (u64, u64, u64, u64) = self.cache.read(answer)?;
            let age = if oldest == 0 { 0 } else { now.saturating_sub(oldest) };
            Ok(QueueBacklog::new(waiting, Duration::from_micros(age), dead, now))
        })
    }

    fn head(&self) -> BoxFuture<'_, Result<u64>> {
        Box::pin(async move {
            let answer = self.run(&scripts::HEAD, &[&self.pending], &[]).await?;
            self.cache.read(answer)
        })
    }

    fn waits(&self, head: u64) -> BoxFuture<'_, Result<bool>> {
        Box::pin(async move { self.whether(&scripts::WAITS, &[&self.writes], &id(head)).await })
    }

    fn dead_letters(&self, most: usize) -> BoxFuture<'_, Result<Vec<DeadLetter>>> {
        Box::pin(async move {
            let most = most.to_string();
            let answer = self.run(&scripts::DEAD, &[&self.dead], &[most.as_bytes()]).await?;
            let letters: Vec<redis::Value> = self.cache.read(answer)?;
            letters.into_iter().map(|letter| dead_letter(&self.cache, letter)).collect()
        })
    }

    fn retry<'a>(&'a self, letter: &'a str) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let keys = [&*self.writes, &self.pending, &self.dead];
            self.whether(&scripts::RETRY, &keys, letter).await
        })
    }

    fn discard<'a>(&'a self, letter: &'a str) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move { self.whether(&scripts::DISCARD, &[&self.dead], letter).await })
    }

    fn caveats(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        Box::pin(caveats::of(&self.cache))
    }
}

fn millis(time: Duration) -> String {
    Ttl::After(time).millis().unwrap_or(0).to_string()
}

impl fmt::Debug for RedisWriteQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisWriteQueue").field("writes", &self.writes).finish_non_exhaustive()
    }
}
