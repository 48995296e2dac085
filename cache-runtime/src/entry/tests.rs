use super::*;

fn value(body: Body) -> Value {
    Value {
        fingerprint: 0x0123_4567_89AB_CDEF,
        era: 0x0102_0304_0506_0708,
        filled_at: 1_700_000_000_123,
        soft_ttl_millis: 900_000,
        load_micros: 211,
        stamps: vec![Token::new(), Token::new()],
        body,
    }
}

fn encoded() -> Value {
    value(Body::Encoded { codec: Codec::Postcard, payload: Bytes::from_static(b"payload") })
}

#[test]
fn an_entry_reads_back_as_it_was_written() {
    for value in [encoded(), value(Body::Nothing)] {
        assert_eq!(Entry::parse(&value.to_bytes()), Entry::Value(value));
    }
    let token = Token::new();
    assert_eq!(Entry::parse(&token.lease()), Entry::Lease(token));
    assert_eq!(Entry::parse(&Bytes::from_static(b"H")), Entry::Hold);
}

#[test]
fn an_entry_costs_at_most_forty_bytes_over_its_value() {
    let mut value = encoded();
    value.stamps.clear();
    assert_eq!(value.to_bytes().len(), HEADER + 7);
    const { assert!(HEADER <= 40) };
}

#[test]
fn what_is_not_understood_is_foreign_and_never_a_panic() {
    let good = encoded().to_bytes();
    for length in 0..HEADER + 2 * STAMP {
        assert_eq!(Entry::parse(&good.slice(..length)), Entry::Foreign, "cut to {length}");
    }
    // Another version, another codec, another compression, an unknown flag.
    for (at, byte) in [(1, 9), (2, 0x0F), (2, 0x00), (2, 0xF1), (3, 0x80)] {
        let mut bytes = good.to_vec();
        bytes[at] = byte;
        assert_eq!(Entry::parse(&bytes.into()), Entry::Foreign, "byte {at} = {byte}");
    }
    assert_eq!(Entry::parse(&Bytes::from_static(b"hello")), Entry::Foreign);
    assert_eq!(Entry::parse(&Bytes::new()), Entry::Foreign);
}

#[test]
fn debug_never_shows_a_payload() {
    assert!(!format!("{:?}", encoded()).contains("payload:"));
    assert!(!format!("{:?}", Entry::parse(&encoded().to_bytes())).contains("112, 97"));
}

#[test]
fn tokens_differ() {
    assert_ne!(Token::new(), Token::new());
}
