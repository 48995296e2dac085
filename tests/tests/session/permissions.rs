//! A user of Redis who may do what `docs/sessions.md` asks for and nothing else.

use std::sync::Arc;

use cache_runtime::ErrorKind;
use cache_runtime::session::Client;
use tests::RedisServer;

use crate::world::{Logins, World, manager, redis, user};

/// The list in the documentation: keys and commands, of sessions in Redis alone.
fn documented() -> String {
    let text = include_str!("../../../docs/sessions.md");
    let list = text.split("```text\n").nth(1).and_then(|rest| rest.split("```").next());
    let list = list.expect("the first of two lists").split_whitespace().collect::<Vec<_>>();
    assert_eq!(list[0], "~{shop:session:*");
    assert!(list[1..].iter().all(|command| command.starts_with('+')), "{list:?}");
    list.join(" ")
}

async fn logins(server: &RedisServer, permissions: &str) -> Logins {
    let world = World::at(&server.url());
    let () = redis::cmd("ACL")
        .arg("SETUSER")
        .arg("app")
        .arg(&["reset", "on", ">secret"])
        .arg(permissions.split(' ').collect::<Vec<_>>())
        .query_async(&mut world.raw().await)
        .await
        .unwrap();
    let url = format!("redis://app:secret@{}", server.address());
    Logins { cache: manager("shop", Arc::new(redis(&url))) }
}

#[tokio::test]
async fn the_documented_permissions_are_enough() {
    let server = RedisServer::start();
    let logins = logins(&server, &documented()).await;
    let mut ids = Vec::new();
    for _ in 0..52 {
        ids.push(logins.create(&user(7), &Client::new()).await.unwrap());
    }
    let id = ids.pop().unwrap();
    logins.update(&id, |login| login.views += 1).await.unwrap().unwrap();
    let id = logins.rotate(&id, |login| login.user_id = Some(8)).await.unwrap().unwrap();
    assert_eq!(logins.list(&8).await.unwrap().len(), 1);
    assert_eq!(logins.destroy_others(&id).await.unwrap(), 0);
    assert!(logins.destroy_listed(&8, id.digest()).await.unwrap());
    assert_eq!(logins.destroy_all(&7).await.unwrap(), 49);
    assert!(!logins.destroy(&id).await.unwrap());
    logins.destroy_everyone().await.unwrap();
}

#[tokio::test]
async fn without_them_nobody_is_admitted() {
    let server = RedisServer::start();
    let logins = logins(&server, &documented().replace("~{shop:session:*", "~shop:*")).await;
    let error = logins.create(&user(7), &Client::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
}
