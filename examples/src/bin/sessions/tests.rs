//! Two browsers, over HTTP.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;

use cache_runtime::CacheManager;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::app::{App, router};

/// Keeps one cookie, as a browser does.
struct Browser {
    server: SocketAddr,
    name: &'static str,
    cookie: RefCell<Option<String>>,
    /// What it says of where its requests come from.
    from: Cell<Option<&'static str>>,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Browser {
    fn new(server: SocketAddr, name: &'static str) -> Self {
        Self { server, name, cookie: RefCell::default(), from: Cell::default() }
    }

    async fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        let cookie = self.cookie.borrow().clone();
        let cookie = cookie.map(|it| format!("Cookie: theme=x; {it}\r\n")).unwrap_or_default();
        let from = self.from.get().map(|from| format!("Sec-Fetch-Site: {from}\r\n"));
        let from = from.unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nUser-Agent: {}\r\n{from}{cookie}\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            self.name,
            body.len()
        );
        let mut stream = TcpStream::connect(self.server).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let set = head.lines().find_map(|line| line.strip_prefix("set-cookie: "));
        if let Some(set) = set {
            assert!(set.ends_with("; Secure; HttpOnly; SameSite=Lax"), "{set}");
            let pair = set.split(';').next().unwrap();
            let kept = (!pair.ends_with('=')).then(|| pair.to_owned());
            self.cookie.replace(kept);
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    async fn home(&self) -> String {
        let answer = self.ask("GET", "/", "").await;
        assert_eq!(answer.status, 200, "{}", answer.head);
        assert!(answer.head.contains("cache-control: no-store"), "{}", answer.head);
        answer.body
    }

    async fn post(&self, path: &str, body: &str) -> u16 {
        self.ask("POST", path, body).await.status
    }

    async fn log_in(&self) {
        assert_eq!(self.post("/login", "user=ann&password=secret").await, 303);
    }

    async fn is_in(&self) -> bool {
        self.home().await.contains("Hello, ann")
    }
}

