//! What a pass makes of one batch: it stays as it is, is written anew with fewer records, stays empty, or goes.
//!
//! What it is not: the choice of batches or their place in a file. Pure: bytes in, bytes out.
//!
//! The invariant: base offset, last offset, leader epoch, producer, epoch and sequence of a batch never change; a
//! tombstone stays until the horizon that the first pass over it has set.

use super::history::Fate;
use super::key_map::KeyMap;
use crate::batch::{DELETE_HORIZON, HEADER, Head, Header, inflate};
use crate::code::Code;
use crate::planted;
use crate::records::{Stored, WalkError, walk_stored};

const CODEC_MASK: i16 = 0b111;
/// Memory for records that is kept between two batches.
const KEPT: usize = 4 << 20;

/// What is left of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// The batch as it is.
    Whole,
    /// The bytes in `Filter::out`, which have this header.
    Changed(Header),
    Nothing,
}

/// Memory of the work, used again for every batch.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    /// The batch that was written anew.
    pub out: Vec<u8>,
    inflated: Vec<u8>,
    section: Vec<u8>,
    moved: Vec<u8>,
}

/// What a pass knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judge<'a> {
    pub map: &'a KeyMap,
    pub now_ms: i64,
    /// When what is seen first now goes.
    pub horizon_ms: i64,
}

/// What a walk over the records of a batch has found.
#[derive(Debug, Default)]
struct Found {
    kept: u32,
    largest: i64,
    tombstones: bool,
}

impl Judge<'_> {
    fn keeps(&self, header: &Header, record: &Stored<'_>) -> bool {
        let Some(key) = record.key else { return false };
        let offset = header.base_offset + u64::from(record.offset_delta);
        if self.map.newest(key).is_some_and(|newest| newest > offset) {
            return false;
        }
        let gone = header.delete_horizon().is_some_and(|horizon| horizon <= self.now_ms);
        record.has_value || !(gone || planted::drops_tombstones())
    }
}

impl Filter {
    /// Judges one verified batch. `stays`: an empty batch remains of it at least.
    pub fn apply(
        &mut self,
        judge: &Judge<'_>,
        header: &Header,
        bytes: &[u8],
        fate: Fate,
        stays: bool,
    ) -> Result<Kept, Code> {
        let horizon = header.delete_horizon();
        match fate {
            Fate::Marker => Ok(Kept::Whole),
            Fate::SpentMarker if horizon.is_none() => {
                self.records(header, bytes, |_| true)?;
                Ok(self.rewrite(header, Some(judge.horizon_ms), header.count, header.max_timestamp))
            }
            Fate::SpentMarker => {
                let gone = horizon.is_some_and(|horizon| horizon <= judge.now_ms) && !stays;
                Ok(if gone { Kept::Nothing } else { Kept::Whole })
            }
            Fate::Records if header.count == 0 => Ok(if stays { Kept::Whole } else { Kept::Nothing }),
            Fate::Aborted => Ok(self.nothing(header, stays)),
            Fate::Records => {
                let found = self.records(header, bytes, |record| judge.keeps(header, record))?;
                if found.kept == 0 {
                    return Ok(self.nothing(header, stays));
                }
                let horizon = (found.tombstones && horizon.is_none()).then_some(judge.horizon_ms);
                if found.kept == header.count && horizon.is_none() {
                    return Ok(Kept::Whole);
                }
                Ok(self.rewrite(header, horizon, found.kept, found.largest))
            }
        }
    }

    fn nothing(&mut self, header: &Header, stays: bool) -> Kept {
        if stays { Kept::Changed(self.empty(header)) } else { Kept::Nothing }
    }

