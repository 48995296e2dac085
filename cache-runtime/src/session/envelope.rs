//! Data as they stand in a backend: in the envelope of cached values, with the fingerprint of their type.

use bytes::Bytes;

use super::SessionId;
use super::turns::Kind;
use crate::entry::{Body, Entry, Value};
use crate::error::{Error, ErrorKind, Result};
use crate::policy::Codec;

/// Every request reads them: what a cached value may take by default.
const MOST_BYTES: usize = 1 << 20;

impl<D> Kind<D> {
    pub(super) fn closed(&self, data: &D) -> Result<Bytes> {
        let codec = if self.tolerant { Codec::Json } else { Codec::Postcard };
        let body = (self.encode)(data, codec).ok_or_else(|| {
            Error::new(
                ErrorKind::Codec,
                "the data of the session would not come back as they are: check what their type's `Serialize` and \
                 `Deserialize` leave out",
            )
        })?;
        if body.len() > MOST_BYTES {
            let message = format!(
                "the data of the session take {} bytes, of {MOST_BYTES} that are allowed: keep in a session what every \
                 request needs, and the rest elsewhere",
                body.len()
            );
            return Err(Error::new(ErrorKind::Codec, message));
        }
        let value = Value {
            fingerprint: self.fingerprint,
            era: 0,
            filled_at: 0,
            nonce: 0,
            kept_millis: 0,
            load_micros: 0,
            stamps: Vec::new(),
            body,
        };
        Ok(value.to_bytes())
    }

    /// `None` for what another version of the type has written, or nobody who is known.
    pub(super) fn opened(&self, bytes: &Bytes, id: &SessionId) -> Option<D> {
        let data = match Entry::parse(bytes) {
            Entry::Value(Value { fingerprint, body: Body::Encoded { codec, payload }, .. })
                if fingerprint == self.fingerprint || self.tolerant && codec == Codec::Json =>
            {
                (self.decode)(codec, &payload)
            }
            _ => None,
        };
        if data.is_none() {
            self.complain(id);
        }
        data
    }
}
