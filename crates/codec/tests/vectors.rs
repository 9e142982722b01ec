//! Bytes written by other programs inflate to what went in: Kafka 4.3's own writers, the lz4 and zstd tools, gzip.

use millrace_codec::{Codec, CodecError, inflate};

const TEXT: &[u8] = b"the same bytes come back, the same bytes come back, the same bytes come back";

const KAFKA_GZIP: &str =
    "1f8b08000000000000ff2bc94855284ecc4d5548aa2c492d5648ce07311393b375144a489601008ae609fa4c000000";
const KAFKA_SNAPPY: &str =
    "82534e415050590000000001000000010000001e4c407468652073616d6520627974657320636f010b1061636b2c20c61a00";
const KAFKA_LZ4: &str =
    "04224d1860408224000000f0027468652073616d6520627974657320636f0b005f61636b2c201a001a50206261636b00000000";
const KAFKA_ZSTD: &str =
    "28b52ffd00580c0100d07468652073616d6520627974657320636f6d65206261636b2c200100ded11c03010000";
const RAW_SNAPPY: &str = "4c407468652073616d6520627974657320636f010b1061636b2c20c61a00";
const LZ4_TOOL_CHECKED: &str = "04224d187c404c000000000000000624000000f0027468652073616d6520627974657320636f0b005f61636b2c201a00\
    1a50206261636b72eebe98000000009fa50d08";
/// KAFKA_LZ4's block under the header the lz4 tool writes with `-BD -B4` where there is more than one block.
const LZ4_LINKED: &str =
    "04224d184040c024000000f0027468652073616d6520627974657320636f0b005f61636b2c201a001a50206261636b00000000";
const ZSTD_TOOL_SIZED: &str =
    "28b52ffd244cfd0000b07468652073616d6520627974657320636f61636b2c200200f70cdd56590245eebef4";
const ZSTD_TOOL_STREAMED: &str =
    "28b52ffd04580d0100d07468652073616d6520627974657320636f6d65206261636b2c200100ded11c0345eebef4";
const GZIP_TOOL: &str =
    "1f8b08000000000000032bc94855284ecc4d5548aa2c492d5648ce07311393b375144a489601008ae609fa4c000000";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn inflated(codec: Codec, input: &[u8]) -> Result<Vec<u8>, CodecError> {
    let mut out = Vec::new();
    inflate(codec.id(), input, 1 << 20, &mut out)?;
    Ok(out)
}

#[track_caller]
fn gives_text(codec: Codec, hex: &str) {
    assert_eq!(inflated(codec, &bytes(hex)).as_deref(), Ok(TEXT));
}

#[test]
fn what_kafka_writes_is_read() {
    gives_text(Codec::Gzip, KAFKA_GZIP);
    gives_text(Codec::Snappy, KAFKA_SNAPPY);
    gives_text(Codec::Lz4, KAFKA_LZ4);
    gives_text(Codec::Zstd, KAFKA_ZSTD);
}

#[test]
fn snappy_without_framing_is_read() {
    gives_text(Codec::Snappy, RAW_SNAPPY);
}

#[test]
fn snappy_with_a_header_repeated_after_a_flush_is_read() {
    let once = bytes(KAFKA_SNAPPY);
    assert_eq!(inflated(Codec::Snappy, &[once.clone(), once].concat()), Ok([TEXT, TEXT].concat()));
}

#[test]
fn lz4_with_content_size_and_all_checksums_is_read() {
    gives_text(Codec::Lz4, LZ4_TOOL_CHECKED);
}

#[test]
fn lz4_of_linked_blocks_is_refused_as_kafka_refuses_it() {
    let refusal = CodecError::Unsupported { codec: "lz4", reason: "linked blocks" };
    assert_eq!(inflated(Codec::Lz4, &bytes(LZ4_LINKED)), Err(refusal));
}

#[test]
fn lz4_with_a_wrong_header_checksum_is_refused() {
    let mut frame = bytes(KAFKA_LZ4);
    frame[6] ^= 1;
    assert!(matches!(inflated(Codec::Lz4, &frame), Err(CodecError::Corrupt { codec: "lz4", .. })));
}

#[test]
fn lz4_followed_by_another_frame_is_refused() {
    let once = bytes(KAFKA_LZ4);
    let twice = [once.clone(), once].concat();
    assert!(matches!(inflated(Codec::Lz4, &twice), Err(CodecError::Corrupt { codec: "lz4", .. })));
}

#[test]
fn zstd_with_and_without_content_size_is_read() {
    gives_text(Codec::Zstd, ZSTD_TOOL_SIZED);
    gives_text(Codec::Zstd, ZSTD_TOOL_STREAMED);
}

#[test]
fn gzip_of_several_members_is_read_to_the_end() {
    let members = [bytes(KAFKA_GZIP), bytes(GZIP_TOOL)].concat();
    assert_eq!(inflated(Codec::Gzip, &members), Ok([TEXT, TEXT].concat()));
}

#[test]
fn an_unknown_codec_is_named_in_the_error() {
    for id in 5..=u8::MAX {
        assert_eq!(inflate(id, b"", 1, &mut Vec::new()), Err(CodecError::UnknownCodec(id)));
    }
}
