//! KV effects of a frame that is in the journal, and reads of stores.
//!
//! What it is not: the judging of conditions (`kv_frame.rs`), settling, recovery.
//!
//! The invariant: reads see everything appended so far, durable or not; whoever wants `durable` waits for the LSN that
//! was appended at the time of the read.

use crate::effect::Effect;
use crate::engine::{Closing, Engine};
use crate::entry::KEY_LENGTH;
use millrace_io::Piece;
use millrace_journal::{LARGE_FILE, Place};
use millrace_kv::large::LargeHead;
use millrace_kv::{Finish, Page, Peek, Range, Read, Stats, Value};
use millrace_log::{Code, Damaged};

impl Engine {
    /// Wall time for expiry, in ms since 1970; it never goes back.
    pub(crate) fn kv_now(&mut self) -> u64 {
        let wall = u64::try_from(self.io.wall_ms()).unwrap_or(0);
        self.kv.now(wall)
    }

    /// Does one KV effect of the frame with this LSN; `payload` is its entry in the journal's memory. Answers the
    /// sequence its key had before, 0 when there was none.
    pub(crate) fn attach_kv(
        &mut self,
        effect: &Effect<'_>,
        head: Option<&LargeHead>,
        lsn: u64,
        payload: &Piece,
        place: Option<Place>,
    ) -> u64 {
        // Noted when the effect was judged.
        let now_ms = self.kv.clock_ms();
        match *effect {
            Effect::KvPut { store, key, expires_ms, .. } => {
                let at = head.map_or(KEY_LENGTH + key.len(), |head| head.bytes.len());
                let value = payload.slice(at, payload.len() - at);
                if let Some(place) = place {
                    let length = u32::try_from(payload.len()).expect("the journal refuses longer entries");
                    let place = (place.file & !LARGE_FILE, place.position, length);
                    return self.kv.put_large(store, key, Some(value), place, lsn, expires_ms, now_ms);
                }
                let value = Value::of_piece(value);
                self.kv.put(store, key, value, lsn, expires_ms, now_ms)
            }
            Effect::KvDelete { store, key, .. } => {
                let before = self.kv.sequence_of(store, key, now_ms).unwrap_or(0);
                self.kv.delete(store, key, lsn);
                before
            }
            Effect::KvClear { store } => {
                self.kv.clear(store, lsn);
                0
            }
            Effect::CreateStore { store } => {
                self.kv.create(store, lsn);
                0
            }
            Effect::DropStore { store } => {
                self.kv.remove(store, lsn);
                0
            }
            _ => 0,
        }
    }

    /// The newest value of a key, or, with `snapshot` not 0, the one it had when that snapshot was taken. `Pending`:
    /// `take_finished` will name the token, then `kv_take` has the answer.
    pub fn kv_get(&mut self, store: u32, key: &[u8], snapshot: u64) -> Read {
        let now = self.kv_now();
        self.kv.get(store, key, snapshot, now)
    }

    /// Looks at a key without reading any file.
    pub fn kv_look(&mut self, store: u32, key: &[u8]) -> Peek<'_> {
        let now = self.kv_now();
        self.kv.peek(store, key, now)
    }

    /// Looks at a key and its expiry without reading any file; `now_ms` is a wall time that `kv_now` answered.
    pub(crate) fn kv_peek_entry(&mut self, store: u32, key: &[u8], now_ms: u64) -> (Peek<'_>, u64) {
        self.kv.peek_entry(store, key, now_ms)
    }

    /// Whether a key is there, wherever its value is; `None`: that cannot be known.
    pub(crate) fn kv_holds(&self, store: u32, key: &[u8], now_ms: u64) -> Option<bool> {
        self.kv.holds(store, key, now_ms)
    }

    /// The answer of a finished `kv_get` token, once. `Absent` for a token that is not known.
    pub fn kv_take(&mut self, token: u64) -> Read {
        let now = self.kv_now();
        self.kv.take(token, now).unwrap_or(Read::Absent)
    }

    /// Bytes of the value that `kv_take` would answer for a finished token; 0 without one.
    #[must_use]
    pub fn kv_answer_bytes(&self, token: u64) -> u64 {
        self.kv.answer_bytes(token)
    }

    /// Hands entries of a range to `take` in key order until it answers false: that entry does not count as taken and is
    /// the first of the next page. At most `range.limit` entries. `Page::Pending`: nothing was handed out, ask again
    /// when `take_finished` has named the token.
    pub fn kv_scan(
        &mut self,
        store: u32,
        snapshot: u64,
        range: &Range<'_>,
        take: &mut dyn FnMut(&millrace_kv::Item<'_>) -> bool,
    ) -> Page {
        let now = self.kv_now();
        self.kv.scan(store, snapshot, range, now, take)
    }

    /// Opens a snapshot of a store as it is now, and names it; 0: no such store. It costs memory for what is overwritten
    /// until `kv_release`.
    pub fn kv_snapshot(&mut self, store: u32) -> u64 {
        let sequence = self.journal.appended();
        self.kv.snapshot(store, sequence)
    }

    /// Gives a snapshot up; one that is not open is left alone.
    pub fn kv_release(&mut self, snapshot: u64) {
        self.kv.release(snapshot);
    }

    /// Keys of a store, including expired ones that were not purged yet; `None`: no such store.
    #[must_use]
    pub fn kv_count(&self, store: u32) -> Option<u64> {
        self.kv.count(store)
    }

    /// Figures of a store; `None`: no such store.
    #[must_use]
    pub fn kv_stats(&self, store: u32) -> Option<Stats> {
        self.kv.stats(store)
    }

    /// Begins to merge the store's data files, whatever they have that is dead; `kv_stats` shows how it goes. False: no
    /// such store, nothing to do, or a merge is under way.
    pub fn kv_merge(&mut self, store: u32) -> bool {
        self.closing == Closing::No && self.failure().is_none() && self.kv.begin_merge(store, true)
    }

    /// Begins to merge those data files of a store whose numbers `pick` wants; otherwise as `kv_merge`.
    pub fn kv_merge_files(&mut self, store: u32, pick: &mut dyn FnMut(u64) -> bool) -> bool {
        self.closing == Closing::No && self.failure().is_none() && self.kv.begin_merge_of(store, pick)
    }

    pub(crate) fn step_kv(&mut self) {
        let now = self.kv_now();
        self.kv.step(now, &mut self.queue);
    }

    /// When `turn` is due for work of the stores that no completion announces.
    pub(crate) fn kv_deadline(&self) -> Option<u64> {
        self.kv.has_work().then(|| self.io.now_ns())
    }

    pub(crate) fn drain_finished_kv(&mut self, into: &mut Vec<(u64, Code)>) {
        into.extend(self.kv.drain_finished().map(|(token, finish)| {
            let code = match finish {
                Finish::Ok => Code::Ok,
                Finish::Damaged => Code::Damaged,
                Finish::Busy => Code::Busy,
                Finish::Closing => Code::Closing,
            };
            (token, code)
        }));
    }

    pub(crate) fn take_kv_damage(&mut self) -> impl Iterator<Item = Damaged> + use<> {
        let damage = self.kv.take_damage().into_iter();
        damage.map(|damage| Damaged { file: damage.file, position: damage.position, detail: damage.detail })
    }
}
