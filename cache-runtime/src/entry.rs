//! The envelope: what stands at a repository's key.
//!
//! The first byte says which of the states it is:
//!
//! | byte | state | what follows |
//! |---|---|---|
//! | `V` | value | header, tag stamps, payload |
//! | `L` | lease | the reader's token, 16 bytes |
//! | `H` | hold | one or more of: the writer's token, 16 bytes, and its deadline, 8 bytes, in milliseconds of the server's clock |
//!
//! A tag's key holds a lease that nobody fills: its token is the tag's stamp. A value that was loaded under a tag bears
//! the stamp, and is a hit only while the tag still does.
//!
//! A value's header is 43 bytes: `V`, format version, codec (low half: 1 postcard, 2 JSON, 3 MessagePack) and compression
//! (high half: 0 none, 1 LZ4, 2 zstd; a compressed payload begins with the size that it unpacks to), flags, number of
//! tag stamps, fingerprint (8), [era](crate::CoherentCache::era) (8), fill time in Unix milliseconds (6), nonce (8), the
//! time that it is kept after its TTL in milliseconds (4), load cost in microseconds (4); little-endian. A header that is
//! not exactly understood makes the entry [`Foreign`](Entry::Foreign): a miss that the next fill repairs, never an error.
//!
//! No two fills write the same nonce, so a header names one fill as a token names one lease: it is the value's [`Mark`].

mod packed;

use std::fmt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::policy::{Codec, Compression};

const VERSION: u8 = 2;
const HEADER: usize = 43;
const STAMP: usize = 16;
const NOTHING: u8 = 1;

/// The first byte of a value.
pub const VALUE: u8 = b'V';
/// The first byte of a lease.
pub const LEASE: u8 = b'L';
/// The first byte of a hold.
pub const HOLD: u8 = b'H';

/// A reader's or writer's mark on a key. No two are equal, whichever process made them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token([u8; 16]);

impl Token {
    /// A token that nobody else has: 64 random bits for the process, and a count.
    #[must_use]
    pub fn new() -> Self {
        use std::hash::{BuildHasher, RandomState};
        static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one("token"));
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut bytes = [0; 16];
        let (process, count) = bytes.split_at_mut(8);
        process.copy_from_slice(&PROCESS.to_le_bytes());
        count.copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The token in these bytes, if they are 16.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The entry that is this reader's lease.
    #[must_use]
    pub fn lease(self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(1 + STAMP);
        bytes.put_u8(LEASE);
        bytes.put_slice(&self.0);
        bytes.freeze()
    }
}

impl Default for Token {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({:032x})", u128::from_be_bytes(self.0))
    }
}

/// A value's header, which tells its fill from every other. Who has seen it, and finds it there again, knows that neither
/// a writer nor another reader has been there in between.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Mark([u8; HEADER]);

impl Mark {
    /// The mark of the value that these bytes are; `None` where they are none.
    #[must_use]
    pub fn of(entry: &[u8]) -> Option<Self> {
        let header: [u8; HEADER] = entry.get(..HEADER)?.try_into().ok()?;
        (header.starts_with(&[VALUE, VERSION])).then_some(Self(header))
    }

    /// What the value begins with.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mark").finish_non_exhaustive()
    }
}

/// Whether this is a value that is kept after its TTL, so that it may be past it.
pub(crate) fn outlives_its_ttl(entry: &[u8]) -> bool {
    const KEPT: std::ops::Range<usize> = 35..39;
    Mark::of(entry).is_some_and(|mark| mark.0.get(KEPT).is_some_and(|kept| kept != [0; 4]))
}

/// A number that no other fill has, whichever process makes it: a count under a secret of the process.
pub(crate) fn nonce() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    static PROCESS: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static NEXT: AtomicU64 = AtomicU64::new(0);
    PROCESS.hash_one(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// What stands at a key, as far as it can be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A value, or a cached "nothing".
    Value(Value),
    /// Somebody is loading; at a tag's key, its stamp.
    Lease(Token),
    /// One or more writers are about to commit, or have just committed.
    Hold,
    /// Bytes that this version of the program does not understand.
    Foreign,
}

/// A value's header and payload.
#[derive(Clone, PartialEq, Eq)]
pub struct Value {
    /// The fingerprint of the type that was written.
    pub fingerprint: u64,
    /// The era of the backend in which its lease was granted: in another one it is no answer.
    pub era: u64,
    /// When it was filled, in Unix milliseconds.
    pub filled_at: u64,
    /// A number that no other fill has.
    pub nonce: u64,
    /// For how many milliseconds it is kept after its TTL, which are the last of its life: to be served while it is
    /// renewed, or where that fails.
    pub kept_millis: u32,
    /// How long the load took, in microseconds.
    pub load_micros: u32,
    /// The stamps of the tags it was loaded under, in the order in which the reader names the tags.
    pub stamps: Vec<Token>,
    /// What was loaded.
    pub body: Body,
}

/// A payload, or the knowledge that there is nothing.
#[derive(Clone, PartialEq, Eq)]
pub enum Body {
    /// There is no such row.
    Nothing,
    /// The encoded value.
    Encoded {
        /// Who wrote it.
        codec: Codec,
        /// Its bytes.
        payload: Bytes,
    },
    /// The encoded value, compressed: as it stands in a cache, never as a reader gets it.
    Packed {
        /// Who wrote it.
        codec: Codec,
        /// Who made it smaller.
        compression: Compression,
        /// What it claims to unpack to, in bytes.
        unpacked: u32,
        /// Its bytes, the claim before them.
        payload: Bytes,
    },
}

