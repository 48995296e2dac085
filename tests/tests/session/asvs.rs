//! The requirements of OWASP ASVS 5.0, chapter V7, that a library can keep, and those of V3.3 for its cookie: one test for
//! each, by its number. The table in `docs/sessions.md` names them.

use std::collections::HashSet;
use std::time::Duration;

use cache_runtime::session::{Client, SessionCookie, SessionId, SessionRepository};

use crate::world::{Login, Logins, World, login, user};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn v7_1_1_both_limits_are_stated_where_the_sessions_are_declared() {
    assert_eq!(Logins::CONFIG.idle, 30 * MINUTE);
    assert_eq!(Logins::CONFIG.absolute, 720 * MINUTE);
    let logins = World::new().process();
    let id = login(&logins, 7).await;
    let session = logins.get(&id).await.unwrap().unwrap();
    assert_eq!(session.ends.duration_since(session.created).unwrap(), 720 * MINUTE);
}

#[tokio::test]
async fn v7_1_2_a_user_has_so_many_sessions_and_one_more_ends_the_one_not_used_for_longest() {
    let world = World::new();
    let logins = world.process();
    let mut ids = Vec::new();
    for _ in 0..Logins::CONFIG.per_user {
        ids.push(login(&logins, 7).await);
    }
    // All but one are used once more, and that one is neither the first nor the last that began.
    world.pass(10 * MINUTE).await;
    for (number, id) in ids.iter().enumerate() {
        assert!(number == 20 || logins.touch(id).await.unwrap());
    }
    ids.push(login(&logins, 7).await);
    assert_eq!(logins.list(&7).await.unwrap().len(), 50);
    for (number, id) in ids.iter().enumerate() {
        assert_eq!(logins.touch(id).await.unwrap(), number != 20, "{number}");
    }
}

#[tokio::test]
async fn v7_2_1_every_id_is_verified_by_the_backend_each_time() {
    let world = World::new();
    let logins = world.process();
    let id = login(&logins, 7).await;
    assert!(logins.get(&id).await.unwrap().is_some());
    // Nothing in the process remembers that it was good.
    for key in world.keys("*").await {
        let () = redis::cmd("DEL").arg(key).query_async(&mut world.raw().await).await.unwrap();
    }
    assert!(logins.get(&id).await.unwrap().is_none());
    assert!(logins.list(&7).await.unwrap().is_empty());
}

#[tokio::test]
async fn v7_2_2_each_session_has_a_token_of_its_own_that_says_nothing() {
    let logins = World::new().process();
    let (one, other) = (login(&logins, 7).await, login(&logins, 7).await);
    assert_ne!(one, other, "of the same data");
    assert_ne!(one.expose(), other.expose());
}

#[tokio::test]
async fn v7_2_3_ids_are_unique_and_of_256_random_bits() {
    let logins = World::new().process();
    let mut ids = HashSet::new();
    let mut bits = [[0_u32; 2]; 256];
    for _ in 0..300 {
        let id = logins.create(&Login::default(), &Client::new()).await.unwrap();
        let text = id.expose();
        assert_eq!(text.len(), 43, "32 bytes in base64url");
        for (place, bit) in bits_of(&text).into_iter().enumerate() {
            bits[place][usize::from(bit)] += 1;
        }
        ids.insert(text);
    }
    assert_eq!(ids.len(), 300);
    // Each bit of a fair coin is 0 in 300 throws less than 80 times once in 10^16 runs.
    assert!(bits.iter().flatten().all(|times| *times > 80), "{bits:?}");
}

fn bits_of(text: &str) -> Vec<bool> {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let six = |letter: char| LETTERS.find(letter).unwrap();
    let bits =
        text.chars().flat_map(|letter| (0..6).rev().map(move |at| six(letter) >> at & 1 == 1));
    bits.take(256).collect()
}

#[tokio::test]
async fn v7_2_4_a_login_gives_a_new_id_and_ends_the_old_one() {
    let logins = World::new().process();
    let visitor = logins.create(&Login::default(), &Client::new()).await.unwrap();
    logins.update(&visitor, |login| login.theme = "dark".to_owned()).await.unwrap().unwrap();
    // Logging in under the id that one came with is not possible.
    assert!(logins.update(&visitor, |login| login.user_id = Some(7)).await.is_err());
    let ann = logins.rotate(&visitor, |login| login.user_id = Some(7)).await.unwrap().unwrap();
    assert_ne!(visitor, ann);
    assert!(logins.get(&visitor).await.unwrap().is_none());
    assert_eq!(logins.get(&ann).await.unwrap().unwrap().theme, "dark", "with what was there");
}

#[tokio::test]
async fn v7_3_1_a_session_that_is_not_used_ends_by_the_clock_of_redis() {
    let world = World::new();
    let logins = world.process();
    let (used, idle) = (login(&logins, 7).await, login(&logins, 7).await);
    world.pass(29 * MINUTE).await;
    assert!(logins.touch(&used).await.unwrap());
    world.pass(MINUTE).await;
    assert!(logins.touch(&used).await.unwrap());
    assert!(!logins.touch(&idle).await.unwrap());
    let key = world.keys(&format!(":={}", used.digest())).await.remove(0);
    let left: i64 = redis::cmd("PTTL").arg(key).query_async(&mut world.raw().await).await.unwrap();
    assert!(left <= 30 * 60_000, "Redis forgets it when it is over: {left}");
}

