//! Holds and releases: those that are sent together are one script over their keys, where the server allows that.

use std::time::Duration;

use redis::{Pipeline, RedisResult, Script, Value};

use super::RedisCache;
use super::announcement;
use super::fills::refuses_many;
use super::link::Patience;
use super::pipeline::{CHUNK, call_over};
use super::scripts;
use super::steps::millis;
use crate::entry::Token;
use crate::error::Result;
use crate::key::Key;
use crate::port::ReleaseOutcome;

/// Keys in one script: the server does nothing else meanwhile.
const MOST_KEYS: usize = 128;

impl RedisCache {
    pub(super) async fn hold_keys(&self, keys: &[Key], token: Token, ttl: Duration) -> Result<()> {
        let ttl = millis(ttl).to_string();
        let arguments = [&token.as_bytes()[..], ttl.as_bytes()];
        let mut failed = None;
        for chunk in keys.chunks(CHUNK) {
            // Behind the holds: who hears of them finds them there.
            let tail = announcement::of_keys(chunk);
            let held = self.over(Patience::Writer, &scripts::HOLD, chunk, &arguments, &tail).await;
            failed = failed.or(held.err());
        }
        failed.map_or(Ok(()), Err)
    }

    pub(super) async fn release_keys(
        &self,
        keys: &[Key],
        token: Token,
    ) -> Result<Vec<ReleaseOutcome>> {
        let (mut outcomes, mut failed) = (Vec::with_capacity(keys.len()), None);
        for chunk in keys.chunk_by(|one, other| one.namespace() == other.namespace()) {
            let channel = chunk.first().map_or("", |key| key.namespace());
            let channel = announcement::channel(channel);
            let arguments = [&token.as_bytes()[..], channel.as_bytes()];
            for chunk in chunk.chunks(CHUNK) {
                let release = &scripts::RELEASE;
                // What fails for some keys is no reason to leave others held.
                match self.over(Patience::Reader, release, chunk, &arguments, &[]).await {
                    Err(error) => failed = failed.or(Some(error)),
                    Ok(answers) => {
                        for answer in answers {
                            let there: Vec<bool> = self.read(answer)?;
                            outcomes.extend(there.into_iter().map(|there| match there {
                                true => ReleaseOutcome::Released,
                                false => ReleaseOutcome::WasGone,
                            }));
                        }
                    }
                }
            }
        }
        failed.map_or(Ok(outcomes), Err)
    }

    /// Runs a script over all of these keys; over each by itself, where the server refuses to run it over several, or one of them
    /// is in the way of the others.
    async fn over(
        &self,
        patience: Patience,
        script: &Script,
        keys: &[Key],
        arguments: &[&[u8]],
        tail: &[redis::Cmd],
    ) -> Result<Vec<Value>> {
        let session = self.link.session();
        if keys.len() > 1 && !self.link.is_refused_many(session) {
            let answers = self.in_portions(patience, script, keys, MOST_KEYS, arguments, tail);
            let answers = answers.await?;
            if answers.iter().all(RedisResult::is_ok) {
                return self.all(answers);
            }
            if answers.iter().any(|answer| answer.as_ref().is_err_and(refuses_many)) {
                self.link.refuses_many(session);
            }
        }
        let answers = self.in_portions(patience, script, keys, 1, arguments, tail).await?;
        self.all(answers)
    }

    async fn in_portions(
        &self,
        patience: Patience,
        script: &Script,
        keys: &[Key],
        most: usize,
        arguments: &[&[u8]],
        tail: &[redis::Cmd],
    ) -> Result<Vec<RedisResult<Value>>> {
        self.admitted()?;
        let mut pipeline = Pipeline::with_capacity(keys.len().div_ceil(most) + tail.len());
        let mut portions = 0;
        for portion in keys.chunks(most) {
            call_over(&mut pipeline, script, portion.iter().map(Key::as_str), arguments);
            portions += 1;
        }
        let mut answers = self.pipeline(patience, pipeline, tail).await?;
        // What became of an announcement is looked at as what became of a key is.
        if let Some(failed) = answers.iter().skip(portions).position(RedisResult::is_err) {
            answers.swap(0, portions + failed);
        }
        answers.truncate(portions);
        Ok(answers)
    }

    fn all(&self, answers: Vec<RedisResult<Value>>) -> Result<Vec<Value>> {
        answers.into_iter().map(|answer| answer.map_err(|error| self.failed(error))).collect()
    }
}
