//! Which server it is, and whether its data is the one that was there before.

use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, RedisResult, Value, pipe};

use super::failure::kind_of;
use crate::error::ErrorKind;

/// What a server says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// A number for the process of the server and the history of its data; zero where it does not say.
    pub(super) era: u64,
    /// Where it does not say, it counts as a primary: its refusal of the first write tells.
    pub(super) replica: bool,
    /// Whether it may be asked at all.
    pub(super) known: bool,
}

impl Identity {
    /// Asks the server, and for a sign of life besides: one that still loads its data answers the rest already.
    ///
    /// The second answer is why it does no work now.
    pub(super) async fn ask(
        mut connection: MultiplexedConnection,
    ) -> RedisResult<(Self, RedisResult<()>)> {
        let mut questions = pipe();
        questions.ignore_errors();
        questions.cmd("INFO").arg("server");
        questions.cmd("INFO").arg("replication");
        questions.cmd("ROLE");
        questions.cmd("PING");
        let answers: Vec<RedisResult<Value>> = questions.query_async(&mut connection).await?;
        let mut answers = answers.into_iter();
        let mut answer = || answers.next().and_then(Result::ok);
        let (server, replication, role) = (text(answer()), text(answer()), answer());
        let alive = match answers.next() {
            // It may be forbidden, and then it is alive enough.
            Some(Err(error)) if kind_of(&error) != ErrorKind::Denied => Err(error),
            _ => Ok(()),
        };
        Ok((Self::of(server.as_deref(), replication.as_deref(), role.as_ref()), alive))
    }

    fn of(server: Option<&str>, replication: Option<&str>, role: Option<&Value>) -> Self {
        let era = server.and_then(|server| field(server, "run_id")).map_or(0, |run| {
            let history = replication.and_then(|it| field(it, "master_replid"));
            era(run, history.unwrap_or_default())
        });
        let by_info = replication.and_then(|it| field(it, "role"));
        let by_role = match role {
            Some(Value::Array(role)) => role.first().and_then(|name| match name {
                Value::BulkString(name) => str::from_utf8(name).ok(),
                _ => None,
            }),
            _ => None,
        };
        let roles = [by_info, by_role];
        Self {
            era,
            replica: roles.contains(&Some("slave")),
            known: era != 0 || roles.iter().any(Option::is_some),
        }
    }
}

pub(super) fn text(answer: Option<Value>) -> Option<String> {
    String::from_redis_value(answer?).ok()
}

/// The value of one line of `INFO`.
pub(super) fn field<'i>(info: &'i str, name: &str) -> Option<&'i str> {
    let value = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?.trim();
    (!value.is_empty()).then_some(value)
}

/// FNV-1a, 64 bits: the same in every process and in every version of this program. Never zero.
fn era(run: &str, history: &str) -> u64 {
    let bytes = run.bytes().chain([b':']).chain(history.bytes());
    let hash = bytes.fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    });
    hash.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: &str =
        "# Server\r\nredis_version:7.0.15\r\nrun_id:aaaa\r\nserver_name:run_id\r\n";
    const REPLICATION: &str = "# Replication\r\nrole:master\r\nmaster_replid:bbbb\r\n";

    fn of(server: &str, replication: &str) -> Identity {
        Identity::of(Some(server), Some(replication), None)
    }

    fn role(name: &str) -> Value {
        Value::Array(vec![Value::BulkString(name.into()), Value::Int(0)])
    }

    #[test]
    fn the_era_is_the_same_in_every_version_of_this_program() {
        // By hand: FNV-1a of "aaaa:bbbb".
        let mut hash: u64 = 14_695_981_039_346_656_037;
        for byte in *b"aaaa:bbbb" {
            hash = (hash ^ u64::from(byte)).wrapping_mul(1_099_511_628_211);
        }
        let identity = of(SERVER, REPLICATION);
        assert_eq!(identity, Identity { era: hash, replica: false, known: true });
        assert_eq!(hash, 0xB586_2011_DB86_5679, "written down once, for ever");
    }

    #[test]
    fn another_process_or_another_history_is_another_era() {
        let era = of(SERVER, REPLICATION).era;
        assert_ne!(of(&SERVER.replace("aaaa", "aaab"), REPLICATION).era, era);
        assert_ne!(of(SERVER, &REPLICATION.replace("bbbb", "bbbc")).era, era);
        let offset = format!("{REPLICATION}master_repl_offset:7\r\n");
        assert_eq!(of(&format!("{SERVER}uptime_in_seconds:9\r\n"), &offset).era, era);
    }

    #[test]
    fn a_replica_is_known_by_either_answer() {
        assert!(of(SERVER, &REPLICATION.replace("master\r", "slave\r")).replica);
        assert!(Identity::of(None, None, Some(&role("slave"))).replica);
        assert!(!Identity::of(None, None, Some(&role("master"))).replica);
    }

    #[test]
    fn who_may_not_ask_knows_nothing() {
        let nothing = Identity { era: 0, replica: false, known: false };
        assert_eq!(Identity::of(None, None, None), nothing);
        let by_role = Identity { known: true, ..nothing };
        assert_eq!(Identity::of(None, None, Some(&role("master"))), by_role);
        assert_eq!(of("run_id:\r\n", ""), nothing, "a server that leaves it empty");
    }
}
