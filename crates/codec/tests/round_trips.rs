//! What deflate writes, inflate gives back: every codec, sizes around every block boundary, texts and noise.

use millrace_codec::{Codec, CodecError, deflate, inflate};

const SIZES: [usize; 12] = [0, 1, 2, 100, 4_095, 32_767, 32_768, 32_769, 65_535, 65_536, 65_537, 1_000_000];

/// Deterministic noise (xorshift64*): the same bytes for the same seed.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    std::iter::repeat_with(|| {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 56) as u8
    })
    .take(length)
    .collect()
}

fn text(length: usize) -> Vec<u8> {
    b"one journal, many views; ".iter().copied().cycle().take(length).collect()
}

#[track_caller]
fn comes_back(codec: Codec, level: Option<i32>, input: &[u8]) {
    let mut packed = Vec::new();
    deflate(codec.id(), input, level, &mut packed).expect("deflates");
    let mut out = b"kept".to_vec();
    inflate(codec.id(), &packed, input.len(), &mut out).expect("inflates within exactly its length");
    assert_eq!(&out[..4], b"kept");
    assert!(out[4..] == *input, "{codec:?} at level {level:?} changed {} bytes", input.len());
}

#[test]
fn every_codec_gives_back_every_size() {
    for codec in Codec::ALL {
        for size in SIZES {
            comes_back(codec, None, &text(size));
            comes_back(codec, None, &noise(size, 7));
        }
    }
}

#[test]
fn every_level_gives_back_the_same_bytes() {
    let input = [text(50_000), noise(10_000, 3)].concat();
    for level in 0..=9 {
        comes_back(Codec::Gzip, Some(level), &input);
    }
    for level in [-7, -1, 1, 3, 19, 22] {
        comes_back(Codec::Zstd, Some(level), &input);
    }
}

#[test]
fn a_level_out_of_range_is_refused_and_leaves_the_output_alone() {
    for (codec, level) in [(Codec::Gzip, 10), (Codec::Gzip, -1), (Codec::Zstd, 23), (Codec::Zstd, i32::MIN)] {
        let mut out = b"kept".to_vec();
        let refusal = deflate(codec.id(), b"text", Some(level), &mut out);
        assert!(matches!(refusal, Err(CodecError::Level { level: named, .. }) if named == level));
        assert_eq!(out, b"kept");
    }
}
