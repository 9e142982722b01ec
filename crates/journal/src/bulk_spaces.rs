//! Both kinds of bulk files of a journal: one for entries that must fit into a frame anyway, one for entries that may be
//! larger than any frame.
//!
//! What it is not: the giving out of places (`bulk.rs`); each kind has files, extents and a supply of its own.
//!
//! The one invariant: whose a file is stands in its number, so a reference needs nothing beside it.

use crate::bulk::{BulkDone, BulkSpace, BulkWrite, Placed};
use crate::config::Config;
use crate::entry::Entry;
use millrace_io::{Done, IoError, OpId, OpQueue, Piece};

/// Which bulk files an entry goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// Of entries that are no larger than a frame.
    Packed = 0,
    /// Of entries that may be larger than a frame.
    Large = 1,
}

/// Numbers of files in `Space::Large` have this bit.
pub const LARGE_FILE: u64 = 1 << 63;

/// Whose file has this number.
#[must_use]
pub fn space_of(number: u64) -> Space {
    if number & LARGE_FILE == 0 { Space::Packed } else { Space::Large }
}

/// Room for the entries of one frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    left: [u64; 2],
}

impl Room {
    /// Whole blocks of all entries.
    pub fn bytes(&self) -> u64 {
        self.left.iter().sum()
    }
}

/// Why there is no room for an entry that fits nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoRoom {
    /// The file is being made.
    NotReady,
    NoSpace,
    /// There are no such files here.
    Never,
}

#[derive(Debug)]
pub(crate) struct BulkSpaces {
    spaces: [BulkSpace; 2],
}

impl BulkSpaces {
    pub fn new(config: &Config, directory_id: u64) -> BulkSpaces {
        let space = |bulk| BulkSpace::new(bulk, directory_id, config.retry_ns);
        BulkSpaces { spaces: [space(config.bulk), space(config.large)] }
    }

    /// Room for all entries of a frame that may lie outside; none of them when there is not enough for one.
    pub fn room_for(&mut self, entries: &[Entry<'_>]) -> Room {
        let mut room = Room { left: [0; 2] };
        for (kind, space) in [Space::Packed, Space::Large].into_iter().zip(&mut self.spaces) {
            let wanted = BulkSpace::blocks_of(entries, kind);
            if wanted > 0 && !space.has_room(wanted) {
                return Room { left: [0; 2] };
            }
            room.left[kind as usize] = wanted;
        }
        room
    }

    /// Why `room_for` found none for large entries.
    pub fn why_no_room(&self) -> NoRoom {
        self.spaces[Space::Large as usize].why_no_room()
    }

    /// Copies an entry to its place, in room that was found for its frame.
    pub fn place(&mut self, entry: &Entry<'_>, kind: Space, room: &mut Room) -> (Placed, Piece) {
        let left = &mut room.left[kind as usize];
        let (placed, blocks) = self.spaces[kind as usize].place(entry, *left);
        *left -= blocks.len() as u64;
        (placed, blocks)
    }

    fn of(&mut self, number: u64) -> &mut BulkSpace {
        &mut self.spaces[space_of(number) as usize]
    }

    /// Starts a write.
    pub fn send(&mut self, write: BulkWrite, durable: bool, lies: bool, queue: &mut OpQueue) {
        self.of(write.place.file).send(write, durable, lies, queue);
    }

    /// Everything that frames below this LSN refer to has been written, as far as it was sent.
    pub fn written_below(&self) -> u64 {
        self.spaces.iter().map(BulkSpace::written_below).min().unwrap_or(u64::MAX)
    }

    /// Flushes every file with unflushed writes; answers the operations.
    pub fn flush(&mut self, queue: &mut OpQueue) -> Vec<(OpId, u64)> {
        self.spaces.iter_mut().flat_map(|space| space.flush(queue)).collect()
    }

    /// A flush of this file is back.
    pub fn flushed(&mut self, number: u64) {
        self.of(number).flushed(number);
    }

    /// A flush of this file failed and is believed to be worth another try (a planted bug).
    #[cfg(feature = "planted")]
    pub fn mark_unflushed(&mut self, number: u64) {
        self.of(number).mark_unflushed(number);
    }

    pub fn owns(&self, id: OpId) -> bool {
        self.spaces.iter().any(|space| space.owns(id))
    }

    /// Takes the result of one of its operations.
    pub fn complete(
        &mut self,
        now: u64,
        id: OpId,
        result: Result<Done, IoError>,
        queue: &mut OpQueue,
    ) -> BulkDone {
        let space = self.spaces.iter_mut().find(|space| space.owns(id));
        space.expect("somebody's operation completed").complete(now, id, result, queue)
    }

    /// Whether the layer above should name a new file of this kind.
    pub fn wants_file(&self, kind: Space, now: u64) -> bool {
        self.spaces[kind as usize].wants_file(now)
    }

    /// Begins to make the file with this number, one no file ever had.
    pub fn make_file(&mut self, number: u64, queue: &mut OpQueue) {
        self.of(number).make_file(number, queue);
    }

    /// Closes files that are full and at rest.
    pub fn step(&mut self, queue: &mut OpQueue) {
        self.spaces.iter_mut().for_each(|space| space.step(queue));
    }

    /// Whether anything of it is under way.
    pub fn has_operations(&self) -> bool {
        self.spaces.iter().any(BulkSpace::has_operations)
    }
}
