//! Compressed payloads: the size that they unpack to, four bytes, little-endian, and what the compressor made.
//!
//! LZ4's block format and not its frame: the frame's header says what the entry's says already, and its checksum
//! guards a file against a disk, where Redis and TCP have checksums of their own.
//!
//! What is read is not trusted. A size is compared with the limit, and with what so few bytes can unpack to at all,
//! before anything is allocated for it; and the bytes have to make exactly that size. Anything else is no value.

#[cfg(feature = "zstd")]
use bytes::BufMut;
use bytes::{Bytes, BytesMut};

use super::Body;
use crate::policy::Compression;

const SIZE: usize = 4;
/// One byte of an LZ4 block makes no more than this many: a length goes on in bytes of up to 255 each.
const MOST_OF_LZ4: usize = 255;
/// A block of zstd, at most 128 KiB, takes four bytes at least.
#[cfg(feature = "zstd")]
const MOST_OF_ZSTD: usize = (128 << 10) / 4;

impl Body {
    /// The same body, compressed where that makes it smaller by an eighth at least: less is not worth what each reader
    /// pays for unpacking it. Left as it is where it is not above `above` bytes, or would unpack to more than `limit`.
    #[must_use]
    pub fn packed(self, compression: Compression, above: usize, limit: usize) -> Self {
        let Self::Encoded { codec, payload } = &self else { return self };
        if payload.len() <= above || payload.len() > limit {
            return self;
        }
        let Ok(unpacked) = u32::try_from(payload.len()) else { return self };
        match pack(compression, payload, unpacked) {
            Some(packed) if packed.len() <= payload.len() - payload.len() / 8 => {
                Self::Packed { codec: *codec, compression, unpacked, payload: packed }
            }
            _ => self,
        }
    }

    /// The same body, as it was before it was compressed; `None` where it claims to unpack to more than `limit` bytes,
    /// or where its bytes do not unpack to exactly what they claim.
    #[must_use]
    pub fn unpacked(self, limit: usize) -> Option<Self> {
        let Self::Packed { codec, compression, unpacked, payload } = self else {
            return Some(self);
        };
        let size = usize::try_from(unpacked).ok().filter(|size| *size <= limit)?;
        let payload = unpack(compression, payload.get(SIZE..)?, size)?;
        Some(Self::Encoded { codec, payload })
    }

    /// The size of its payload once it is unpacked.
    #[must_use]
    pub fn unpacked_len(&self) -> usize {
        match self {
            Self::Packed { unpacked, .. } => usize::try_from(*unpacked).unwrap_or(usize::MAX),
            other => other.len(),
        }
    }
}

/// The size that a compressed payload claims to unpack to.
pub(super) fn claimed(payload: &[u8]) -> Option<u32> {
    payload.first_chunk::<SIZE>().copied().map(u32::from_le_bytes)
}

fn pack(compression: Compression, payload: &[u8], unpacked: u32) -> Option<Bytes> {
    match compression {
        Compression::None => None,
        Compression::Lz4 => {
            let most = lz4_flex::block::get_maximum_output_size(payload.len());
            let mut packed = BytesMut::zeroed(SIZE + most);
            let (size, rest) = packed.split_at_mut(SIZE);
            size.copy_from_slice(&unpacked.to_le_bytes());
            let made = lz4_flex::block::compress_into(payload, rest).ok()?;
            // A copy of its own size: the entry would hold on to the room for the worst case.
            packed.get(..SIZE + made).map(Bytes::copy_from_slice)
        }
        #[cfg(feature = "zstd")]
        Compression::Zstd => zstandard::pack(payload).map(|made| {
            let mut packed = BytesMut::with_capacity(SIZE + made.len());
            packed.put_u32_le(unpacked);
            packed.put_slice(&made);
            packed.freeze()
        }),
    }
}

/// Whether so many bytes can make as much at all.
fn can_make(compression: Compression, packed: usize, size: usize) -> bool {
    let most = match compression {
        Compression::None => 1,
        Compression::Lz4 => MOST_OF_LZ4,
        #[cfg(feature = "zstd")]
        Compression::Zstd => MOST_OF_ZSTD,
    };
    size / most <= packed
}

fn unpack(compression: Compression, packed: &[u8], size: usize) -> Option<Bytes> {
    if !can_make(compression, packed.len(), size) {
        return None;
    }
    match compression {
        Compression::None => None,
        Compression::Lz4 => {
            let mut payload = BytesMut::zeroed(size);
            let made = lz4_flex::block::decompress_into(packed, &mut payload).ok()?;
            (made == size).then(|| payload.freeze())
        }
        #[cfg(feature = "zstd")]
        Compression::Zstd => {
            let payload = zstandard::unpack(packed, size)?;
            (payload.len() == size).then(|| payload.into())
        }
    }
}

/// Contexts that are used again: one takes longer to make than a row takes to pack.
#[cfg(feature = "zstd")]
mod zstandard {
    use std::cell::RefCell;

    use zstd::bulk::{Compressor, Decompressor};

    thread_local! {
        static PACKS: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
        static UNPACKS: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    }

    pub(super) fn pack(payload: &[u8]) -> Option<Vec<u8>> {
        PACKS.with_borrow_mut(|context| {
            if context.is_none() {
                *context = Compressor::new(zstd::DEFAULT_COMPRESSION_LEVEL).ok();
            }
            context.as_mut()?.compress(payload).ok()
        })
    }

    /// No more than `size` bytes are allocated, whatever the frame says of itself.
    pub(super) fn unpack(packed: &[u8], size: usize) -> Option<Vec<u8>> {
        UNPACKS.with_borrow_mut(|context| {
            if context.is_none() {
                *context = Decompressor::new().ok();
            }
            context.as_mut()?.decompress(packed, size).ok()
        })
    }
}

#[cfg(test)]
mod tests;
