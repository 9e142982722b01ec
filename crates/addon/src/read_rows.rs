//! Rows of reads: the questions in them, and where the answers go. Row layout: ts/io/native-types.ts.
//!
//! The one invariant: as in plan.rs, a row is copied once, checked, and only the copy is used.

use crate::memory::{Bytes, Doubles, index, signed, whole};
use crate::plan::{double, unsigned};
use crate::status::Refusal;
use millrace_engine::{Code, Isolation, Offset, Readable};

/// Doubles of a row.
pub(crate) const STRIDE: usize = 16;
/// Where the answers start, and how many inputs a row has.
pub(crate) const ANSWERS: usize = 7;

/// The question in a read row.
pub(crate) struct Ask {
    pub(crate) partition: u64,
    pub(crate) offset: i64,
    pub(crate) max_bytes: u64,
    pub(crate) isolation: Isolation,
    pub(crate) leader_epoch: i32,
    position: f64,
    length: f64,
}

impl Ask {
    pub(crate) fn of(rows: &Doubles<'_>, number: usize) -> Result<Ask, Refusal> {
        let [partition, offset, max_bytes, isolation, leader_epoch, position, length] =
            rows.row::<ANSWERS>(number * STRIDE);
        Ok(Ask {
            partition: whole(partition)
                .ok_or_else(|| Refusal::argument("a partition id is not a whole number"))?,
            offset: signed(offset).ok_or_else(|| Refusal::argument("an offset is not a whole number"))?,
            max_bytes: whole(max_bytes).ok_or_else(|| Refusal::argument("a limit is not a whole number"))?,
            isolation: isolation_of(isolation)?,
            leader_epoch: epoch_of(leader_epoch)?,
            position,
            length,
        })
    }

    /// Where the bytes go: inside `bytes`, or the call is refused.
    pub(crate) fn destination(&self, bytes: &Bytes<'_>) -> Result<(usize, usize), Refusal> {
        let range = index(self.position).zip(index(self.length));
        let range = range
            .filter(|(position, length)| position.checked_add(*length).is_some_and(|end| end <= bytes.len()));
        range.ok_or_else(|| Refusal::argument("a row reaches past its destination"))
    }
}

pub(crate) fn isolation_of(value: f64) -> Result<Isolation, Refusal> {
    match value {
        0.0 => Ok(Isolation::ReadUncommitted),
        1.0 => Ok(Isolation::ReadCommitted),
        2.0 => Ok(Isolation::Durable),
        _ => Err(Refusal::argument("there is no such isolation")),
    }
}

pub(crate) fn epoch_of(value: f64) -> Result<i32, Refusal> {
    let epoch = signed(value).and_then(|epoch| i32::try_from(epoch).ok());
    epoch.ok_or_else(|| Refusal::argument("a leader epoch is not a 32-bit number"))
}

pub(crate) fn put_readable(rows: &mut Doubles<'_>, number: usize, answer: &Readable) {
    let values = [
        f64::from(answer.code as u8),
        unsigned(answer.bytes),
        double(answer.log_start),
        double(answer.high_watermark),
        double(answer.last_stable),
        double(answer.durable),
        double(answer.log_end),
        f64::from(answer.leader_epoch),
    ];
    rows.put(number * STRIDE + ANSWERS, &values);
}

pub(crate) fn put_all(out: &mut Doubles<'_>, values: &[f64]) -> Result<(), Refusal> {
    if out.len() < values.len() {
        return Err(Refusal::argument("the answer does not fit into its array"));
    }
    out.put(0, values);
    Ok(())
}

pub(crate) fn put_offset(out: &mut Doubles<'_>, answer: &Offset) -> Result<(), Refusal> {
    let values = match *answer {
        Offset::Ready { offset, timestamp, leader_epoch } => {
            [0.0, double(offset), double(timestamp), f64::from(leader_epoch), 0.0]
        }
        Offset::Pending(token) => [f64::from(Code::Pending as u8), -1.0, -1.0, -1.0, unsigned(token)],
        Offset::Refused(code) => [f64::from(code as u8), -1.0, -1.0, -1.0, 0.0],
    };
    put_all(out, &values)
}
