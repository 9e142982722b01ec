//! The space in bulk files: where the next bytes of a group go, their memory, and what of them is on its way.
//!
//! Entries of one group are laid side by side: a group that comes again gets an extent that doubles with what it has
//! had so far, so that its ranges stay few and what is set aside in vain stays below what is used.
//!
//! What it is not: a journal. Nothing here counts before a frame that refers to it does.
//!
//! The one invariant: every place is given out once, in whole blocks that it shares with nobody; a file is closed only
//! when nothing of it is in flight or unflushed.

use crate::bulk_file::{BULK_FROM, BulkConfig, BulkHeader};
use crate::bulk_spaces::{NoRoom, Space};
use crate::bulk_supply::BulkSupply;
use crate::entry::Entry;
use crate::reference::Place;
use millrace_io::{Done, FileId, IoError, Op, OpId, OpQueue, Piece, SlabPool, SlabWriter, round_up};
use std::collections::BTreeMap;

/// Bytes of idle memory that is kept to be used again.
const IDLE_BYTES: usize = 64 << 20;

/// Adjacent bytes of a bulk file that are written with one operation.
#[derive(Debug)]
pub(crate) struct BulkWrite {
    pub place: Place,
    pub pieces: Vec<Piece>,
    /// Whole blocks.
    pub bytes: u64,
    /// The first frame that refers to it.
    pub lsn: u64,
}

/// An entry that was copied to its place.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub place: Place,
    /// The bytes of the entry.
    pub piece: Piece,
}

/// What is set aside for a group in the file that is written.
#[derive(Clone, Copy, Debug, Default)]
struct Extent {
    position: u64,
    end: u64,
    /// Bytes the group has had in this file.
    total: u64,
}

#[derive(Debug)]
struct BulkFile {
    number: u64,
    id: FileId,
    /// Size in bytes, header included.
    capacity: u64,
    /// Nothing was given out behind this.
    used: u64,
    /// Writes that were given out and have not completed.
    unwritten: u32,
    /// A plain write to it has completed that no flush has covered.
    unflushed: bool,
}

#[derive(Debug)]
struct Flight {
    number: u64,
    lsn: u64,
    durable: bool,
}

/// What a completion was.
#[derive(Debug)]
pub(crate) enum BulkDone {
    Written { bytes: u64 },
    Failed { number: u64, error: IoError },
    Background,
}

#[derive(Debug)]
pub(crate) struct BulkSpace {
    config: BulkConfig,
    directory_id: u64,
    retry_ns: u64,
    supply: BulkSupply,
    pool: SlabPool,
    writer: Option<SlabWriter>,
    extents: BTreeMap<u64, Extent>,
    /// The one that is written comes last; the others are closed when nothing of them is under way.
    files: Vec<BulkFile>,
    spare: Option<BulkFile>,
    flights: BTreeMap<OpId, Flight>,
    /// Files on their way out; those that still have to be closed after this operation.
    closing: Vec<(OpId, Option<FileId>)>,
    /// Somebody had something for a bulk file.
    asked: bool,
    /// Bytes that found no room and fit nowhere else: the next file is large enough for them.
    wanted: u64,
}

impl BulkSpace {
    pub fn new(config: BulkConfig, directory_id: u64, retry_ns: u64) -> BulkSpace {
        let slab_bytes = round_up(config.slab_bytes);
        BulkSpace {
            pool: SlabPool::new(slab_bytes, (IDLE_BYTES / slab_bytes).max(1)),
            config,
            directory_id,
            retry_ns,
            supply: BulkSupply::default(),
            writer: None,
            extents: BTreeMap::new(),
            files: Vec::new(),
            spare: None,
            flights: BTreeMap::new(),
            closing: Vec::new(),
            asked: false,
            wanted: 0,
        }
    }

