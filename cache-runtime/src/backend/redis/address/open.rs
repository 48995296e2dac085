//! Without the feature `tls`: a URL that asks for it is refused when it is read.

use redis::RedisResult;
use tokio::net::TcpStream;

use super::{Certificates, Transport};
use crate::error::{Error, ErrorKind, Result};

/// There is none.
#[derive(Clone, Debug)]
pub(super) enum Tls {}

impl Tls {
    pub(super) fn new(_: &Certificates) -> Result<Self> {
        let message =
            "TLS to Redis needs the feature `tls` of cache-runtime: turn it on in Cargo.toml";
        Err(Error::new(ErrorKind::Config, message))
    }

    #[expect(clippy::unused_async, reason = "as with the feature")]
    pub(super) async fn wrap(&self, _: &str, _: TcpStream) -> RedisResult<Transport> {
        match *self {}
    }
}
