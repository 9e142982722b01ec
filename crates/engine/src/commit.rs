//! One commit: all effects are checked and given their places, then they go into one journal frame, then into memory.
//!
//! What it is not: durability; the answer carries the LSN to wait for.
//!
//! The invariant: if any effect is refused, or the journal refuses the frame, nothing of it remains anywhere.

use crate::effect::{Append, Committed, Effect, Outcome};
use crate::engine::{Closing, Engine};
use crate::entry::{
    APPEND, CREATE_PARTITION, CREATE_STORE, DELETE, DELETE_PARTITION, DELETE_RECORDS, DROP_STORE, KV_CLEAR,
    KV_DELETE, KV_PUT, KV_PUT_LARGE, PUT, place_of,
};
use crate::kv_frame::KvFrame;
use millrace_journal::{Appended, Bulk, Busy, Entry, JournalError, Level, Request, Space};
use millrace_kv::large::{LargeHead, VALUE_MAX};
use millrace_log::batch::{CHECKED_FROM, Checked, HEADER, PATCHED, Rules, check};
use millrace_log::{Code, Handle, Judged, Undo};

/// Effects one frame may have.
const EFFECTS_MAX: usize = 1 << 20;

/// An effect that was accepted and holds its place in memory, until the frame is in the journal or refused.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "lives in one reused vector; a box would cost each append an allocation"
)]
pub(crate) enum Prepared {
    Append {
        handle: Handle,
        checked: Checked,
        base: u64,
        undo: Undo,
    },
    Duplicate {
        handle: Handle,
        base: u64,
        lsn: u64,
    },
    Put {
        key_length: [u8; 4],
    },
    Delete,
    /// A condition that held.
    Check,
    /// A KV effect was judged and changes nothing before its frame is in the journal.
    Kv {
        key_length: [u8; 4],
        before: u64,
    },
    /// A KV put whose value may go to a large file.
    KvLarge {
        head: LargeHead,
        before: u64,
    },
    Create {
        handle: Handle,
    },
    Hide {
        handle: Handle,
    },
    Start {
        handle: Handle,
        before: u64,
        start: u64,
    },
}

impl Prepared {
    /// Nothing of it goes into the journal.
    fn is_there_already(&self) -> bool {
        matches!(self, Prepared::Duplicate { .. } | Prepared::Check)
    }
}

