//! What is said on the channel of a namespace's invalidations.
//!
//! | byte | meaning |
//! |---|---|
//! | 0 | the format's version: 1 |
//! | 1 | `K`: these keys; `E`: everything |
//! | 2… | of each key the length, 4 bytes, little-endian, and the text |

use bytes::BufMut;
use redis::{Cmd, cmd};

use crate::key::{Key, Namespace};
use crate::port::Heard;

const VERSION: u8 = 1;
const KEYS: u8 = b'K';
const EVERYTHING: u8 = b'E';
/// Bytes of a key's length.
const LENGTH: usize = 4;

/// The channel of a namespace. No two namespaces share one, because no name of one has a `:` in it.
pub(super) fn channel(namespace: &str) -> String {
    format!("{namespace}:!invalidations")
}

/// The commands that announce these keys: one, where all are of one namespace.
pub(super) fn of_keys(keys: &[Key]) -> Vec<Cmd> {
    let mut payloads: Vec<(&str, Vec<u8>)> = Vec::with_capacity(1);
    for key in keys {
        let namespace = key.namespace();
        let place = payloads.iter().position(|(other, _)| *other == namespace);
        let place = place.unwrap_or_else(|| {
            payloads.push((namespace, vec![VERSION, KEYS]));
            payloads.len() - 1
        });
        if let Some((_, payload)) = payloads.get_mut(place) {
            let text = key.as_str();
            // A key of four gigabytes is more than the server takes.
            payload.put_u32_le(u32::try_from(text.len()).unwrap_or(u32::MAX));
            payload.put_slice(text.as_bytes());
        }
    }
    payloads.into_iter().map(|(namespace, payload)| publish(namespace, &payload)).collect()
}

/// The command that announces everything.
pub(super) fn of_everything(namespace: &str) -> Cmd {
    publish(namespace, &[VERSION, EVERYTHING])
}

fn publish(namespace: &str, payload: &[u8]) -> Cmd {
    cmd("PUBLISH").arg(channel(namespace)).arg(payload).to_owned()
}

/// Reads what was said; `None` where it is not understood, or names a key that is not of this namespace.
pub(super) fn read(namespace: &Namespace, payload: &[u8]) -> Option<Heard> {
    let (head, mut rest) = payload.split_at_checked(2)?;
    match head {
        [VERSION, EVERYTHING] if rest.is_empty() => Some(Heard::Everything),
        [VERSION, KEYS] if !rest.is_empty() => {
            let mut keys = Vec::new();
            while !rest.is_empty() {
                let (length, text) = rest.split_first_chunk::<LENGTH>()?;
                let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
                let (text, others) = text.split_at_checked(length)?;
                let text = str::from_utf8(text).ok().filter(|text| namespace.owns(text))?;
                keys.push(Key::from_text(text));
                rest = others;
            }
            Some(Heard::Keys(keys))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
