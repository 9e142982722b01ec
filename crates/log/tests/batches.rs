//! What a broker accepts as a record batch, and what it stores of it (kafka.md rules 5 to 13).

#[path = "support/batches.rs"]
mod support;

use millrace_log::Code;
use millrace_log::batch::{HEADER, Rules, check, verify};
use support::{TestBatch, castagnoli, repair_crc};

fn judge(bytes: &[u8], rules: &Rules) -> Result<Vec<u8>, Code> {
    let mut scratch = Vec::new();
    let mut checked = check(bytes, rules, &mut scratch)?;
    checked.head.place(40, 7);
    let mut stored = checked.head.bytes().to_vec();
    stored.extend_from_slice(&bytes[stored.len()..]);
    Ok(stored)
}

fn plain(bytes: &[u8]) -> Result<Vec<u8>, Code> {
    judge(bytes, &Rules::default())
}

fn good() -> Vec<u8> {
    TestBatch::of(&[b"one", b"", b"three"]).encode()
}

#[test]
fn rule_7_only_base_offset_and_leader_epoch_change_in_what_is_stored() {
    let batch = good();
    let stored = plain(&batch).expect("accepted");
    assert_eq!(stored[..8], 40i64.to_be_bytes());
    assert_eq!(stored[12..16], 7i32.to_be_bytes());
    assert_eq!((&stored[8..12], &stored[16..]), (&batch[8..12], &batch[16..]));
    assert_eq!(verify(&stored).map(|header| (header.base_offset, header.count)), Ok((40, 3)));
}

#[test]
fn rule_5_older_and_unknown_magics_are_named_as_such() {
    for magic in [0, 1, 3, 9] {
        let mut batch = good();
        batch[16] = magic;
        assert_eq!(plain(&batch), Err(Code::UnsupportedMagic));
    }
}

#[test]
fn rule_6_a_wrong_crc_length_or_count_is_refused() {
    let mut crc = good();
    crc[20] ^= 1;
    assert_eq!(plain(&crc), Err(Code::Corrupt));
    let mut long = good();
    long.push(0);
    assert_eq!(plain(&long), Err(Code::Corrupt), "batch length is not the actual length");
    assert_eq!(plain(&good()[..good().len() - 1]), Err(Code::Corrupt));
    for (at, value, answer) in [
        (57, 4i32, Code::InvalidRecord),
        (57, 0, Code::Corrupt),
        (57, -1, Code::Corrupt),
        (23, 5, Code::InvalidRecord),
    ] {
        let mut batch = good();
        batch[at..at + 4].copy_from_slice(&value.to_be_bytes());
        repair_crc(&mut batch);
        assert_eq!(plain(&batch), Err(answer), "field at {at} = {value}");
    }
    let mut both = good();
    both[57..61].copy_from_slice(&4i32.to_be_bytes());
    both[23..27].copy_from_slice(&3i32.to_be_bytes());
    repair_crc(&mut both);
    assert_eq!(plain(&both), Err(Code::Corrupt), "more records announced than there are");
}

#[test]
fn rule_6_control_transactional_and_unknown_attributes_are_refused() {
    for (attributes, answer) in [
        (1 << 5, Code::InvalidRecord),
        (1 << 4, Code::InvalidRecord),
        (1 << 6, Code::InvalidRecord),
        (1 << 14, Code::InvalidRecord),
        (1 << 3, Code::InvalidTimestamp),
        (5, Code::UnsupportedCompression),
        (7, Code::UnsupportedCompression),
    ] {
        let batch = TestBatch { attributes, ..TestBatch::of(&[b"x"]) }.encode();
        assert_eq!(plain(&batch), Err(answer), "attributes {attributes:#x}");
    }
}

#[test]
fn rule_6_a_producer_needs_a_sequence_and_an_epoch() {
    assert_eq!(plain(&TestBatch::of(&[b"x"]).by(5, 0, -1).encode()), Err(Code::InvalidRecord));
    assert_eq!(plain(&TestBatch::of(&[b"x"]).by(5, -1, 0).encode()), Err(Code::InvalidRecord));
    assert!(plain(&TestBatch::of(&[b"x"]).by(5, 0, 0).encode()).is_ok());
}

#[test]
fn rule_8_the_max_timestamp_is_computed_and_a_wrong_one_replaced() {
    let wrong = TestBatch { max_timestamp: Some(-1), ..TestBatch::of(&[b"a", b"b", b"c"]) }.encode();
    let stored = plain(&wrong).expect("accepted");
    let header = verify(&stored).expect("the new checksum fits");
    assert_eq!(header.max_timestamp, 1_002);
    assert_eq!(stored[HEADER..], wrong[HEADER..], "records are never touched");
    assert_eq!(castagnoli(&stored[21..]).to_be_bytes(), stored[17..21]);
}

