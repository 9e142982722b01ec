//! The verb `fetch`: connection i reads partition i mod N from its start to its end, over and over, by Fetch v4.
//!
//! Remember: the offset to ask for next is found by stepping over batch headers; no record is looked at.

use std::thread;
use std::time::{Duration, Instant};

use millrace_load::LoadError;
use millrace_load::arguments::Arguments;
use millrace_load::json::Object;
use millrace_load::measure::{Stretch, Tally};
use millrace_load::process::Process;

use crate::connection::{Connection, Reader, Request};

const FETCH: i16 = 1;
const VERSION: i16 = 4;
const API: &str = "Fetch";
const WAIT_MS: i32 = 500;

const BATCH_LENGTH_POSITION: usize = 8;
const BATCH_LENGTH_BASE: usize = 12;
const LAST_DELTA_POSITION: usize = 23;
const BATCH_HEADER_LENGTH: usize = 61;

/// What every connection does.
struct Plan {
    topic: String,
    partitions: usize,
    max_bytes: i32,
}

/// One answered partition.
struct Fetched {
    high_watermark: i64,
    /// The offset behind the last whole batch; `None` when there was none.
    next: Option<i64>,
    bytes: usize,
}

/// Runs the load and returns its figures; `bytes` counts whole batches as they came.
pub fn run(arguments: &mut Arguments) -> Result<Object, LoadError> {
    let bootstrap: String = arguments.required("bootstrap")?;
    let connections: usize = arguments.or("connections", 1)?;
    let warm_up = Duration::from_secs_f64(arguments.or("warm-up", 1.0)?);
    let duration = Duration::from_secs_f64(arguments.or("duration", 5.0)?);
    let server = arguments.take("server-pid")?.map(Process::new);
    let plan = Plan {
        topic: arguments.required("topic")?,
        partitions: arguments.or("partitions", 1)?,
        max_bytes: arguments.or("max-bytes", 1 << 20)?,
    };
    arguments.finish()?;
    if plan.partitions == 0 {
        return Err(LoadError::Usage("--partitions cannot be 0".into()));
    }

    let opened: Result<Vec<Connection>, LoadError> =
        (0..connections).map(|_| Connection::open(&bootstrap)).collect();
    let stretch = Stretch::starting_now(warm_up, duration);
    let (tally, cpu) = thread::scope(|scope| {
        let threads: Vec<_> = opened?
            .into_iter()
            .enumerate()
            .map(|(index, connection)| {
                let plan = &plan;
                scope.spawn(move || drive(plan, index % plan.partitions, connection, stretch))
            })
            .collect();
        let cpu = stretch.watch(server)?;
        let mut total = Tally::new(stretch);
        for thread in threads {
            total.add(&thread.join().map_err(|_| LoadError::Panicked)??);
        }
        Ok::<_, LoadError>((total, cpu))
    })?;
    Ok(tally.result(cpu))
}

fn drive(
    plan: &Plan,
    partition: usize,
    mut connection: Connection,
    stretch: Stretch,
) -> Result<Tally, LoadError> {
    let mut request = Request::prepare(FETCH, VERSION, |body| {
        body.int32(-1);
        body.int32(WAIT_MS);
        body.int32(1);
        body.int32(plan.max_bytes);
        body.int8(0);
        body.int32(1);
        body.string(&plan.topic);
        body.int32(1);
        body.int32(partition as i32);
        body.int64(0);
        body.int32(plan.max_bytes);
    });
    // The offset is followed by nothing but the partition's byte limit.
    let offset_position = request.len() - 12;
    let mut tally = Tally::new(stretch);
    let mut offset = 0;
    while !stretch.over() {
        request.patch_int64(offset_position, offset);
        let sent = Instant::now();
        connection.send(&mut request)?;
        let fetched = one_partition(connection.receive(API)?)?;
        tally.answered(sent, Instant::now(), 0, fetched.bytes as u64);
        let next =
            fetched.next.ok_or(LoadError::Usage(format!("partition {partition} has nothing to fetch")))?;
        if next <= offset {
            return Err(LoadError::Layout { api: API });
        }
        offset = if next >= fetched.high_watermark { 0 } else { next };
    }
    Ok(tally)
}

fn one_partition(mut answer: Reader<'_>) -> Result<Fetched, LoadError> {
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
    let high_watermark = answer.int64()?;
    answer.int64()?;
    let aborted = answer.length()?;
    answer.take(aborted.checked_mul(16).ok_or(answer.misfit())?)?;
    let bytes = answer.length()?;
    let next = next_offset(answer.take(bytes)?);
    if !answer.rest().is_empty() {
        return Err(answer.misfit());
    }
    Ok(Fetched { high_watermark, next, bytes })
}

/// Steps over whole batches; a cut one at the end is what a limit in bytes leaves and is skipped.
fn next_offset(mut records: &[u8]) -> Option<i64> {
    let mut next = None;
    while records.len() >= BATCH_HEADER_LENGTH {
        let base = i64::from_be_bytes(*records.first_chunk()?);
        let length = u32::from_be_bytes(*records[BATCH_LENGTH_POSITION..].first_chunk()?) as usize;
        let last_delta = i32::from_be_bytes(*records[LAST_DELTA_POSITION..].first_chunk()?);
        let Some(rest) = records.get(BATCH_LENGTH_BASE + length..) else { return next };
        next = Some(base + i64::from(last_delta) + 1);
        records = rest;
    }
    next
}
