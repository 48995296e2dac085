//! How keys and values stand in the queue: as JSON, which a later version of the program can read, and a person with
//! `redis-cli`.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec;
use crate::entry::Body;
use crate::error::{Error, ErrorKind, Result};
use crate::policy::Codec;

pub(super) fn encode<T: Serialize + DeserializeOwned>(
    value: &T,
    what: &str,
    most: usize,
) -> Result<Bytes> {
    match codec::encode(value, Codec::Json) {
        Some(Body::Encoded { payload, .. }) if payload.len() <= most => Ok(payload),
        Some(Body::Encoded { payload, .. }) => Err(Error::new(
            ErrorKind::Codec,
            format!(
                "the {what} of a write is {} bytes long, more than the {most} that max_value_bytes allows",
                payload.len()
            ),
        )),
        _ => Err(Error::new(
            ErrorKind::Codec,
            format!("the {what} of a write cannot be written as JSON and read back"),
        )),
    }
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| {
        Error::new(
            ErrorKind::Codec,
            format!(
                "the {what} of a write that waits is not what this program expects: another version of it has written it"
            ),
        )
        .because(error)
    })
}
