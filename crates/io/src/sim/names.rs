//! The names in one simulated directory: those on the medium, those a process sees, and the changes between them.

use super::random::Random;
use std::collections::{BTreeMap, VecDeque};

/// Names a simulated file whatever it is called.
pub(super) type Inode = u32;

#[derive(Clone, Debug)]
pub(super) enum NameChange {
    Link {
        name: String,
        inode: Inode,
    },
    Unlink {
        name: String,
    },
    /// Within one directory a rename happens as a whole or not at all.
    Rename {
        from: String,
        to: String,
        inode: Inode,
    },
}

#[derive(Clone, Debug, Default)]
pub(super) struct Directory {
    pub current: BTreeMap<String, Inode>,
    durable: BTreeMap<String, Inode>,
    pending: VecDeque<(u64, NameChange)>,
}

fn apply(names: &mut BTreeMap<String, Inode>, change: &NameChange) {
    match change {
        NameChange::Link { name, inode } => {
            names.insert(name.clone(), *inode);
        }
        NameChange::Unlink { name } => {
            names.remove(name);
        }
        NameChange::Rename { from, to, inode } => {
            // Only if the old name is still the same file's: any subset of changes must make sense.
            if names.get(from) == Some(inode) {
                names.remove(from);
            }
            names.insert(to.clone(), *inode);
        }
    }
}

impl Directory {
    pub fn change(&mut self, sequence: u64, change: NameChange) {
        apply(&mut self.current, &change);
        self.pending.push_back((sequence, change));
    }

    /// A directory sync that was submitted when `before` was the next sequence number.
    pub fn sync(&mut self, before: u64) {
        while self.pending.front().is_some_and(|(sequence, _)| *sequence < before) {
            let (_, change) = self.pending.pop_front().expect("looked at just now");
            apply(&mut self.durable, &change);
        }
    }

    /// Lenient file systems make a new file's name durable with the file: everything up to its creation.
    pub fn sync_up_to_creation(&mut self, file: Inode) {
        let is_creation =
            |change: &NameChange| matches!(change, NameChange::Link { inode, .. } if *inode == file);
        if let Some(&(sequence, _)) = self.pending.iter().rev().find(|(_, change)| is_creation(change)) {
            self.sync(sequence + 1);
        }
    }

    /// The power goes. Strict: every change survives or not, for itself. Lenient: those before `lenient_end` do.
    pub fn cut_power(&mut self, random: &mut Random, lenient_end: Option<u64>) {
        for (sequence, change) in std::mem::take(&mut self.pending) {
            let survives = lenient_end.map_or_else(|| random.coin(), |end| sequence < end);
            if survives {
                apply(&mut self.durable, &change);
            }
        }
        self.current = self.durable.clone();
    }

    /// Whether the name of `file` may still be there after a power cut.
    pub fn may_name(&self, file: Inode) -> bool {
        let named = |names: &BTreeMap<String, Inode>| names.values().any(|inode| *inode == file);
        named(&self.current)
            || named(&self.durable)
            || self.pending.iter().any(|(_, change)| {
                matches!(change, NameChange::Link { inode, .. } | NameChange::Rename { inode, .. }
                    if *inode == file)
            })
    }
}
