//! Where a server is, and how it is reached: at a host, on a socket, or wherever its Sentinels say; with TLS or without.

#[cfg(feature = "tls")]
mod secure;
#[cfg(not(feature = "tls"))]
#[path = "address/open.rs"]
mod secure;
mod sentinel;

use std::path::PathBuf;

use redis::{ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo, RedisResult};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;

use self::secure::Tls;
use self::sentinel::Sentinels;
use super::failure::Place;
use crate::error::{Error, ErrorKind, Result};

/// A connection before anything is said over it.
pub(super) type Transport = Box<dyn Bytes>;

pub(super) trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Bytes for S {}

/// Files for TLS, all in PEM.
#[derive(Clone, Debug, Default)]
pub(super) struct Certificates {
    /// Whom to trust, in place of the system's authorities.
    pub(super) ca: Option<PathBuf>,
    /// Who we are: a chain, and its key.
    pub(super) client: Option<(PathBuf, PathBuf)>,
}

/// Where a server is.
#[derive(Debug)]
pub(super) struct Address {
    route: Route,
    /// How to log in, and to which database.
    settings: RedisConnectionInfo,
    tls: Option<Tls>,
}

#[derive(Debug)]
enum Route {
    Host(String, u16),
    #[cfg(unix)]
    Socket(PathBuf),
    Sentinels(Sentinels),
}

const FORMS: &str = "the Redis URL cannot be read: write redis://[user[:password]@]host[:port][/database], with rediss:// \
                     for TLS, redis+unix:///path, or redis+sentinel://[user[:password]@]host[:port],host[:port]/service[/database]";

impl Address {
    /// # Errors
    /// [`Config`](ErrorKind::Config): never with the URL, which may hold a password.
    pub(super) fn new(url: &str, certificates: &Certificates) -> Result<Self> {
        let unreadable = || Error::new(ErrorKind::Config, FORMS);
        let (scheme, rest) = url.split_once("://").ok_or_else(unreadable)?;
        let (scheme, by_sentinel) = match scheme.strip_suffix("+sentinel") {
            Some(scheme) => (scheme, true),
            None => (scheme, false),
        };
        // The parser knows TLS only where it opens the connections itself.
        let (scheme, encrypted) = match scheme {
            "rediss" => ("redis", true),
            "valkeys" => ("valkey", true),
            "unix" => ("redis+unix", false),
            other => (other, false),
        };
        if encrypted && rest.contains('#') {
            return Err(Error::new(
                ErrorKind::Config,
                "a Redis URL has no `#insecure` here: name the authority that signed the server's certificate by tls_ca",
            ));
        }
        if !encrypted && (certificates.ca.is_some() || certificates.client.is_some()) {
            return Err(Error::new(
                ErrorKind::Config,
                "there are certificates, and the Redis URL asks for no TLS: let it begin with rediss://",
            ));
        }
        let tls = if encrypted { Some(Tls::new(certificates)?) } else { None };
        if by_sentinel {
            let (sentinels, login) = Sentinels::parse(scheme, rest)?;
            let settings = settings_of(&login)?.1;
            return Ok(Self { route: Route::Sentinels(sentinels), settings, tls });
        }
        let (address, settings) = settings_of(&format!("{scheme}://{rest}"))?;
        let route = match address {
            ConnectionAddr::Tcp(host, port) => Route::Host(host, port),
            #[cfg(unix)]
            ConnectionAddr::Unix(path) => Route::Socket(path),
            _ => return Err(unreadable()),
        };
        Ok(Self { route, settings, tls })
    }

    pub(super) fn settings(&self) -> &RedisConnectionInfo {
        &self.settings
    }

    /// Where it is, without its secrets.
    pub(super) fn place(&self) -> Place {
        let db = self.settings.db();
        Place::new(match &self.route {
            Route::Host(host, port) => format!("{host}:{port}/{db}"),
            #[cfg(unix)]
            Route::Socket(path) => format!("{}/{db}", path.display()),
            Route::Sentinels(sentinels) => format!("{sentinels}/{db}"),
        })
    }

    /// A new connection. Whether it leads to a primary is for the caller to find out.
    pub(super) async fn reach(&self) -> RedisResult<Transport> {
        match &self.route {
            Route::Host(host, port) => reach(host, *port, self.tls.as_ref()).await,
            #[cfg(unix)]
            Route::Socket(path) => Ok(Box::new(tokio::net::UnixStream::connect(path).await?)),
            Route::Sentinels(sentinels) => {
                let (host, port) = sentinels.primary(self.tls.as_ref()).await?;
                reach(&host, port, self.tls.as_ref()).await
            }
        }
    }
}

fn settings_of(url: &str) -> Result<(ConnectionAddr, RedisConnectionInfo)> {
    let info = url
        .into_connection_info()
        .map_err(|error| Error::new(ErrorKind::Config, FORMS).because(error))?;
    Ok((info.addr().clone(), info.redis_settings().clone()))
}

async fn reach(host: &str, port: u16, tls: Option<&Tls>) -> RedisResult<Transport> {
    let stream = first_of(host, port).await?;
    stream.set_nodelay(true)?;
    match tls {
        Some(tls) => tls.wrap(host, stream).await,
        None => Ok(Box::new(stream)),
    }
}

/// The first of the host's addresses that lets us in; one that is silent must not stand in the way of another.
async fn first_of(host: &str, port: u16) -> RedisResult<TcpStream> {
    let mut attempts: JoinSet<_> =
        lookup_host((host, port)).await?.map(TcpStream::connect).collect();
    let mut refused = None;
    while let Some(attempt) = attempts.join_next().await {
        match attempt {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => refused = Some(error),
            Err(_) => {}
        }
    }
    let nowhere = || std::io::Error::new(std::io::ErrorKind::NotFound, "the host has no address");
    Err(refused.unwrap_or_else(nowhere).into())
}

#[cfg(test)]
mod tests;
