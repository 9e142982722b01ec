//! The verb `produce`: connection i sends the same Produce v7 request, one batch for partition i mod N, F in flight.

use std::collections::VecDeque;
use std::thread;
use std::time::{Duration, Instant};

use millrace_codec::Codec;
use millrace_load::LoadError;
use millrace_load::arguments::Arguments;
use millrace_load::json::Object;
use millrace_load::measure::{Stretch, Tally};
use millrace_load::process::Process;

use crate::batch;
use crate::connection::{Connection, Reader, Request};

const PRODUCE: i16 = 0;
const VERSION: i16 = 7;
const API: &str = "Produce";

/// What every connection does.
struct Plan {
    bootstrap: String,
    topic: String,
    partitions: usize,
    in_flight: usize,
    records: u32,
    size: usize,
    acks: i16,
    batch: Vec<u8>,
}

/// Runs the load and returns its figures; `bytes` counts values only, not headers.
pub fn run(arguments: &mut Arguments) -> Result<Object, LoadError> {
    let connections: usize = arguments.or("connections", 1)?;
    let warm_up = Duration::from_secs_f64(arguments.or("warm-up", 1.0)?);
    let duration = Duration::from_secs_f64(arguments.or("duration", 5.0)?);
    let server = arguments.take("server-pid")?.map(Process::new);
    let plan = plan(arguments)?;
    arguments.finish()?;

    let opened: Result<Vec<Connection>, LoadError> =
        (0..connections).map(|_| Connection::open(&plan.bootstrap)).collect();
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
    let mut result = tally.result(cpu);
    if let Some(server) = server {
        result = result.count("serverResidentBytes", server.resident_bytes()?);
    }
    Ok(result)
}

fn plan(arguments: &mut Arguments) -> Result<Plan, LoadError> {
    let records: u32 = arguments.or("records", 1)?;
    let size: usize = arguments.or("size", 1024)?;
    let name: String = arguments.or("codec", "none".to_owned())?;
    let acks: i16 = arguments.or("acks", -1)?;
    let in_flight: usize = arguments.or("in-flight", 1)?;
    let partitions: usize = arguments.or("partitions", 1)?;
    if acks == 0 || in_flight == 0 || partitions == 0 || records == 0 {
        return Err(LoadError::Usage("--acks, --in-flight, --partitions and --records cannot be 0".into()));
    }
    Ok(Plan {
        bootstrap: arguments.required("bootstrap")?,
        topic: arguments.required("topic")?,
        partitions,
        in_flight,
        records,
        size,
        acks,
        batch: batch::encode(records, size, codec(&name)?)?,
    })
}

fn codec(name: &str) -> Result<Codec, LoadError> {
    let names = ["none", "gzip", "snappy", "lz4", "zstd"];
    let found = names.iter().zip(Codec::ALL).find(|(known, _)| **known == name);
    found.map(|(_, codec)| codec).ok_or_else(|| LoadError::Usage(format!("{name:?} is no codec")))
}

/// One connection: keeps `in_flight` requests outstanding until the stretch is over, then waits for the rest.
fn drive(
    plan: &Plan,
    partition: usize,
    mut connection: Connection,
    stretch: Stretch,
) -> Result<Tally, LoadError> {
    let mut request = Request::prepare(PRODUCE, VERSION, |body| {
        body.null_string();
        body.int16(plan.acks);
        body.int32(30_000);
        body.int32(1);
        body.string(&plan.topic);
        body.int32(1);
        body.int32(partition as i32);
        body.bytes(&plan.batch);
    });
    let value_bytes = u64::from(plan.records) * plan.size as u64;
    let mut tally = Tally::new(stretch);
    let mut outstanding = VecDeque::with_capacity(plan.in_flight);
    let mut last_offset = -1;
    loop {
        let over = stretch.over();
        while !over && outstanding.len() < plan.in_flight {
            outstanding.push_back(Instant::now());
            connection.send(&mut request)?;
        }
        let Some(sent) = outstanding.pop_front() else { return Ok(tally) };
        let offset = accepted(connection.receive(API)?)?;
        tally.answered(sent, Instant::now(), u64::from(plan.records), value_bytes);
        // Requests of one connection are appended in order: an offset that does not grow is a broker that lies.
        if offset <= last_offset {
            return Err(LoadError::Layout { api: API });
        }
        last_offset = offset;
    }
}

/// The base offset of the one partition answered.
fn accepted(mut answer: Reader<'_>) -> Result<i64, LoadError> {
    if answer.length()? != 1 {
        return Err(answer.misfit());
    }
    answer.skip_string()?;
    if answer.length()? != 1 {
        return Err(answer.misfit());
    }
    answer.int32()?;
    answer.no_error()?;
    answer.int64()
}
