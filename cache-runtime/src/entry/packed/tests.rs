use fastrand::Rng;

use super::*;
use crate::entry::{Entry, Token, Value};
use crate::policy::Codec;

const LIMIT: usize = 1 << 20;

fn compressions() -> Vec<Compression> {
    vec![
        Compression::Lz4,
        #[cfg(feature = "zstd")]
        Compression::Zstd,
    ]
}

fn body(payload: impl Into<Bytes>) -> Body {
    Body::Encoded { codec: Codec::Json, payload: payload.into() }
}

fn value(body: Body) -> Value {
    Value {
        fingerprint: 1,
        era: 2,
        filled_at: 3,
        nonce: 1,
        kept_millis: 0,
        load_micros: 4,
        stamps: vec![Token::new()],
        body,
    }
}

/// Some text that packs well.
fn text(bytes: usize) -> Vec<u8> {
    (0..).flat_map(|n: u32| format!("city number {n}, ").into_bytes()).take(bytes).collect()
}

/// The packed payload with another size written before it.
fn claiming(body: Body, size: u32) -> Body {
    let Body::Packed { codec, compression, payload, .. } = body else { panic!("{body:?}") };
    let payload: Vec<u8> = size.to_le_bytes().into_iter().chain(payload[SIZE..].to_vec()).collect();
    Body::Packed { codec, compression, unpacked: size, payload: payload.into() }
}

fn read_back(bytes: &Bytes) -> Option<Body> {
    match Entry::parse(bytes) {
        Entry::Value(value) => value.body.unpacked(LIMIT),
        _ => None,
    }
}

#[test]
fn a_value_comes_back_as_it_was_before_it_was_packed() {
    for compression in compressions() {
        for bytes in [0, 1, 2, 100, 2048, 2049, 70_000, LIMIT] {
            let plain = body(text(bytes));
            let packed = plain.clone().packed(compression, 0, LIMIT);
            let entry = value(packed).to_bytes();
            assert_eq!(read_back(&entry), Some(plain), "{compression:?}, {bytes}");
        }
        let plain = body(text(70_000));
        let packed = plain.clone().packed(compression, 2048, LIMIT);
        assert!(matches!(packed, Body::Packed { .. }), "{compression:?}: {packed:?}");
        assert!(packed.len() < plain.len() / 2, "{compression:?}: {}", packed.len());
        assert_eq!(packed.unpacked_len(), 70_000);
    }
}

#[test]
fn what_gets_no_smaller_or_is_small_or_is_too_large_stays_as_it_is() {
    let mut rng = Rng::with_seed(7);
    let noise: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(5000).collect();
    for compression in compressions() {
        let noise = body(noise.clone());
        assert_eq!(noise.clone().packed(compression, 0, LIMIT), noise);
        let small = body(text(2048));
        assert_eq!(small.clone().packed(compression, 2048, LIMIT), small);
        let large = body(text(4096));
        assert_eq!(large.clone().packed(compression, 0, 4095), large);
        assert_eq!(Body::Nothing.packed(compression, 0, LIMIT), Body::Nothing);
    }
    let plain = body(text(70_000));
    assert_eq!(plain.clone().packed(Compression::None, 0, LIMIT), plain);
}

#[test]
fn what_gets_smaller_by_less_than_an_eighth_stays_as_it_is() {
    let mut rng = Rng::with_seed(8);
    let noise: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(8000).collect();
    for compression in compressions() {
        // So many zeros among 8000 bytes take next to nothing.
        for (zeros, packs) in [(900, false), (1100, true)] {
            let some = body([&noise[zeros..], &vec![0; zeros]].concat());
            let packed = some.packed(compression, 0, LIMIT);
            assert_eq!(matches!(packed, Body::Packed { .. }), packs, "{compression:?}, {zeros}");
        }
    }
}

#[test]
fn a_size_above_the_limit_is_no_value() {
    for compression in compressions() {
        let packed = body(text(4096)).packed(compression, 0, LIMIT);
        assert_eq!(packed.clone().unpacked(4095), None);
        assert!(packed.clone().unpacked(4096).is_some());
        assert_eq!(claiming(packed, u32::MAX).unpacked(LIMIT), None);
    }
}

