//! What stands in the table, and how it goes away.

use std::time::Duration;

use cache_runtime::session::Client;

use crate::world::{World, login, user};

#[tokio::test]
async fn the_table_knows_only_the_hash_of_an_id_and_of_a_user() {
    let world = World::new().await;
    let logins = world.process();
    let id = logins.create(&user(4_711_815), &Client::new().device("Firefox")).await.unwrap();
    let (stored, owner, text): (Vec<u8>, Vec<u8>, String) = sqlx::query_as(
        "SELECT id, owner, encode(convert_to(s::text, 'UTF8'), 'escape') FROM cache_runtime.sessions AS s",
    )
    .fetch_one(&logins.db)
    .await
    .unwrap();
    let hex: String = stored.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, id.digest().to_string());
    assert_eq!(owner.len(), 32);
    assert!(!text.contains(&id.expose()), "{text}");
    // The id's own bytes, out of base64url.
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits: String = id
        .expose()
        .chars()
        .map(|letter| format!("{:06b}", LETTERS.find(letter).unwrap()))
        .collect();
    let raw: String = (0..32)
        .map(|at| format!("{:02x}", u8::from_str_radix(&bits[at * 8..at * 8 + 8], 2).unwrap()))
        .collect();
    assert!(!text.contains(&raw[..16]) && !text.contains(&raw[32..48]), "{text}");
}

#[tokio::test]
async fn rows_of_what_is_over_are_removed_and_no_others() {
    let world = World::new().await;
    let logins = world.process();
    for number in 0..2_500_i64 {
        let digest = format!("{number:064x}");
        sqlx::query(
            "INSERT INTO cache_runtime.sessions VALUES ($1, decode($2, 'hex'), NULL, 1, 0, 0, 1000, 1000, '', '')",
        )
        .bind(format!("{}:session:=Logins", world.namespace))
        .bind(digest)
        .execute(&logins.db)
        .await
        .unwrap();
    }
    let id = login(&logins, 7).await;
    let ended = login(&logins, 8).await;
    logins.destroy(&ended).await.unwrap();
    assert_eq!(logins.remove_ended().await.unwrap(), 2_500);
    assert_eq!(logins.remove_ended().await.unwrap(), 0);
    assert_eq!(world.rows().await, 1);
    assert!(logins.touch(&id).await.unwrap());
    world.pass(Duration::from_secs(1_801)).await;
    assert_eq!(logins.remove_ended().await.unwrap(), 1);
}

/// Whoever finds a session that is over takes it away, and so does the next login of its user.
#[tokio::test]
async fn what_is_over_goes_away_by_and_by() {
    let world = World::new().await;
    let logins = world.process();
    let (found, _forgotten) = (login(&logins, 7).await, login(&logins, 8).await);
    world.pass(Duration::from_secs(1_801)).await;
    assert!(!logins.touch(&found).await.unwrap());
    assert_eq!(world.rows().await, 1);
    login(&logins, 8).await;
    assert_eq!(world.rows().await, 1);
}

#[tokio::test]
async fn thousands_of_sessions_end_in_pieces() {
    let world = World::new().await;
    let logins = world.process();
    sqlx::query(
        "INSERT INTO cache_runtime.sessions \
         SELECT $1, sha256(number::text::bytea), sha256('user'), 1, 0, 4e12::bigint, 4e12::bigint, 4e12::bigint, '', '' \
         FROM generate_series(1, 2500) AS numbers (number)",
    )
    .bind(format!("{}:session:=Logins", world.namespace))
    .execute(&logins.db)
    .await
    .unwrap();
    let id = login(&logins, 7).await;
    world.cached(&logins, &id).await;
    assert_eq!(logins.destroy_everyone().await.unwrap(), 2_501);
    assert_eq!(world.rows().await, 0);
    assert!(!logins.touch(&id).await.unwrap());
}

/// Where the role's commits do not wait for the disk by default, a logout does. And a process that stops in the middle of
/// one is cut off long before its holds run out.
#[tokio::test]
async fn a_logout_is_on_disk_when_it_is_acknowledged_and_does_not_hang_in_the_air() {
    let world = World::new().await;
    sqlx::raw_sql(
        "CREATE TABLE commits (how text, hangs text); \
         CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN INSERT INTO commits VALUES (current_setting('synchronous_commit'), \
                 current_setting('idle_in_transaction_session_timeout')); RETURN OLD; END $$; \
         CREATE TRIGGER note BEFORE DELETE ON cache_runtime.sessions FOR EACH ROW EXECUTE FUNCTION note()",
    )
    .execute(world.database.pool())
    .await
    .unwrap();
    let options: sqlx::postgres::PgConnectOptions = world.database.url().parse().unwrap();
    let db = sqlx::PgPool::connect_with(options.options([
        ("synchronous_commit", "off"),
        ("default_transaction_isolation", "serializable"),
    ]))
    .await
    .unwrap();
    let logins = crate::world::Logins { db, cache: world.builder().build().unwrap() };
    let id = login(&logins, 7).await;
    assert!(logins.destroy(&id).await.unwrap());
    let commits: Vec<(String, String)> =
        sqlx::query_as("SELECT how, hangs FROM commits").fetch_all(&logins.db).await.unwrap();
    assert_eq!(commits, [("on".to_owned(), "10s".to_owned())]);
}
