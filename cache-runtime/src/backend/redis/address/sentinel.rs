//! Sentinels: whoever watches the servers and says which of them is the primary.
//!
//! After the "Guidelines for Redis clients with support for Redis Sentinel" of the Redis documentation. Those ask one
//! Sentinel after the other and believe the first; here all are asked at once, because one that is silent would take the
//! time that the others need, and most of them are believed.

use std::fmt;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ErrorKind as Theirs, RedisConnectionInfo, RedisResult, cmd};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::secure::Tls;
use super::{FORMS, reach, settings_of};
use crate::error::{Error, ErrorKind, Result};

const PORT: u16 = 26379;
/// For how long the others are listened to once one has answered.
const GRACE: Duration = Duration::from_millis(100);

/// The Sentinels of one service.
#[derive(Debug)]
pub(super) struct Sentinels {
    hosts: Vec<(String, u16)>,
    service: String,
    /// How to log in to them; the primary's own login is another.
    pub(super) settings: RedisConnectionInfo,
}

impl fmt::Display for Sentinels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by the Sentinels at ", self.service)?;
        for (place, (host, port)) in self.hosts.iter().enumerate() {
            let before = if place == 0 { "" } else { "," };
            write!(f, "{before}{host}:{port}")?;
        }
        Ok(())
    }
}

impl Sentinels {
    /// Of `[login@]host[:port],…/service[/database][?sentinel_user=…&sentinel_password=…]`; and the URL that says how to
    /// log in to the primary, and to which database.
    pub(super) fn parse(scheme: &str, rest: &str) -> Result<(Self, String)> {
        let wrong = |message: &str| Err(Error::new(ErrorKind::Config, message));
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (format!("{login}@"), hosts),
            None => (String::new(), authority),
        };
        let (service, db) = path.split_once('/').unwrap_or((path, ""));
        if service.is_empty() {
            return wrong(
                "the URL of Redis Sentinels names no service: write it behind the hosts, as in redis+sentinel://a,b,c/mymaster",
            );
        }
        let mut found = Vec::new();
        for host in hosts.split(',') {
            found.push(host_and_port(scheme, host)?);
        }
        let (mut user, mut password) = ("", "");
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sentinel_user", text)) => user = text,
                Some(("sentinel_password", text)) => password = text,
                _ => {
                    return wrong(
                        "the URL of Redis Sentinels takes sentinel_user and sentinel_password behind its `?`, and nothing else",
                    );
                }
            }
        }
        let own = if user.is_empty() && password.is_empty() {
            String::new()
        } else {
            format!("{user}:{password}@")
        };
        let settings = settings_of(&format!("redis://{own}h"))?.1;
        let sentinels = Self { hosts: found, service: service.to_owned(), settings };
        Ok((sentinels, format!("redis://{login}h/{db}")))
    }

    /// Where the primary is now: as most of those say that answer while the first of them is news. One that is cut off from
    /// the others may still name the primary of before.
    pub(super) async fn primary(&self, tls: Option<&Tls>) -> RedisResult<(String, u16)> {
        let mut failed = None;
        let mut asked: JoinSet<RedisResult<(String, u16)>> = JoinSet::new();
        for (host, port) in self.hosts.clone() {
            let (service, settings) = (self.service.clone(), self.settings.clone());
            let tls = tls.cloned();
            asked.spawn(async move { ask((&host, port), tls.as_ref(), &settings, &service).await });
        }
        let mut votes: Vec<((String, u16), usize)> = Vec::new();
        let mut until = None;
        loop {
            let answer = match until {
                None => asked.join_next().await,
                Some(until) => timeout_at(until, asked.join_next()).await.unwrap_or_default(),
            };
            match answer {
                None => break,
                Some(Ok(Ok(primary))) => {
                    until.get_or_insert_with(|| Instant::now() + GRACE);
                    match votes.iter_mut().find(|(named, _)| *named == primary) {
                        Some((_, count)) => *count += 1,
                        None => votes.push((primary, 1)),
                    }
                    if votes.iter().any(|(_, count)| 2 * count > self.hosts.len()) {
                        break;
                    }
                }
                Some(Ok(Err(error))) => failed = Some(error),
                Some(Err(_)) => {}
            }
        }
        let most = votes.into_iter().rev().max_by_key(|(_, count)| *count);
        most.map(|(primary, _)| primary).ok_or_else(|| {
            failed.unwrap_or_else(|| (Theirs::InvalidClientConfig, "no Sentinel is named").into())
        })
    }
}

async fn ask(
    (host, port): (&str, u16),
    tls: Option<&Tls>,
    settings: &RedisConnectionInfo,
    service: &str,
) -> RedisResult<(String, u16)> {
    let stream = reach(host, port, tls).await?;
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let (mut connection, driver) =
        MultiplexedConnection::new_with_config(settings, stream, config).await?;
    // Both end with this future: it is dropped when another one has answered, or the time is over.
    let question = async move {
        cmd("SENTINEL")
            .arg("get-master-addr-by-name")
            .arg(service)
            .query_async::<Option<(String, u16)>>(&mut connection)
            .await
    };
    let answer = tokio::select! {
        answer = question => answer?,
        () = driver => return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
    };
    answer.ok_or_else(|| {
        let detail = format!("a Sentinel knows no service called {service}");
        (Theirs::InvalidClientConfig, "the Sentinel's answer", detail).into()
    })
}

fn host_and_port(scheme: &str, host: &str) -> Result<(String, u16)> {
    let unreadable = || Error::new(ErrorKind::Config, FORMS);
    if host.is_empty() || host.contains('/') {
        return Err(unreadable());
    }
    // The parser knows brackets and what is no host, but another default port.
    let (address, _) = settings_of(&format!("{scheme}://{host}"))?;
    let redis::ConnectionAddr::Tcp(name, port) = address else { return Err(unreadable()) };
    let bare = host.rsplit_once(':').is_none_or(|(_, port)| port.ends_with(']'));
    Ok((name, if bare { PORT } else { port }))
}
