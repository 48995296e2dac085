//! How much a server's word is worth.

use redis::cmd;

use super::super::RedisCache;
use crate::error::Result;

/// What would lose acknowledged writes on this server.
pub(super) async fn of(cache: &RedisCache) -> Result<Vec<String>> {
    let mut info = String::new();
    for section in ["persistence", "replication", "memory"] {
        match cache.one::<String>(|| cmd("INFO").arg(section).to_owned()).await {
            Ok(text) => info.push_str(&text),
            Err(error) if error.kind() == crate::error::ErrorKind::Denied => {
                return Ok(vec![
                    "Redis does not say whether it keeps its data (its user may not send INFO): acknowledged writes are \
                     as safe as its persistence makes them"
                        .to_owned(),
                ]);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(judged(&info))
}

fn judged(info: &str) -> Vec<String> {
    let field = |name: &str| {
        info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    };
    let mut caveats = Vec::new();
    if field("aof_enabled") != Some("1") && matches!(field("connected_slaves"), None | Some("0")) {
        caveats.push(
            "Redis keeps no log of its writes and has no replica: if it is restarted or killed, acknowledged writes that \
             are not in the source yet are lost; set `appendonly yes`"
                .to_owned(),
        );
    }
    if let Some(policy) = field("maxmemory_policy").filter(|policy| policy.starts_with("allkeys")) {
        caveats.push(format!(
            "Redis evicts any key when its memory is full (maxmemory-policy {policy}), the queue of a write-behind \
             included, and acknowledged writes with it: give write-behind a Redis with `noeviction`"
        ));
    }
    caveats
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_keeps_nothing_or_evicts_everything_is_named() {
        let of = |aof: u8, replicas: u8, policy: &str| {
            judged(&format!(
                "aof_enabled:{aof}\r\nconnected_slaves:{replicas}\r\nmaxmemory_policy:{policy}\r\n"
            ))
        };
        assert!(of(1, 0, "noeviction").is_empty());
        assert!(of(0, 1, "volatile-lru").is_empty(), "the queue has no lifetime to be evicted by");
        let worst = of(0, 0, "allkeys-lru");
        assert!(worst.len() == 2, "{worst:?}");
        assert!(
            worst.concat().contains("appendonly yes") && worst.concat().contains("allkeys-lru")
        );
    }
}
