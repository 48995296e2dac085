//! Whose calls are counted: a digest, so that no address and no mail is stored.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// How keys become digests: by SHA-256, or by HMAC-SHA-256 where there is a secret. What few can be, as addresses are, can be
/// found out from a plain digest by trying them all; with a secret by nobody who does not have it.
pub(super) enum Subjects {
    Plain,
    Keyed(Box<Hmac<Sha256>>),
}

impl Subjects {
    pub(super) fn new(secret: Option<&[u8]>) -> Self {
        // HMAC takes keys of any length; the error is for other functions.
        match secret.map(Hmac::new_from_slice) {
            Some(Ok(keyed)) => Self::Keyed(Box::new(keyed)),
            Some(Err(_)) | None => Self::Plain,
        }
    }

    /// Hexadecimal, 64 digits.
    pub(super) fn digest(&self, text: &str) -> String {
        match self {
            Self::Plain => hex(&Sha256::digest(text)),
            Self::Keyed(keyed) => {
                let mut keyed = (**keyed).clone();
                keyed.update(text.as_bytes());
                hex(&keyed.finalize().into_bytes())
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Subjects;

    #[test]
    fn digests_are_the_published_ones() {
        // FIPS 180-4's example, and the second test case of RFC 4231.
        assert_eq!(
            Subjects::new(None).digest("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(
            Subjects::new(Some(b"Jefe")).digest("what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
