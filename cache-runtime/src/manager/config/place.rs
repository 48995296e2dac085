//! Where the server is: one URL, out of whatever was said.

use std::fmt::Write as _;

use super::CacheConfig;
use super::options::OPTIONS;
use crate::error::{Error, ErrorKind, Result};

impl CacheConfig {
    /// Leaves out what another one says as a whole.
    pub(super) fn leave_place_to(&mut self, over: &Self) {
        if over.redis_url.is_some() {
            self.redis_user = None;
            self.redis_password = None;
            self.redis_db = None;
            self.redis_tls = None;
        }
        if over.redis_url.is_some() || over.redis_addr.is_some() || over.redis_host.is_some() {
            self.redis_url = None;
            self.redis_addr = None;
            self.redis_host = None;
        }
        if over.redis_url.is_some() || over.redis_addr.is_some() {
            self.redis_port = None;
        }
    }

    /// The server's URL. One that was given is taken as it is, except that it gets user and password where it has none.
    pub(super) fn url(&self) -> Result<String> {
        let wrong = |message: String| Err(Error::new(ErrorKind::Config, message));
        if let Some(url) = &self.redis_url {
            return Ok(self.with_login(url.expose()));
        }
        let (host, port) = match (&self.redis_addr, &self.redis_host) {
            (Some(addr), _) => split(addr)?,
            (None, Some(host)) => (host.as_str(), self.redis_port),
            (None, None) => {
                let ways: Vec<String> = OPTIONS
                    .iter()
                    .filter(|spec| spec.place)
                    .map(|spec| format!("{} ({})", spec.variable, spec.path))
                    .collect();
                return wrong(format!(
                    "no Redis server is given: set one of {}, such as REDIS_URL=redis://127.0.0.1:6379",
                    ways.join(", ")
                ));
            }
        };
        let odd = |letter: char| matches!(letter, '/' | '@' | '?' | '#') || letter.is_whitespace();
        if host.is_empty() || host.contains(odd) {
            return wrong(format!(
                "`{host}` is not a host: write its name or address alone, or the whole as redis.url"
            ));
        }
        let scheme = if self.redis_tls == Some(true) { "rediss" } else { "redis" };
        // The address of IPv6 stands in brackets, or its colons would pass for a port's.
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let host = if bare.contains(':') { format!("[{bare}]") } else { bare.to_owned() };
        let (port, db) = (port.unwrap_or(6379), self.redis_db.unwrap_or(0));
        Ok(self.with_login(&format!("{scheme}://{host}:{port}/{db}")))
    }

    fn with_login(&self, url: &str) -> String {
        let (user, password) = (self.redis_user.as_deref(), self.redis_password.as_ref());
        let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        if (user.is_none() && password.is_none()) || authority.contains('@') {
            return url.to_owned();
        }
        let mut login = escaped(user.unwrap_or_default());
        if let Some(password) = password {
            login.push(':');
            login.push_str(&escaped(password.expose()));
        }
        format!("{scheme}://{login}@{rest}")
    }
}

/// `host:port`, `host`, `[::1]:port`.
fn split(addr: &str) -> Result<(&str, Option<u16>)> {
    let wrong = || {
        let message = format!("`{addr}` is not an address: write it as cache.example.com:6379");
        Error::new(ErrorKind::Config, message)
    };
    let (host, port) = match addr.rsplit_once(':') {
        // The colon is one of an address of IPv6 without a port.
        Some((head, _)) if head.contains(':') && !head.ends_with(']') => (addr, None),
        Some((host, port)) => (host, Some(port)),
        None => (addr, None),
    };
    let port = port.map(|port| port.parse().map_err(|_| wrong())).transpose()?;
    if host.is_empty() || port == Some(0) { Err(wrong()) } else { Ok((host, port)) }
}

/// A text as a part of an URL: every byte that means anything there as `%` and two digits.
fn escaped(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}