impl Body {
    /// The bytes of its payload.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Encoded { payload, .. } | Self::Packed { payload, .. } => payload.len(),
        }
    }

    /// Whether it has no payload.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Value {
    /// Never shows the payload.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Value")
            .field("fingerprint", &format_args!("{:016x}", self.fingerprint))
            .field("filled_at", &self.filled_at)
            .field("stamps", &self.stamps.len())
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Body {
    /// Never shows the payload.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("Nothing"),
            Self::Encoded { codec, payload } => {
                write!(f, "Encoded({codec:?}, {} bytes)", payload.len())
            }
            Self::Packed { codec, compression, unpacked, payload } => {
                let packed = payload.len();
                write!(f, "Packed({codec:?}, {compression:?}, {unpacked} bytes in {packed})")
            }
        }
    }
}

impl Entry {
    /// Reads what stands at a key. Never fails: what is not understood is [`Entry::Foreign`].
    #[must_use]
    pub fn parse(bytes: &Bytes) -> Self {
        let token = || Token::from_slice(bytes.get(1..)?);
        match bytes.first() {
            Some(&VALUE) => Value::parse(bytes.clone()).map_or(Self::Foreign, Self::Value),
            Some(&LEASE) => token().map_or(Self::Foreign, Self::Lease),
            // Even a damaged hold is a hold: who cannot read it must not fill over it.
            Some(&HOLD) => Self::Hold,
            _ => Self::Foreign,
        }
    }
}

impl Value {
    /// The whole entry.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let (codec, flags, payload) = match &self.body {
            Body::Nothing => (0, NOTHING, &[][..]),
            Body::Encoded { codec, payload } => (codec_byte(*codec), 0, &payload[..]),
            Body::Packed { codec, compression, payload, .. } => {
                (codec_byte(*codec) | (compression_byte(*compression) << 4), 0, &payload[..])
            }
        };
        let mut bytes = BytesMut::with_capacity(HEADER + self.stamps.len() * STAMP + payload.len());
        bytes.put_slice(&[VALUE, VERSION, codec, flags]);
        bytes.put_u8(u8::try_from(self.stamps.len()).unwrap_or(u8::MAX));
        bytes.put_u64_le(self.fingerprint);
        bytes.put_u64_le(self.era);
        bytes.put_uint_le(self.filled_at & 0xFFFF_FFFF_FFFF, 6);
        bytes.put_u64_le(self.nonce);
        bytes.put_u32_le(self.kept_millis);
        bytes.put_u32_le(self.load_micros);
        for stamp in self.stamps.iter().take(usize::from(u8::MAX)) {
            bytes.put_slice(stamp.as_bytes());
        }
        bytes.put_slice(payload);
        bytes.freeze()
    }

    /// The value that these bytes are. Bytes that are nobody else's become it without being shared, which would cost an
    /// allocation; those that are none come back.
    pub(crate) fn parse(mut bytes: Bytes) -> Result<Self, Bytes> {
        let Some((mut value, header)) = Self::header(&bytes) else { return Err(bytes) };
        if let Body::Encoded { payload, .. } | Body::Packed { payload, .. } = &mut value.body {
            bytes.advance(header);
            *payload = bytes;
        }
        Ok(value)
    }

    /// All but the payload, and how long that is.
    fn header(bytes: &[u8]) -> Option<(Self, usize)> {
        let mut rest = bytes;
        if rest.remaining() < HEADER {
            return None;
        }
        let (kind, version, codec, flags) =
            (rest.get_u8(), rest.get_u8(), rest.get_u8(), rest.get_u8());
        let stamps = usize::from(rest.get_u8());
        if kind != VALUE
            || version != VERSION
            || flags & !NOTHING != 0
            || rest.remaining() < HEADER - 5 + stamps * STAMP
        {
            return None;
        }
        let fingerprint = rest.get_u64_le();
        let era = rest.get_u64_le();
        let filled_at = rest.get_uint_le(6);
        let nonce = rest.get_u64_le();
        let kept_millis = rest.get_u32_le();
        let load_micros = rest.get_u32_le();
        let (stamps, rest) = rest.split_at_checked(stamps * STAMP)?;
        let stamps = stamps.chunks_exact(STAMP).map(Token::from_slice).collect::<Option<_>>()?;
        let body = if flags & NOTHING != 0 {
            (codec == 0 && rest.is_empty()).then_some(Body::Nothing)?
        } else {
            let (codec, compression) = (codec_of(codec & 0x0F)?, compression_of(codec >> 4)?);
            let payload = Bytes::new();
            match compression {
                Compression::None => Body::Encoded { codec, payload },
                compression => {
                    let unpacked = packed::claimed(rest)?;
                    Body::Packed { codec, compression, unpacked, payload }
                }
            }
        };
        let header = bytes.len() - rest.len();
        let value =
            Self { fingerprint, era, filled_at, nonce, kept_millis, load_micros, stamps, body };
        Some((value, header))
    }
}

fn codec_byte(codec: Codec) -> u8 {
    match codec {
        Codec::Postcard => 1,
        Codec::Json => 2,
        #[cfg(feature = "msgpack")]
        Codec::MessagePack => 3,
    }
}

fn codec_of(byte: u8) -> Option<Codec> {
    match byte {
        1 => Some(Codec::Postcard),
        2 => Some(Codec::Json),
        #[cfg(feature = "msgpack")]
        3 => Some(Codec::MessagePack),
        _ => None,
    }
}

fn compression_byte(compression: Compression) -> u8 {
    match compression {
        Compression::None => 0,
        Compression::Lz4 => 1,
        #[cfg(feature = "zstd")]
        Compression::Zstd => 2,
    }
}

fn compression_of(half: u8) -> Option<Compression> {
    match half {
        0 => Some(Compression::None),
        1 => Some(Compression::Lz4),
        #[cfg(feature = "zstd")]
        2 => Some(Compression::Zstd),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
