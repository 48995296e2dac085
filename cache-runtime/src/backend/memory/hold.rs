//! The writers that hold a key: `H`, then 16 bytes of token and 8 of deadline for each.

use bytes::{BufMut, Bytes, BytesMut};

use crate::entry::{HOLD, Token};

/// Bytes of one writer.
const WRITER: usize = 24;

/// The live writers of one key, in the order in which they came.
pub(super) struct Writers(Vec<(Token, u64)>);

impl Writers {
    /// Those of the hold that these bytes are; `None` where they are something else.
    ///
    /// A tail too short to be a writer is passed over: a damaged hold is a hold with the writers that can be read.
    pub(super) fn live(entry: &[u8], now: u64) -> Option<Self> {
        let writers = entry.strip_prefix(&[HOLD])?;
        let read = |writer: &[u8]| {
            let (token, deadline) = writer.split_first_chunk::<16>()?;
            let deadline = u64::from_le_bytes(deadline.try_into().ok()?);
            Some((Token::from_slice(token)?, deadline))
        };
        let live = writers.chunks_exact(WRITER).filter_map(read);
        Some(Self(live.filter(|(_, deadline)| *deadline > now).collect()))
    }

    pub(super) fn none() -> Self {
        Self(Vec::with_capacity(1))
    }

    /// Sets this writer's deadline, and only this writer's.
    pub(super) fn set(&mut self, token: Token, deadline: u64) {
        self.remove(token);
        self.0.push((token, deadline));
    }

    /// Takes this writer out; says whether it was there.
    pub(super) fn remove(&mut self, token: Token) -> bool {
        let before = self.0.len();
        self.0.retain(|(other, _)| *other != token);
        self.0.len() < before
    }

    /// When the last of them runs out; `None` where there is no writer left.
    pub(super) fn latest(&self) -> Option<u64> {
        self.0.iter().map(|(_, deadline)| *deadline).max()
    }

    /// The entry that they make.
    pub(super) fn to_bytes(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(1 + self.0.len() * WRITER);
        bytes.put_u8(HOLD);
        for (token, deadline) in &self.0 {
            bytes.put_slice(token.as_bytes());
            bytes.put_u64_le(*deadline);
        }
        bytes.freeze()
    }
}
