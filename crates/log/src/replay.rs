//! Replay of journal frames above the checkpoint: the same moves as at append time, without the questions.
//!
//! What it is not: recovery of the journal itself, which has checked every frame before.
//!
//! The invariant: replaying the frames of a checkpoint's remainder leads to the state that appending them led to.

use crate::batch::Header;
use crate::log::Log;
use crate::marker::Marker;
use crate::range::Place;
use crate::table::Handle;
use millrace_io::Piece;

/// A frame that verifies but does not fit what came before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    #[error("partition {0} is not known")]
    UnknownPartition(u64),
    #[error("partition {0} is there already")]
    Exists(u64),
    #[error("the batch for partition {0} has no valid header")]
    Batch(u64),
    #[error("partition {partition}: offset {found} where {expected} must follow")]
    Offset { partition: u64, expected: u64, found: u64 },
    /// Frames between were damaged: the hole is fenced, what follows is kept.
    #[error("partition {partition}: offsets {from} to {to} are missing")]
    Hole { partition: u64, from: u64, to: u64 },
    /// The batch lay in a bulk file and is damaged there: its offsets are fenced.
    #[error("partition {partition}: the batch of offsets {from} to {to} is damaged")]
    Lost { partition: u64, from: u64, to: u64 },
}

impl Log {
    fn replayed(&self, id: u64) -> Result<Handle, ReplayError> {
        self.table.find(id).ok_or(ReplayError::UnknownPartition(id))
    }

    /// A batch that was appended, as it lies in its frame or, at `place`, outside. `Hole` is a report: the batch was
    /// taken.
    pub fn replay_append(
        &mut self,
        id: u64,
        lsn: u64,
        piece: Piece,
        place: Option<Place>,
    ) -> Result<(), ReplayError> {
        let header = Header::parse(piece.bytes()).map_err(|_| ReplayError::Batch(id))?;
        if header.length != piece.len() {
            return Err(ReplayError::Batch(id));
        }
        let marker = match header.control() {
            true => Some(Marker::read(&header, piece.bytes()).ok_or(ReplayError::Batch(id))?),
            false => None,
        };
        let (handle, base, hole) = self.replay_reserve(id, lsn, &header, marker)?;
        self.attach(handle, lsn, base, &header, piece, place);
        hole.map_or(Ok(()), Err)
    }

    /// A batch that was appended and of which only the header is left: its offsets are a hole, and what follows keeps
    /// its own. The `Lost` it answers is a report.
    pub fn replay_lost(&mut self, id: u64, lsn: u64, header: &[u8]) -> Result<(), ReplayError> {
        let header = Header::parse(header).map_err(|_| ReplayError::Batch(id))?;
        let (handle, from, _) = self.replay_reserve(id, lsn, &header, None)?;
        // Recovery made everything it kept durable.
        self.advance(lsn, lsn);
        let partition = self.table.get_mut(handle).ok_or(ReplayError::UnknownPartition(id))?;
        let to = partition.marks.log_end;
        partition.written(to);
        partition.durable(to);
        partition.resumes.push(to);
        Err(ReplayError::Lost { partition: id, from, to })
    }

    /// Takes the offsets of a batch, behind a hole if it must be.
    fn replay_reserve(
        &mut self,
        id: u64,
        lsn: u64,
        header: &Header,
        marker: Option<Marker>,
    ) -> Result<(Handle, u64, Option<ReplayError>), ReplayError> {
        let handle = self.replayed(id)?;
        let partition = self.table.get_mut(handle).ok_or(ReplayError::UnknownPartition(id))?;
        if !partition.epochs.may_follow(header.leader_epoch) {
            return Err(ReplayError::Batch(id));
        }
        let (expected, found) = (partition.marks.log_end, header.base_offset);
        if found < expected {
            return Err(ReplayError::Offset { partition: id, expected, found });
        }
        let hole =
            (found > expected).then_some(ReplayError::Hole { partition: id, from: expected, to: found });
        if hole.is_some() {
            partition.marks.move_log_end(found);
            partition.resumes.push(found);
        }
        self.aborted += u64::from(marker == Some(Marker::Abort));
        let (base, _) = partition.reserve(header, marker, header.leader_epoch, lsn);
        Ok((handle, base, hole))
    }

    /// A partition that was created.
    pub fn replay_create(&mut self, id: u64) -> Result<(), ReplayError> {
        self.create(id).map(|_| ()).ok_or(ReplayError::Exists(id))
    }

    /// A partition that was deleted.
    pub fn replay_delete(&mut self, id: u64) -> Result<(), ReplayError> {
        let handle = self.hide(id).ok_or(ReplayError::UnknownPartition(id))?;
        self.delete(handle);
        Ok(())
    }

    /// Records below `start` were deleted. What was readable then is written now: recovery made it so.
    pub fn replay_delete_records(&mut self, id: u64, lsn: u64, start: u64) -> Result<(), ReplayError> {
        let handle = self.replayed(id)?;
        self.advance(lsn, lsn);
        let partition = self.table.get_mut(handle).ok_or(ReplayError::UnknownPartition(id))?;
        let expected = partition.marks.high_watermark;
        if start > expected {
            return Err(ReplayError::Offset { partition: id, expected, found: start });
        }
        partition.marks.move_log_start(start.max(partition.marks.log_start));
        self.trim(handle);
        Ok(())
    }
}
