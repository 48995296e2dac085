//! The small ports.

use redis::Value;

use super::RedisCache;
use super::link::Patience;
use super::wire::encode;
use crate::error::Result;
use crate::key::{Key, Pattern};
use crate::port::{
    Action, BoxFuture, Command, Execute, FromReply, Keyspace, Pipelines, Reply, Walk, ask,
};

impl Execute for RedisCache {
    fn execute<'a>(&'a self, command: Command) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(async move {
            let answer = if command.action.only_reads() {
                self.read_one::<Value>(|| encode(&command)).await?
            } else {
                self.one::<Value>(|| encode(&command)).await?
            };
            self.replied(&command, answer)
        })
    }
}

impl Pipelines for RedisCache {
    fn run_commands<'a>(
        &'a self,
        commands: &'a [Command],
    ) -> BoxFuture<'a, Result<Vec<Result<Reply>>>> {
        Box::pin(async move {
            let answers = self
                .each::<_, Value>(Patience::Reader, commands, |pipeline, command| {
                    pipeline.add_command(encode(command));
                })
                .await?;
            let replies = commands.iter().zip(answers).map(|(command, answer)| match answer {
                Ok(answer) => self.replied(command, answer),
                Err(error) => Err(self.failed(error)),
            });
            Ok(replies.collect())
        })
    }
}

impl Keyspace for RedisCache {
    fn keys_matching<'a>(
        &'a self,
        pattern: &'a Pattern,
        walk: Walk<'a>,
    ) -> BoxFuture<'a, Result<Vec<Key>>> {
        Box::pin(self.list_matching(pattern, walk))
    }

    fn delete_matching<'a>(
        &'a self,
        pattern: &'a Pattern,
        walk: Walk<'a>,
    ) -> BoxFuture<'a, Result<u64>> {
        Box::pin(self.delete_pattern(pattern, walk))
    }
}

impl RedisCache {
    pub(super) fn ask<'a, T: FromReply + Send + 'a>(
        &'a self,
        key: &'a Key,
        action: Action,
    ) -> BoxFuture<'a, Result<T>> {
        ask(self, key, action)
    }

    fn replied(&self, command: &Command, answer: Value) -> Result<Reply> {
        let reply = self.decode(&command.action, answer)?;
        self.link.tally().done(&command.action, &reply);
        Ok(reply)
    }
}
