//! Producer state of one partition: the last five batches per producer id (kafka.md rules 15 to 18).
//!
//! What it is not: the hand-out of producer ids and the fencing of transactions, which are TypeScript's.
//!
//! The invariant: a batch that was appended once is never appended again while it is among its producer's last five,
//! not even across a restart: the state is rebuilt from frames and snapshotted with the manifest.

use crate::batch::Header;
use crate::code::Code;
use crate::fields::{Fields, Short, put_i64, put_u32, put_u64};

/// Batches remembered per producer (rule 15).
const KEPT: usize = 5;
/// Producers remembered per partition; above it the one that has been silent longest is forgotten. A forgotten
/// producer may go on with any sequence (rule 17).
const PRODUCERS: usize = 1024;

/// One appended batch of a producer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Known {
    base_sequence: i32,
    last_sequence: i32,
    base_offset: u64,
    lsn: u64,
}

/// What is known of one producer in one partition. The newest batch is last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Producer {
    id: i64,
    epoch: i16,
    count: u8,
    batches: [Known; KEPT],
    /// Timestamp of its last batch, ms since 1970; -1 after a start, until it appends again. Not in snapshots.
    last_timestamp: i64,
    /// Wall time of the first look for idle producers since its last batch; -1 when nobody has looked.
    idle_since_ms: i64,
}

/// A producer as administrators see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerReport {
    pub id: i64,
    pub epoch: i16,
    /// -1 when only a marker is known of it.
    pub last_sequence: i32,
    /// ms since 1970; -1 when it has appended nothing since the last start.
    pub last_timestamp: i64,
}

/// What the producer state says to a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    New,
    /// Appended before, at this offset, in the frame with this LSN.
    Duplicate {
        base_offset: u64,
        lsn: u64,
    },
    Refused(Code),
}

/// The sequence of the last record of a batch; wraps from `i32::MAX` to 0 (rule 16).
fn last_sequence(base: i32, count: u32) -> i32 {
    let last = i64::from(base) + i64::from(count) - 1;
    (last % (i64::from(i32::MAX) + 1)) as i32
}

impl Producer {
    /// One of which nothing was appended yet.
    fn new(id: i64, epoch: i16) -> Producer {
        Producer {
            id,
            epoch,
            count: 0,
            batches: [Known::default(); KEPT],
            last_timestamp: -1,
            idle_since_ms: -1,
        }
    }

    fn known(&self) -> &[Known] {
        &self.batches[..usize::from(self.count)]
    }

    fn push(&mut self, batch: Known) {
        if usize::from(self.count) == KEPT {
            self.batches.rotate_left(1);
            self.count -= 1;
        }
        self.batches[usize::from(self.count)] = batch;
        self.count += 1;
    }

    fn last_lsn(&self) -> u64 {
        self.known().last().map_or(0, |batch| batch.lsn)
    }
}

/// All producers of one partition, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Producers {
    by_id: Vec<Producer>,
}

impl Producers {
    fn find(&self, id: i64) -> Result<usize, usize> {
        self.by_id.binary_search_by_key(&id, |producer| producer.id)
    }

    /// Producers remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Judges a batch before it is appended. Batches without a producer id are always new.
    #[must_use]
    pub fn judge(&self, header: &Header) -> Verdict {
        if header.producer_id < 0 {
            return Verdict::New;
        }
        let Ok(at) = self.find(header.producer_id) else { return Verdict::New };
        let producer = &self.by_id[at];
        if header.producer_epoch < producer.epoch {
            return Verdict::Refused(Code::InvalidProducerEpoch);
        }
        if header.producer_epoch > producer.epoch {
            let fresh = header.base_sequence == 0;
            return if fresh { Verdict::New } else { Verdict::Refused(Code::OutOfOrderSequence) };
        }
        let last = last_sequence(header.base_sequence, header.count);
        let duplicate = producer
            .known()
            .iter()
            .find(|known| known.base_sequence == header.base_sequence && known.last_sequence == last);
        if let Some(known) = duplicate {
            return Verdict::Duplicate { base_offset: known.base_offset, lsn: known.lsn };
        }
        let next = producer.known().last().map(|known| last_sequence(known.last_sequence, 2));
        match next {
            Some(next) if next != header.base_sequence => Verdict::Refused(Code::OutOfOrderSequence),
            // Known by a marker only: nothing of this epoch was appended yet.
            None if header.base_sequence != 0 => Verdict::Refused(Code::OutOfOrderSequence),
            _ => Verdict::New,
        }
    }

