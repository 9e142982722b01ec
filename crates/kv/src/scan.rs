//! Ordered pages of keys and values.
//!
//! What it is not: a cursor; a page says nothing of the next one, whoever scans on begins behind the last key it got.
//!
//! The invariant: a page holds no gap: it ends before a value that is not at hand, before damage, or at its limits.

use crate::generation::Newest;
use crate::kv::Kv;
use crate::location::Settled;
use crate::memtable::KeyRange;
use crate::read::{Item, Page, Range};
use crate::store::Store;
use std::ops::Bound;

/// Values that one page's read brings back at most: how many, and bytes of their records.
const AHEAD_MAX: usize = 256;
const AHEAD_BYTES: u64 = 1 << 20;

impl Kv {
    /// Hands entries of a range to `take`, in key order, until it answers false: that entry was not taken.
    pub fn scan(
        &mut self,
        store: u32,
        snapshot: u64,
        range: &Range<'_>,
        now_ms: u64,
        take: &mut dyn FnMut(&Item<'_>) -> bool,
    ) -> Page {
        let at = self.snapshot_at(store, snapshot);
        let Some((of, at)) = self.stores.get(&store).zip(at) else { return Page::UnknownStore };
        if range.is_empty() {
            return Page::End;
        }
        let generation = of.generation_at(at);
        let bounds = (range.from, range.to);
        let (mut taken, mut missing, mut missing_bytes) = (0, Vec::new(), 0);
        for (key, newest) in generation.walk(bounds, range.reverse, at != 0) {
            let seen = if at == 0 { newest } else { generation.seen_at(key, newest, at) };
            if !of.fences.is_empty() && is_fenced_up_to(of, bounds, range.reverse, key, seen.sequence()) {
                if missing.is_empty() {
                    return Page::Damaged;
                }
                break;
            }
            if !seen.lives(now_ms) {
                continue;
            }
            if taken == range.limit {
                return Page::More;
            }
            if missing.len() + taken >= range.limit {
                break;
            }
            let settled = match seen {
                Newest::Written(written) => written.elsewhere(),
                Newest::Settled(settled) => Some(settled),
                Newest::None => continue,
            };
            let (value, sequence, expires_ms) = match (seen, settled) {
                (Newest::Written(written), None) => {
                    let value = written.value.as_ref().map(|value| value.bytes());
                    (value, written.sequence, written.expires_ms)
                }
                (_, None) => continue,
                (_, Some(Settled { location, sequence, expires_ms })) => {
                    let place = location.packed();
                    let value = match range.keys_only {
                        true => Some(&[][..]),
                        false => self
                            .reader
                            .held(place)
                            .or_else(|| self.resident.get(place))
                            .map(|value| value.bytes()),
                    };
                    if value.is_none() {
                        if taken > 0 {
                            return Page::More;
                        }
                        if self.reader.is_bad(place) {
                            if missing.is_empty() {
                                return Page::Damaged;
                            }
                            break;
                        }
                        missing_bytes += u64::from(location.length);
                        missing.push((Box::from(key), Settled { location, sequence, expires_ms }));
                        if missing.len() >= AHEAD_MAX || missing_bytes >= AHEAD_BYTES {
                            break;
                        }
                        continue;
                    }
                    (value, sequence, expires_ms)
                }
            };
            if !missing.is_empty() {
                continue;
            }
            let value = if range.keys_only { &[] } else { value.unwrap_or(&[]) };
            if !take(&Item { key, value, sequence, expires_ms }) {
                return Page::More;
            }
            taken += 1;
        }
        if !missing.is_empty() {
            return Page::Pending(self.reader.start_page(&mut self.files, store, missing));
        }
        if of.fences.iter().any(|fence| fence.touches(bounds)) {
            return Page::Damaged;
        }
        Page::End
    }
}

/// Whether records between the start of a scan and `key`, or of `key` itself, may be lost.
fn is_fenced_up_to(
    store: &Store,
    (from, to): KeyRange<'_>,
    reverse: bool,
    key: &[u8],
    sequence: u64,
) -> bool {
    let passed = if reverse { (Bound::Excluded(key), to) } else { (from, Bound::Excluded(key)) };
    store.is_fenced(key, sequence) || store.fences.iter().any(|fence| fence.touches(passed))
}
