//! What goes over the wire, byte by byte: the protocol of Redis, and the format of an announcement.
//!
//! The format is `cache-runtime`'s (backend/redis/announcement.rs), written down a second time on purpose: a test with
//! real servers compares the two.

/// Bytes around a packet of TCP with timestamps over Ethernet: preamble, header, checksum and gap 38, IPv4 20, TCP 32.
pub const PACKET: f64 = 90.0;
/// Bytes of a beat's channel behind the namespace: `:!beat:` and 16 hexadecimal digits.
const BEAT: usize = 23;
/// Bytes of the channel of invalidations behind the namespace: `:!invalidations`.
const INVALIDATIONS: usize = 15;
/// Bytes of the answer to the vigil's four questions, as Redis 7.0 gives it. It is longer or shorter by a few numbers.
pub const VIGIL: usize = 970;

fn digits(number: usize) -> usize {
    number.checked_ilog10().map_or(1, |log| log as usize + 1)
}

fn bulk(bytes: usize) -> usize {
    1 + digits(bytes) + 2 + bytes + 2
}

/// An answer that is a number.
#[must_use]
pub fn number(number: usize) -> usize {
    1 + digits(number) + 2
}

/// The payload of an announcement of keys of these lengths.
#[must_use]
pub fn announcement(keys: &[usize]) -> usize {
    2 + keys.iter().map(|key| 4 + key).sum::<usize>()
}

/// What one listener is sent of a payload on a channel: `message`, or `smessage` on a sharded one.
#[must_use]
pub fn message(channel: usize, payload: usize, sharded: bool) -> usize {
    4 + bulk(if sharded { 8 } else { 7 }) + bulk(channel) + bulk(payload)
}

/// What one listener is sent of an announcement in a namespace whose name is so long.
#[must_use]
pub fn announced(namespace: usize, keys: &[usize], sharded: bool) -> usize {
    // A sharded channel bears the slot that it stands for: `{12345}`.
    let channel = namespace + INVALIDATIONS + if sharded { 7 } else { 0 };
    message(channel, announcement(keys), sharded)
}

/// What is sent for one beat: the beat, and the answer to who published it.
#[must_use]
pub fn beat(namespace: usize, count: usize) -> usize {
    message(namespace + BEAT, digits(count), false) + number(1)
}

/// What a client is sent that tracks these keys, in one push.
#[must_use]
pub fn invalidate(keys: &[usize]) -> usize {
    4 + bulk(10) + number(keys.len()) + keys.iter().map(|key| bulk(*key)).sum::<usize>()
}

/// The answers to a write that holds and releases so many keys, and announces them to so many listeners.
#[must_use]
pub fn answers(keys: usize, listeners: usize) -> usize {
    2 * keys * number(1) + number(listeners)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_the_protocol_as_it_is_written() {
        let message_as_written = ">3\r\n$7\r\nmessage\r\n$19\r\nshop:!invalidations\r\n$12\r\n\u{1}K\u{6}\0\0\0shop:a\r\n";
        assert_eq!(announced(4, &["shop:a".len()], false), message_as_written.len());
        let beat_as_written =
            ">3\r\n$7\r\nmessage\r\n$27\r\nshop:!beat:0123456789abcdef\r\n$2\r\n17\r\n:1\r\n";
        assert_eq!(beat(4, 17), beat_as_written.len());
        let push = ">2\r\n$10\r\ninvalidate\r\n*2\r\n$6\r\nshop:a\r\n$10\r\nshop:bbbbb\r\n";
        assert_eq!(invalidate(&[6, 10]), push.len());
        let sharded = ">3\r\n$8\r\nsmessage\r\n$26\r\nshop:!invalidations{00042}\r\n$12\r\n\u{1}K\u{6}\0\0\0shop:a\r\n";
        assert_eq!(announced(4, &[6], true), sharded.len());
        assert_eq!(answers(2, 100), ":1\r\n:1\r\n:1\r\n:1\r\n:100\r\n".len());
    }
}
