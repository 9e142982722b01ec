//! The keys of a store between two clears: writes in memory, keys on disk, and old versions that snapshots need.
//!
//! What it is not: aware of its store's snapshots or files.
//!
//! The invariant: for every key the first of active, settling and keydir that knows it has its newest write.

use crate::keydir::{self, Keydir};
use crate::location::Settled;
use crate::memtable::{KeyRange, Memtable, Written};
use crate::rank::Ranks;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

/// A write that was overwritten while a snapshot saw it.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    /// Sequence of the write that took its place: snapshots below it see this one.
    pub until: u64,
    pub old: Old,
}

/// A write, in memory or on disk.
#[derive(Clone, Debug)]
pub(crate) enum Old {
    Written(Written),
    Settled(Settled),
}

impl Old {
    pub fn sequence(&self) -> u64 {
        match self {
            Old::Written(written) => written.sequence,
            Old::Settled(settled) => settled.sequence,
        }
    }
}

impl Written {
    /// Where it is to be read, when its value is not in memory.
    pub(crate) fn elsewhere(&self) -> Option<Settled> {
        let location = self.place.filter(|_| self.value.is_none())?;
        Some(Settled { location, sequence: self.sequence, expires_ms: self.expires_ms })
    }
}

/// The newest write of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Newest<'a> {
    Written(&'a Written),
    Settled(Settled),
    None,
}

impl<'a> Newest<'a> {
    pub fn of(old: &'a Old) -> Newest<'a> {
        match old {
            Old::Written(written) => Newest::Written(written),
            Old::Settled(settled) => Newest::Settled(*settled),
        }
    }

    pub fn sequence(&self) -> u64 {
        match self {
            Newest::Written(written) => written.sequence,
            Newest::Settled(settled) => settled.sequence,
            Newest::None => 0,
        }
    }

    /// Bytes of the record of a value, expired or not; 0: there is none.
    pub fn live_bytes(&self, key: &[u8]) -> u64 {
        match self {
            Newest::Written(written) => written.live_bytes(key),
            Newest::Settled(settled) => u64::from(settled.location.length),
            Newest::None => 0,
        }
    }

    /// True for a value, expired or not.
    pub fn is_value(&self) -> bool {
        match self {
            Newest::Written(written) => written.is_value(),
            Newest::Settled(_) => true,
            Newest::None => false,
        }
    }

    /// True for a value that expires, or has.
    pub fn expires(&self) -> bool {
        match self {
            Newest::Written(written) => written.is_value() && written.expires_ms != 0,
            Newest::Settled(settled) => settled.expires_ms != 0,
            Newest::None => false,
        }
    }

    /// True for a value that has not expired.
    pub fn lives(&self, now_ms: u64) -> bool {
        match self {
            Newest::Written(written) => written.lives(now_ms),
            Newest::Settled(settled) => settled.lives(now_ms),
            Newest::None => false,
        }
    }
}

/// Keys between two clears.
#[derive(Debug, Default)]
pub(crate) struct Generation {
    /// Records of lower sequences belong to an earlier one.
    pub cleared_at: u64,
    pub active: Memtable,
    /// What the settle under way writes, or what is being moved into the keydir.
    pub settling: Option<Arc<Memtable>>,
    pub keydir: Keydir,
    /// Of the memtables, once somebody has asked for ranks.
    pub ranks: Option<Ranks>,
    pub history: BTreeMap<Box<[u8]>, Vec<Version>>,
}

impl Generation {
    pub fn newest(&self, key: &[u8]) -> Newest<'_> {
        if let Some(written) = self.active.get(key) {
            return Newest::Written(written);
        }
        self.below_active(key)
    }

    /// Slots of the large files that hold values of unsettled writes which are not in memory.
    pub fn slots_elsewhere(&self) -> BTreeSet<u32> {
        let everything = (Bound::Unbounded, Bound::Unbounded);
        let tables = [Some(&self.active), self.settling.as_deref()];
        let written = tables.into_iter().flatten().flat_map(|table| table.range(everything));
        written.filter_map(|(_, written)| written.elsewhere()).map(|settled| settled.location.slot).collect()
    }

