//! Sessions beside a bare `GET` of as many bytes.

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::session::{Client, SessionConfig, SessionId, SessionUser, Sessions};
use redis::aio::MultiplexedConnection;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::bench::{Bench, with};
use crate::effort::Effort;
use crate::pair::{Goal, Measured, measure};
use crate::world::World;

const SESSIONS: u64 = 1_000;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Login {
    user: i64,
    theme: String,
}

pub(crate) async fn run(bench: &mut Bench) -> Result<()> {
    for callers in [1, 64] {
        let name = format!("session in Redis, {}", with(callers));
        if bench.wants(&name) {
            let world = bench.world().await?;
            bench.add(looked_up(&world, &name, bench.effort(), callers).await?);
        }
    }
    Ok(())
}

/// A look at a session that is alive beside a `GET` of its data.
async fn looked_up(world: &World, name: &str, effort: Effort, callers: usize) -> Result<Measured> {
    let (idle, absolute) = (Duration::from_secs(1800), Duration::from_secs(43_200));
    let config = SessionConfig {
        user: |login: &Login| SessionUser::of(&login.user),
        ..SessionConfig::new("bench", idle, absolute)
    };
    let cache = &world.users.cache;
    let sessions = Arc::new(Sessions::new(cache.backend(), cache.namespace(), &config)?);
    let mut ids = Vec::new();
    let mut redis = world.redis.clone();
    for user in 0..i64::try_from(SESSIONS)? {
        let login = Login { user, theme: "dark".to_owned() };
        ids.push(sessions.create(&login, &Client::default()).await?);
        let data = postcard::to_stdvec(&login)?;
        let () = redis::cmd("SET").arg(key(user)).arg(data).query_async(&mut redis).await?;
    }
    let ids: Arc<[SessionId]> = ids.into();
    let ours = move |random: u64| {
        let (sessions, ids) = (Arc::clone(&sessions), Arc::clone(&ids));
        async move {
            let place = usize::try_from(random % SESSIONS).unwrap_or_default();
            let Some(id) = ids.get(place) else { return };
            assert!(matches!(sessions.get(id).await, Ok(Some(_))), "a session");
        }
    };
    let theirs = move |random: u64| {
        let redis = redis.clone();
        async move {
            let user = i64::try_from(random % SESSIONS).unwrap_or_default();
            assert!(bare(redis, user).await.is_some(), "a session");
        }
    };
    Ok(measure(name, effort, callers, Goal::at_most(1.1, callers), ours, theirs).await)
}

async fn bare(mut redis: MultiplexedConnection, user: i64) -> Option<Login> {
    let data: Vec<u8> = redis::cmd("GET").arg(key(user)).query_async(&mut redis).await.ok()?;
    postcard::from_bytes(&data).ok()
}

fn key(user: i64) -> String {
    format!("plain:session:{user}")
}
