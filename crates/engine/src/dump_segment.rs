//! Segments, shared segments, bulk files and index files for `dump`. Whatever does not verify in a sealed file is damage;
//! a bulk file may hold batches of frames that were cut.

use crate::dump::{DumpError, Output, Source, hex};
use crate::dump_line::Line;
use millrace_io::BLOCK;
use millrace_journal::{BULK_FROM, BulkHeader};
use millrace_log::batch::{HEADER, Header, verify};
use millrace_log::fields::Fields;
use millrace_log::index::ENTRY;
use millrace_log::range::Range;
use millrace_log::segment::{INDEX_HEADER, IndexHeader, TRAILER, Trailer, shared_table};

/// Describes an own segment: plain batches from byte 0 up to the padding.
pub(crate) fn own_segment(source: &Source, out: &mut Output) -> Result<(), DumpError> {
    out.add(Line::of("segment").number("bytes", source.length));
    batches(source, 0, source.length, None, out)?;
    Ok(())
}

/// Describes a shared segment: its table, and each range's batches.
pub(crate) fn shared_segment(source: &Source, out: &mut Output) -> Result<(), DumpError> {
    let at = source.length.checked_sub(TRAILER as u64).ok_or(DumpError::Unknown)?;
    let Ok(trailer) = Trailer::decode(&source.read(at, TRAILER)?) else { return Err(DumpError::Unknown) };
    let table =
        usize::try_from(trailer.length).ok().and_then(|length| source.read(trailer.position, length).ok());
    let ranges = table.and_then(|table| shared_table(&table, &trailer).ok());
    let head = Line::of("shared-segment").number("file", trailer.file).number("bytes", source.length);
    let Some(ranges) = ranges else {
        out.add(head.text("damage", "the table of ranges does not verify"));
        return Ok(());
    };
    out.add(head.number("ranges", ranges.len() as u64));
    for (partition, range) in &ranges {
        if !out.add(range_line(*partition, range)) {
            return Ok(());
        }
        if !batches(
            source,
            range.position,
            range.position.saturating_add(range.length),
            Some(*partition),
            out,
        )? {
            return Ok(());
        }
    }
    Ok(())
}

fn range_line(partition: u64, range: &Range) -> Line {
    Line::of("range")
        .number("partition", partition)
        .number("baseOffset", range.base)
        .number("endOffset", range.end)
        .number("position", range.position)
        .number("bytes", range.length)
        .signed("maxTimestamp", range.max_timestamp)
}

/// Describes the batches in `[from, end)`; answers whether more lines are wanted.
fn batches(
    source: &Source,
    from: u64,
    end: u64,
    partition: Option<u64>,
    out: &mut Output,
) -> Result<bool, DumpError> {
    let mut position = from;
    let end = end.min(source.length);
    while position + HEADER as u64 <= end {
        let head = source.read(position, HEADER)?;
        if head.iter().all(|byte| *byte == 0) {
            break;
        }
        let mut line = Line::of("batch").number("position", position);
        if let Some(partition) = partition {
            line = line.number("partition", partition);
        }
        let parsed = Header::parse(&head).ok().filter(|header| position + header.length as u64 <= end);
        let Some(header) = parsed else {
            return Ok(out.add(line.text("damage", "this is not the head of a batch")));
        };
        let bytes = source.read(position, header.length)?;
        line = of_batch(line, &header);
        if verify(&bytes).is_err() {
            line = line.text("damage", "the checksum does not match");
        }
        if out.data {
            line = line.text("data", &hex(&bytes));
        }
        if !out.add(line) {
            return Ok(false);
        }
        position += header.length as u64;
    }
    Ok(true)
}

fn of_batch(line: Line, header: &Header) -> Line {
    line.number("baseOffset", header.base_offset)
        .number("lastOffset", header.end_offset() - 1)
        .number("records", u64::from(header.count))
        .number("codec", u64::from(header.codec()))
        .number("bytes", header.length as u64)
        .signed("leaderEpoch", i64::from(header.leader_epoch))
        .signed("maxTimestamp", header.max_timestamp)
        .signed("producerId", header.producer_id)
}

/// Describes a bulk file: its header, and the batches that begin at its blocks. Which partition they belong to, the
/// journal or the manifest says; what does not verify was never acknowledged, or is damaged.
pub(crate) fn bulk(source: &Source, out: &mut Output) -> Result<(), DumpError> {
    let Some(header) = BulkHeader::decode(&source.read(0, BLOCK)?) else { return Err(DumpError::Unknown) };
    let line = Line::of("bulk").number("file", header.number).number("bytes", source.length);
    if !out.add(line.text("directoryId", &format!("{:016x}", header.directory_id))) {
        return Ok(());
    }
    let mut position = BULK_FROM;
    while position + HEADER as u64 <= source.length {
        let head = source.read(position, HEADER)?;
        let fits = |header: &Header| position + header.length as u64 <= source.length;
        let Some(header) = Header::parse(&head).ok().filter(fits) else {
            position += BLOCK as u64;
            continue;
        };
        let bytes = source.read(position, header.length)?;
        let mut line = of_batch(Line::of("batch").number("position", position), &header);
        let whole = verify(&bytes).is_ok();
        if !whole {
            line = line.text("note", "the checksum does not match");
        }
        if out.data {
            line = line.text("data", &hex(&bytes));
        }
        if !out.add(line) {
            return Ok(());
        }
        let length = if whole { header.length } else { BLOCK };
        position = (position + length as u64).next_multiple_of(BLOCK as u64);
    }
    Ok(())
}

/// Describes the index file of an own segment.
pub(crate) fn index(source: &Source, out: &mut Output) -> Result<(), DumpError> {
    let Ok(header) = IndexHeader::decode(&source.read(0, INDEX_HEADER)?) else {
        return Err(DumpError::Unknown);
    };
    out.add(
        Line::of("index")
            .number("file", header.file)
            .number("partition", header.partition)
            .number("entries", u64::from(header.entries)),
    );
    for number in 0..u64::from(header.entries) {
        let bytes = source.read(INDEX_HEADER as u64 + number * ENTRY as u64, ENTRY)?;
        let mut fields = Fields::new(&bytes);
        let (Ok(offset), Ok(position), Ok(max_timestamp)) = (fields.u64(), fields.u64(), fields.i64()) else {
            break;
        };
        let line = Line::of("index-entry")
            .number("offset", offset)
            .number("position", position)
            .signed("maxTimestamp", max_timestamp);
        if !out.add(line) {
            break;
        }
    }
    Ok(())
}
