//! Which request does what.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Form, Request, State};
use axum::http::header::{CACHE_CONTROL, COOKIE, RETRY_AFTER, SET_COOKIE, USER_AGENT};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use cache_runtime::session::{Client, SessionCookie, SessionId, SessionRepository};
use cache_runtime::{CacheManager, SessionDigest, cached_repository};
use serde::{Deserialize, Serialize};

use crate::pages;

/// What a session keeps. Whoever has no user yet is a visitor.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Login {
    pub(crate) user: Option<String>,
    pub(crate) theme: Option<String>,
    pub(crate) views: u32,
}

#[cached_repository(
    session(
        data = Login,
        idle = "30m",
        absolute = "12h",
        user = user,
        per_user = 20,
        fields(theme: Option<String>),
    ),
    rate_limit(
        name = guesses,
        algorithm = "gcra",
        limit = 10,
        per = "10m",
        burst = 5,
        on_error = "deny"
    ),
    rate_limit(
        name = visitors,
        algorithm = "gcra",
        limit = 100,
        per = "10m",
        burst = 20,
        on_error = "deny"
    )
)]
pub(crate) struct Logins {
    cache: CacheManager,
}

/// What every request may use.
pub(crate) struct App {
    logins: Logins,
    cookie: SessionCookie,
}

impl App {
    pub(crate) fn new(cache: CacheManager) -> cache_runtime::Result<Arc<Self>> {
        let cookie = SessionCookie::new("session")?;
        Ok(Arc::new(Self { logins: Logins { cache }, cookie }))
    }

    fn id(&self, headers: &HeaderMap) -> Option<SessionId> {
        self.cookie.read(headers.get_all(COOKIE))
    }

    /// To the first page, with this cookie.
    fn home(&self, id: Option<&SessionId>) -> Response {
        let cookie = match id {
            Some(id) => self.cookie.set(id, Logins::CONFIG.absolute),
            None => self.cookie.remove(),
        };
        ([(SET_COOKIE, cookie)], Redirect::to("/")).into_response()
    }
}

/// The accounts of this example. A service keeps a hash that is slow to make, such as Argon2, of each password.
pub(crate) fn knows(user: &str, password: &str) -> bool {
    ["ann", "bob"].contains(&user) && password == "secret"
}

/// Whether this is the user's password. Whoever guesses from one address has to wait; the user may log in from another one.
async fn proven(
    app: &App,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    user: &str,
    password: &str,
) -> Result<(), Problem> {
    let guesser = format!("{user} from {}", address.ip());
    let guesses = app.logins.guesses();
    let decision = guesses.check(&guesser).await?;
    if !decision.admitted {
        return Err(Problem::TooMany(decision.retry_after));
    }
    if !knows(user, password) {
        return Err(Problem::Refused(StatusCode::UNAUTHORIZED, "That is not the password."));
    }
    guesses.reset(&guesser).await?;
    Ok(())
}

/// What went wrong. That Redis is away says nothing of who is logged in: nobody is let in, and nobody sent to the login.
pub(crate) enum Problem {
    Cache(cache_runtime::Error),
    Refused(StatusCode, &'static str),
    TooMany(Duration),
}

impl From<cache_runtime::Error> for Problem {
    fn from(error: cache_runtime::Error) -> Self {
        Self::Cache(error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        match self {
            Self::Cache(error) => {
                tracing::error!(%error, "sessions cannot be looked up");
                let page = Html(pages::message("Please try again in a moment."));
                (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")], page).into_response()
            }
            Self::Refused(status, message) => {
                (status, Html(pages::message(message))).into_response()
            }
            Self::TooMany(wait) => {
                let seconds = (wait.as_secs() + 1).to_string();
                let page = Html(pages::message("Too many attempts. Please try again later."));
                (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, seconds)], page).into_response()
            }
        }
    }
}

type Answer = Result<Response, Problem>;

pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/theme", post(theme))
        .route("/login", post(login))
        .route("/logout", post(logout))
        .route("/logout-everywhere", post(logout_everywhere))
        .route("/sessions/end", post(end))
        .layer(middleware::from_fn(only_from_here))
        .layer(middleware::map_response(forget_after_logout))
        .with_state(app)
}

/// Other sites may lead here, and change nothing: a form of theirs would need no cookie to log somebody in, or out. Browsers
/// say where a request comes from, and no page can make them say something else; a client that is no browser says nothing.
async fn only_from_here(request: Request, next: Next) -> Response {
    let changes = ![Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    let mut places = request.headers().get_all("sec-fetch-site").iter();
    if changes && places.any(|place| place != "same-origin" && place != "none") {
        let message = "Another site has sent you here. Nothing was done.";
        return Problem::Refused(StatusCode::FORBIDDEN, message).into_response();
    }
    next.run(request).await
}

/// So that the back button shows nothing after a logout.
async fn forget_after_logout(mut response: Response) -> Response {
    let value = axum::http::HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, value);
    response
}

