//! Hostile input: bombs stop at the limit, damaged and cut streams are errors, and nothing is taken from a claim.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use millrace_codec::{Codec, CodecError, deflate, inflate};

/// Remembers the largest single piece of memory this thread asked for through Rust's allocator.
struct Watching;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.set(LARGEST.get().max(layout.size()));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watching = Watching;

const COMPRESSED: [Codec; 4] = [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];
const LIMIT: usize = 1 << 20;
/// Twice the limit for a doubling vector, and the two 4 MiB buffers an LZ4 frame may ask for.
const MEMORY_MAX: usize = 8 << 20;

fn packed(codec: Codec, input: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    deflate(codec.id(), input, None, &mut out).expect("deflates");
    out
}

fn text() -> Vec<u8> {
    (0..3_000_u32).flat_map(|line| format!("line {} of {}\n", line, line * 7).into_bytes()).collect()
}

#[test]
fn a_bomb_stops_at_the_limit_and_leaves_the_output_alone() {
    let zeros = vec![0; 64 << 20];
    for codec in COMPRESSED {
        let bomb = packed(codec, &zeros);
        LARGEST.set(0);
        let mut out = b"kept".to_vec();
        let refusal = inflate(codec.id(), &bomb, LIMIT, &mut out);
        assert_eq!(refusal, Err(CodecError::LimitExceeded { limit: LIMIT }), "{codec:?}");
        assert_eq!(out, b"kept");
        let largest = LARGEST.get();
        assert!(largest <= MEMORY_MAX, "{codec:?} asked for {largest} bytes at once");
    }
}

#[test]
fn one_byte_over_the_limit_is_too_much_and_exactly_the_limit_is_not() {
    let input = text();
    for codec in Codec::ALL {
        let bytes = packed(codec, &input);
        assert_eq!(inflate(codec.id(), &bytes, input.len(), &mut Vec::new()), Ok(()));
        let limit = input.len() - 1;
        let refusal = inflate(codec.id(), &bytes, limit, &mut Vec::new());
        assert_eq!(refusal, Err(CodecError::LimitExceeded { limit }), "{codec:?}");
    }
}

#[test]
fn a_stream_cut_anywhere_is_an_error() {
    let input = &text()[..5_000];
    for codec in COMPRESSED {
        let bytes = packed(codec, input);
        for length in 0..bytes.len() {
            let mut out = Vec::new();
            let result = inflate(codec.id(), &bytes[..length], LIMIT, &mut out);
            // Xerial's framing has no end mark: cut between two blocks, it is a shorter stream of whole blocks.
            let whole_blocks = codec == Codec::Snappy && (length == 16);
            assert!(result.is_err() || whole_blocks, "{codec:?} cut to {length} of {}", bytes.len());
            assert!(out.is_empty());
        }
    }
}

#[test]
fn bytes_behind_the_end_are_an_error() {
    for codec in COMPRESSED {
        let mut bytes = packed(codec, &text());
        bytes.extend_from_slice(b"\x01\x02\x03\x04\x05\x06\x07\x08 and more");
        assert!(inflate(codec.id(), &bytes, LIMIT, &mut Vec::new()).is_err(), "{codec:?}");
    }
}

#[test]
fn a_flipped_bit_never_panics_and_never_passes_the_limit() {
    let input = &text()[..2_000];
    for codec in COMPRESSED {
        let bytes = packed(codec, input);
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let mut out = Vec::new();
            let result = inflate(codec.id(), &damaged, LIMIT, &mut out);
            assert!(out.len() <= LIMIT);
            assert!(result.is_ok() || out.is_empty(), "{codec:?} left bytes behind an error");
        }
    }
}

#[test]
fn gzip_never_gives_back_other_bytes_for_a_flipped_bit() {
    let input = &text()[..2_000];
    let bytes = packed(Codec::Gzip, input);
    for bit in 10 * 8..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let mut out = Vec::new();
        let result = inflate(Codec::Gzip.id(), &damaged, LIMIT, &mut out);
        assert!(result.is_err() || out == input, "bit {bit}");
    }
}

#[test]
fn a_claimed_length_takes_no_memory() {
    let snappy_of_4_gib = [0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0x00, b'x'];
    let xerial_of_2_gib =
        [b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".as_slice(), &[0x7F, 0xFF, 0xFF, 0xFF, 1]].concat();
    let lz4_block_of_2_gib = [0x04, 0x22, 0x4D, 0x18, 0x60, 0x70, 0x73, 0xFF, 0xFF, 0xFF, 0x7F, 0];
    let zstd_of_16_eib = [0x28, 0xB5, 0x2F, 0xFD, 0xE0, 255, 255, 255, 255, 255, 255, 255, 255, 1, 0, 0];
    let inputs: [(Codec, &[u8]); 4] = [
        (Codec::Snappy, &snappy_of_4_gib),
        (Codec::Snappy, &xerial_of_2_gib),
        (Codec::Lz4, &lz4_block_of_2_gib),
        (Codec::Zstd, &zstd_of_16_eib),
    ];
    for (codec, bytes) in inputs {
        LARGEST.set(0);
        let result = inflate(codec.id(), bytes, usize::MAX, &mut Vec::new());
        assert!(matches!(result, Err(CodecError::Corrupt { .. })), "{codec:?}: {result:?}");
        let largest = LARGEST.get();
        assert!(largest <= MEMORY_MAX, "{codec:?} asked for {largest} bytes at once");
    }
}

#[test]
fn noise_never_panics() {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for round in 0..20_000_u32 {
        let length = (round % 97) as usize;
        let mut bytes: Vec<u8> = Vec::with_capacity(length + 8);
        let start: &[u8] = match round % 5 {
            0 => &[0x1F, 0x8B, 8, 0],
            1 => b"\x82SNAPPY\0",
            2 => &[0x04, 0x22, 0x4D, 0x18, 0x60, 0x40, 0x82],
            3 => &[0x28, 0xB5, 0x2F, 0xFD],
            _ => &[],
        };
        bytes.extend_from_slice(start);
        for _ in 0..length {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            bytes.push((state >> 56) as u8);
        }
        for codec in COMPRESSED {
            let mut out = Vec::new();
            let result = inflate(codec.id(), &bytes, LIMIT, &mut out);
            assert!(out.len() <= LIMIT && (result.is_ok() || out.is_empty()));
        }
    }
}
