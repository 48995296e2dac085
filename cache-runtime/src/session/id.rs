//! What a client shows.

use std::fmt;
use std::hash::{Hash, Hasher};

use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind, Result};
use crate::port::SessionDigest;

/// 256 bits.
const BYTES: usize = 32;
/// Of base64url without padding (RFC 4648, section 5).
const LETTERS: usize = 43;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The id of a session: 256 bits from the operating system's generator, and nothing else.
///
/// Who knows it is the user, so it is never stored and never logged: the backend and `Debug` know its
/// [digest](Self::digest), and two ids are compared by that. There is no way to make one of a chosen value but to
/// [read](Self::parse) it, and a session is looked up under an id that was read, never created.
#[derive(Clone)]
pub struct SessionId {
    bytes: [u8; BYTES],
    digest: SessionDigest,
}

impl SessionId {
    /// A new one.
    ///
    /// # Errors
    /// [`Backend`](ErrorKind::Backend) where the operating system has no random numbers to give.
    pub(super) fn random() -> Result<Self> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes).map_err(|error| {
            let message =
                "the operating system gave no random numbers, so there is no id for a session";
            Error::new(ErrorKind::Backend, message).because(error)
        })?;
        Ok(Self::of(bytes))
    }

    fn of(bytes: [u8; BYTES]) -> Self {
        Self { digest: digest_of(&bytes), bytes }
    }

    /// Reads what [`expose`](Self::expose) writes: exactly 43 characters of base64url. `None` for everything else, and
    /// nobody is asked.
    ///
    /// ```
    /// use cache_runtime::session::SessionId;
    ///
    /// assert!(SessionId::parse("me").is_none());
    /// assert!(SessionId::parse(&"A".repeat(43)).is_some(), "which does not mean that there is such a session");
    /// ```
    #[must_use]
    pub fn parse(text: impl AsRef<[u8]>) -> Option<Self> {
        let text: &[u8; LETTERS] = text.as_ref().try_into().ok()?;
        let mut bytes = [0; BYTES];
        let mut places = bytes.iter_mut();
        let (mut bits, mut count) = (0_u32, 0);
        for letter in text {
            bits = bits << 6 | u32::from(value_of(*letter)?);
            count += 6;
            if count >= 8 {
                count -= 8;
                *places.next()? = (bits >> count & 0xFF).to_le_bytes().first().copied()?;
            }
        }
        // Of the last letter two bits are no part of the id: one text for one id.
        (bits & 3 == 0).then(|| Self::of(bytes))
    }

    /// The id as the client gets it, 43 characters of base64url. For a cookie, and for nothing that is kept.
    #[must_use]
    pub fn expose(&self) -> String {
        let mut text = String::with_capacity(LETTERS);
        let (mut bits, mut count) = (0_u32, 0);
        let mut push = |six: u32| {
            let place = usize::try_from(six & 0x3F).unwrap_or(0);
            text.push(char::from(ALPHABET.get(place).copied().unwrap_or(b'A')));
        };
        for byte in self.bytes {
            bits = bits << 8 | u32::from(byte);
            count += 8;
            while count >= 6 {
                count -= 6;
                push(bits >> count);
            }
        }
        push(bits << (6 - count));
        text
    }

    /// Its SHA-256, which stands in its place wherever it is stored, logged or listed.
    #[must_use]
    pub fn digest(&self) -> &SessionDigest {
        &self.digest
    }
}

/// The SHA-256 of an id's bytes.
pub(super) fn digest_of(bytes: &[u8]) -> SessionDigest {
    SessionDigest::from_bytes(Sha256::digest(bytes).into())
}

fn value_of(letter: u8) -> Option<u8> {
    match letter {
        b'A'..=b'Z' => Some(letter - b'A'),
        b'a'..=b'z' => Some(letter - b'a' + 26),
        b'0'..=b'9' => Some(letter - b'0' + 52),
        b'-' => Some(62),
        b'_' => Some(63),
        _ => None,
    }
}

/// By the digests: how long it takes says nothing of an id.
impl PartialEq for SessionId {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for SessionId {}

impl Hash for SessionId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.digest.hash(state);
    }
}

/// The beginning of the digest.
impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.digest, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_as_it_is_written() {
        for bytes in [[0; 32], [255; 32], std::array::from_fn(|at| (at * 37 % 256) as u8)] {
            let id = SessionId::of(bytes);
            let text = id.expose();
            assert_eq!(text.len(), 43);
            let again = SessionId::parse(&text).expect("it was written so");
            assert_eq!((again.bytes, again.expose()), (bytes, text));
        }
        // Test vectors of RFC 4648 are shorter than an id; this one is known from its first bytes.
        let mut bytes = [0; 32];
        bytes[..6].copy_from_slice(b"foobar");
        assert!(SessionId::of(bytes).expose().starts_with("Zm9vYmFyAAAA"));
    }

    #[test]
    fn there_is_one_text_for_one_id_and_nothing_else_is_read() {
        let good = SessionId::random().expect("there are random numbers").expose();
        let last = good.as_bytes()[42];
        for other in ALPHABET.iter().filter(|letter| **letter != last) {
            let text = format!("{}{}", &good[..42], char::from(*other));
            if let Some(id) = SessionId::parse(&text) {
                assert_eq!(id.expose(), text);
                assert_ne!(Some(id), SessionId::parse(&good));
            }
        }
        let readable = ALPHABET.iter().filter(|letter| {
            SessionId::parse(format!("{}{}", &good[..42], char::from(**letter))).is_some()
        });
        assert_eq!(readable.count(), 16, "four bits of the last letter are of the id");
        let longer = format!("{good}A");
        for wrong in [
            "",
            "A",
            &good[1..],
            &longer,
            &format!("{}=", &good[..42]),
            &"+".repeat(43),
            &"é".repeat(43),
        ] {
            assert!(SessionId::parse(wrong).is_none(), "{wrong}");
        }
        assert!(SessionId::parse(vec![b'A'; 1 << 20]).is_none());
    }

    #[test]
    fn no_two_ids_are_alike_and_none_shows_itself() {
        let ids: std::collections::HashSet<_> =
            (0..10_000).map(|_| SessionId::random().expect("there are random numbers")).collect();
        assert_eq!(ids.len(), 10_000);
        for id in ids.iter().take(100) {
            let shown = format!("{id:?}");
            assert!(!shown.contains(&id.expose()[..8]) && shown.len() < 30, "{shown}");
            // Each half of the bits varies.
            assert!(id.bytes.iter().any(|byte| *byte != id.bytes[0]));
        }
        // Of SHA-256, by its published example.
        assert_eq!(
            digest_of(b"abc").to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