/// A page for everybody; looking at it begins no session.
async fn home(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    let Some(id) = app.id(&headers) else {
        return Ok(Html(pages::visitor(None)).into_response());
    };
    app.logins.update(&id, |login| login.views += 1).await?;
    Ok(match app.logins.get(&id).await? {
        None => Html(pages::visitor(None)).into_response(),
        Some(session) => match &session.user {
            None => Html(pages::visitor(session.theme.as_deref())).into_response(),
            Some(user) => {
                let sessions = app.logins.list(user).await?;
                Html(pages::account(user, &session, &sessions, id.digest())).into_response()
            }
        },
    })
}

#[derive(Deserialize)]
struct Theme {
    theme: String,
}

/// The one thing that a visitor may keep.
async fn theme(
    State(app): State<Arc<App>>,
    from: ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(chosen): Form<Theme>,
) -> Answer {
    let theme = Some(chosen.theme).filter(|theme| ["light", "dark"].contains(&theme.as_str()));
    if let Some(id) = app.id(&headers)
        && app.logins.set_theme(&id, theme.clone()).await?
    {
        return Ok(Redirect::to("/").into_response());
    }
    // What anybody may begin could fill Redis.
    let decision = app.logins.visitors().check(&from.0.ip()).await?;
    if !decision.admitted {
        return Err(Problem::TooMany(decision.retry_after));
    }
    let visitor = Login { theme, ..Login::default() };
    let id = app.logins.create(&visitor, &client(from, &headers)).await?;
    Ok(app.home(Some(&id)))
}

#[derive(Deserialize)]
struct Credentials {
    user: String,
    password: String,
}

async fn login(
    State(app): State<Arc<App>>,
    from: ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(given): Form<Credentials>,
) -> Answer {
    proven(&app, from, &given.user, &given.password).await?;
    // A visitor's session goes on under a new id; whoever comes with none, or with one of a login, gets a new one.
    let id = match app.id(&headers) {
        None => None,
        Some(id) => match app.logins.get(&id).await? {
            Some(visitor) if visitor.user.is_none() => {
                let user = &given.user;
                app.logins.rotate(&id, |login| login.user = Some(user.clone())).await?
            }
            Some(_) => {
                app.logins.destroy(&id).await?;
                None
            }
            None => None,
        },
    };
    let id = match id {
        Some(id) => id,
        None => {
            let login = Login { user: Some(given.user), ..Login::default() };
            app.logins.create(&login, &client(from, &headers)).await?
        }
    };
    Ok(app.home(Some(&id)))
}

async fn logout(State(app): State<Arc<App>>, headers: HeaderMap) -> Answer {
    if let Some(id) = app.id(&headers) {
        app.logins.destroy(&id).await?;
    }
    Ok(app.home(None))
}

#[derive(Deserialize)]
struct Confirmed {
    password: String,
    /// Which session, as the page names it.
    session: Option<String>,
}

/// The user who is logged in, and has just given the password once more.
async fn confirmed(
    app: &App,
    from: ConnectInfo<SocketAddr>,
    headers: &HeaderMap,
    password: &str,
) -> Result<String, Problem> {
    let session = match app.id(headers) {
        Some(id) => app.logins.get(&id).await?,
        None => None,
    };
    let Some(user) = session.and_then(|session| session.data.user) else {
        return Err(Problem::Refused(StatusCode::UNAUTHORIZED, "Please log in first."));
    };
    proven(app, from, &user, password).await?;
    Ok(user)
}

async fn logout_everywhere(
    State(app): State<Arc<App>>,
    from: ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(given): Form<Confirmed>,
) -> Answer {
    let user = confirmed(&app, from, &headers, &given.password).await?;
    let ended = app.logins.destroy_all(&user).await?;
    tracing::info!(ended, "logged out everywhere");
    Ok(app.home(None))
}

async fn end(
    State(app): State<Arc<App>>,
    from: ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(given): Form<Confirmed>,
) -> Answer {
    let user = confirmed(&app, from, &headers, &given.password).await?;
    let named = given.session.and_then(|session| session.parse::<SessionDigest>().ok());
    let Some(session) = named else {
        return Err(Problem::Refused(
            StatusCode::UNPROCESSABLE_ENTITY,
            "There is no such session.",
        ));
    };
    app.logins.destroy_listed(&user, &session).await?;
    Ok(Redirect::to("/").into_response())
}

fn client(ConnectInfo(address): ConnectInfo<SocketAddr>, headers: &HeaderMap) -> Client {
    // Behind a proxy the address is the one that the proxy says, in a header that it always sets.
    let client = Client::new().address(address.ip());
    match headers.get(USER_AGENT).and_then(|value| value.to_str().ok()) {
        Some(device) => client.device(device),
        None => client,
    }
}
