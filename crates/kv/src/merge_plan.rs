//! What is worth merging.
//!
//! What it is not: the merging.
//!
//! The invariant: a pure function of the files' figures; damaged files are left alone.

/// A file has this part of its bytes dead, in percent, or so many of them: a merge is due.
const TRIGGER_PERCENT: u64 = 60;
const TRIGGER_BYTES: u64 = 512 << 20;
/// A merge takes along what has at least so much dead, or is smaller than this.
const TAKE_PERCENT: u64 = 40;
const TAKE_BYTES: u64 = 128 << 20;
const SMALL_BYTES: u64 = 10 << 20;
/// So many small files make a merge due.
const SMALL_FILES: usize = 8;
/// One merge reads no more files, and no more bytes unless one file has them.
const INPUTS_MAX: usize = 32;
const BYTES_MAX: u64 = 4 << 30;

/// One merge copies no more of large files, unless one file has more.
const LARGE_BYTES_MAX: u64 = 64 << 20;

/// Figures of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub slot: u32,
    pub bytes: u64,
    pub dead_bytes: u64,
}

impl Candidate {
    fn has_dead(&self, percent: u64, bytes: u64) -> bool {
        self.dead_bytes * 100 >= self.bytes * percent || self.dead_bytes >= bytes
    }

    fn is_small(&self) -> bool {
        self.bytes < SMALL_BYTES
    }
}

/// The files to merge now; none: nothing is due. `asked`: somebody wants all of it merged.
#[must_use]
pub fn choose(files: &[Candidate], asked: bool) -> Vec<u32> {
    let small = files.iter().filter(|file| file.is_small()).count();
    let due = small >= SMALL_FILES || files.iter().any(|file| file.has_dead(TRIGGER_PERCENT, TRIGGER_BYTES));
    let worth = files.len() > 1 || files.iter().any(|file| file.dead_bytes > 0);
    if !(due || asked && worth) {
        return Vec::new();
    }
    let mut chosen = Vec::new();
    let mut bytes = 0;
    let taken = |file: &&Candidate| asked || file.is_small() || file.has_dead(TAKE_PERCENT, TAKE_BYTES);
    for file in files.iter().filter(taken) {
        if chosen.len() == INPUTS_MAX || !chosen.is_empty() && bytes + file.bytes > BYTES_MAX {
            break;
        }
        bytes += file.bytes;
        chosen.push(file.slot);
    }
    chosen
}

/// Figures of one large file that some key needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LargeCandidate {
    pub slot: u32,
    /// The next store whose keys may point there.
    pub store: u32,
    /// Bytes of values, and those of them that keys need.
    pub bytes: u64,
    pub live_bytes: u64,
}

impl LargeCandidate {
    fn is_dead(&self, percent: u64) -> bool {
        self.bytes.saturating_sub(self.live_bytes) * 100 >= self.bytes * percent
    }
}

/// The large files to empty now, and the store whose values are copied; `None`: nothing is due. `asked`: what a merge
/// would only take along makes it due. Of the files' sizes only the part counts: they are small, or have one value.
#[must_use]
pub fn choose_large(files: &[LargeCandidate], asked: bool) -> Option<(u32, Vec<u32>)> {
    let trigger = if asked { TAKE_PERCENT } else { TRIGGER_PERCENT };
    let store = files.iter().find(|file| file.is_dead(trigger))?.store;
    let mut chosen = Vec::new();
    let mut bytes = 0;
    for file in files.iter().filter(|file| file.store == store && file.is_dead(TAKE_PERCENT)) {
        if chosen.len() == INPUTS_MAX || !chosen.is_empty() && bytes + file.live_bytes > LARGE_BYTES_MAX {
            break;
        }
        bytes += file.live_bytes;
        chosen.push(file.slot);
    }
    Some((store, chosen))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn large(slot: u32, store: u32, mib: u64, live_mib: u64) -> LargeCandidate {
        LargeCandidate { slot, store, bytes: mib << 20, live_bytes: live_mib << 20 }
    }

    #[test]
    fn a_mostly_dead_large_file_is_emptied_store_by_store_and_takes_half_dead_ones_along() {
        let files = [large(0, 1, 16, 16), large(1, 1, 16, 6), large(2, 2, 16, 1), large(3, 1, 16, 9)];
        assert_eq!(choose_large(&files, false), Some((1, vec![1, 3])));
        assert_eq!(choose_large(&files[3..], false), None);
        assert_eq!(choose_large(&files[3..], true), Some((1, vec![3])));
        assert_eq!(choose_large(&files[..1], true), None);
    }

    #[test]
    fn one_merge_of_large_files_copies_a_bounded_number_of_bytes() {
        let files: Vec<LargeCandidate> = (0..30).map(|slot| large(slot, 1, 16, 5)).collect();
        assert_eq!(choose_large(&files, false).map(|(_, slots)| slots.len()), Some(12));
    }

    fn file(slot: u32, mib: u64, dead_mib: u64) -> Candidate {
        Candidate { slot, bytes: mib << 20, dead_bytes: dead_mib << 20 }
    }

    #[test]
    fn a_mostly_dead_file_is_merged_and_takes_half_dead_and_small_ones_along() {
        let files = [file(0, 100, 10), file(1, 100, 61), file(2, 100, 45), file(3, 2, 0)];
        assert_eq!(choose(&files, false), [1, 2, 3]);
        assert!(choose(&files[..1], false).is_empty());
    }

    #[test]
    fn many_small_files_are_merged_and_a_few_are_not() {
        let files: Vec<Candidate> = (0..8).map(|slot| file(slot, 1, 0)).collect();
        assert_eq!(choose(&files, false).len(), 8);
        assert!(choose(&files[..7], false).is_empty());
    }

    #[test]
    fn on_demand_everything_is_merged_but_a_single_clean_file() {
        let files = [file(0, 100, 1), file(1, 100, 0)];
        assert_eq!(choose(&files, true), [0, 1]);
        assert_eq!(choose(&files[..1], true), [0]);
        assert!(choose(&files[1..], true).is_empty());
    }
}