    /// The state to go back to when a frame is refused after all; `restore` takes it.
    #[must_use]
    pub fn remember(&self, id: i64) -> Option<Producer> {
        self.find(id).ok().map(|at| self.by_id[at])
    }

    /// Undoes `record` of one batch of producer `id`.
    pub fn restore(&mut self, id: i64, before: Option<Producer>) {
        match (self.find(id), before) {
            (Ok(at), Some(before)) => self.by_id[at] = before,
            (Ok(at), None) => {
                self.by_id.remove(at);
            }
            (Err(at), Some(before)) => self.by_id.insert(at, before),
            (Err(_), None) => {}
        }
    }

    /// Remembers an accepted batch at its place in the log.
    pub fn record(&mut self, header: &Header, base_offset: u64, lsn: u64) {
        if header.producer_id < 0 {
            return;
        }
        let batch = Known {
            base_sequence: header.base_sequence,
            last_sequence: last_sequence(header.base_sequence, header.count),
            base_offset,
            lsn,
        };
        let at = match self.find(header.producer_id) {
            Ok(at) => at,
            Err(at) => {
                let (id, epoch) = (header.producer_id, header.producer_epoch);
                self.by_id.insert(at, Producer::new(id, epoch));
                at
            }
        };
        let producer = &mut self.by_id[at];
        if producer.epoch != header.producer_epoch {
            producer.epoch = header.producer_epoch;
            producer.count = 0;
        }
        producer.last_timestamp = header.max_timestamp;
        producer.idle_since_ms = -1;
        producer.push(batch);
    }

    /// A marker of a transaction: its epoch counts, so that a producer that was fenced stays out; it has no sequence, and
    /// the batches of the same epoch stay known. A new epoch begins at sequence 0 (rule 17).
    pub fn record_marker(&mut self, header: &Header) {
        let (id, epoch) = (header.producer_id, header.producer_epoch);
        let at = match self.find(id) {
            Ok(at) => at,
            Err(at) => {
                self.by_id.insert(at, Producer::new(id, epoch));
                at
            }
        };
        let producer = &mut self.by_id[at];
        if producer.epoch != epoch {
            *producer = Producer::new(id, epoch);
        }
        producer.last_timestamp = header.max_timestamp;
        producer.idle_since_ms = -1;
    }

    /// Judges a marker: one of an older epoch than is known came too late.
    pub fn judge_marker(&self, id: i64, epoch: i16) -> Result<(), Code> {
        match self.find(id) {
            Ok(at) if epoch < self.by_id[at].epoch => Err(Code::InvalidProducerEpoch),
            _ => Ok(()),
        }
    }

    /// First offsets of the batches with the last sequence of every producer, ascending, and the producers of which only
    /// a marker was seen: what compaction leaves a trace of.
    pub(crate) fn last_of_each(&self) -> (Vec<u64>, std::collections::BTreeSet<i64>) {
        let last = self.by_id.iter().filter_map(|producer| producer.known().last());
        let mut batches: Vec<u64> = last.map(|batch| batch.base_offset).collect();
        batches.sort_unstable();
        let marked = self.by_id.iter().filter(|producer| producer.count == 0);
        (batches, marked.map(|producer| producer.id).collect())
    }

    /// Forgets the longest silent producers above the limit. Called when no frame is half done.
    pub fn trim(&mut self) {
        while self.by_id.len() > PRODUCERS {
            let silent = self.by_id.iter().enumerate().min_by_key(|(_, producer)| producer.last_lsn());
            let Some((at, _)) = silent else { return };
            self.by_id.remove(at);
        }
    }

    /// All producers, by id.
    pub fn reports(&self) -> impl Iterator<Item = ProducerReport> {
        self.by_id.iter().map(|producer| ProducerReport {
            id: producer.id,
            epoch: producer.epoch,
            last_sequence: producer.known().last().map_or(-1, |batch| batch.last_sequence),
            last_timestamp: producer.last_timestamp,
        })
    }