#[tokio::test]
async fn v7_3_2_a_session_ends_at_its_absolute_limit_however_much_it_is_used() {
    let world = World::new();
    let logins = world.process();
    let mut id = login(&logins, 7).await;
    for minutes in (20..720).step_by(20) {
        world.pass(20 * MINUTE).await;
        assert!(logins.touch(&id).await.unwrap(), "after {minutes} minutes");
        // A new id for the same user prolongs nothing.
        id = logins.rotate(&id, |login| login.views += 1).await.unwrap().unwrap();
    }
    world.pass(20 * MINUTE).await;
    assert!(!logins.touch(&id).await.unwrap());
}

#[tokio::test]
async fn v7_4_1_a_logout_ends_the_session_on_the_server_for_good() {
    let world = World::new();
    let (logins, elsewhere) = (world.process(), world.process());
    let id = login(&logins, 7).await;
    assert!(logins.destroy(&id).await.unwrap());
    // The back button, or a copy of the cookie.
    for process in [&logins, &elsewhere] {
        let again = SessionId::parse(id.expose()).unwrap();
        assert!(process.get(&again).await.unwrap().is_none());
        assert!(process.update(&again, |login| login.views += 1).await.unwrap().is_none());
        assert!(process.rotate(&again, |_| ()).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn v7_4_2_all_sessions_of_an_account_that_is_disabled_end() {
    let world = World::new();
    let (logins, elsewhere) = (world.process(), world.process());
    let ids = [login(&logins, 7).await, login(&elsewhere, 7).await];
    let bob = login(&logins, 8).await;
    assert_eq!(logins.destroy_all(&7).await.unwrap(), 2);
    for id in &ids {
        assert!(!elsewhere.touch(id).await.unwrap());
    }
    assert!(elsewhere.touch(&bob).await.unwrap());
}

#[tokio::test]
async fn v7_4_3_all_other_sessions_may_end_after_a_change_of_the_password() {
    let logins = World::new().process();
    let (here, elsewhere) = (login(&logins, 7).await, login(&logins, 7).await);
    assert_eq!(logins.destroy_others(&here).await.unwrap(), 1);
    assert!(logins.touch(&here).await.unwrap());
    assert!(!logins.touch(&elsewhere).await.unwrap());
}

#[tokio::test]
async fn v7_4_5_an_administrator_ends_the_sessions_of_one_user_or_of_all() {
    let logins = World::new().process();
    let mut ids = Vec::new();
    for user_id in 0..20 {
        ids.push(login(&logins, user_id).await);
    }
    assert_eq!(logins.destroy_all(&0).await.unwrap(), 1);
    assert!(logins.destroy_everyone().await.unwrap() >= 19);
    for id in &ids {
        assert!(!logins.touch(id).await.unwrap());
    }
}

#[tokio::test]
async fn v7_5_1_and_v7_5_3_how_long_ago_a_login_was_is_known_and_a_new_id_does_not_hide_it() {
    let world = World::new();
    let logins = world.process();
    let id = login(&logins, 7).await;
    world.pass(20 * MINUTE).await;
    let id = logins.rotate(&id, |login| login.is_admin = true).await.unwrap().unwrap();
    let session = logins.get(&id).await.unwrap().unwrap();
    assert!(
        session.created.elapsed().unwrap() >= 20 * MINUTE,
        "a page may ask for the password again"
    );
}

#[tokio::test]
async fn v7_5_2_a_user_sees_all_sessions_and_ends_any_of_them() {
    let world = World::new();
    let logins = world.process();
    let firefox = Client::new().device("Firefox on Linux").address([192, 0, 2, 7].into());
    let here = logins.create(&user(7), &firefox).await.unwrap();
    world.pass(20 * MINUTE).await;
    let phone = logins.create(&user(7), &Client::new().device("A phone")).await.unwrap();
    let bob = login(&logins, 8).await;
    let listed = logins.list(&7).await.unwrap();
    let shown: Vec<_> = listed
        .iter()
        .map(|session| (session.client.its_device(), session.client.its_address()))
        .collect();
    let address = Some([192, 0, 2, 7].into());
    assert_eq!(shown, [(Some("A phone"), None), (Some("Firefox on Linux"), address)]);
    assert!(listed[1].created < listed[0].created && listed[0].seen <= listed[0].ends);
    assert!(logins.destroy_listed(&7, phone.digest()).await.unwrap());
    assert!(!logins.destroy_listed(&7, bob.digest()).await.unwrap(), "nobody else's");
    for (id, alive) in [(&here, true), (&phone, false), (&bob, true)] {
        assert_eq!(logins.touch(id).await.unwrap(), alive);
    }
}

#[tokio::test]
async fn v3_3_1_to_v3_3_4_the_cookie_is_secure_same_site_of_one_host_and_http_only() {
    let logins = World::new().process();
    let cookie = SessionCookie::new("session").unwrap();
    let id = login(&logins, 7).await;
    let set = cookie.set(&id, 720 * MINUTE);
    let (pair, attributes) = set.split_once("; ").unwrap();
    assert_eq!(pair, format!("__Host-session={}", id.expose()));
    assert_eq!(attributes, "Path=/; Max-Age=43200; Secure; HttpOnly; SameSite=Lax");
    assert!(set.len() < 4096, "V3.3.5");
}
