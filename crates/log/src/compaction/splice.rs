//! The log's share of a manifest with some ranges of one partition replaced, everything else as it was.
//!
//! What it is not: a snapshot of the log now. Between two settles a manifest says what was true at its checkpoint, and
//! compaction changes nothing of that but where the records lie. Format: docs/format/manifest.md.
//!
//! The invariant: what `Log::restore` makes of the result differs from what it makes of the share in those ranges, the
//! files they lie in, and forgotten aborts alone.

use crate::epochs::Epochs;
use crate::fields::{Fields, Short, put_u32, put_u64};
use crate::producers::Producers;
use crate::range::{ENCODED, Range};
use crate::segment::Kind;
use crate::snapshot::SnapshotError;
use crate::transactions::Transactions;
use std::collections::BTreeSet;

/// What takes the place of the ranges of one partition in `from..to`.
#[derive(Debug)]
pub(crate) struct Splice<'a> {
    pub partition: u64,
    pub from: u64,
    pub to: u64,
    pub files: &'a [(u64, Kind, Range)],
    /// Offsets of markers that went.
    pub markers: &'a [u64],
    pub last_file: u64,
}

/// A new share and the numbers of all files it names.
#[derive(Debug)]
pub(crate) struct Spliced {
    pub share: Vec<u8>,
    pub named: BTreeSet<u64>,
}

/// The part of the share that was read since `before`.
fn since<'a>(before: Fields<'a>, now: &Fields<'a>) -> Result<&'a [u8], Short> {
    let mut from = before;
    from.take(before.left() - now.left())
}

impl Splice<'_> {
    /// `None`: the share has none of the ranges any more.
    pub fn apply(&self, share: &[u8]) -> Result<Option<Spliced>, SnapshotError> {
        let mut fields = Fields::new(share);
        fields.u64()?;
        let mut files = Vec::new();
        for _ in 0..fields.count(17)? {
            let file = (fields.u64()?, fields.u8()?, fields.u64()?);
            files.push(file);
        }
        let mut named = BTreeSet::new();
        let mut ranges = Vec::new();
        let mut log_end = 0;
        let at = fields;
        let count = fields.count(36)?;
        // Everything but the ranges of this partition is copied as it is.
        let mut copies = vec![since(at, &fields)?];
        let mut from = fields;
        for _ in 0..count {
            let id = fields.u64()?;
            fields.u64()?;
            let end = fields.u64()?;
            Epochs::decode(&mut fields)?;
            Producers::decode(&mut fields)?;
            let ours = id == self.partition;
            if ours {
                log_end = end;
                copies.push(since(from, &fields)?);
            }
            for _ in 0..fields.count(ENCODED)? {
                let range = Range::decode(&mut fields)?;
                if ours {
                    ranges.push(range)
                } else {
                    named.insert(range.file);
                }
            }
            if ours {
                from = fields;
            }
        }
        copies.push(since(from, &fields)?);
        let mut others = Vec::new();
        for _ in 0..fields.count(8 + ENCODED)? {
            let (id, range) = (fields.u64()?, Range::decode(&mut fields)?);
            if id == self.partition {
                ranges.push(range);
            } else {
                named.insert(range.file);
                others.push((id, range));
            }
        }
        let replaced = |range: &Range| range.base >= self.from && range.end <= self.to;
        if !ranges.iter().any(replaced) {
            return Ok(None);
        }
        ranges.retain(|range| !replaced(range));
        let at = ranges.partition_point(|range| range.end <= self.from);
        ranges.splice(at..at, self.files.iter().map(|(_, _, range)| *range));
        named.extend(ranges.iter().map(|range| range.file));

        let mut out = Vec::with_capacity(share.len() + self.files.len() * (17 + ENCODED));
        put_u64(&mut out, self.last_file);
        files.retain(|(number, ..)| named.contains(number));
        put_u32(&mut out, (files.len() + self.files.len()) as u32);
        let new = self.files.iter().map(|(number, kind, range)| (*number, *kind as u8, range.length));
        for (number, kind, length) in files.into_iter().chain(new) {
            put_u64(&mut out, number);
            out.push(kind);
            put_u64(&mut out, length);
        }
        let [head @ .., tail] = &copies[..] else { return Ok(None) };
        head.iter().for_each(|copy| out.extend_from_slice(copy));
        put_u32(&mut out, ranges.len() as u32);
        ranges.iter().for_each(|range| range.encode(&mut out));
        out.extend_from_slice(tail);
        put_u32(&mut out, others.len() as u32);
        for (id, range) in others {
            put_u64(&mut out, id);
            range.encode(&mut out);
        }
        self.transactions(&mut fields, log_end, &mut out)?;
        Ok(Some(Spliced { share: out, named }))
    }

    fn transactions(
        &self,
        fields: &mut Fields<'_>,
        log_end: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), SnapshotError> {
        let all = *fields;
        let count = fields.count(16)?;
        let mut from = all;
        for _ in 0..count {
            let id = fields.u64()?;
            let before = *fields;
            let ours = id == self.partition;
            let mut transactions = Transactions::decode(fields, if ours { log_end } else { u64::MAX })?;
            if ours {
                out.extend_from_slice(since(from, &before)?);
                transactions.forget(self.markers);
                transactions.encode(out);
                from = *fields;
            }
        }
        out.extend_from_slice(since(from, fields)?);
        Ok(())
    }
}
