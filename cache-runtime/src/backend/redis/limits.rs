//! Rate limits: one script decides, by the server's own clock.
//!
//! | key | type | what |
//! |---|---|---|
//! | `{shop:limit:=9f86…}:login:gcra`, `…:token_bucket` | string | the limit, and the time at which nothing is counted any more |
//! | `…:fixed_window`, `…:sliding_counter` | string | the window, and what was counted in it (and in the one before) |
//! | `…:sliding_log` | sorted set | when how much was counted, and the sum |
//! | `…:seats` | sorted set | who sits there until when |
//!
//! The braces are a cluster's hash tag, and keep limits out of the namespace: see [`LimitKey`]. Every key has a lifetime,
//! which ends when nothing is counted there any more.

use std::sync::LazyLock;

use redis::{Pipeline, Script};

use super::RedisCache;
use super::link::Patience;
use crate::error::{Error, ErrorKind, Result};
use crate::port::{BoxFuture, RateLimits};
use crate::quota::{Ask, LimitKey, Seat, Verdict};

static DECIDE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("limits/decide.lua")));

static SEAT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("limits/seat.lua")));

/// All scripts, for a server that has forgotten them.
pub(super) fn all() -> [&'static Script; 2] {
    [&DECIDE, &SEAT]
}

impl RedisCache {
    /// Runs one script on these keys, once: what counts must not be sent twice.
    async fn count<'k>(
        &self,
        script: &Script,
        keys: impl ExactSizeIterator<Item = &'k LimitKey>,
        arguments: &[impl AsRef<[u8]>],
    ) -> Result<redis::Value> {
        self.admitted()?;
        let mut pipeline = Pipeline::with_capacity(1);
        let command = pipeline.cmd("EVALSHA").arg(script.get_hash()).arg(keys.len());
        for key in keys {
            command.arg(key.as_str());
        }
        for argument in arguments {
            command.arg(argument.as_ref());
        }
        let mut answers = self.pipeline(Patience::Reader, pipeline, &[]).await?;
        match answers.pop() {
            Some(answer) => answer.map_err(|error| self.failed(error)),
            None => Err(Error::new(ErrorKind::Backend, "Redis gave no answer to a script")),
        }
    }

    async fn judged(&self, asks: &[Ask], counts: &str) -> Result<Vec<Verdict>> {
        Ask::distinct(asks)?;
        if asks.is_empty() {
            return Ok(Vec::new());
        }
        let mut arguments = Vec::with_capacity(1 + asks.len() * 6);
        arguments.push(counts.to_owned());
        for Ask { quota, cost, extra, .. } in asks {
            arguments.push(quota.algorithm().name().to_owned());
            let numbers = [quota.limit(), quota.micros(), quota.at_once(), *cost, *extra];
            arguments.extend(numbers.map(|number| number.to_string()));
        }
        let answer = self.count(&DECIDE, asks.iter().map(|ask| &ask.key), &arguments).await?;
        let numbers: Vec<u64> = self.read(answer)?;
        let [now, extra, verdicts @ ..] = numbers.as_slice() else { return Err(odd()) };
        let verdict = |(ask, numbers): (&Ask, &[u64])| match *numbers {
            [admits, remaining, reset, retry] => {
                let granted = extra.checked_sub(1).map_or(0, |extra| ask.cost + extra);
                Ok(Verdict::new(admits == 1, granted, remaining, [reset, retry, *now]))
            }
            _ => Err(odd()),
        };
        let verdicts = asks.iter().zip(verdicts.chunks(4)).map(verdict);
        let verdicts: Vec<Verdict> = verdicts.collect::<Result<_>>()?;
        if verdicts.len() == asks.len() { Ok(verdicts) } else { Err(odd()) }
    }

    async fn seated(&self, seat: &Seat, step: &str) -> Result<Verdict> {
        let (limit, lease) = (seat.seats.limit().to_string(), seat.seats.micros().to_string());
        let arguments =
            [step.as_bytes(), seat.holder.as_bytes(), limit.as_bytes(), lease.as_bytes()];
        let answer = self.count(&SEAT, std::iter::once(&seat.key), &arguments).await?;
        let (now, done, free, reset, wait): (u64, u64, u64, u64, u64) = self.read(answer)?;
        let granted = if step == "take" { done } else { 0 };
        Ok(Verdict::new(done == 1, granted, free, [reset, wait, now]))
    }
}

fn odd() -> Error {
    Error::new(ErrorKind::Backend, "Redis gave an answer to a script that is none of its answers")
}

impl RateLimits for RedisCache {
    fn decide<'a>(&'a self, asks: &'a [Ask]) -> BoxFuture<'a, Result<Vec<Verdict>>> {
        Box::pin(self.judged(asks, "1"))
    }

    fn peek<'a>(&'a self, asks: &'a [Ask]) -> BoxFuture<'a, Result<Vec<Verdict>>> {
        Box::pin(self.judged(asks, "0"))
    }

    fn reset<'a>(&'a self, keys: &'a [LimitKey]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            // One command a key: in a cluster they stand in several slots.
            let forget = |pipeline: &mut Pipeline, key: &LimitKey| {
                pipeline.cmd("UNLINK").arg(key.as_str());
            };
            for answer in self.each::<_, u64>(Patience::Reader, keys, forget).await? {
                answer.map_err(|error| self.failed(error))?;
            }
            Ok(())
        })
    }

    fn take_seat<'a>(&'a self, seat: &'a Seat) -> BoxFuture<'a, Result<Verdict>> {
        Box::pin(self.seated(seat, "take"))
    }

    fn peek_seats<'a>(&'a self, seat: &'a Seat) -> BoxFuture<'a, Result<Verdict>> {
        Box::pin(self.seated(seat, "look"))
    }

    fn leave_seat<'a>(&'a self, seat: &'a Seat) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move { self.seated(seat, "leave").await.map(|verdict| verdict.admitted) })
    }
}