    /// Whole blocks that those entries of a frame take which may go to files of this kind.
    pub fn blocks_of(entries: &[Entry<'_>], kind: Space) -> u64 {
        let ours = entries.iter().filter(|entry| entry.bulk.is_some_and(|bulk| bulk.space == kind));
        ours.map(|entry| round_up(entry.length()) as u64).sum()
    }

    /// Whether there is room for so many bytes of one frame. Where there is none, the next file is made.
    pub fn has_room(&mut self, bytes: u64) -> bool {
        if self.config.file_bytes == 0 {
            return false;
        }
        self.asked = true;
        let room = |file: Option<&BulkFile>| file.map_or(0, |file| file.capacity - file.used);
        if room(self.files.last()) >= bytes || room(self.spare.as_ref()) >= bytes && self.roll() {
            return true;
        }
        if self.config.frame_bytes > 0 {
            self.wanted = self.wanted.max(bytes);
            // One that is too small makes way for one that is not.
            self.roll();
        }
        false
    }

    /// Why `has_room` answered no.
    pub fn why_no_room(&self) -> NoRoom {
        match () {
            () if self.config.file_bytes == 0 || self.supply.is_unsupported() => NoRoom::Never,
            () if self.supply.is_short_of_space() => NoRoom::NoSpace,
            () => NoRoom::NotReady,
        }
    }

    /// Goes on in the file that was made ahead, if there is one.
    fn roll(&mut self) -> bool {
        let Some(spare) = self.spare.take() else { return false };
        self.files.push(spare);
        self.extents.clear();
        true
    }

    /// Copies an entry to its place. `frame_left`: bytes that `has_room` promised to this frame and that are still to
    /// come, those of this entry included.
    pub fn place(&mut self, entry: &Entry<'_>, frame_left: u64) -> (Placed, Piece) {
        let length = entry.length();
        let padded = round_up(length);
        let place = self.give_out(entry.group, padded as u64, frame_left);
        let writer = match self.writer.take() {
            Some(writer) if writer.remaining() >= padded => self.writer.insert(writer),
            _ => {
                let fits = padded <= round_up(self.config.slab_bytes);
                let writer = if fits { SlabWriter::from_pool(&self.pool) } else { SlabWriter::new(padded) };
                self.writer.insert(writer)
            }
        };
        let start = writer.position();
        entry.parts.iter().for_each(|part| writer.write(part));
        writer.skip(padded - length);
        (Placed { place, piece: writer.piece(start, length) }, writer.piece(start, padded))
    }

    fn give_out(&mut self, group: u64, bytes: u64, frame_left: u64) -> Place {
        let file = self.files.last_mut().expect("there is room in a file");
        let extent = self.extents.entry(group).or_default();
        if extent.end - extent.position < bytes {
            let room = file.capacity - file.used;
            let spare = room.saturating_sub(frame_left);
            let is_last = extent.end == file.used;
            let kept = if is_last { extent.end - extent.position } else { 0 };
            let ahead = extent.total.min(self.config.extent_bytes).min(spare);
            if !is_last {
                (extent.position, extent.end) = (file.used, file.used);
            }
            extent.end += bytes - kept + ahead;
            file.used = extent.end;
        }
        let position = extent.position;
        extent.position += bytes;
        extent.total += bytes;
        file.unwritten += 1;
        assert!(extent.position <= extent.end && file.used <= file.capacity, "a place inside the file");
        Place { file: file.number, position }
    }

    /// Starts a write; what it leads to is asked of `written_below`. `lies`: take it for durable whatever it is (a
    /// planted bug).
    pub fn send(&mut self, write: BulkWrite, durable: bool, lies: bool, queue: &mut OpQueue) {
        let Place { file: number, position } = write.place;
        let entries = write.pieces.len() as u32;
        let file = self.file_mut(number).expect("a file stays open while something is to be written to it");
        // From here on the operation stands for its entries.
        file.unwritten = file.unwritten - entries + 1;
        let op = Op::Write { file: file.id, position, pieces: write.pieces, durable: durable && !lies };
        self.flights.insert(queue.push(op), Flight { number, lsn: write.lsn, durable: durable || lies });
    }

    /// Everything that frames below this LSN refer to has been written, as far as it was sent.
    pub fn written_below(&self) -> u64 {
        self.flights.values().map(|flight| flight.lsn).min().unwrap_or(u64::MAX)
    }

    /// Flushes every file with unflushed writes; answers the operations.
    pub fn flush(&mut self, queue: &mut OpQueue) -> Vec<(OpId, u64)> {
        let unflushed = self.files.iter_mut().filter(|file| file.unflushed);
        unflushed
            .map(|file| {
                file.unflushed = false;
                // The file stays open until its flush is back.
                file.unwritten += 1;
                (queue.push(Op::Sync { file: file.id }), file.number)
            })
            .collect()
    }

    /// A flush of this file is back.
    pub fn flushed(&mut self, number: u64) {
        self.file_mut(number).expect("a file stays open while it is flushed").unwritten -= 1;
    }

    /// A flush of this file failed and is believed to be worth another try (a planted bug).
    #[cfg(feature = "planted")]
    pub fn mark_unflushed(&mut self, number: u64) {
        if let Some(file) = self.file_mut(number) {
            file.unflushed = true;
        }
    }

    fn file_mut(&mut self, number: u64) -> Option<&mut BulkFile> {
        self.files.iter_mut().find(|file| file.number == number)
    }

    pub fn owns(&self, id: OpId) -> bool {
        self.flights.contains_key(&id)
            || self.supply.owns(id)
            || self.closing.iter().any(|(closing, _)| *closing == id)
    }

    /// Takes the result of one of its operations.
    pub fn complete(
        &mut self,
        now: u64,
        id: OpId,
        result: Result<Done, IoError>,
        queue: &mut OpQueue,
    ) -> BulkDone {
        if let Some(flight) = self.flights.remove(&id) {
            return self.write_done(&flight, result);
        }
        if self.supply.owns(id) {
            let made = self.supply.complete(now, &self.config, self.retry_ns, result, queue);
            if let Some(made) = made {
                let (number, id, capacity) = (made.number, made.id, made.capacity);
                let (used, unwritten, unflushed) = (BULK_FROM, 0, false);
                if capacity - used >= self.wanted {
                    self.wanted = 0;
                }
                self.spare = Some(BulkFile { number, id, capacity, used, unwritten, unflushed });
                if self.files.is_empty() {
                    self.roll();
                }
            }
        } else if let Some(at) = self.closing.iter().position(|(closing, _)| *closing == id)
            && let (_, Some(file)) = self.closing.swap_remove(at)
        {
            // Whether the space was given back or not: the next opening does it again.
            self.closing.push((queue.push(Op::Close { file }), None));
        }
        BulkDone::Background
    }

    fn write_done(&mut self, flight: &Flight, result: Result<Done, IoError>) -> BulkDone {
        let file = self.file_mut(flight.number).expect("a file stays open while it is written");
        file.unwritten -= 1;
        match result {
            Ok(Done::Written { length }) => {
                file.unflushed |= !flight.durable;
                BulkDone::Written { bytes: length as u64 }
            }
            Ok(other) => panic!("a write completed as {other:?}"),
            Err(error) => BulkDone::Failed { number: flight.number, error },
        }
    }

    /// Whether the layer above should name a new file: somebody had something for one, and the file at hand is missing
    /// or more than half full.
    pub fn wants_file(&self, now: u64) -> bool {
        let short = self.wanted > 0 || self.files.last().is_none_or(|file| file.used > file.capacity / 2);
        self.asked && self.spare.is_none() && short && self.supply.is_ready(now)
    }

    /// Begins to make the file with this number, one no file ever had.
    pub fn make_file(&mut self, number: u64, queue: &mut OpQueue) {
        let header = BulkHeader { directory_id: self.directory_id, number };
        let first = self.files.is_empty();
        let usual = if first { self.config.first_file_bytes } else { self.config.file_bytes };
        let capacity = usual.max(self.wanted + BULK_FROM);
        self.supply.begin(&self.config, header, capacity, queue);
    }

    /// Closes files that are full and at rest, and gives back what they have not used.
    pub fn step(&mut self, queue: &mut OpQueue) {
        let last = self.files.len().saturating_sub(1);
        let at_rest = |file: &BulkFile| file.unwritten == 0 && !file.unflushed;
        let Some(index) = self.files[..last].iter().position(at_rest) else { return };
        let file = self.files.remove(index);
        let op = Op::Truncate { file: file.id, length: file.used };
        self.closing.push((queue.push(op), Some(file.id)));
    }

    /// Whether anything of it is under way.
    pub fn has_operations(&self) -> bool {
        !self.flights.is_empty() || self.supply.is_working() || !self.closing.is_empty()
    }
}