    /// Walks the records; those that stay are in `section` afterwards, as they were.
    fn records(
        &mut self,
        header: &Header,
        bytes: &[u8],
        keeps: impl Fn(&Stored<'_>) -> bool,
    ) -> Result<Found, Code> {
        let stored = bytes.get(HEADER..header.length).ok_or(Code::Corrupt)?;
        let stored = if header.codec() == 0 { stored } else { inflate(header, stored, &mut self.inflated)? };
        let section = &mut self.section;
        section.clear();
        section.shrink_to(KEPT);
        let mut found = Found { kept: 0, largest: i64::MIN, tombstones: false };
        walk_stored(stored, header, |record| {
            if keeps(&record) {
                section.extend_from_slice(record.framed);
                found.kept += 1;
                found.largest = found.largest.max(record.timestamp);
                found.tombstones |= !record.has_value;
            }
            Ok(())
        })
        .map_err(|_| Code::Corrupt)?;
        Ok(found)
    }

    /// The records in `section` as a batch in `out`, with a delete horizon where one is given.
    fn rewrite(&mut self, header: &Header, horizon: Option<i64>, kept: u32, largest: i64) -> Kept {
        let mut fields = *header;
        fields.count = kept;
        if !header.log_append_time() {
            fields.max_timestamp = largest;
        }
        let moved = horizon.is_some_and(|horizon| self.rebase(header, kept, horizon));
        if let Some(horizon) = horizon.filter(|_| moved) {
            fields.base_timestamp = horizon;
            fields.attributes |= DELETE_HORIZON;
        }
        let section = if moved { &self.moved } else { &self.section };
        self.out.clear();
        self.out.shrink_to(KEPT);
        self.out.resize(HEADER, 0);
        if millrace_codec::deflate(header.codec(), section, None, &mut self.out).is_err() {
            // What cannot be compressed again stays as it was: more than must be, never less.
            return Kept::Whole;
        }
        Kept::Changed(self.close(fields))
    }

    /// Writes the records of `section` to `moved`, their timestamps counted from `base`. False: a timestamp is too far
    /// from it to say so.
    fn rebase(&mut self, header: &Header, count: u32, base: i64) -> bool {
        let moved = &mut self.moved;
        moved.clear();
        moved.shrink_to(KEPT);
        let kept = Header { count, ..*header };
        let walked = walk_stored(&self.section, &kept, |record| {
            let delta = record.timestamp.checked_sub(base).ok_or(WalkError::Timestamp)?;
            let offset = i64::from(record.offset_delta);
            let length = 1 + varint_length(delta) + varint_length(offset) + record.rest.len();
            put_varint(moved, i64::try_from(length).map_err(|_| WalkError::Framing)?);
            moved.push(record.attributes);
            put_varint(moved, delta);
            put_varint(moved, offset);
            moved.extend_from_slice(record.rest);
            Ok(())
        });
        walked.is_ok()
    }

    /// Puts a batch without records into `out`, which says who wrote which sequence up to which offset.
    pub fn empty(&mut self, header: &Header) -> Header {
        self.out.clear();
        self.out.resize(HEADER, 0);
        let attributes = header.attributes & !(CODEC_MASK | DELETE_HORIZON);
        self.close(Header { count: 0, attributes, base_timestamp: header.max_timestamp, ..*header })
    }

    /// Writes the header in front of the records that `out` has behind it.
    fn close(&mut self, mut fields: Header) -> Header {
        fields.length = self.out.len();
        let mut head = Head::whole(&fields);
        head.place(fields.base_offset, fields.leader_epoch);
        fields.crc = head.seal(&self.out[HEADER..]);
        self.out[..HEADER].copy_from_slice(head.bytes());
        fields
    }
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn varint_length(value: i64) -> usize {
    (70 - (zigzag(value) | 1).leading_zeros() as usize) / 7
}

fn put_varint(out: &mut Vec<u8>, value: i64) {
    let mut left = zigzag(value);
    while left >= 0x80 {
        out.push(left as u8 | 0x80);
        left >>= 7;
    }
    out.push(left as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::verify;

    /// Offset delta, timestamp, key, value.
    type Made<'a> = (u32, i64, Option<&'a [u8]>, Option<&'a [u8]>);

    fn section(records: &[Made<'_>]) -> Vec<u8> {
        let mut out = Vec::new();
        for (delta, timestamp, key, value) in records {
            let mut body = vec![0];
            put_varint(&mut body, *timestamp);
            put_varint(&mut body, i64::from(*delta));
            for part in [key, value] {
                put_varint(&mut body, part.map_or(-1, |part| part.len() as i64));
                body.extend_from_slice(part.unwrap_or_default());
            }
            put_varint(&mut body, 0);
            put_varint(&mut out, body.len() as i64);
            out.extend_from_slice(&body);
        }
        out
    }

    fn batch(codec: i16, records: &[Made<'_>]) -> (Header, Vec<u8>) {
        let mut filter = Filter { out: vec![0; HEADER], ..Filter::default() };
        millrace_codec::deflate(codec as u8, &section(records), None, &mut filter.out).expect("compresses");
        let fields = Header {
            base_offset: 100,
            length: 0,
            leader_epoch: 3,
            crc: 0,
            attributes: codec,
            base_timestamp: 0,
            max_timestamp: 50,
            producer_id: 9,
            producer_epoch: 2,
            base_sequence: 40,
            last_offset_delta: records.len() as u32 - 1,
            count: records.len() as u32,
        };
        (filter.close(fields), filter.out)
    }

    fn read(header: &Header, bytes: &[u8]) -> Vec<(u32, i64, bool)> {
        let mut inflated = Vec::new();
        let stored = &bytes[HEADER..header.length];
        let stored =
            if header.codec() == 0 { stored } else { inflate(header, stored, &mut inflated).expect("fine") };
        let mut found = Vec::new();
        walk_stored(stored, header, |record| {
            found.push((record.offset_delta, record.timestamp, record.has_value));
            Ok(())
        })
        .expect("well formed");
        found
    }

    #[test]
    fn of_every_key_the_newest_stays_with_its_offset_time_and_codec() {
        for codec in 0..5 {
            let (header, bytes) = batch(
                codec,
                &[
                    (0, 10, Some(b"a"), Some(b"1")),
                    (1, 20, Some(b"b"), Some(b"2")),
                    (2, 50, Some(b"a"), Some(b"3")),
                    (3, 30, None, Some(b"4")),
                ],
            );
            let mut map = KeyMap::new([0; 16], 1 << 20);
            assert!(map.put(b"a", 102) && map.put(b"b", 101));
            let judge = Judge { map: &map, now_ms: 1_000, horizon_ms: 2_000 };
            let mut filter = Filter::default();
            let kept = filter.apply(&judge, &header, &bytes, Fate::Records, false).expect("fine");
            let Kept::Changed(changed) = kept else { panic!("{kept:?}") };
            assert_eq!(verify(&filter.out), Ok(changed));
            assert_eq!(read(&changed, &filter.out), [(1, 20, true), (2, 50, true)]);
            assert_eq!((changed.base_offset, changed.end_offset(), changed.codec()), (100, 104, codec as u8));
            assert_eq!((changed.producer_id, changed.base_sequence), (9, 40));
        }
    }

    #[test]
    fn a_tombstone_gets_its_horizon_once_and_goes_when_it_has_passed() {
        let (header, bytes) = batch(0, &[(0, 10, Some(b"a"), Some(b"1")), (1, 20, Some(b"b"), None)]);
        let map = KeyMap::new([0; 16], 1 << 20);
        let mut filter = Filter::default();
        let judge = Judge { map: &map, now_ms: 1_000, horizon_ms: 2_000 };
        let first = filter.apply(&judge, &header, &bytes, Fate::Records, false).expect("fine");
        let Kept::Changed(header) = first else { panic!("{first:?}") };
        let bytes = filter.out.clone();
        assert_eq!((header.delete_horizon(), header.max_timestamp), (Some(2_000), 20));
        assert_eq!(read(&header, &bytes), [(0, 10, true), (1, 20, false)], "times are what they were");
        let before = Judge { now_ms: 1_999, horizon_ms: 9_000, ..judge };
        assert_eq!(filter.apply(&before, &header, &bytes, Fate::Records, false), Ok(Kept::Whole));
        let after = Judge { now_ms: 2_000, ..before };
        let last = filter.apply(&after, &header, &bytes, Fate::Records, false).expect("fine");
        let Kept::Changed(header) = last else { panic!("{last:?}") };
        assert_eq!(read(&header, &filter.out), [(0, 10, true)]);
        assert_eq!(header.end_offset(), 102);
    }

    #[test]
    fn a_batch_that_loses_all_records_goes_or_says_where_its_producer_was() {
        let (header, bytes) = batch(4, &[(0, 10, Some(b"a"), Some(b"1")), (1, 50, Some(b"a"), Some(b"2"))]);
        let mut map = KeyMap::new([0; 16], 1 << 20);
        assert!(map.put(b"a", 500));
        let judge = Judge { map: &map, now_ms: 0, horizon_ms: 0 };
        let mut filter = Filter::default();
        assert_eq!(filter.apply(&judge, &header, &bytes, Fate::Records, false), Ok(Kept::Nothing));
        let kept = filter.apply(&judge, &header, &bytes, Fate::Records, true).expect("fine");
        let Kept::Changed(empty) = kept else { panic!("{kept:?}") };
        assert_eq!((verify(&filter.out), filter.out.len()), (Ok(empty), HEADER));
        assert_eq!((empty.count, empty.end_offset(), empty.codec()), (0, 102, 0));
        assert_eq!((empty.producer_id, empty.producer_epoch, empty.base_sequence), (9, 2, 40));
        let bytes = filter.out.clone();
        assert_eq!(filter.apply(&judge, &empty, &bytes, Fate::Records, true), Ok(Kept::Whole));
        assert_eq!(filter.apply(&judge, &empty, &bytes, Fate::Records, false), Ok(Kept::Nothing));
    }

    #[test]
    fn varints_have_the_length_that_is_said_of_them() {
        for value in [0, -1, 1, 63, 64, -64, -65, 8_191, 8_192, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            assert_eq!(out.len(), varint_length(value), "{value}");
        }
    }
}
