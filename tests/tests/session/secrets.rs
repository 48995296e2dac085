//! What Redis and the log know of an id: its SHA-256.

use std::process::Stdio;

use cache_runtime::session::{Client, SessionCookie, SessionId};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::journal::Journal;
use crate::world::{World, user};

/// Everything that was ever sent to the server is in what it tells a `MONITOR`.
#[tokio::test]
async fn only_the_hash_of_an_id_is_ever_stored_sent_or_logged() {
    let journal = Journal::begin();
    let server = tests::RedisServer::start();
    let world = World::at(&server.url());
    let monitor = monitor(server.port()).await;
    let logins = world.process();

    let login =
        crate::world::Login { theme: "a-secret-of-the-session".to_owned(), ..user(4_711_815) };
    let first = logins.create(&login, &Client::new().device("Firefox")).await.unwrap();
    logins.update(&first, |login| login.views += 1).await.unwrap().unwrap();
    let second = logins.rotate(&first, |login| login.is_admin = true).await.unwrap().unwrap();
    logins.list(&4_711_815).await.unwrap();
    logins.get(&first).await.unwrap();
    logins.destroy_others(&second).await.unwrap();
    logins.destroy_all(&4_711_815).await.unwrap();
    logins.destroy(&second).await.unwrap();

    // The end of it.
    let () = redis::cmd("ECHO").arg("the-end").query_async(&mut world.raw().await).await.unwrap();
    let sent = monitor.await.unwrap();
    assert!(sent.contains(&first.digest().to_string()), "{sent}");
    let dump: Vec<String> = [&first, &second].iter().flat_map(|id| forms(id)).collect();
    for form in &dump {
        assert!(!sent.contains(form), "{form} was sent");
    }
    // Keys name a user by a hash as well; the data are the application's.
    assert!(!sent.contains(":user:=4711815"));
    journal.keeps_secret(&dump.iter().map(String::as_str).collect::<Vec<_>>());
    journal.keeps_secret(&["a-secret-of-the-session", "4711815"]);
    assert!(journal.lines().iter().any(|line| line.text.contains("a session has a new id")));

    let shown = format!("{first:?} {:?} {:?}", first.digest(), logins.get(&first).await);
    for form in forms(&first) {
        assert!(!shown.contains(&form), "{shown}");
    }
    let cookie = SessionCookie::new("session").unwrap();
    assert_eq!(cookie.read([cookie.set(&first, std::time::Duration::ZERO)]), Some(first));
}

/// An id as text, its bytes in hexadecimal digits of either case, and the bytes themselves as `MONITOR` shows them: every
/// part of each that has eight characters, or eight bytes.
fn forms(id: &SessionId) -> Vec<String> {
    let (text, bytes) = (id.expose(), bytes_of(id));
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let raw = bytes.windows(8).map(as_monitor_shows);
    let parts = |text: &str| {
        text.as_bytes().windows(8).map(|part| str::from_utf8(part).unwrap().to_owned()).collect()
    };
    let texts: [Vec<String>; 3] = [parts(&text), parts(&hex), parts(&hex.to_uppercase())];
    raw.chain(texts.concat()).collect()
}

fn bytes_of(id: &SessionId) -> Vec<u8> {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits: String = id
        .expose()
        .chars()
        .map(|letter| format!("{:06b}", LETTERS.find(letter).unwrap()))
        .collect();
    (0..32).map(|at| u8::from_str_radix(&bits[at * 8..at * 8 + 8], 2).unwrap()).collect()
}

/// Printable bytes as themselves, and the others as an escape.
fn as_monitor_shows(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |shown, byte| match byte {
        b'\\' | b'"' => format!("{shown}\\{}", char::from(*byte)),
        b'\n' => shown + "\\n",
        b'\r' => shown + "\\r",
        b'\t' => shown + "\\t",
        7 => shown + "\\a",
        8 => shown + "\\b",
        b' '..=b'~' => format!("{shown}{}", char::from(*byte)),
        _ => format!("{shown}\\x{byte:02x}"),
    })
}

/// Whoever sends an id, in whatever form, is found out.
#[tokio::test]
async fn an_id_that_is_sent_is_found_in_every_form() {
    let server = tests::RedisServer::start();
    let world = World::at(&server.url());
    let monitor = monitor(server.port()).await;
    let id = world.process().create(&user(7), &Client::new()).await.unwrap();
    let bytes = bytes_of(&id);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let every: Vec<u8> = (0..=255).collect();
    let mut raw = world.raw().await;
    let said = [
        id.expose().as_bytes()[9..19].to_vec(),
        hex.as_bytes()[30..44].to_vec(),
        hex.to_uppercase().as_bytes()[30..44].to_vec(),
        bytes[11..23].to_vec(),
        every.clone(),
    ];
    for said in said {
        let () = redis::cmd("ECHO").arg(said).query_async(&mut raw).await.unwrap();
    }
    let () = redis::cmd("ECHO").arg("the-end").query_async(&mut raw).await.unwrap();
    let sent = monitor.await.unwrap();
    let echoed: Vec<&str> = sent.lines().filter(|line| line.contains("\"ECHO\"")).collect();
    assert_eq!(echoed.len(), 6, "{sent}");
    for line in &echoed[..4] {
        assert!(forms(&id).iter().any(|form| line.contains(form)), "{line}");
    }
    for part in every.windows(8).map(as_monitor_shows) {
        assert!(echoed[4].contains(&part), "{part} in {}", echoed[4]);
    }
}

async fn monitor(port: u16) -> tokio::task::JoinHandle<String> {
    let mut child = Command::new("bash")
        .arg("-c")
        .arg(format!("exec 3<>/dev/tcp/127.0.0.1/{port}; printf 'MONITOR\\r\\n' >&3; cat <&3"))
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next_line().await.unwrap().unwrap(), "+OK");
    tokio::spawn(async move {
        let _child = child;
        let mut all = String::new();
        while let Ok(Some(line)) = lines.next_line().await {
            all.push_str(&line);
            all.push('\n');
            if line.contains("the-end") {
                break;
            }
        }
        all
    })
}
