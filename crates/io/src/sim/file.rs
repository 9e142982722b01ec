//! One simulated file: what is on the medium, and every change that is not known to be.
//!
//! The one invariant: changes stay in the order they completed in. The medium's image only ever takes the oldest
//! one, and only once it is durable, so an older write never comes back over a newer one.

use super::image::Image;
use super::random::Random;
use crate::buffer::Piece;
use std::collections::VecDeque;

/// What a power cut leaves whole.
pub(super) const SECTOR: u64 = 512;

/// Above this many changes, the oldest reach the medium by themselves, as caches are written back in time.
const CHANGES_MAX: usize = 4096;

#[derive(Clone, Debug)]
pub(super) enum Change {
    Write {
        position: u64,
        pieces: Vec<Piece>,
    },
    /// Truncate, allocate, or what is left of a write whose pages were dropped.
    Resize,
}

/// A completed change.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub sequence: u64,
    pub change: Change,
    pub size_after: u64,
    /// Written past the page cache: a flush of the device covers its data.
    pub direct: bool,
    pub data_durable: bool,
    pub size_durable: bool,
    /// A flush failed on it: it counts as clean, later flushes pass over it, and reads see it until this time.
    pub dropped_at: Option<u64>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct SimFile {
    image: Image,
    durable_size: u64,
    pending: VecDeque<Pending>,
    /// What the medium cannot read any more: from, to.
    unreadable: Vec<(u64, u64)>,
}

impl SimFile {
    /// The size a process sees.
    pub fn size(&self) -> u64 {
        self.pending.back().map_or(self.durable_size, |last| last.size_after)
    }

    /// Whether a power cut could change it.
    pub fn is_dirty(&self) -> bool {
        !self.pending.is_empty()
    }

    pub fn push(&mut self, pending: Pending) {
        self.pending.push_back(pending);
        if self.pending.len() > CHANGES_MAX {
            let oldest = &mut self.pending[0];
            (oldest.data_durable, oldest.size_durable) = (true, true);
        }
        self.take_durable();
    }

    /// The bytes a process reads, `bytes.len()` at most; returns how many there are before the end.
    pub fn read(&self, position: u64, bytes: &mut [u8]) -> usize {
        let length = (self.size().saturating_sub(position)).min(bytes.len() as u64) as usize;
        let bytes = &mut bytes[..length];
        self.image.read(position, bytes);
        for pending in &self.pending {
            match &pending.change {
                Change::Write { position: start, pieces } => overlay(bytes, position, *start, pieces),
                Change::Resize => blank(bytes, position, pending.size_after),
            }
        }
        length
    }

    /// What is on the medium, without anything newer.
    pub fn read_medium(&self, position: u64, bytes: &mut [u8]) {
        self.image.read(position, bytes);
    }

    /// A flush of this file that was submitted when `before` was the next sequence number.
    pub fn flush(&mut self, before: u64) {
        for pending in self.pending.iter_mut().take_while(|pending| pending.sequence < before) {
            pending.size_durable = true;
            pending.data_durable |= pending.dropped_at.is_none();
        }
        self.take_durable();
    }

    /// A flush of the whole device: data that lies in its cache, but no sizes.
    pub fn flush_device(&mut self, before: u64) {
        for pending in self.pending.iter_mut().take_while(|pending| pending.sequence < before) {
            pending.data_durable |= pending.direct && pending.dropped_at.is_none();
        }
        self.take_durable();
    }

    /// A flush that failed: everything it should have covered counts as clean, and is gone some time later.
    pub fn fail_flush(&mut self, before: u64, now_ns: u64, random: &mut Random) {
        for pending in self.pending.iter_mut().take_while(|pending| pending.sequence < before) {
            if !pending.data_durable && pending.dropped_at.is_none() {
                pending.dropped_at = Some(now_ns + random.below(2_000_000_000));
            }
        }
    }

    /// Drops the pages whose time has come: what they held is gone, the size stays.
    pub fn evict(&mut self, now_ns: u64) {
        for pending in &mut self.pending {
            if pending.dropped_at.is_some_and(|time| time <= now_ns) {
                pending.change = Change::Resize;
                pending.dropped_at = None;
            }
        }
    }

    fn take_durable(&mut self) {
        while self.pending.front().is_some_and(|first| first.data_durable && first.size_durable) {
            let first = self.pending.pop_front().expect("looked at just now");
            if let Change::Write { position, pieces } = &first.change {
                write_all(&mut self.image, *position, pieces);
            } else {
                self.image.cut(first.size_after);
            }
            self.durable_size = first.size_after;
        }
    }

