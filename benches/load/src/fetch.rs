//! The verb `fetch`: connection i reads partition i mod N from its start to its end, over and over, by Fetch v4.
//!
//! Remember: the offset to ask for next is found by stepping over batch headers; no record is looked at.

use millrace_load::LoadError;
use millrace_load::arguments::Arguments;
use millrace_load::json::Object;

use crate::channel::Work;
use crate::cutter::{Reading, Wanted, Worth};
use crate::load::{self, Settings};
use crate::wire::{Reader, Request};

const FETCH: i16 = 1;
const VERSION: i16 = 4;
const WAIT_MS: i32 = 500;
/// The offset is followed by nothing but the partition's byte limit.
const OFFSET_BEFORE_END: usize = 12;

/// Bytes before the field that the length counts from.
const BATCH_LENGTH_BASE: usize = 12;
const LAST_DELTA_POSITION: usize = 23;
const BATCH_HEADER_LENGTH: usize = 61;

/// Runs the load and returns its figures; `bytes` counts batches as they came, a cut one at the end too.
pub fn run(arguments: &mut Arguments) -> Result<Object, LoadError> {
    let settings = Settings::take(arguments)?;
    let topic: String = arguments.required("topic")?;
    let partitions: usize = arguments.or("partitions", 1)?;
    let max_bytes: i32 = arguments.or("max-bytes", 1 << 20)?;
    arguments.finish()?;
    if partitions == 0 {
        return Err(LoadError::Usage("--partitions cannot be 0".into()));
    }
    load::run(&settings, 1, &[], |connection| {
        let partition = connection % partitions;
        let request = Request::prepare(FETCH, VERSION, |body| {
            body.int32(-1);
            body.int32(WAIT_MS);
            body.int32(1);
            body.int32(max_bytes);
            body.int8(0);
            body.int32(1);
            body.string(&topic);
            body.int32(1);
            body.int32(partition as i32);
            body.int64(0);
            body.int32(max_bytes);
        });
        (Fetching::new(partition, topic.len()), request)
    })
}

/// One connection's answers.
struct Fetching {
    partition: usize,
    topic_length: usize,
    /// What the next request asks for.
    offset: i64,
    high_watermark: i64,
    /// The offset behind the last whole batch of this answer; `None` before the first.
    next: Option<i64>,
    /// Bytes of batches in this answer, as its head says.
    bytes: usize,
    in_head: bool,
}

impl Fetching {
    fn new(partition: usize, topic_length: usize) -> Fetching {
        let (offset, high_watermark) = (0, 0);
        Fetching { partition, topic_length, offset, high_watermark, next: None, bytes: 0, in_head: true }
    }

    /// Everything before the batches.
    fn head(&mut self, mut answer: Reader<'_>) -> Result<(), LoadError> {
        answer.int32()?;
        if answer.length()? != 1 {
            return Err(answer.misfit());
        }
        answer.skip_string()?;
        if answer.length()? != 1 {
            return Err(answer.misfit());
        }
        answer.int32()?;
        answer.no_error()?;
        self.high_watermark = answer.int64()?;
        answer.int64()?;
        // Nothing here writes transactions, so none can have been aborted.
        if answer.length()? != 0 {
            return Err(answer.misfit());
        }
        self.bytes = answer.length()?;
        self.next = None;
        Ok(())
    }

    /// A batch header, behind which `left` bytes follow. Returns the length of what belongs to the batch, if it is whole.
    fn batch(&mut self, header: &[u8], left: usize) -> Result<Option<usize>, LoadError> {
        let mut reader = Reader::new(Self::API, header);
        let base = reader.int64()?;
        let length = reader.length()?;
        reader.take(LAST_DELTA_POSITION - BATCH_LENGTH_BASE)?;
        let last_delta = reader.int32()?;
        let rest = (length + BATCH_LENGTH_BASE).checked_sub(BATCH_HEADER_LENGTH).ok_or(reader.misfit())?;
        if rest > left {
            return Ok(None);
        }
        self.next = Some(base + i64::from(last_delta) + 1);
        Ok(Some(rest))
    }

    /// The answer has been looked through: the next request goes on behind it, or starts again.
    fn end(&mut self) -> Result<Wanted, LoadError> {
        self.in_head = true;
        let partition = self.partition;
        let nothing = || LoadError::Usage(format!("partition {partition} has nothing to fetch"));
        let next = self.next.ok_or_else(nothing)?;
        if next <= self.offset {
            return Err(LoadError::Layout { api: Self::API });
        }
        self.offset = if next >= self.high_watermark { 0 } else { next };
        Ok(Wanted::End(Worth { records: 0, bytes: self.bytes as u64 }))
    }
}

