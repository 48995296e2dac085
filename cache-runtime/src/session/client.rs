//! What a session's user is shown of it.

use std::net::IpAddr;

use bytes::Bytes;

/// The longest text of a device, in bytes: what is shown of it in a list.
const LONGEST: usize = 256;

/// From where a session began, for the list of a user's sessions. Both are what the client said or what the server saw;
/// nothing is decided by them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Client {
    device: Option<String>,
    address: Option<IpAddr>,
}

impl Client {
    /// A client of which nothing is known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the device calls itself: the `User-Agent`, say. Control characters are left out, and what is beyond 256 bytes.
    /// It is the client's text all the same: escape it where it is shown.
    #[must_use]
    pub fn device(mut self, device: &str) -> Self {
        let mut text = String::new();
        for letter in device.chars().filter(|letter| !letter.is_control()) {
            if text.len() + letter.len_utf8() > LONGEST {
                break;
            }
            text.push(letter);
        }
        self.device = (!text.is_empty()).then_some(text);
        self
    }

    /// Its address.
    #[must_use]
    pub fn address(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// What the device calls itself, if it did.
    #[must_use]
    pub fn its_device(&self) -> Option<&str> {
        self.device.as_deref()
    }

    /// Its address, if that is known.
    #[must_use]
    pub fn its_address(&self) -> Option<IpAddr> {
        self.address
    }

    pub(super) fn to_bytes(&self) -> Bytes {
        // A text and an address can be written.
        serde_json::to_vec(&(&self.device, self.address)).unwrap_or_default().into()
    }

    /// Of what another version has written as much as can be read.
    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        let (device, address) = serde_json::from_slice(bytes).unwrap_or_default();
        Self { device, address }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_a_line_of_bounded_length() {
        let client = Client::new().device("Fire\r\nfox \u{1b}[31m");
        assert_eq!(client.its_device(), Some("Firefox [31m"));
        let long = Client::new().device(&"ü".repeat(1000));
        assert_eq!(long.its_device().map(str::len), Some(256));
        assert_eq!(Client::new().device("\n"), Client::default());
        assert_eq!(Client::from_bytes(&client.to_bytes()), client);
        assert_eq!(Client::from_bytes(b"?"), Client::default());
    }
}
