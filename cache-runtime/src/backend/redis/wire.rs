//! A command of the small ports as Redis takes it, and what it answers.

use redis::{Cmd, ToRedisArgs, Value, cmd};

use super::RedisCache;
use super::commands::{remaining, set};
use crate::error::Result;
use crate::key::Key;
use crate::policy::Ttl;
use crate::port::{Action, Command, Reply};

/// What is sent.
pub(super) fn encode(Command { key, action }: &Command) -> Cmd {
    match action {
        Action::Get => of(key, "GET"),
        Action::Set(value, ttl) => set(key, value, *ttl),
        Action::SetIfAbsent(value, ttl) => set_if_absent(key, value, *ttl),
        Action::Take => of(key, "GETDEL"),
        Action::Delete => of(key, "UNLINK"),
        Action::Exists => of(key, "EXISTS"),
        Action::Expire(after) => match Ttl::After(*after).millis() {
            None | Some(0) => of(key, "UNLINK"),
            Some(millis) => with(key, "PEXPIRE", millis),
        },
        Action::Persist => of(key, "PERSIST"),
        Action::Ttl => of(key, "PTTL"),
        Action::IncrementBy(by) => with(key, "INCRBY", by),
        // Redis takes no empty push; its length says the same, and what is wrong with the key.
        Action::ListPushFront(values) if values.is_empty() => of(key, "LLEN"),
        Action::ListPushBack(values) if values.is_empty() => of(key, "LLEN"),
        Action::ListPushFront(values) => with_each(key, "LPUSH", values),
        Action::ListPushBack(values) => with_each(key, "RPUSH", values),
        Action::ListPopFront => of(key, "LPOP"),
        Action::ListPopBack => of(key, "RPOP"),
        Action::ListLength => of(key, "LLEN"),
        Action::ListRange(first, last) => with(key, "LRANGE", &[*first, *last]),
        Action::ListTrim(first, last) => with(key, "LTRIM", &[*first, *last]),
        Action::SetAdd(members) | Action::SetRemove(members) if members.is_empty() => {
            of(key, "SCARD")
        }
        Action::SetAdd(members) => with_each(key, "SADD", members),
        Action::SetRemove(members) => with_each(key, "SREM", members),
        Action::SetMembers => of(key, "SMEMBERS"),
        Action::SetIsMember(member) => with(key, "SISMEMBER", &member[..]),
        Action::SetCardinality => of(key, "SCARD"),
        Action::HashSet(fields) if fields.is_empty() => of(key, "HLEN"),
        Action::HashSet(fields) => {
            let mut command = of(key, "HSET");
            for (field, value) in fields {
                command.arg(&field[..]).arg(&value[..]);
            }
            command
        }
        Action::HashGet(field) => with(key, "HGET", &field[..]),
        Action::HashGetAll => of(key, "HGETALL"),
        Action::HashDelete(fields) if fields.is_empty() => of(key, "HLEN"),
        Action::HashDelete(fields) => with_each(key, "HDEL", fields),
        Action::HashLength => of(key, "HLEN"),
        Action::HashIncrementBy(field, by) => {
            let mut command = with(key, "HINCRBY", &field[..]);
            command.arg(by);
            command
        }
    }
}

/// `SET … NX`. A lifetime of zero puts nothing there, so that it is only asked whether something stands there.
fn set_if_absent(key: &Key, value: &[u8], ttl: Ttl) -> Cmd {
    if ttl.is_zero() {
        return of(key, "EXISTS");
    }
    let mut command = set(key, value, ttl);
    command.arg("NX");
    command
}

fn of(key: &Key, name: &str) -> Cmd {
    cmd(name).arg(key.as_str()).to_owned()
}

fn with(key: &Key, name: &str, argument: impl ToRedisArgs) -> Cmd {
    of(key, name).arg(argument).to_owned()
}

fn with_each(key: &Key, name: &str, arguments: &[bytes::Bytes]) -> Cmd {
    let mut command = of(key, name);
    for argument in arguments {
        command.arg(&argument[..]);
    }
    command
}

impl RedisCache {
    /// What was answered.
    pub(super) fn decode(&self, action: &Action, answer: Value) -> Result<Reply> {
        Ok(match action {
            Action::Set(..) | Action::ListTrim(..) => Reply::Done,
            Action::Get
            | Action::Take
            | Action::ListPopFront
            | Action::ListPopBack
            | Action::HashGet(_) => Reply::Bytes(self.read(answer)?),
            Action::SetIfAbsent(_, ttl) if ttl.is_zero() => {
                Reply::Flag(!self.read::<bool>(answer)?)
            }
            Action::SetIfAbsent(..) => Reply::Flag(!matches!(answer, Value::Nil)),
            Action::Delete
            | Action::Exists
            | Action::Expire(_)
            | Action::Persist
            | Action::SetIsMember(_) => Reply::Flag(self.read(answer)?),
            Action::Ttl => Reply::Life(remaining(self.read(answer)?)),
            Action::IncrementBy(_) | Action::HashIncrementBy(..) => {
                Reply::Number(self.read(answer)?)
            }
            Action::SetAdd(members) | Action::SetRemove(members) | Action::HashDelete(members)
                if members.is_empty() =>
            {
                Reply::Count(0)
            }
            Action::HashSet(fields) if fields.is_empty() => Reply::Count(0),
            Action::ListPushFront(_)
            | Action::ListPushBack(_)
            | Action::ListLength
            | Action::SetAdd(_)
            | Action::SetRemove(_)
            | Action::SetCardinality
            | Action::HashSet(_)
            | Action::HashDelete(_)
            | Action::HashLength => Reply::Count(self.read(answer)?),
            Action::ListRange(..) => Reply::List(self.read(answer)?),
            Action::SetMembers => Reply::Set(self.read(answer)?),
            Action::HashGetAll => Reply::Hash(self.read(answer)?),
        })
    }
}