async fn server() -> SocketAddr {
    let cache = CacheManager::builder("test").memory().build().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = router(App::new(cache).unwrap());
    let service = service.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

#[tokio::test]
async fn a_user_logs_in_sees_all_sessions_and_ends_them() {
    let server = server().await;
    let (desk, phone) = (Browser::new(server, "A <b>desk</b>"), Browser::new(server, "A phone"));
    assert!(desk.home().await.contains("Log in"));
    assert!(desk.cookie.borrow().is_none(), "looking begins no session");

    // A visitor's choice goes along into the login, under another id.
    assert_eq!(desk.post("/theme", "theme=dark").await, 303);
    let visitor = desk.cookie.borrow().clone().unwrap();
    assert!(desk.home().await.contains("#222; color: #eee"));
    assert_eq!(desk.post("/login", "user=ann&password=wrong").await, 401);
    desk.log_in().await;
    let login = desk.cookie.borrow().clone().unwrap();
    assert!(visitor != login && login.starts_with("__Host-session="));
    let page = desk.home().await;
    assert!(page.contains("Hello, ann") && page.contains("#222; color: #eee"), "{page}");
    assert!(page.contains("Log out</button>") && page.contains("this one"), "{page}");
    assert!(page.contains("A &lt;b&gt;desk&lt;/b&gt;") && page.contains("127.0.0.1"), "{page}");

    // Who knows the old id is nobody.
    desk.cookie.replace(Some(visitor));
    assert!(!desk.is_in().await);
    desk.cookie.replace(Some(login.clone()));

    phone.log_in().await;
    let page = desk.home().await;
    assert!(page.contains("A phone") && page.matches("<tr><td>").count() == 2, "{page}");
    let named = page.split("name=\"session\" value=\"").nth(1).unwrap();
    let session = named.get(..64).unwrap();
    assert!(!page.contains(login.split('=').nth(1).unwrap()), "no page shows an id");

    // To end another session takes the password.
    let wrong = format!("session={session}&password=wrong");
    assert_eq!(desk.post("/sessions/end", &wrong).await, 401);
    assert!(phone.is_in().await);
    assert_eq!(desk.post("/sessions/end", "session=7&password=secret").await, 422);
    let right = format!("session={session}&password=secret");
    assert_eq!(desk.post("/sessions/end", &right).await, 303);
    assert!(!phone.is_in().await && desk.is_in().await);

    // Everywhere is everywhere.
    phone.log_in().await;
    assert_eq!(phone.post("/logout-everywhere", "password=secret").await, 303);
    assert!(phone.cookie.borrow().is_none());
    assert!(!desk.is_in().await);

    // A copy of the cookie is worth nothing after the logout.
    desk.log_in().await;
    let copy = desk.cookie.borrow().clone();
    assert_eq!(desk.post("/logout", "").await, 303);
    assert!(desk.cookie.borrow().is_none() && !desk.is_in().await);
    desk.cookie.replace(copy);
    assert!(!desk.is_in().await);
    assert_eq!(desk.post("/logout-everywhere", "password=secret").await, 401);
}

#[tokio::test]
async fn whoever_guesses_passwords_has_to_wait() {
    let server = server().await;
    let browser = Browser::new(server, "guesser");
    for _ in 0..5 {
        assert_eq!(browser.post("/login", "user=ann&password=wrong").await, 401);
    }
    let answer = browser.ask("POST", "/login", "user=ann&password=secret").await;
    assert_eq!(answer.status, 429, "also with the right one");
    assert!(answer.head.contains("retry-after: 60"), "{}", answer.head);
    let other = browser.post("/login", "user=bob&password=secret").await;
    assert_eq!(other, 303, "another user is no matter of these guesses");
}

#[tokio::test]
async fn a_forged_or_oversized_cookie_is_no_cookie() {
    let server = server().await;
    let browser = Browser::new(server, "curious");
    for forged in ["x".to_owned(), "A".repeat(43), "A".repeat(5000), "%00".repeat(20)] {
        browser.cookie.replace(Some(format!("__Host-session={forged}")));
        assert!(!browser.is_in().await, "{forged:.50}");
        browser.log_in().await;
        let given = browser.cookie.borrow().clone().unwrap();
        assert!(!given.contains(&forged) || forged == "x", "it was adopted");
        assert_eq!(browser.post("/logout", "").await, 303);
    }
}

#[tokio::test]
async fn a_form_of_another_site_logs_nobody_in_or_out() {
    let server = server().await;
    let (victim, browser) = (Browser::new(server, "visitor"), Browser::new(server, "user"));
    browser.log_in().await;
    for from in ["cross-site", "same-site", "same-origin, cross-site", "", "else"] {
        for (browser, path, body) in [
            (&victim, "/login", "user=ann&password=secret"),
            (&victim, "/theme", "theme=dark"),
            (&browser, "/theme", "theme=dark"),
            (&browser, "/logout", ""),
            (&browser, "/logout-everywhere", "password=secret"),
        ] {
            browser.from.set(Some(from));
            let answer = browser.ask("POST", path, body).await;
            assert_eq!(answer.status, 403, "{path} from {from:?}");
            assert!(!answer.head.contains("set-cookie"), "{}", answer.head);
        }
        // A link leads here all the same.
        assert!(browser.is_in().await && !victim.is_in().await);
    }
    for from in [Some("same-origin"), Some("none"), None] {
        browser.from.set(from);
        assert_eq!(browser.post("/theme", "theme=dark").await, 303, "{from:?}");
        assert_eq!(browser.post("/logout", "").await, 303, "{from:?}");
        browser.log_in().await;
    }
}

#[tokio::test]
async fn visitors_begin_so_many_sessions_and_no_more() {
    let server = server().await;
    for number in 0..=20 {
        let visitor = Browser::new(server, "robot");
        let status = visitor.post("/theme", "theme=dark").await;
        assert_eq!(status, if number < 20 { 303 } else { 429 }, "{number}");
        assert_eq!(visitor.cookie.borrow().is_some(), number < 20);
    }
    // Whoever logs in is not one of them.
    Browser::new(server, "user").log_in().await;
}
