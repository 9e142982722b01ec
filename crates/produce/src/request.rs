//! One Produce request, versions 3 to 13, behind its length prefix.
//!
//! To remember: the batch is only looked at as far as its attributes, its checks belong to whoever appends it.

use crate::fields::Fields;
use std::ops::Range;

const API_KEY: i16 = 0;
const VERSIONS: Range<i16> = 3..14;
const FLEXIBLE_SINCE: i16 = 9;
const TOPIC_IDS_SINCE: i16 = 13;
const ZSTD_SINCE: i16 = 7;

/// A batch without records.
const BATCH_MIN: usize = 61;
/// Where a batch says its format, and how it is compressed and what it is.
const MAGIC: usize = 16;
const ATTRIBUTES: usize = 22;
const CODEC_MASK: u8 = 0x07;
const CODEC_ZSTD: u8 = 4;
/// Of a transaction, or a marker of one.
const TRANSACTIONAL_OR_CONTROL: u8 = 0x30;

/// What an answer waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acks {
    /// 1
    Leader,
    /// -1
    All,
}

/// How a request names its topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic<'a> {
    Name(&'a [u8]),
    Id([u8; 16]),
}

/// A request with one batch for one partition, of no transaction, that waits for an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain<'a> {
    pub version: i16,
    pub correlation: i32,
    pub acks: Acks,
    pub topic: Topic<'a>,
    pub partition: i32,
    pub batch: &'a [u8],
}

impl<'a> Plain<'a> {
    /// None for everything that is not plain, also for what is no Produce request and for what is not whole.
    #[must_use]
    pub fn of(frame: &'a [u8]) -> Option<Plain<'a>> {
        let mut fields = Fields { left: frame };
        let key = fields.int16()?;
        let version = fields.int16()?;
        if key != API_KEY || !VERSIONS.contains(&version) {
            return None;
        }
        let flexible = version >= FLEXIBLE_SINCE;
        let correlation = fields.int32()?;
        // The name of the client: in 16 bits also in the flexible header.
        let client = fields.length16()?.unwrap_or(0);
        std::str::from_utf8(fields.bytes(client)?).ok()?;
        if flexible {
            fields.no_tags()?;
        }
        let transactional = if flexible { fields.compact_length()? } else { fields.length16()? };
        let acks = match fields.int16()? {
            -1 => Acks::All,
            1 => Acks::Leader,
            _ => return None,
        };
        let _timeout = fields.int32()?;
        if transactional.is_some() || count(&mut fields, flexible)? != 1 {
            return None;
        }
        let topic = topic(&mut fields, version)?;
        if count(&mut fields, flexible)? != 1 {
            return None;
        }
        let partition = fields.int32()?;
        let length =
            if flexible { fields.compact_length()?? } else { usize::try_from(fields.int32()?).ok()? };
        let batch = fields.bytes(length)?;
        if flexible {
            // Of the partition, of the topic, of the request.
            fields.no_tags()?;
            fields.no_tags()?;
            fields.no_tags()?;
        }
        let plain = fields.left.is_empty() && is_plain(batch, version);
        plain.then_some(Plain { version, correlation, acks, topic, partition, batch })
    }
}

fn count(fields: &mut Fields<'_>, flexible: bool) -> Option<usize> {
    if flexible { fields.compact_length()? } else { usize::try_from(fields.int32()?).ok() }
}

fn topic<'a>(fields: &mut Fields<'a>, version: i16) -> Option<Topic<'a>> {
    if version >= TOPIC_IDS_SINCE {
        return fields.bytes(16)?.try_into().ok().map(Topic::Id);
    }
    let length = if version >= FLEXIBLE_SINCE { fields.compact_length()?? } else { fields.length16()?? };
    fields.bytes(length).map(Topic::Name)
}

