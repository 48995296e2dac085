//! Networks: addresses that begin alike.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use crate::error::{Error, ErrorKind, Result};

/// A network, `10.0.0.0/8` or `2001:db8::/32`, or one address. An IPv4 address that is written as an IPv6 one
/// (`::ffff:10.0.0.1`) is the IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    /// With nothing behind the prefix.
    first: IpAddr,
    prefix: u8,
}

impl Network {
    /// The network of `address`, by so many of its bits; of all where there are fewer.
    #[must_use]
    pub fn of(address: IpAddr, prefix: u8) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let prefix = prefix.min(32);
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
                Self { first: IpAddr::V4((address.to_bits() & mask).into()), prefix }
            }
            IpAddr::V6(address) => {
                let prefix = prefix.min(128);
                let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
                let first = Ipv6Addr::from_bits(address.to_bits() & mask);
                Self { first: IpAddr::V6(first), prefix }
            }
        }
    }

    /// Whether the address is one of the network's.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.first.is_ipv4() && Self::of(address, self.prefix) == *self
    }
}

impl FromStr for Network {
    type Err = Error;

    /// # Errors
    /// [`Config`](ErrorKind::Config) for what is neither an address nor a network, and for one with bits behind its prefix.
    fn from_str(text: &str) -> Result<Self> {
        let wrong = |why: &str| {
            let message = format!(
                "`{text}` is no network, {why}: write an address, or a network such as 10.0.0.0/8"
            );
            Err(Error::new(ErrorKind::Config, message))
        };
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let Ok(written) = address.parse::<IpAddr>() else {
            return wrong("it does not begin with an address");
        };
        let address = written.to_canonical();
        let most: u8 = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix.map(str::parse::<u8>) {
            None => most,
            // A mapped address has its 96 bits before the IPv4 ones.
            Some(Ok(prefix)) if written != address => match prefix.checked_sub(96) {
                Some(prefix) if prefix <= most => prefix,
                _ => return wrong("a mapped IPv4 address has a prefix from 96 to 128"),
            },
            Some(Ok(prefix)) if prefix <= most => prefix,
            Some(_) => return wrong(&format!("its prefix is not from 0 to {most}")),
        };
        let network = Self::of(address, prefix);
        if network.first != address {
            return wrong(&format!("it has bits behind its prefix (`{network}` has none)"));
        }
        Ok(network)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}
