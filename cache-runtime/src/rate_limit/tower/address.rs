//! By the address that a call comes from.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::Extensions;

use super::caller::{Caller, Head};
use super::forwarded::{self, Field};
use super::network::Network;
use crate::error::{Error, ErrorKind, Result};

/// Bits of an IPv6 address that one customer has at least: RFC 6177 gives a site a /64 or more.
const SITE: u8 = 64;

type Peer = Arc<dyn Fn(&Extensions) -> Option<SocketAddr> + Send + Sync>;

/// By the client's address: that of the peer, or, where that is a proxy of yours, the one that the proxies speak for.
///
/// A proxy's word counts only as far as the chain of trusted networks reaches: the field is read from its end, over each
/// address that is trusted, to the first that is not. What stands before that was written by the client, and could be
/// anything.
///
/// An IPv4 address counts by itself, also where it is written as an IPv6 one; an IPv6 address by its first 64 bits, because
/// one customer has all that follow.
#[derive(Clone)]
pub struct ClientAddress {
    peer: Peer,
    trusted: Arc<[Network]>,
    field: Field,
    bits: u8,
}

impl ClientAddress {
    /// By the peer's address, which the server has put into the request's extensions: with axum
    /// `extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0)`, for a service that was made by
    /// `into_make_service_with_connect_info::<SocketAddr>()`. No proxy is trusted yet.
    pub fn of(peer: impl Fn(&Extensions) -> Option<SocketAddr> + Send + Sync + 'static) -> Self {
        Self {
            peer: Arc::new(peer),
            trusted: Arc::default(),
            field: Field::XForwardedFor,
            bits: SITE,
        }
    }

    /// Trusts the proxies of these networks, besides those that are trusted already: `10.0.0.0/8`, `2001:db8::1`; several with
    /// commas between them.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) for what is no network.
    pub fn trust(mut self, networks: &str) -> Result<Self> {
        let more = networks.split(',').map(|network| network.trim().parse::<Network>());
        let more = more.collect::<Result<Vec<_>>>()?;
        self.trusted = self.trusted.iter().copied().chain(more).collect();
        Ok(self)
    }

    /// Reads `Forwarded` (RFC 7239) in place of `X-Forwarded-For`, where that is what the proxies write. Never both: the one that
    /// they leave alone is the client's.
    #[must_use]
    pub fn by_forwarded(mut self) -> Self {
        self.field = Field::Forwarded;
        self
    }

    /// Counts IPv6 addresses by so many of their first bits. 64.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) for less than 16 or more than 128.
    pub fn ipv6_prefix(mut self, bits: u8) -> Result<Self> {
        if !(16..=128).contains(&bits) {
            let message = format!(
                "by {bits} bits of an IPv6 address half the world is one caller, or there are not as many: write 16 to 128"
            );
            return Err(Error::new(ErrorKind::Config, message));
        }
        self.bits = bits;
        Ok(self)
    }

    /// The client's address; `None` where the server does not tell the peer's.
    #[must_use]
    pub fn address(&self, head: &Head<'_>) -> Option<IpAddr> {
        let mut client = (self.peer)(head.extensions)?.ip().to_canonical();
        if !self.trusts(client) {
            return Some(client);
        }
        for hop in forwarded::hops(head.headers, self.field) {
            // What cannot be read was written by the hop that is known.
            let Some(hop) = hop else { break };
            client = hop.to_canonical();
            if !self.trusts(client) {
                break;
            }
        }
        Some(client)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(address))
    }
}

impl Caller for ClientAddress {
    fn key(&self, head: &Head<'_>) -> Option<String> {
        let address = self.address(head)?;
        Some(match address {
            IpAddr::V4(_) => address.to_string(),
            IpAddr::V6(_) => Network::of(address, self.bits).to_string(),
        })
    }
}

impl fmt::Debug for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientAddress")
            .field("trusted", &self.trusted)
            .field("field", &self.field)
            .field("bits", &self.bits)
            .finish_non_exhaustive()
    }
}
