use super::*;

fn value(body: Body) -> Value {
    Value {
        fingerprint: 0x0123_4567_89AB_CDEF,
        era: 0x0102_0304_0506_0708,
        filled_at: 1_700_000_000_123,
        nonce: 0x1122_3344_5566_7788,
        kept_millis: 900_000,
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
fn an_entry_costs_at_most_forty_three_bytes_over_its_value() {
    let mut value = encoded();
    value.stamps.clear();
    assert_eq!(value.to_bytes().len(), HEADER + 7);
    const { assert!(HEADER <= 43) };
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

#[test]
fn a_value_says_whether_it_is_kept_after_its_ttl() {
    assert!(outlives_its_ttl(&encoded().to_bytes()));
    assert!(outlives_its_ttl(&Value { kept_millis: 1 << 24, ..encoded() }.to_bytes()));
    assert!(!outlives_its_ttl(&Value { kept_millis: 0, ..encoded() }.to_bytes()));
    assert!(!outlives_its_ttl(&Token::new().lease()));
}

#[test]
fn nonces_differ() {
    let many: std::collections::HashSet<u64> = (0..10_000).map(|_| nonce()).collect();
    assert_eq!(many.len(), 10_000);
}

#[test]
fn a_mark_tells_a_fill_from_every_other_and_is_of_values_alone() {
    let bytes = encoded().to_bytes();
    let mark = Mark::of(&bytes).unwrap();
    assert!(bytes.starts_with(mark.as_bytes()));
    let again = Value { nonce: nonce(), ..encoded() }.to_bytes();
    assert_ne!(Mark::of(&again), Some(mark));
    let long = |first: u8| [&[first, VERSION][..], &[0; 100]].concat();
    assert!(Mark::of(&long(VALUE)).is_some());
    for other in [long(HOLD), long(LEASE), [&[VALUE, 1][..], &[0; 100]].concat()] {
        assert_eq!(Mark::of(&other), None);
    }
    assert_eq!(Mark::of(&bytes[..HEADER - 1]), None);
}
