//! Free ports, and the two parts of a URL that the harness exchanges.

use std::net::{Ipv4Addr, TcpListener};

/// A loopback port that nobody listens on.
///
/// It lies below the range from which the kernel takes the ports of outgoing connections: a
/// client that keeps dialling a stopped server could otherwise be given the server's own port
/// and keep it from starting again.
pub(crate) fn free_port() -> u16 {
    (0..1_000)
        .map(|_| fastrand::u16(10_000..32_000))
        .find(|&port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
        .expect("a free port on 127.0.0.1 between 10000 and 32000")
}

/// `url` with another `host:port`; user, password, path and query stay.
pub(crate) fn with_address(url: &str, address: &str) -> String {
    let (scheme, authority, rest) = split(url);
    let user = authority.rfind('@').map_or("", |at| &authority[..=at]);
    format!("{scheme}{user}{address}{rest}")
}

/// `url` with another path, which is where Postgres names the database.
pub(crate) fn with_database(url: &str, database: &str) -> String {
    let (scheme, authority, rest) = split(url);
    let query = rest.find('?').map_or("", |at| &rest[at..]);
    format!("{scheme}{authority}/{database}{query}")
}

/// `scheme://`, `user:password@host:port` and what follows.
fn split(url: &str) -> (&str, &str, &str) {
    let start = url.find("://").map_or(0, |at| at + 3);
    let (scheme, rest) = url.split_at(start);
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    (scheme, authority, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_address_leaves_the_rest_of_a_url_alone() {
        let moved = |url| with_address(url, "127.0.0.1:1");
        assert_eq!(moved("redis://:p%40ss@host:6379/2"), "redis://:p%40ss@127.0.0.1:1/2");
        assert_eq!(moved("postgres://u@host/db?a=b"), "postgres://u@127.0.0.1:1/db?a=b");
        assert_eq!(moved("redis://host"), "redis://127.0.0.1:1");
    }

    #[test]
    fn another_database_leaves_the_rest_of_a_url_alone() {
        let moved = |url| with_database(url, "fresh");
        assert_eq!(moved("postgres://u:p@host:5432/db"), "postgres://u:p@host:5432/fresh");
        assert_eq!(moved("postgres://host?a=/b"), "postgres://host/fresh?a=/b");
        assert_eq!(moved("postgres://host"), "postgres://host/fresh");
    }
}