/// Known before anything is allocated, also where the limit would allow it.
#[test]
fn so_few_bytes_never_make_four_gigabytes() {
    let (most, four) = (64 << 20, u32::MAX as usize);
    assert!(!can_make(Compression::Lz4, 1000, four));
    #[cfg(feature = "zstd")]
    assert!(!can_make(Compression::Zstd, 1000, four));
    // And what is packed as tightly as can be passes.
    for compression in compressions() {
        let tight = body(vec![0; most]).packed(compression, 0, usize::MAX);
        assert!(
            can_make(compression, tight.len() - SIZE, most),
            "{compression:?}: {}",
            tight.len()
        );
        assert_eq!(tight.unpacked(most), Some(body(vec![0; most])));
    }
}

#[test]
fn a_size_that_is_not_exactly_right_is_no_value() {
    for compression in compressions() {
        let packed = body(text(4096)).packed(compression, 0, LIMIT);
        for size in [0, 1, 4095, 4097, 8192] {
            assert_eq!(claiming(packed.clone(), size).unpacked(LIMIT), None, "{size}");
        }
    }
}

/// A bomb is well formed: few bytes that make very many.
#[test]
fn a_bomb_is_no_value() {
    for compression in compressions() {
        let bomb = body(vec![0; 16 << 20]).packed(compression, 0, usize::MAX);
        assert!(bomb.len() < 80_000, "{compression:?}: {}", bomb.len());
        let entry = value(bomb.clone()).to_bytes();
        assert_eq!(read_back(&entry), None);
        // Also where it lies about its size.
        assert_eq!(read_back(&value(claiming(bomb, 1 << 20)).to_bytes()), None);
    }
}

#[test]
fn rubbish_is_no_value_and_never_a_panic() {
    let mut rng = Rng::with_seed(11);
    let half_bytes = [0x10_u8, 0x20, 0x30, 0xF0];
    let good = value(body(text(300)).packed(Compression::Lz4, 0, LIMIT)).to_bytes();
    let (mut values, mut foreign) = (0, 0);
    for _ in 0..20_000 {
        // A header that is right up to the compression, then anything.
        let mut bytes = good.to_vec();
        bytes[2] = (bytes[2] & 0x0F) | half_bytes[rng.usize(..half_bytes.len())];
        let head = bytes.len() - rng.usize(..=300.min(bytes.len() - 51));
        bytes.truncate(head);
        for _ in 0..rng.usize(..40) {
            bytes.push(rng.u8(..));
        }
        for _ in 0..rng.usize(..4) {
            let at = rng.usize(51.min(bytes.len() - 1)..bytes.len());
            bytes[at] ^= 1 << rng.u8(..8);
        }
        match read_back(&bytes.into()) {
            // A flipped bit in a literal makes another text of the same length: nobody but its decoder can tell.
            Some(body) => {
                values += 1;
                assert!(body.unpacked_len() <= LIMIT);
            }
            None => foreign += 1,
        }
    }
    assert!(foreign > 15_000, "{foreign} of 20000 were no value, {values} were");
}

#[test]
fn every_cut_of_a_packed_value_is_no_value() {
    for compression in compressions() {
        let entry = value(body(text(600)).packed(compression, 0, LIMIT)).to_bytes();
        for length in 0..entry.len() {
            assert_eq!(read_back(&entry.slice(..length)), None, "{compression:?}, cut to {length}");
        }
    }
}

#[test]
fn a_compression_that_nobody_knows_is_foreign() {
    let entry = value(body(text(600)).packed(Compression::Lz4, 0, LIMIT)).to_bytes();
    for half in 0..16_u8 {
        let mut bytes = entry.to_vec();
        bytes[2] = (bytes[2] & 0x0F) | (half << 4);
        let known = half == 0 || half == 1 || (half == 2 && cfg!(feature = "zstd"));
        let parsed = Entry::parse(&bytes.into());
        assert_eq!(matches!(parsed, Entry::Value(_)), known, "{half}: {parsed:?}");
    }
}
