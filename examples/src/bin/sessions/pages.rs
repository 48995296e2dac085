//! What a browser is shown.

use std::time::SystemTime;

use cache_runtime::SessionDigest;
use cache_runtime::session::{ListedSession, Session};

use crate::app::Login;

fn page(theme: Option<&str>, body: &str) -> String {
    let colours = match theme {
        Some("dark") => "background: #222; color: #eee",
        _ => "background: #fff; color: #222",
    };
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Sessions</title>\
         <body style=\"font-family: sans-serif; max-width: 50em; margin: 2em auto; {colours}\">{body}</body></html>"
    )
}

/// Of what a client has said nothing may become markup.
fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, letter| {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
        out
    })
}

pub(crate) fn message(text: &str) -> String {
    page(None, &format!("<p>{}</p><p><a href=\"/\">Back</a></p>", escaped(text)))
}

const THEMES: &str = "<form method=\"post\" action=\"/theme\"><button name=\"theme\" value=\"light\">Light</button> \
                      <button name=\"theme\" value=\"dark\">Dark</button></form>";

pub(crate) fn visitor(theme: Option<&str>) -> String {
    let form = "<h1>Log in</h1><form method=\"post\" action=\"/login\">\
                <input name=\"user\" placeholder=\"ann\" autocomplete=\"username\" required> \
                <input name=\"password\" type=\"password\" autocomplete=\"current-password\" required> \
                <button>Log in</button></form>";
    page(theme, &format!("{form}{THEMES}"))
}

pub(crate) fn account(
    user: &str,
    session: &Session<Login>,
    sessions: &[ListedSession],
    here: &SessionDigest,
) -> String {
    let rows: String = sessions.iter().map(|session| row(session, here)).collect();
    let body = format!(
        "<h1>Hello, {user}</h1>\
         <form method=\"post\" action=\"/logout\"><button>Log out</button></form>\
         <p>This session has seen {views} pages, and began {began}.</p>{THEMES}\
         <h2>Your sessions</h2><table cellpadding=\"6\"><tr><th>Device<th>Address<th>Began<th>Last used<th>Ends<th></tr>{rows}</table>\
         <h2>Log out everywhere</h2>\
         <form method=\"post\" action=\"/logout-everywhere\">{PASSWORD} <button>Log out everywhere</button></form>",
        user = escaped(user),
        views = session.views,
        began = ago(session.created),
    );
    page(session.theme.as_deref(), &body)
}

/// To end sessions takes the password once more.
const PASSWORD: &str = "<input name=\"password\" type=\"password\" placeholder=\"password\" autocomplete=\"current-password\" required>";

fn row(session: &ListedSession, here: &SessionDigest) -> String {
    let device = session.client.its_device().unwrap_or("unknown");
    let address =
        session.client.its_address().map_or_else(|| "unknown".to_owned(), |it| it.to_string());
    let last = if session.digest == *here {
        "this one".to_owned()
    } else {
        format!(
            "<form method=\"post\" action=\"/sessions/end\"><input type=\"hidden\" name=\"session\" value=\"{}\">{PASSWORD} \
             <button>End</button></form>",
            session.digest
        )
    };
    format!(
        "<tr><td>{}<td>{address}<td>{}<td>{}<td>{}<td>{last}</tr>",
        escaped(device),
        ago(session.created),
        ago(session.seen),
        ahead(session.ends),
    )
}

fn minutes(time: std::time::Duration) -> String {
    match time.as_secs() / 60 {
        0 => "less than a minute".to_owned(),
        1 => "1 minute".to_owned(),
        minutes if minutes < 120 => format!("{minutes} minutes"),
        minutes => format!("{} hours", minutes / 60),
    }
}

fn ago(time: SystemTime) -> String {
    format!("{} ago", minutes(time.elapsed().unwrap_or_default()))
}

fn ahead(time: SystemTime) -> String {
    format!("in {}", minutes(time.duration_since(SystemTime::now()).unwrap_or_default()))
}