    /// The power goes: each sector of each change that is not durable survives or not, so does each size.
    pub fn cut_power(&mut self, random: &mut Random, garbage: bool) {
        let sizes = self.pending.iter().rposition(|pending| pending.size_durable).map_or(0, |last| last + 1);
        let kept = random.between(sizes as u64, self.pending.len() as u64) as usize;
        let size = kept.checked_sub(1).map_or(self.durable_size, |last| self.pending[last].size_after);
        if garbage && size > self.durable_size {
            self.fill_with_garbage(size, random);
        }
        for (number, pending) in std::mem::take(&mut self.pending).into_iter().enumerate() {
            match &pending.change {
                Change::Write { position, pieces } if pending.data_durable => {
                    write_all(&mut self.image, *position, pieces);
                }
                Change::Write { position, pieces } => {
                    write_some(&mut self.image, *position, pieces, random);
                }
                Change::Resize if number < kept => self.image.cut(pending.size_after),
                Change::Resize => {}
            }
        }
        self.image.cut(size);
        self.durable_size = size;
    }

    /// New blocks may hold what some other file left there. At most a few sectors, to stay cheap.
    fn fill_with_garbage(&mut self, size: u64, random: &mut Random) {
        let sectors = (size - self.durable_size) / SECTOR;
        for _ in 0..sectors.min(8) {
            let sector = [random.bits() as u8 | 1; SECTOR as usize];
            let position = self.durable_size + random.below(sectors) * SECTOR;
            self.image.write(position, &sector);
        }
    }

    /// The medium cannot read these bytes any more.
    pub fn spoil(&mut self, position: u64, length: u64) {
        self.unreadable.push((position, position + length));
    }

    /// Whether any of these bytes cannot be read.
    pub fn is_spoiled(&self, position: u64, length: u64) -> bool {
        self.unreadable.iter().any(|(from, to)| *from < position + length && position < *to)
    }

    /// Changes the medium behind everyone's back.
    pub fn damage(&mut self, position: u64, bytes: &[u8]) {
        self.flush(u64::MAX);
        self.image.write(position, bytes);
        self.durable_size = self.durable_size.max(position + bytes.len() as u64);
    }
}

/// Puts a change's bytes over `bytes`, which begin at `position` of the file.
fn overlay(bytes: &mut [u8], position: u64, mut start: u64, pieces: &[Piece]) {
    let end = position + bytes.len() as u64;
    for piece in pieces {
        let (from, to) = (start.max(position), (start + piece.len() as u64).min(end));
        if from < to {
            let source = &piece.bytes()[(from - start) as usize..(to - start) as usize];
            bytes[(from - position) as usize..(to - position) as usize].copy_from_slice(source);
        }
        start += piece.len() as u64;
    }
}

/// Makes everything from `size` on zero.
fn blank(bytes: &mut [u8], position: u64, size: u64) {
    let from = size.saturating_sub(position).min(bytes.len() as u64) as usize;
    bytes[from..].fill(0);
}

fn write_all(image: &mut Image, mut position: u64, pieces: &[Piece]) {
    for piece in pieces {
        image.write(position, piece.bytes());
        position += piece.len() as u64;
    }
}

/// Writes any subset of the sectors: none, all, a beginning, or each for itself.
fn write_some(image: &mut Image, mut position: u64, pieces: &[Piece], random: &mut Random) {
    let length = crate::attempt::total(pieces) as u64;
    let end = position + length;
    let (mut survives, prefix_end): (Box<dyn FnMut() -> bool>, u64) = match random.below(5) {
        0 => return,
        1 => (Box::new(|| true), end),
        2 => (Box::new(|| true), position + random.below(length + 1) / SECTOR * SECTOR),
        3 => (Box::new(|| random.below(8) == 0), end),
        _ => (Box::new(|| random.coin()), end),
    };
    for piece in pieces {
        let mut bytes = piece.bytes();
        while !bytes.is_empty() {
            // A sector that two pieces share is treated as two: only aligned writes promise more.
            let part = ((SECTOR - position % SECTOR) as usize).min(bytes.len());
            if position < prefix_end && survives() {
                image.write(position, &bytes[..part]);
            }
            bytes = &bytes[part..];
            position += part as u64;
        }
    }
}