#[test]
fn rule_8_compressed_batches_are_inflated_for_it() {
    for codec in 1..=4u8 {
        let batch = TestBatch {
            attributes: i16::from(codec),
            max_timestamp: Some(5),
            ..TestBatch::of(&[b"a", b"b"])
        };
        let mut section = Vec::new();
        millrace_codec::deflate(codec, &batch.section(), None, &mut section).expect("deflates");
        let stored = plain(&batch.encode_with(&section)).expect("accepted");
        assert_eq!(verify(&stored).map(|header| header.max_timestamp), Ok(1_001), "codec {codec}");
        assert_eq!(stored[HEADER..], section[..], "rule 12: the producer's bytes stay");
        section.truncate(section.len() / 2);
        assert_eq!(plain(&batch.encode_with(&section)), Err(Code::Corrupt), "codec {codec}, cut");
    }
}

#[test]
fn rule_9_a_stamped_batch_says_so_in_attribute_timestamp_and_checksum() {
    let rules = Rules { stamp_ms: Some(77_000), ..Rules::default() };
    let stored = judge(&good(), &rules).expect("accepted");
    let header = verify(&stored).expect("the new checksum fits");
    assert!(header.log_append_time());
    assert_eq!(header.max_timestamp, 77_000);
    let mut scratch = Vec::new();
    assert_eq!(check(&good(), &rules, &mut scratch).map(|checked| checked.log_append_time), Ok(77_000));
    assert_eq!(
        check(&good(), &Rules::default(), &mut scratch).map(|checked| checked.log_append_time),
        Ok(-1)
    );
}

#[test]
fn rule_10_a_batch_above_the_limit_is_too_large_before_it_is_looked_at() {
    let rules = |max_bytes| Rules { max_bytes, ..Rules::default() };
    let batch = good();
    assert_eq!(judge(&batch, &rules(batch.len() - 1)), Err(Code::MessageTooLarge));
    assert!(judge(&batch, &rules(batch.len())).is_ok());
}

#[test]
fn rule_11_a_missing_key_is_refused_where_keys_are_required_and_an_empty_one_is_a_key() {
    let rules = Rules { require_keys: true, ..Rules::default() };
    assert_eq!(judge(&good(), &rules), Err(Code::InvalidRecord));
    let mut keyed = TestBatch::of(&[b"x", b"y"]);
    keyed.records[0].key = Some(b"");
    keyed.records[1].key = Some(b"k");
    assert!(judge(&keyed.encode(), &rules).is_ok());
}

#[test]
fn rule_5_codecs_above_what_the_request_version_allows_are_refused() {
    let rules = Rules { max_codec: 3, ..Rules::default() };
    let zstd = TestBatch { attributes: 4, ..TestBatch::of(&[b"x"]) }.encode();
    assert_eq!(judge(&zstd, &rules), Err(Code::UnsupportedCompression));
}

#[test]
fn a_decompression_bomb_is_refused_at_the_limit() {
    let zeros = vec![0; 65 << 20];
    let mut section = Vec::new();
    millrace_codec::deflate(1, &zeros, None, &mut section).expect("deflates");
    let bomb = TestBatch { attributes: 1, ..TestBatch::of(&[b"x"]) }.encode_with(&section);
    assert_eq!(plain(&bomb), Err(Code::MessageTooLarge));
}

#[test]
fn damaged_record_framing_is_refused_whatever_byte_is_wrong() {
    let batch = TestBatch::of(&[b"one", b"two", b"three"]).encode();
    let mut refused = 0;
    for at in HEADER..batch.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut bad = batch.clone();
            bad[at] = value;
            repair_crc(&mut bad);
            // Accepted or refused, but never a panic and never other bytes than were sent.
            match plain(&bad) {
                Ok(stored) => assert_eq!(stored[HEADER..], bad[HEADER..]),
                Err(code) => {
                    assert!(matches!(code, Code::Corrupt | Code::InvalidRecord | Code::InvalidTimestamp));
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 50, "framing bytes are checked: {refused}");
}

#[test]
fn random_bytes_never_panic_and_are_never_accepted() {
    let mut seed = 0x6d69_6c6c_u64;
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed >> 33
    };
    for _ in 0..20_000 {
        let mut bytes: Vec<u8> = (0..next() % 200).map(|_| next() as u8).collect();
        if let Some(magic) = bytes.get_mut(16) {
            *magic = 2;
        }
        assert!(plain(&bytes).is_err(), "{bytes:?}");
    }
}

#[test]
fn header_counts_near_the_limits_allocate_nothing() {
    let mut batch = good();
    batch[57..61].copy_from_slice(&i32::MAX.to_be_bytes());
    batch[23..27].copy_from_slice(&(i32::MAX - 1).to_be_bytes());
    repair_crc(&mut batch);
    assert_eq!(plain(&batch), Err(Code::Corrupt));
    let mut length = good();
    length[8..12].copy_from_slice(&i32::MAX.to_be_bytes());
    assert_eq!(plain(&length), Err(Code::Corrupt));
}