fn is_plain(batch: &[u8], version: i16) -> bool {
    let (Some(&magic), Some(&attributes)) = (batch.get(MAGIC), batch.get(ATTRIBUTES)) else { return false };
    batch.len() >= BATCH_MIN
        && magic == 2
        && attributes & TRANSACTIONAL_OR_CONTROL == 0
        && (attributes & CODEC_MASK != CODEC_ZSTD || version >= ZSTD_SINCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(attributes: u8) -> Vec<u8> {
        let mut batch = vec![7; BATCH_MIN + 9];
        batch[MAGIC] = 2;
        batch[ATTRIBUTES] = attributes;
        batch
    }

    fn frame(version: i16, acks: i16, transactional: bool, partitions: u8, batch: &[u8]) -> Vec<u8> {
        let flexible = version >= 9;
        let mut frame = vec![0, 0, 0, version as u8, 0, 0, 1, 2, 0, 2, b'm', b'e'];
        match (flexible, transactional) {
            (true, false) => frame.extend([0, 0]),
            (true, true) => frame.extend([0, 2, b't']),
            (false, false) => frame.extend([0xff, 0xff]),
            (false, true) => frame.extend([0, 1, b't']),
        }
        frame.extend(acks.to_be_bytes());
        frame.extend([0, 0, 1, 0]);
        if flexible {
            frame.push(2)
        } else {
            frame.extend([0, 0, 0, 1])
        }
        match version {
            13 => frame.extend([9; 16]),
            9..13 => frame.extend([4, b'a', b'b', b'c']),
            _ => frame.extend([0, 3, b'a', b'b', b'c']),
        }
        if flexible {
            frame.push(partitions + 1)
        } else {
            frame.extend([0, 0, 0, partitions])
        }
        for partition in 0..partitions {
            frame.extend([0, 0, 0, 5 + partition]);
            if flexible {
                frame.push(u8::try_from(batch.len() + 1).unwrap());
            } else {
                frame.extend(u32::try_from(batch.len()).unwrap().to_be_bytes());
            }
            frame.extend(batch);
            if flexible {
                frame.push(0);
            }
        }
        if flexible {
            frame.extend([0, 0]);
        }
        frame
    }

    #[test]
    fn every_version_of_a_plain_request_is_read() {
        let batch = batch(3);
        for version in 3..=13 {
            let frame = frame(version, -1, false, 1, &batch);
            let plain = Plain::of(&frame).expect("it is plain");
            let topic = if version == 13 { Topic::Id([9; 16]) } else { Topic::Name(b"abc") };
            let wanted =
                Plain { version, correlation: 0x102, acks: Acks::All, topic, partition: 5, batch: &batch };
            assert_eq!(plain, wanted);
        }
    }

    #[test]
    fn what_is_not_plain_is_left_alone() {
        let good = batch(0);
        assert!(Plain::of(&frame(9, 1, false, 1, &good)).is_some_and(|plain| plain.acks == Acks::Leader));
        let mut old = good.clone();
        old[MAGIC] = 1;
        let others = [
            ("a version that is not served", frame(2, -1, false, 1, &good)),
            ("a version of the future", frame(14, -1, false, 1, &good)),
            ("no answer is wanted", frame(9, 0, false, 1, &good)),
            ("no such acks", frame(9, 2, false, 1, &good)),
            ("of a transaction", frame(9, -1, true, 1, &good)),
            ("of a transaction, old", frame(5, -1, true, 1, &good)),
            ("two partitions", frame(9, -1, false, 2, &good)),
            ("no partition", frame(5, -1, false, 0, &good)),
            ("an old format", frame(9, -1, false, 1, &old)),
            ("a transactional batch", frame(9, -1, false, 1, &batch(0x10))),
            ("a marker", frame(9, -1, false, 1, &batch(0x20))),
            ("zstd before its time", frame(6, -1, false, 1, &batch(4))),
            ("a short batch", frame(9, -1, false, 1, &good[..60])),
            ("something behind it", [frame(9, -1, false, 1, &good), vec![0]].concat()),
        ];
        for (what, frame) in others {
            assert_eq!(Plain::of(&frame), None, "{what}");
        }
        assert!(Plain::of(&frame(7, -1, false, 1, &batch(4))).is_some(), "zstd from 7 on");
    }

    #[test]
    fn no_cut_and_no_changed_byte_of_a_request_is_a_panic() {
        for version in [3, 8, 9, 13] {
            let whole = frame(version, -1, false, 1, &batch(0));
            for end in 0..whole.len() {
                assert_eq!(Plain::of(&whole[..end]), None, "cut at {end}");
            }
            for at in 0..whole.len() {
                for byte in [0, 1, 0x7f, 0x80, 0xff] {
                    let mut changed = whole.clone();
                    changed[at] = byte;
                    if let Some(plain) = Plain::of(&changed) {
                        assert!(plain.batch.len() <= whole.len());
                    }
                }
            }
        }
    }
}
