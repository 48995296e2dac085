//! The cookie that carries an id.

use std::fmt::Write as _;
use std::time::Duration;

use super::SessionId;
use crate::error::{Error, ErrorKind, Result};

/// All `Cookie` headers of a request together: what servers take by default, and far more than an honest client sends.
const MOST_BYTES: usize = 16 << 10;
/// A browser takes no cookie with this prefix from another host, without `Secure`, with a `Domain` or another path
/// (RFC 6265bis, section 4.1.3.2).
const PREFIX: &str = "__Host-";

/// Reads and writes the cookie of a session.
///
/// What it writes bears the prefix `__Host-` and is `Secure`, `HttpOnly`, `SameSite` and of the whole host, so that neither a
/// neighbour, a script nor a plain connection can set or read it. Browsers keep such a cookie from `localhost` without
/// TLS, too.
///
/// ```
/// use std::time::Duration;
///
/// use cache_runtime::session::{SessionCookie, SessionId};
///
/// let cookie = SessionCookie::new("session")?;
/// let id = SessionId::parse("A".repeat(43)).expect("43 letters");
/// assert_eq!(
///     cookie.set(&id, Duration::from_secs(43_200)),
///     format!("__Host-session={}; Path=/; Max-Age=43200; Secure; HttpOnly; SameSite=Lax", id.expose()),
/// );
/// let header = format!("theme=dark; __Host-session={}", id.expose());
/// assert_eq!(cookie.read([header]), Some(id));
/// # Ok::<(), cache_runtime::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionCookie {
    name: String,
    same_site: SameSite,
}

/// Which requests from other sites carry the cookie (RFC 6265bis, section 5.5.7.1). There is no `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SameSite {
    /// None do: who comes by a link from elsewhere is not logged in at first.
    Strict,
    /// Those that follow a link. The default: a link in a mail finds its reader logged in.
    #[default]
    Lax,
}

impl SessionCookie {
    /// A cookie of this name, behind the prefix `__Host-`.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) for a name that is empty, longer than 64 bytes, or has other characters than letters,
    /// digits, `-` and `_`.
    pub fn new(name: &str) -> Result<Self> {
        let fits = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_');
        if name.is_empty() || name.len() > 64 || !name.bytes().all(fits) {
            let message = "a cookie is named by 1 to 64 letters, digits, `-` and `_`: such as \"session\"; the prefix \
                           `__Host-` is put before it";
            return Err(Error::new(ErrorKind::Config, message));
        }
        Ok(Self { name: format!("{PREFIX}{name}"), same_site: SameSite::default() })
    }

    /// Which requests from other sites carry it.
    #[must_use]
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = same_site;
        self
    }

    /// Its name, with the prefix.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value of a `Set-Cookie` header that gives the client this id for so long. That is for the browser's tidiness
    /// alone: when the session ends, the backend decides. Give the absolute limit.
    #[must_use]
    pub fn set(&self, id: &SessionId, max_age: Duration) -> String {
        self.written(&id.expose(), max_age.as_secs())
    }

    /// The value of a `Set-Cookie` header that takes the cookie away.
    #[must_use]
    pub fn remove(&self) -> String {
        self.written("", 0)
    }

    fn written(&self, value: &str, max_age: u64) -> String {
        let same_site = match self.same_site {
            SameSite::Strict => "Strict",
            SameSite::Lax => "Lax",
        };
        let mut text = String::with_capacity(128);
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "{}={value}; Path=/; Max-Age={max_age}; Secure; HttpOnly; SameSite={same_site}",
            self.name
        );
        text
    }

    /// The id in the `Cookie` headers of a request. `None` where there is none; where it is no id, whatever its size;
    /// where the headers are above 16 KiB together; and where the name stands there twice with two values, since one of
    /// them is then somebody else's.
    #[must_use]
    pub fn read<H: AsRef<[u8]>>(&self, headers: impl IntoIterator<Item = H>) -> Option<SessionId> {
        let (mut bytes, mut found) = (0_usize, None);
        for header in headers {
            let header = header.as_ref();
            bytes = bytes.saturating_add(header.len());
            if bytes > MOST_BYTES {
                return None;
            }
            for pair in header.split(|byte| *byte == b';') {
                let Some(at) = pair.iter().position(|byte| *byte == b'=') else { continue };
                let (name, value) = pair.split_at_checked(at)?;
                if name.trim_ascii() != self.name.as_bytes() {
                    continue;
                }
                let id = SessionId::parse(value.get(1..)?.trim_ascii())?;
                if found.as_ref().is_some_and(|found| *found != id) {
                    return None;
                }
                found = Some(id);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookie() -> SessionCookie {
        SessionCookie::new("session").expect("a name")
    }

    fn id(letter: &str) -> SessionId {
        SessionId::parse(letter.repeat(43)).expect("an id")
    }

    #[test]
    fn the_cookie_is_of_one_host_and_out_of_reach_of_scripts_and_other_sites() {
        let set = cookie().set(&id("A"), Duration::from_secs(60));
        let attributes: Vec<&str> = set.split("; ").skip(1).collect();
        assert_eq!(attributes, ["Path=/", "Max-Age=60", "Secure", "HttpOnly", "SameSite=Lax"]);
        assert!(set.starts_with("__Host-session=AAAA"), "{set}");
        let strict = cookie().same_site(SameSite::Strict).set(&id("A"), Duration::ZERO);
        assert!(strict.ends_with("SameSite=Strict"), "{strict}");
        assert_eq!(
            cookie().remove(),
            "__Host-session=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax"
        );
    }

    #[test]
    fn a_forged_doubled_or_oversized_cookie_is_none() {
        let (one, other) = (id("A").expose(), id("Q").expose());
        let read = |header: &str| cookie().read([header]);
        assert_eq!(read(&format!("a=b;__Host-session={one} ; c")), Some(id("A")));
        assert_eq!(cookie().read(["a=b", &format!("__Host-session={one}")]), Some(id("A")));
        assert_eq!(read(&format!("__Host-session={one}; __Host-session={one}")), Some(id("A")));
        for header in [
            String::new(),
            format!("session={one}"),
            format!("__host-session={one}"),
            "__Host-session".to_owned(),
            "__Host-session=".to_owned(),
            format!("__Host-session={one}A"),
            format!("__Host-session=\"{one}\""),
            format!("__Host-session={one}; __Host-session={other}"),
            format!("__Host-session={one}; __Host-session=x"),
            format!("__Host-session={}", "A".repeat(8000)),
            format!("a={}; __Host-session={one}", "x".repeat(16 << 10)),
        ] {
            assert_eq!(read(&header), None, "{:.80}", header);
        }
        let raw: &[u8] = b"\xff\xfe; __Host-session=\xff";
        assert_eq!(cookie().read([raw]), None);
    }

    #[test]
    fn a_name_that_would_break_the_header_is_refused() {
        let long = "x".repeat(65);
        for name in ["", "a b", "a;b", "a=b", "é", "a\r\nb", &long] {
            let error = SessionCookie::new(name).expect_err(name);
            assert!(error.to_string().contains("__Host-"), "{error}");
        }
    }
}
