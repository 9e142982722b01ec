//! Produce v7 with one topic and one partition, and its answer; nothing else of Kafka's protocol.

use crc_fast::CrcAlgorithm::Crc32Iscsi;
use millrace_load::LoadError;

const API: &str = "Produce";
/// Header of a record batch up to the number of records and with it.
const BATCH_HEADER: usize = 61;

/// One request, where it lies.
pub struct Produce<'a> {
    pub correlation: i32,
    pub topic: &'a [u8],
    pub partition: i32,
    pub batch: &'a [u8],
    pub records: i32,
}

impl<'a> Produce<'a> {
    /// The first request of `bytes` and what is behind it; nothing when it has not arrived whole.
    pub fn cut(bytes: &'a [u8]) -> Result<Option<(Produce<'a>, &'a [u8])>, LoadError> {
        let Some((length, rest)) = bytes.split_first_chunk::<4>() else { return Ok(None) };
        let Some((frame, behind)) = rest.split_at_checked(u32::from_be_bytes(*length) as usize) else {
            return Ok(None);
        };
        Produce::read(frame).map(|request| Some((request, behind))).ok_or(LoadError::Layout { api: API })
    }

    fn read(frame: &'a [u8]) -> Option<Produce<'a>> {
        let (head, rest) = frame.split_at_checked(10)?;
        if head[..4] != [0, 0, 0, 7] {
            return None;
        }
        let client = usize::from(u16::from_be_bytes(*head[8..].first_chunk()?));
        // Behind the client's name: no transaction, acks, time-out, one topic.
        let (topic_length, rest) = rest.get(client + 2 + 2 + 4 + 4..)?.split_first_chunk::<2>()?;
        let (topic, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*topic_length)))?;
        let partition = i32::from_be_bytes(*rest.get(4..)?.first_chunk()?);
        let batch = rest.get(12..)?;
        let crc = u32::from_be_bytes(*batch.get(17..)?.first_chunk()?);
        if batch.len() < BATCH_HEADER || crc != crc_fast::checksum(Crc32Iscsi, &batch[21..]) as u32 {
            return None;
        }
        let records = i32::from_be_bytes(*batch[BATCH_HEADER - 4..].first_chunk()?);
        Some(Produce {
            correlation: i32::from_be_bytes(*head[4..].first_chunk()?),
            topic,
            partition,
            batch,
            records,
        })
    }
}

/// The answer to the one request that a connection has in flight.
#[derive(Default)]
pub struct Answer {
    bytes: Vec<u8>,
    offset_at: usize,
}

impl Answer {
    /// Lays out the answer for requests of this topic and partition, once.
    pub fn remember(&mut self, request: &Produce<'_>) {
        if !self.bytes.is_empty() {
            return;
        }
        let topic_length = (request.topic.len() as u16).to_be_bytes();
        let head = [&[0; 8], &1_u32.to_be_bytes()[..], &topic_length, request.topic].concat();
        let one = [&1_u32.to_be_bytes()[..], &request.partition.to_be_bytes(), &[0, 0]].concat();
        self.offset_at = head.len() + one.len();
        // Base offset, no time of its own, start of the log, throttle time.
        self.bytes = [&head[..], &one, &[0; 8], &(-1_i64).to_be_bytes(), &[0; 8], &[0; 4]].concat();
        let length = (self.bytes.len() - 4) as u32;
        self.bytes[..4].copy_from_slice(&length.to_be_bytes());
    }

    /// The answer to `correlation`.
    pub fn with(&mut self, correlation: i32, offset: i64) -> &[u8] {
        self.bytes[4..8].copy_from_slice(&correlation.to_be_bytes());
        self.bytes[self.offset_at..][..8].copy_from_slice(&offset.to_be_bytes());
        &self.bytes
    }
}
