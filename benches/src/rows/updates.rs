//! Writes, beside a transaction and a `DEL` by hand.

use crate::Result;
use crate::bench::{Bench, with};
use crate::effort::Effort;
use crate::pair::{Goal, Measured, measure};
use crate::plain;
use crate::world::{USERS, User, World};

pub(crate) async fn run(bench: &mut Bench) -> Result<()> {
    for callers in [1, 8] {
        let goal = Goal::at_most(1.0, callers);
        let name = format!("update by id, {}", with(callers));
        if bench.wants(&name) {
            let world = bench.world().await?;
            bench.add(write(&world, &name, bench.effort(), callers, goal).await);
        }
    }
    Ok(())
}

async fn write(world: &World, name: &str, effort: Effort, callers: usize, goal: Goal) -> Measured {
    world.changed();
    let users = world.users.clone();
    let ours = move |random: u64| {
        let users = users.clone();
        async move {
            let user = changed(random);
            assert!(matches!(users.update(&user).await, Ok(Some(_))), "an update");
        }
    };
    let (redis, pool) = (world.redis.clone(), world.pool.clone());
    let theirs = move |random: u64| {
        let (redis, pool) = (redis.clone(), pool.clone());
        async move {
            let user = changed(random);
            assert!(plain::write(redis, pool, &user).await.is_some(), "an update");
        }
    };
    measure(name, effort, callers, goal, ours, theirs).await
}

/// A row with something new in it: both sides write the same.
fn changed(random: u64) -> User {
    let id = i64::try_from(random % USERS + 1).unwrap_or(1);
    User {
        id,
        email: format!("user{id}@example.org"),
        name: format!("User {random}"),
        city: "City".to_owned(),
        country: "C".to_owned(),
        bio: None,
        active: true,
        logins: 1,
        score: 0.5,
        created_at: 1,
    }
}
