//! Leases: pieces of the engine's memory that JavaScript has named and may send or copy, by number.
//!
//! Not bytes: a lease is shared ownership of where they lie. It needs no engine: pieces outlive it.
//!
//! The one invariant: a number names one lease for ever; 0 names none. Leases of finished reads have the read's token,
//! the others count from `FIRST`, which no token reaches.

use millrace_io::Piece;
use std::collections::HashMap;

/// Numbers of leases that were ready at once.
const FIRST: u64 = 1 << 52;

/// All leases of one engine.
#[derive(Default)]
pub(crate) struct Leases {
    given: u64,
    held: HashMap<u64, Vec<Piece>>,
}

impl Leases {
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
            let before = self.held.insert(number, pieces);
            assert!(before.is_none(), "two leases have one number");
        }
        bytes
    }

    pub(crate) fn get(&self, number: u64) -> Option<&[Piece]> {
        self.held.get(&number).map(Vec::as_slice)
    }

    /// The lease is the caller's from now on.
    pub(crate) fn take(&mut self, number: u64) -> Option<Vec<Piece>> {
        self.held.remove(&number)
    }
}

/// Bytes of all pieces.
pub(crate) fn bytes_of(pieces: &[Piece]) -> u64 {
    pieces.iter().map(|piece| piece.len() as u64).sum()
}
