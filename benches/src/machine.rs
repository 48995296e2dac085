//! What the rows of a run were measured on: what may matter to who reads them, and nothing that names the machine.

use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};
use sqlx::PgPool;

use crate::Result;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// When the run began, in seconds since 1970: tells runs apart.
    #[serde(default)]
    pub(crate) began: u64,
    pub(crate) processors: usize,
    pub(crate) model: String,
    pub(crate) system: String,
    pub(crate) rustc: String,
    pub(crate) postgres: String,
    pub(crate) redis: String,
    /// Whether the rounds were few and short.
    pub(crate) quick: bool,
    pub(crate) rounds: usize,
}

impl Machine {
    pub(crate) async fn ask(
        pool: &PgPool,
        redis: redis::aio::MultiplexedConnection,
    ) -> Result<Self> {
        let mut redis = redis;
        let postgres: String = sqlx::query_scalar("SHOW server_version").fetch_one(pool).await?;
        let info: String = redis::cmd("INFO").arg("server").query_async(&mut redis).await?;
        let field = |name| after(&info, name, ':').unwrap_or_default();
        // Valkey says which version of Redis it is like, too.
        let redis = match (field("valkey_version"), field("redis_version")) {
            (valkey, _) if !valkey.is_empty() => format!("Valkey {valkey}"),
            (_, redis) => redis,
        };
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let unknown = || "unknown".to_owned();
        let system = after(&read("/etc/os-release"), "PRETTY_NAME", '=').unwrap_or_else(unknown);
        Ok(Self {
            began: 0,
            processors: std::thread::available_parallelism()?.get(),
            model: after(&read("/proc/cpuinfo"), "model name", ':').unwrap_or_else(unknown),
            system: format!("{system}, {}", std::env::consts::ARCH),
            rustc: rustc().unwrap_or_else(unknown),
            postgres: words(&postgres, 1),
            redis,
            quick: false,
            rounds: 0,
        })
    }
}

/// What stands behind `name` and the sign, in the first line that has it.
fn after(text: &str, name: &str, sign: char) -> Option<String> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(sign)?;
        (found.trim() == name).then(|| value.trim().trim_matches('"').to_owned())
    })
}

fn rustc() -> Option<String> {
    let output = Command::new("rustc").arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace().nth(1).map(str::to_owned)
}

fn words(text: &str, count: usize) -> String {
    text.split_whitespace().take(count).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_its_name() {
        let text = "NAME=\"An OS\"\nPRETTY_NAME=\"An OS 12\"\nmodel name\t: A processor\n";
        assert_eq!(after(text, "PRETTY_NAME", '=').as_deref(), Some("An OS 12"));
        assert_eq!(after(text, "model name", ':').as_deref(), Some("A processor"));
        assert_eq!(after(text, "NAM", '='), None);
    }
}