    /// Forgets producers that have appended nothing for `idle_ms`, except those that `is_busy`; answers how many. Their
    /// time counts from the first look after their last batch, by the clock of whoever looks: timestamps are the
    /// clients', and nobody is forgotten early for an old one.
    pub fn expire(&mut self, now_ms: i64, idle_ms: i64, is_busy: impl Fn(i64) -> bool) -> usize {
        let before = self.by_id.len();
        self.by_id.retain_mut(|producer| {
            if producer.idle_since_ms < 0 || is_busy(producer.id) {
                producer.idle_since_ms = now_ms;
            }
            now_ms.saturating_sub(producer.idle_since_ms) < idle_ms
        });
        before - self.by_id.len()
    }

    /// Appends the snapshot of this state to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_u32(out, self.by_id.len() as u32);
        for producer in &self.by_id {
            put_i64(out, producer.id);
            out.extend_from_slice(&producer.epoch.to_le_bytes());
            out.extend_from_slice(&u16::from(producer.count).to_le_bytes());
            for batch in producer.known() {
                put_u32(out, batch.base_sequence as u32);
                put_u32(out, batch.last_sequence as u32);
                put_u64(out, batch.base_offset);
                put_u64(out, batch.lsn);
            }
        }
    }

    /// Reads what `encode` wrote.
    pub fn decode(fields: &mut Fields) -> Result<Producers, Short> {
        let count = fields.count(12)?;
        let mut by_id: Vec<Producer> = Vec::with_capacity(count);
        for _ in 0..count {
            let id = fields.i64()?;
            let epoch = fields.u16()? as i16;
            let batches = fields.u16()?;
            if usize::from(batches) > KEPT || by_id.last().is_some_and(|before| before.id >= id) {
                return Err(Short);
            }
            let mut producer = Producer::new(id, epoch);
            for _ in 0..batches {
                producer.push(Known {
                    base_sequence: fields.u32()? as i32,
                    last_sequence: fields.u32()? as i32,
                    base_offset: fields.u64()?,
                    lsn: fields.u64()?,
                });
            }
            by_id.push(producer);
        }
        Ok(Producers { by_id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(id: i64, epoch: i16, sequence: i32, count: u32) -> Header {
        Header {
            base_offset: 0,
            length: 100,
            leader_epoch: 1,
            crc: 0,
            attributes: 0,
            base_timestamp: 0,
            max_timestamp: 0,
            producer_id: id,
            producer_epoch: epoch,
            base_sequence: sequence,
            last_offset_delta: count - 1,
            count,
        }
    }

    fn append(producers: &mut Producers, batch: &Header, offset: u64) {
        assert_eq!(producers.judge(batch), Verdict::New);
        producers.record(batch, offset, offset + 1);
    }

    #[test]
    fn rule_15_the_last_five_batches_are_duplicates_and_older_ones_are_out_of_order() {
        let mut producers = Producers::default();
        for index in 0..6 {
            append(&mut producers, &header(7, 0, index * 10, 10), index as u64 * 10);
        }
        for index in 1..6 {
            let verdict = producers.judge(&header(7, 0, index * 10, 10));
            let offset = index as u64 * 10;
            assert_eq!(verdict, Verdict::Duplicate { base_offset: offset, lsn: offset + 1 });
        }
        let refused = Verdict::Refused(Code::OutOfOrderSequence);
        assert_eq!(producers.judge(&header(7, 0, 0, 10)), refused);
        assert_eq!(producers.judge(&header(7, 0, 61, 1)), refused);
        assert_eq!(
            producers.judge(&header(7, 0, 50, 9)),
            refused,
            "same start, other length is no duplicate"
        );
    }

    #[test]
    fn rule_16_the_sequence_wraps_from_the_largest_to_zero() {
        let mut producers = Producers::default();
        append(&mut producers, &header(1, 0, i32::MAX - 1, 2), 0);
        append(&mut producers, &header(1, 0, 0, 1), 2);
        let mut across = Producers::default();
        append(&mut across, &header(1, 0, i32::MAX, 3), 0);
        append(&mut across, &header(1, 0, 2, 1), 3);
    }

    #[test]
    fn rule_17_an_unknown_producer_starts_anywhere_and_a_new_epoch_at_zero() {
        let mut producers = Producers::default();
        append(&mut producers, &header(1, 3, 500, 1), 0);
        assert_eq!(producers.judge(&header(1, 4, 9, 1)), Verdict::Refused(Code::OutOfOrderSequence));
        append(&mut producers, &header(1, 4, 0, 1), 1);
        assert_eq!(producers.judge(&header(1, 3, 501, 1)), Verdict::Refused(Code::InvalidProducerEpoch));
    }

    #[test]
    fn sequences_go_on_across_a_marker_and_a_fenced_epoch_stays_out() {
        let mut producers = Producers::default();
        append(&mut producers, &header(1, 0, 0, 3), 0);
        producers.record_marker(&header(1, 0, -1, 1));
        assert!(matches!(producers.judge(&header(1, 0, 0, 3)), Verdict::Duplicate { base_offset: 0, .. }));
        append(&mut producers, &header(1, 0, 3, 1), 4);
        producers.record_marker(&header(1, 1, -1, 1));
        assert_eq!(producers.judge(&header(1, 0, 4, 1)), Verdict::Refused(Code::InvalidProducerEpoch));
        assert_eq!(producers.judge(&header(1, 1, 4, 1)), Verdict::Refused(Code::OutOfOrderSequence));
        assert_eq!(producers.judge(&header(1, 1, 0, 1)), Verdict::New);
        assert_eq!(producers.judge_marker(1, 0), Err(Code::InvalidProducerEpoch));
        assert_eq!(producers.judge_marker(1, 1), Ok(()));
        assert_eq!(producers.judge_marker(2, 0), Ok(()));
    }

    #[test]
    fn rule_17_an_idle_producer_is_forgotten_after_its_time_and_may_go_on_with_any_sequence() {
        let mut producers = Producers::default();
        append(&mut producers, &header(1, 0, 0, 1), 0);
        append(&mut producers, &header(2, 0, 0, 1), 1);
        assert_eq!(producers.expire(1_000, 500, |_| false), 0, "their time begins with the first look");
        append(&mut producers, &header(2, 0, 1, 1), 2);
        assert_eq!(producers.expire(1_499, 500, |_| false), 0);
        assert_eq!(producers.expire(1_500, 500, |id| id == 1), 0, "a transaction holds it");
        assert_eq!(producers.expire(2_000, 500, |_| false), 2);
        assert_eq!(producers.judge(&header(1, 0, 700, 1)), Verdict::New);
    }

    #[test]
    fn producers_are_reported_with_their_last_batch() {
        let mut producers = Producers::default();
        append(&mut producers, &header(4, 2, 0, 3), 0);
        producers.record_marker(&header(9, 1, -1, 1));
        let seen: Vec<_> = producers.reports().map(|one| (one.id, one.epoch, one.last_sequence)).collect();
        assert_eq!(seen, [(4, 2, 2), (9, 1, -1)]);
    }

    #[test]
    fn a_refused_frame_leaves_no_trace() {
        let mut producers = Producers::default();
        append(&mut producers, &header(1, 0, 0, 1), 0);
        let whole = producers.clone();
        let (one, two) = (producers.remember(1), producers.remember(2));
        producers.record(&header(1, 0, 1, 1), 1, 2);
        producers.record(&header(2, 0, 0, 1), 2, 2);
        producers.restore(2, two);
        producers.restore(1, one);
        assert_eq!(producers, whole);
    }

    #[test]
    fn a_snapshot_comes_back_whole_and_a_cut_one_is_refused() {
        let mut producers = Producers::default();
        for id in [9, 4, 6] {
            append(&mut producers, &header(id, 1, 0, 3), id as u64);
        }
        let mut out = Vec::new();
        producers.encode(&mut out);
        producers.by_id.iter_mut().for_each(|producer| producer.last_timestamp = -1);
        assert_eq!(Producers::decode(&mut Fields::new(&out)), Ok(producers), "timestamps are not kept");
        for cut in 0..out.len() {
            assert!(Producers::decode(&mut Fields::new(&out[..cut])).is_err());
        }
    }

    #[test]
    fn the_longest_silent_producers_are_forgotten_above_the_limit() {
        let mut producers = Producers::default();
        for id in 0..PRODUCERS as i64 + 3 {
            append(&mut producers, &header(id, 0, 0, 1), id as u64);
        }
        producers.trim();
        assert_eq!(producers.len(), PRODUCERS);
        assert_eq!(producers.remember(2), None);
        assert!(producers.remember(3).is_some());
    }
}