impl Work for Fetching {
    fn prepare(&mut self, request: &mut Request) {
        request.patch_int64(OFFSET_BEFORE_END, self.offset);
    }
}

impl Reading for Fetching {
    const API: &'static str = "Fetch";

    /// Throttle time, one topic (count, name), one partition (count, index, code, two watermarks, aborted transactions,
    /// length of the batches).
    fn first(&self) -> usize {
        4 + 4 + 2 + self.topic_length + 4 + 4 + 2 + 8 + 8 + 4 + 4
    }

    fn part(&mut self, part: &[u8], left: usize) -> Result<Wanted, LoadError> {
        let mut skip = 0;
        if self.in_head {
            self.head(Reader::new(Self::API, part))?;
            if self.bytes != left {
                return Err(LoadError::Layout { api: Self::API });
            }
            self.in_head = false;
        } else {
            match self.batch(part, left)? {
                Some(rest) => skip = rest,
                None => return self.end(),
            }
        }
        // A batch that is cut at the end is what a limit in bytes leaves.
        if left - skip < BATCH_HEADER_LENGTH {
            return self.end();
        }
        Ok(Wanted::Part { skip, length: BATCH_HEADER_LENGTH })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cutter::Cutter;

    /// A batch header and `values` bytes behind it.
    fn batch(base: i64, last_delta: i32, values: usize) -> Vec<u8> {
        let mut bytes = vec![0; BATCH_HEADER_LENGTH + values];
        let length = (bytes.len() - BATCH_LENGTH_BASE) as u32;
        bytes[..8].copy_from_slice(&base.to_be_bytes());
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        bytes[LAST_DELTA_POSITION..LAST_DELTA_POSITION + 4].copy_from_slice(&last_delta.to_be_bytes());
        bytes
    }

    /// An answer for topic `t` with this high watermark.
    fn answer(correlation: i32, high_watermark: i64, records: &[u8]) -> Vec<u8> {
        let mut body = [correlation.to_be_bytes(), 0_i32.to_be_bytes(), 1_i32.to_be_bytes()].concat();
        body.extend_from_slice(&[0, 1, b't', 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        body.extend_from_slice(&high_watermark.to_be_bytes());
        body.extend_from_slice(&high_watermark.to_be_bytes());
        body.extend_from_slice(&(-1_i32).to_be_bytes());
        body.extend_from_slice(&(records.len() as u32).to_be_bytes());
        body.extend_from_slice(records);
        [&(body.len() as u32).to_be_bytes(), body.as_slice()].concat()
    }

    #[test]
    fn the_next_request_goes_on_behind_the_last_whole_batch_and_starts_again_at_the_end() {
        let cut = &batch(8, 1, 50)[..70];
        let first = [batch(0, 4, 300), batch(5, 2, 10), cut.to_vec()].concat();
        let last = batch(8, 1, 50);
        let stream = [answer(0, 10, &first), answer(1, 10, &last)].concat();
        let (mut fetching, mut cutter) = (Fetching::new(0, 1), Cutter::new());
        let mut seen = Vec::new();
        for piece in stream.chunks(100) {
            let mut ended = None;
            cutter.take(piece, &mut fetching, |worth| ended = Some(worth.bytes as usize)).unwrap();
            seen.extend(ended.map(|bytes| (bytes, fetching.offset)));
        }
        assert_eq!(seen, [(first.len(), 8), (last.len(), 0)]);
    }

    #[test]
    fn an_answer_without_a_whole_batch_ends_the_run() {
        let stream = answer(0, 10, &batch(0, 4, 300)[..200]);
        let error = Cutter::new().take(&stream, &mut Fetching::new(3, 1), |_| ()).unwrap_err();
        assert_eq!(error.to_string(), "partition 3 has nothing to fetch");
    }

    #[test]
    fn a_batch_shorter_than_its_own_header_is_an_error() {
        let mut short = batch(0, 0, 100);
        short[8..12].copy_from_slice(&10_u32.to_be_bytes());
        assert!(Cutter::new().take(&answer(0, 1, &short), &mut Fetching::new(0, 1), |_| ()).is_err());
    }
}