    /// What is known of the key but for the active memtable.
    pub fn below_active(&self, key: &[u8]) -> Newest<'_> {
        if let Some(written) = self.settling.as_ref().and_then(|settling| settling.get(key)) {
            return Newest::Written(written);
        }
        self.keydir.get(key).map_or(Newest::None, Newest::Settled)
    }

    /// What a snapshot of sequence `at` sees of a key whose newest write is `newest`.
    pub fn seen_at<'a>(&'a self, key: &[u8], newest: Newest<'a>, at: u64) -> Newest<'a> {
        if newest.sequence() <= at && !matches!(newest, Newest::None) {
            return newest;
        }
        let versions = self.history.get(key).map_or(&[][..], Vec::as_slice);
        let seen = versions.iter().find(|version| version.old.sequence() <= at && at < version.until);
        seen.map_or(Newest::None, |version| Newest::of(&version.old))
    }

    /// All keys of a range with their newest writes; with `history`, keys too that only old versions know.
    pub fn walk<'a>(&'a self, range: KeyRange<'_>, reverse: bool, history: bool) -> Walk<'a> {
        let settling = self.settling.as_ref().map(|settling| settling.range(range));
        let old = history.then(|| self.history.range::<[u8], _>(range));
        let active = Box::new(self.active.range(range)) as Layer<'a, &'a Written>;
        let settling = settling.map(|range| Box::new(range) as Layer<'a, &'a Written>);
        let old = old.map(|range| Box::new(range.map(|(key, _)| (key.as_ref(), ()))) as Layer<'a, ()>);
        let mut walk = Walk {
            reverse,
            heads: Heads::default(),
            active,
            settling,
            keydir: self.keydir.range(range),
            old,
        };
        walk.heads.active = step(&mut walk.active, reverse);
        walk.heads.settling = walk.settling.as_mut().and_then(|layer| step(layer, reverse));
        walk.heads.keydir = step(&mut walk.keydir, reverse);
        walk.heads.old = walk.old.as_mut().and_then(|layer| step(layer, reverse)).map(|(key, ())| key);
        walk
    }
}

type Layer<'a, T> = Box<dyn DoubleEndedIterator<Item = (&'a [u8], T)> + 'a>;

fn step<I: DoubleEndedIterator + ?Sized>(iterator: &mut I, reverse: bool) -> Option<I::Item> {
    if reverse { iterator.next_back() } else { iterator.next() }
}

#[derive(Default)]
struct Heads<'a> {
    active: Option<(&'a [u8], &'a Written)>,
    settling: Option<(&'a [u8], &'a Written)>,
    keydir: Option<(&'a [u8], Settled)>,
    old: Option<&'a [u8]>,
}

/// Keys of all layers in one order.
pub(crate) struct Walk<'a> {
    reverse: bool,
    heads: Heads<'a>,
    active: Layer<'a, &'a Written>,
    settling: Option<Layer<'a, &'a Written>>,
    keydir: keydir::Entries<'a>,
    old: Option<Layer<'a, ()>>,
}

impl<'a> Iterator for Walk<'a> {
    type Item = (&'a [u8], Newest<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let reverse = self.reverse;
        let heads = &mut self.heads;
        let keys = [
            heads.active.map(|(key, _)| key),
            heads.settling.map(|(key, _)| key),
            heads.keydir.map(|(key, _)| key),
            heads.old,
        ];
        let keys = keys.into_iter().flatten();
        let key = if reverse { keys.max() } else { keys.min() }?;
        let mut newest = Newest::None;
        if heads.old.is_some_and(|old| old == key) {
            heads.old = self.old.as_mut().and_then(|layer| step(layer, reverse)).map(|(key, ())| key);
        }
        if let Some((_, settled)) = heads.keydir.filter(|(of, _)| *of == key) {
            newest = Newest::Settled(settled);
            heads.keydir = step(&mut self.keydir, reverse);
        }
        if let Some((_, written)) = heads.settling.filter(|(of, _)| *of == key) {
            newest = Newest::Written(written);
            heads.settling = self.settling.as_mut().and_then(|layer| step(layer, reverse));
        }
        if let Some((_, written)) = heads.active.filter(|(of, _)| *of == key) {
            newest = Newest::Written(written);
            heads.active = step(&mut self.active, reverse);
        }
        Some((key, newest))
    }
}
