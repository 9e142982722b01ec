//! Leases: pieces of the engine's memory that JavaScript has named and may send or copy, by number.
//!
//! Not bytes: a lease is shared ownership of where they lie. It needs no engine: pieces outlive it.
//!
//! The one invariant: a number names one lease for ever; 0 names none. Leases of finished reads have the read's token,
//! the others count from `FIRST`, which no token reaches.

use millrace_io::buffer::Slab;
use millrace_io::{Piece, SlabWriter};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Weak};

/// Numbers of leases that were ready at once.
const FIRST: u64 = 1 << 52;

/// All leases of one engine.
pub(crate) struct Leases {
    given: u64,
    held: HashMap<u64, Vec<Piece>>,
    /// Memory that leases have named since it was last looked through, by address: it stays as a whole while one byte of
    /// it is leased.
    named: HashMap<*const Slab, Weak<Slab>>,
    named_bytes: usize,
    named_max: usize,
    /// Leases until `named` is looked through again: a look costs as much as there are entries.
    looks_after: usize,
}

/// Of the entries, the part of leases between two looks: so a look costs a lease a few entries, however many there are.
const LOOK_PART: usize = 8;

impl Leases {
    /// When more than `named_max` bytes of memory that leases have named are alive, further leases get copies, so that
    /// slow readers of few bytes do not keep much memory each.
    pub(crate) fn new(named_max: usize) -> Leases {
        Leases {
            given: 0,
            held: HashMap::new(),
            named: HashMap::new(),
            named_bytes: 0,
            named_max,
            looks_after: 0,
        }
    }

    /// A new lease of these pieces; 0 when they have no bytes. Also how many bytes.
    pub(crate) fn add(&mut self, pieces: Vec<Piece>) -> (u64, u64) {
        let number = FIRST + self.given;
        self.given += 1;
        match self.put(number, pieces) {
            0 => (0, 0),
            bytes => (number, bytes),
        }
    }

    /// The token of a read that has finished becomes the lease of what it found. How many bytes; 0 is no lease.
    pub(crate) fn put(&mut self, number: u64, pieces: Vec<Piece>) -> u64 {
        let bytes = bytes_of(&pieces);
        if bytes > 0 {
            let pieces = if self.name(&pieces) { pieces } else { vec![copy_of(&pieces)] };
            let before = self.held.insert(number, pieces);
            assert!(before.is_none(), "two leases have one number");
        }
        bytes
    }

    /// Notes whose memory the pieces are in; false when that is too much in all.
    fn name(&mut self, pieces: &[Piece]) -> bool {
        for piece in pieces {
            let slab = piece.slab();
            if let Entry::Vacant(place) = self.named.entry(Arc::as_ptr(slab)) {
                // The weak count keeps the address from being given to another slab.
                place.insert(Arc::downgrade(slab));
                self.named_bytes += slab.len();
            }
        }
        if self.named_bytes > self.named_max {
            if self.looks_after > 0 {
                self.looks_after -= 1;
                return false;
            }
            self.named.retain(|_, slab| slab.strong_count() > 0);
            self.named_bytes = self.named.values().filter_map(Weak::upgrade).map(|slab| slab.len()).sum();
            self.looks_after = self.named.len() / LOOK_PART;
        }
        self.named_bytes <= self.named_max
    }

    pub(crate) fn get(&self, number: u64) -> Option<&[Piece]> {
        self.held.get(&number).map(Vec::as_slice)
    }

    /// The lease is the caller's from now on.
    pub(crate) fn take(&mut self, number: u64) -> Option<Vec<Piece>> {
        self.held.remove(&number)
    }
}

/// All pieces, one behind the other, in memory of their own.
fn copy_of(pieces: &[Piece]) -> Piece {
    let length = pieces.iter().map(Piece::len).sum();
    let mut slab = SlabWriter::new(length);
    for piece in pieces {
        slab.write(piece.bytes());
    }
    slab.piece(0, length)
}

/// Bytes of all pieces.
pub(crate) fn bytes_of(pieces: &[Piece]) -> u64 {
    pieces.iter().map(|piece| piece.len() as u64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(length: usize) -> Piece {
        let mut slab = SlabWriter::new(length);
        slab.write(&vec![7; length]);
        slab.piece(0, length)
    }

    #[test]
    fn above_the_limit_leases_are_copies_until_what_was_named_is_gone() {
        let mut leases = Leases::new(10 << 12);
        let kept: Vec<_> = (0..20).map(|_| piece(1 << 12)).collect();
        let numbers: Vec<u64> = kept.iter().map(|one| leases.add(vec![one.clone()]).0).collect();
        let is_copy = |leases: &Leases, number: u64, one: &Piece| {
            !Arc::ptr_eq(leases.get(number).unwrap()[0].slab(), one.slab())
        };
        let copies =
            numbers.iter().zip(&kept).filter(|(number, one)| is_copy(&leases, **number, one)).count();
        assert_eq!(copies, 10);
        for number in numbers {
            assert_eq!(leases.take(number).map(|pieces| bytes_of(&pieces)), Some(1 << 12));
        }
        drop(kept);
        let one = piece(1 << 12);
        let later: Vec<u64> = (0..20).map(|_| leases.add(vec![one.clone()]).0).collect();
        assert!(!is_copy(&leases, later[19], &one), "a look has found the others gone");
        assert!(leases.named.len() < 10);
    }
}
