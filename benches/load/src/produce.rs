//! The verb `produce`: connection i sends the same Produce v7 request, one batch for partition i mod N, F in flight.

use millrace_codec::Codec;
use millrace_load::LoadError;
use millrace_load::arguments::Arguments;
use millrace_load::json::Object;

use crate::batch;
use crate::channel::Work;
use crate::cutter::{Reading, Wanted, Worth};
use crate::load::{self, Settings};
use crate::wire::{Reader, Request};

const PRODUCE: i16 = 0;
const VERSION: i16 = 7;
const TIMEOUT_MS: i32 = 30_000;
/// Up to here every request keeps a batch of its own, so that it is sent in one piece; beyond, all share one.
const WHOLE_MAX: usize = 16 << 10;

/// Runs the load and returns its figures; `bytes` counts values only, not headers.
pub fn run(arguments: &mut Arguments) -> Result<Object, LoadError> {
    let settings = Settings::take(arguments)?;
    let topic: String = arguments.required("topic")?;
    let partitions: usize = arguments.or("partitions", 1)?;
    let in_flight: usize = arguments.or("in-flight", 1)?;
    let acks: i16 = arguments.or("acks", -1)?;
    let records: u32 = arguments.or("records", 1)?;
    let size: usize = arguments.or("size", 1024)?;
    let codec = codec(&arguments.or("codec", "none".to_owned())?)?;
    arguments.finish()?;
    if acks == 0 || in_flight == 0 || partitions == 0 || records == 0 {
        return Err(LoadError::Usage("--acks, --in-flight, --partitions and --records cannot be 0".into()));
    }
    let batch = batch::encode(records, size, codec)?;
    let worth = Worth { records: u64::from(records), bytes: u64::from(records) * size as u64 };
    let (own, shared) = batch.split_at(if batch.len() <= WHOLE_MAX { batch.len() } else { 0 });
    load::run(&settings, in_flight, shared, |connection| {
        let partition = connection % partitions;
        let head = Request::before(PRODUCE, VERSION, shared.len(), |body| {
            body.null_string();
            body.int16(acks);
            body.int32(TIMEOUT_MS);
            body.int32(1);
            body.string(&topic);
            body.int32(1);
            body.int32(partition as i32);
            body.int32(i32::try_from(batch.len()).expect("a batch here is far shorter than 2 GiB"));
            body.raw(own);
        });
        (Producing { topic_length: topic.len(), worth, last_offset: -1 }, head)
    })
}

fn codec(name: &str) -> Result<Codec, LoadError> {
    let names = ["none", "gzip", "snappy", "lz4", "zstd"];
    let found = names.iter().zip(Codec::ALL).find(|(known, _)| **known == name);
    found.map(|(_, codec)| codec).ok_or_else(|| LoadError::Usage(format!("{name:?} is no codec")))
}

/// One connection's answers.
struct Producing {
    topic_length: usize,
    worth: Worth,
    last_offset: i64,
}

impl Work for Producing {}

impl Reading for Producing {
    const API: &'static str = "Produce";

    /// One topic (count, name), one partition (count, index, code, base offset).
    fn first(&self) -> usize {
        4 + 2 + self.topic_length + 4 + 4 + 2 + 8
    }

    fn part(&mut self, part: &[u8], _left: usize) -> Result<Wanted, LoadError> {
        let offset = accepted(Reader::new(Self::API, part))?;
        // Requests of one connection are appended in order: an offset that does not grow is a broker that lies.
        if offset <= self.last_offset {
            return Err(LoadError::Layout { api: Self::API });
        }
        self.last_offset = offset;
        Ok(Wanted::End(self.worth))
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