impl Engine {
    /// Does all effects in one atomic frame, or none. `outcomes` is cleared and gets one answer per effect; after a
    /// refusal the effect at fault carries its code and the others `RefusedWithFrame`.
    ///
    /// `level` is what the caller will wait for: the journal flushes for `Durable` whatever the policy. Work is only
    /// queued; `turn` submits it.
    pub fn commit(&mut self, effects: &[Effect<'_>], level: Level, outcomes: &mut Vec<Outcome>) -> Committed {
        outcomes.clear();
        if let Some(code) = self.refuses(effects) {
            outcomes.resize(effects.len(), Outcome::of(code));
            return Committed { code, lsn: 0 };
        }
        let lsn = self.journal.appended() + 1;
        let mut prepared = std::mem::take(&mut self.prepared);
        prepared.clear();
        let mut refused = None;
        let mut frame = KvFrame::of(effects);
        for (index, effect) in effects.iter().enumerate() {
            match self.prepare(effect, lsn, &mut frame) {
                Ok(effect) => prepared.push(effect),
                Err(code) => {
                    refused = Some((index, code));
                    break;
                }
            }
        }
        let committed = match refused {
            Some((index, code)) => {
                self.take_back(&mut prepared);
                outcomes.resize(effects.len(), Outcome::of(Code::RefusedWithFrame));
                outcomes[index] = Outcome::of(code);
                Committed { code, lsn: 0 }
            }
            None => self.journal_frame(effects, level, &mut prepared, outcomes),
        };
        self.prepared = prepared;
        committed
    }

    /// What refuses a whole frame before any effect is looked at.
    fn refuses(&self, effects: &[Effect<'_>]) -> Option<Code> {
        if self.closing != Closing::No {
            return Some(Code::Closing);
        }
        if let Some(code) = self.failure() {
            return Some(code);
        }
        if effects.len() > EFFECTS_MAX {
            return Some(Code::MessageTooLarge);
        }
        let full = self.unsettled_memory() >= self.config.memory_bytes;
        // Deletions and state changes go on: they are what makes room.
        if full && effects.iter().any(|effect| matches!(effect, Effect::Append(_) | Effect::KvPut { .. })) {
            return Some(self.busy());
        }
        None
    }

    fn busy(&self) -> Code {
        if self.checkpoint.no_space() { Code::NoSpace } else { Code::Busy }
    }

    fn prepare<'a>(
        &mut self,
        effect: &Effect<'a>,
        lsn: u64,
        frame: &mut KvFrame<'a>,
    ) -> Result<Prepared, Code> {
        match *effect {
            Effect::KvPut { key, .. } | Effect::KvDelete { key, .. } => {
                let now = self.kv_now();
                frame.judge(&self.kv, effect, lsn, now)?;
                if let Some(head) = self.large_head(effect, lsn)? {
                    return Ok(Prepared::KvLarge { head, before: 0 });
                }
                // The judge has refused longer keys.
                Ok(Prepared::Kv { key_length: (key.len() as u32).to_le_bytes(), before: 0 })
            }
            Effect::KvCheck { .. } => {
                let now = self.kv_now();
                frame.judge(&self.kv, effect, lsn, now)?;
                Ok(Prepared::Check)
            }
            Effect::KvClear { .. } | Effect::CreateStore { .. } | Effect::DropStore { .. } => {
                frame.judge(&self.kv, effect, lsn, 0)?;
                Ok(Prepared::Kv { key_length: [0; 4], before: 0 })
            }
            Effect::Append(append) => self.prepare_append(&append, lsn),
            Effect::EndTransaction(end) => self.prepare_end(&end, lsn),
            Effect::Put { key, .. } => {
                let key_length = u32::try_from(key.len()).map_err(|_| Code::MessageTooLarge)?.to_le_bytes();
                Ok(Prepared::Put { key_length })
            }
            Effect::Delete { .. } => Ok(Prepared::Delete),
            Effect::CreatePartition { partition } => {
                let handle = self.log.create(partition).ok_or(Code::Exists)?;
                Ok(Prepared::Create { handle })
            }
            Effect::DeletePartition { partition } => {
                let handle = self.log.hide(partition).ok_or(Code::UnknownPartition)?;
                Ok(Prepared::Hide { handle })
            }
            Effect::DeleteRecords { partition, offset } => {
                let handle = self.log.find(partition).ok_or(Code::UnknownPartition)?;
                let start = self.log.new_log_start(handle, offset)?;
                let before = self.log.move_log_start(handle, start);
                Ok(Prepared::Start { handle, before, start })
            }
        }
    }

    /// What goes before the value of a put that may lie in a large file.
    fn large_head(&self, effect: &Effect<'_>, lsn: u64) -> Result<Option<LargeHead>, Code> {
        let Effect::KvPut { store, key, value, expires_ms, .. } = *effect else { return Ok(None) };
        let from = self.config.large_bytes;
        if from == 0 || (value.len() as u64) < from {
            return Ok(None);
        }
        if value.len() > VALUE_MAX {
            return Err(Code::MessageTooLarge);
        }
        let id = &self.manifest.head.directory_id;
        Ok(Some(LargeHead::of(id, store, lsn, expires_ms, key, value)))
    }

    fn prepare_append(&mut self, append: &Append<'_>, lsn: u64) -> Result<Prepared, Code> {
        let rules = Rules {
            stamp_ms: append.stamp_append_time.then(|| self.io.wall_ms()),
            require_keys: append.require_keys,
            max_codec: append.max_codec,
            max_bytes: append.max_batch_bytes,
        };
        let mut checked = check(append.batch, &rules, &mut self.scratch)?;
        match self.log.judge(append.partition, &checked) {
            Judged::Refused(code) => Err(code),
            Judged::Duplicate { handle, base_offset, lsn } => {
                Ok(Prepared::Duplicate { handle, base: base_offset, lsn })
            }
            Judged::New(handle) => {
                self.log.check_timestamps(handle, &checked, || self.io.wall_ms())?;
                let (base, undo) = self.log.reserve(handle, &checked.header, None, lsn);
                checked.head.place(base, self.log.epoch());
                Ok(Prepared::Append { handle, checked, base, undo })
            }
        }
    }

    /// Gives all places back, newest first.
    fn take_back(&mut self, prepared: &mut Vec<Prepared>) {
        while let Some(effect) = prepared.pop() {
            match effect {
                Prepared::Append { handle, undo, .. } => self.log.undo_append(handle, &undo),
                Prepared::Create { handle } => self.log.undo_create(handle),
                Prepared::Hide { handle } => self.log.undo_hide(handle),
                Prepared::Start { handle, before, .. } => {
                    self.log.move_log_start(handle, before);
                }
                Prepared::Duplicate { .. }
                | Prepared::Put { .. }
                | Prepared::Delete
                | Prepared::Check
                | Prepared::Kv { .. }
                | Prepared::KvLarge { .. } => {}
            }
        }
    }

    fn journal_frame(
        &mut self,
        effects: &[Effect<'_>],
        level: Level,
        prepared: &mut Vec<Prepared>,
        outcomes: &mut Vec<Outcome>,
    ) -> Committed {
        let originals = prepared.iter().filter_map(|effect| match effect {
            Prepared::Duplicate { lsn, .. } => Some(*lsn),
            _ => None,
        });
        let newest_original = originals.max().unwrap_or(0);
        let appended = if prepared.iter().all(Prepared::is_there_already) {
            if level == Level::Durable && self.journal.durable() < newest_original {
                self.journal.request_flush();
            }
            Ok(Appended { lsn: newest_original, payloads: Vec::new(), places: Vec::new() })
        } else {
            self.append_frame(effects, level, prepared)
        };
        match appended {
            Ok(appended) => {
                let lsn = appended.lsn;
                self.attach(effects, prepared, appended);
                self.answer(prepared, outcomes);
                Committed { code: Code::Ok, lsn: lsn.max(newest_original) }
            }
            Err(error) => {
                self.take_back(prepared);
                let code = match error {
                    JournalError::Busy(busy) => {
                        // A settle gives laps back, whatever keeps the next file from being there.
                        self.checkpoint.asked |= !matches!(busy, Busy::Waiting | Busy::BulkNotReady);
                        if busy == Busy::NoSpace { Code::NoSpace } else { self.busy() }
                    }
                    JournalError::TooLarge { .. } => Code::MessageTooLarge,
                    _ => Code::Poisoned,
                };
                outcomes.resize(effects.len(), Outcome::of(code));
                Committed { code, lsn: 0 }
            }
        }
    }

    fn append_frame(
        &mut self,
        effects: &[Effect<'_>],
        level: Level,
        prepared: &[Prepared],
    ) -> Result<Appended, JournalError> {
        let mut records = 0u32;
        let parts: Vec<[&[u8]; 3]> = effects
            .iter()
            .zip(prepared)
            .map(|(effect, prepared)| {
                records = records.saturating_add(records_of(prepared));
                parts_of(effect, prepared)
            })
            .collect();
        let entries: Vec<Entry<'_>> = effects
            .iter()
            .zip(prepared)
            .zip(&parts)
            .filter_map(|((effect, prepared), parts)| {
                entry_of(effect, prepared, parts, self.config.bulk_bytes)
            })
            .collect();
        let request = Request { level, policy: self.policy_of(effects), records };
        // Only an interval looks at the clock, which costs more than the rest of a small append's bookkeeping.
        let now = if request.policy.interval_ns > 0 { self.io.now_ns() } else { 0 };
        self.journal.append(now, &entries, request)
    }

    /// The frame is in the journal: its effects become part of the views.
    fn attach(&mut self, effects: &[Effect<'_>], prepared: &mut [Prepared], appended: Appended) {
        let Appended { lsn, payloads, places } = appended;
        let mut payloads = payloads.into_iter();
        let mut places = places.into_iter();
        for (effect, prepared) in effects.iter().zip(prepared) {
            if prepared.is_there_already() {
                continue;
            }
            let payload = payloads.next().expect("the journal answers one piece per entry");
            let place = places.next().flatten();
            match (prepared, *effect) {
                (Prepared::Append { handle, checked, base, .. }, _) => {
                    let place = place.map(place_of);
                    self.log.attach(*handle, lsn, *base, &checked.header, payload, place);
                }
                (Prepared::Put { .. }, Effect::Put { key, value }) => self.state.put(key, value),
                (Prepared::Delete, Effect::Delete { key }) => self.state.delete(key),
                (Prepared::Kv { before, .. }, ref effect) => {
                    *before = self.attach_kv(effect, None, lsn, &payload, None);
                }
                (Prepared::KvLarge { head, before }, ref effect) => {
                    *before = self.attach_kv(effect, Some(&*head), lsn, &payload, place);
                }
                (Prepared::Hide { handle }, ref effect) => {
                    if let Effect::DeletePartition { partition } = effect {
                        self.forget_policy(*partition);
                    }
                    self.log.delete(*handle);
                }
                (Prepared::Start { handle, .. }, _) => self.log.trim(*handle),
                _ => {}
            }
        }
    }

    fn answer(&self, prepared: &[Prepared], outcomes: &mut Vec<Outcome>) {
        for effect in prepared {
            let mut outcome = Outcome::of(Code::Ok);
            let handle = match effect {
                Prepared::Append { handle, checked, base, .. } => {
                    outcome.base_offset = *base as i64;
                    outcome.log_append_time = checked.log_append_time;
                    Some(*handle)
                }
                Prepared::Duplicate { handle, base, .. } => {
                    outcome.code = Code::Duplicate;
                    outcome.base_offset = *base as i64;
                    Some(*handle)
                }
                Prepared::Create { handle } | Prepared::Start { handle, .. } => Some(*handle),
                Prepared::Kv { before, .. } | Prepared::KvLarge { before, .. } => {
                    outcome.base_offset = *before as i64;
                    None
                }
                Prepared::Put { .. } | Prepared::Delete | Prepared::Check | Prepared::Hide { .. } => None,
            };
            if let Some(partition) = handle.and_then(|handle| self.log.get(handle)) {
                outcome.log_start = partition.marks.log_start as i64;
                outcome.log_end = partition.marks.log_end as i64;
            }
            outcomes.push(outcome);
        }
    }
}

fn records_of(prepared: &Prepared) -> u32 {
    match prepared {
        Prepared::Append { checked, .. } => checked.header.count,
        Prepared::Duplicate { .. } | Prepared::Check => 0,
        _ => 1,
    }
}

fn parts_of<'a>(effect: &Effect<'a>, prepared: &'a Prepared) -> [&'a [u8]; 3] {
    match (prepared, *effect) {
        (Prepared::Append { checked, .. }, Effect::Append(append)) => {
            let head = checked.head.bytes();
            [head, &append.batch[head.len().max(PATCHED)..], &[]]
        }
        (Prepared::Append { checked, .. }, Effect::EndTransaction(end)) => {
            [checked.head.bytes(), end.marker().section(), &[]]
        }
        (Prepared::Put { key_length }, Effect::Put { key, value }) => [key_length, key, value],
        (Prepared::Delete, Effect::Delete { key }) => [key, &[], &[]],
        (Prepared::Kv { key_length, .. }, Effect::KvPut { key, value, .. }) => [key_length, key, value],
        (Prepared::KvLarge { head, .. }, Effect::KvPut { value, .. }) => [&head.bytes, value, &[]],
        (Prepared::Kv { .. }, Effect::KvDelete { key, .. }) => [key, &[], &[]],
        _ => [&[], &[], &[]],
    }
}

fn entry_of<'a>(
    effect: &Effect<'_>,
    prepared: &Prepared,
    parts: &'a [&'a [u8]; 3],
    bulk_bytes: u64,
) -> Option<Entry<'a>> {
    let (kind, group, argument) = match (prepared, *effect) {
        (Prepared::Duplicate { .. } | Prepared::Check, _) | (_, Effect::KvCheck { .. }) => return None,
        (Prepared::Start { start, .. }, Effect::DeleteRecords { partition, .. }) => {
            (DELETE_RECORDS, partition, *start)
        }
        (_, Effect::Append(append)) => (APPEND, append.partition, 0),
        (_, Effect::EndTransaction(end)) => (APPEND, end.partition, 0),
        (_, Effect::Put { .. }) => (PUT, 0, 0),
        (_, Effect::Delete { .. }) => (DELETE, 0, 0),
        (_, Effect::CreatePartition { partition }) => (CREATE_PARTITION, partition, 0),
        (Prepared::KvLarge { .. }, Effect::KvPut { store, expires_ms, .. }) => {
            (KV_PUT_LARGE, u64::from(store), expires_ms)
        }
        (_, Effect::KvPut { store, expires_ms, .. }) => (KV_PUT, u64::from(store), expires_ms),
        (_, Effect::KvDelete { store, .. }) => (KV_DELETE, u64::from(store), 0),
        (_, Effect::KvClear { store }) => (KV_CLEAR, u64::from(store), 0),
        (_, Effect::CreateStore { store }) => (CREATE_STORE, u64::from(store), 0),
        (_, Effect::DropStore { store }) => (DROP_STORE, u64::from(store), 0),
        (_, Effect::DeletePartition { partition } | Effect::DeleteRecords { partition, .. }) => {
            (DELETE_PARTITION, partition, 0)
        }
    };
    let bulk = bulk_of(prepared, bulk_bytes);
    Some(Entry { kind, flags: 0, group, argument, parts, bulk })
}

/// A large batch may go to a bulk file. The reference repeats its header, and the batch's own CRC covers the rest, so
/// no byte is checksummed twice. A value may go to a large file; there the head is all but the value.
fn bulk_of(prepared: &Prepared, bulk_bytes: u64) -> Option<Bulk> {
    if let Prepared::KvLarge { head, .. } = prepared {
        let head_bytes = head.bytes.len() as u32;
        return Some(Bulk { head_bytes, crc_from: head_bytes, crc: head.value_crc, space: Space::Large });
    }
    let Prepared::Append { checked, .. } = prepared else { return None };
    // What a marker says lies behind its header, where a damaged bulk file would have lost it.
    let large = bulk_bytes > 0 && !checked.header.control() && checked.header.length as u64 >= bulk_bytes;
    large.then_some(Bulk {
        head_bytes: HEADER as u32,
        crc_from: CHECKED_FROM as u32,
        crc: checked.header.crc,
        space: Space::Packed,
    })
}
