//! One group of a pass: ranges that lie behind one another, and the files that take their place together.
//!
//! What it is not: the reading of the ranges (`source.rs`), or what becomes of a batch (`filter.rs`).
//!
//! The invariant: the outputs cover exactly the offsets of the ranges, and each has one batch at least.

use super::filter::Filter;
use super::output::Output;
use crate::batch::Header;
use crate::range::Range;
use crate::segment::Kind;

/// Ranges on their way into new files.
#[derive(Debug)]
pub(crate) struct Group {
    pub ranges: Vec<Range>,
    /// Of `ranges`: which is read.
    pub at: usize,
    pub outputs: Vec<Output>,
    /// Offsets of abort markers that went.
    pub markers: Vec<u64>,
    /// The last batch that went without a trace.
    gone: Option<Header>,
}

impl Group {
    /// The ranges at the front of `ranges` that follow one another without a hole and have at most `limit` bytes, but one
    /// at least.
    pub fn of(ranges: &[Range], limit: u64) -> Group {
        let mut bytes = 0;
        let mut taken: Vec<Range> = Vec::new();
        for range in ranges {
            let follows = taken.last().is_none_or(|last| last.end == range.base);
            if !taken.is_empty() && (!follows || bytes + range.length > limit) {
                break;
            }
            bytes += range.length;
            taken.push(*range);
        }
        Group { ranges: taken, at: 0, outputs: Vec::new(), markers: Vec::new(), gone: None }
    }

    /// First offset.
    pub fn base(&self) -> u64 {
        self.ranges.first().map_or(0, |range| range.base)
    }

    /// Offset behind the last one.
    pub fn end(&self) -> u64 {
        self.ranges.last().map_or(0, |range| range.end)
    }

    pub fn bytes(&self) -> u64 {
        self.ranges.iter().map(|range| range.length).sum()
    }

    /// The output that is being filled.
    pub fn open(&mut self) -> Option<&mut Output> {
        self.outputs.last_mut().filter(|output| !output.is_finished())
    }

    /// A batch went: an output that stays without any will say so.
    pub fn drop_batch(&mut self, header: &Header) {
        self.gone = Some(*header);
    }

    /// Nothing more goes into the open output, which ends at `end`.
    pub fn finish(&mut self, end: u64, filter: &mut Filter) {
        let gone = self.gone.take();
        let Some(output) = self.open() else { return };
        if let Some(header) = gone.filter(|_| output.is_empty()) {
            let empty = filter.empty(&header);
            output.push(empty.base_offset, 0, empty.max_timestamp, &filter.out);
        }
        output.finish(end);
    }

    /// All ranges are copied and all files are durable.
    pub fn is_written(&self) -> bool {
        self.at >= self.ranges.len()
            && self.outputs.iter().all(|output| matches!(output.outcome(), Some(Ok(()))))
    }

    /// Number, kind and range of every output.
    pub fn written(&self) -> impl Iterator<Item = (u64, Kind, Range)> {
        self.outputs.iter().map(Output::written)
    }

    /// Nothing of it is in flight.
    pub fn has_stopped(&self) -> bool {
        self.outputs.iter().all(|output| output.outcome().is_some())
    }
}
