//! Judges the KV effects of one frame, each against everything appended before and the earlier effects of its frame.
//!
//! What it is not: the doing; that comes when the frame is in the journal (`kv.rs`), so a refusal has nothing to undo.
//!
//! The invariant: what is remembered of a frame is what the stores will say once its effects so far are done.

use crate::effect::Effect;
use crate::entry::KEY_MAX;
use millrace_kv::{Condition, Kv};
use millrace_log::Code;
use std::collections::BTreeMap;

/// The KV effects of a frame so far.
#[derive(Debug, Default)]
pub(crate) struct KvFrame<'a> {
    /// Stores that the frame created (true) or dropped (false).
    stores: BTreeMap<u32, bool>,
    /// Stores of which the frame removed all keys.
    emptied: BTreeMap<u32, ()>,
    /// Keys the frame wrote (its own LSN) or deleted (0). Kept only when a condition may ask.
    keys: BTreeMap<(u32, &'a [u8]), u64>,
    keeps_keys: bool,
}

impl<'a> KvFrame<'a> {
    pub fn of(effects: &[Effect<'a>]) -> KvFrame<'a> {
        let conditional = |effect: &Effect<'_>| match effect {
            Effect::KvPut { condition, .. }
            | Effect::KvDelete { condition, .. }
            | Effect::KvCheck { condition, .. } => *condition != Condition::None,
            _ => false,
        };
        KvFrame { keeps_keys: effects.len() > 1 && effects.iter().any(conditional), ..KvFrame::default() }
    }

    /// Whether the effect may happen; it is remembered then. Effects of other kinds always may.
    pub fn judge(&mut self, kv: &Kv, effect: &Effect<'a>, lsn: u64, now_ms: u64) -> Result<(), Code> {
        match *effect {
            Effect::KvPut { store, key, condition, .. } => {
                self.judge_key(kv, store, key, condition, now_ms)?;
                self.remember(store, key, lsn);
            }
            Effect::KvDelete { store, key, condition } => {
                self.judge_key(kv, store, key, condition, now_ms)?;
                self.remember(store, key, 0);
            }
            Effect::KvCheck { store, key, condition } => {
                self.judge_key(kv, store, key, condition, now_ms)?;
            }
            Effect::KvClear { store } => {
                self.must_have(kv, store)?;
                self.empty(store);
            }
            Effect::CreateStore { store } => {
                if self.has(kv, store) {
                    return Err(Code::Exists);
                }
                self.stores.insert(store, true);
                self.empty(store);
            }
            Effect::DropStore { store } => {
                self.must_have(kv, store)?;
                self.stores.insert(store, false);
                self.empty(store);
            }
            _ => {}
        }
        Ok(())
    }

    fn has(&self, kv: &Kv, store: u32) -> bool {
        self.stores.get(&store).copied().unwrap_or_else(|| kv.has_store(store))
    }

    fn must_have(&self, kv: &Kv, store: u32) -> Result<(), Code> {
        if self.has(kv, store) { Ok(()) } else { Err(Code::UnknownStore) }
    }

    fn judge_key(
        &self,
        kv: &Kv,
        store: u32,
        key: &[u8],
        condition: Condition,
        now_ms: u64,
    ) -> Result<(), Code> {
        self.must_have(kv, store)?;
        if key.len() > KEY_MAX {
            return Err(Code::MessageTooLarge);
        }
        if condition == Condition::None {
            return Ok(());
        }
        let sequence = match self.keys.get(&(store, key)) {
            Some(sequence) => *sequence,
            None if self.emptied.contains_key(&store) => 0,
            None if kv.is_fenced(store, key) => return Err(Code::Damaged),
            None => kv.sequence_of(store, key, now_ms).unwrap_or(0),
        };
        if condition.holds(sequence) { Ok(()) } else { Err(Code::ConditionFailed) }
    }

    fn remember(&mut self, store: u32, key: &'a [u8], sequence: u64) {
        if self.keeps_keys {
            self.keys.insert((store, key), sequence);
        }
    }

    fn empty(&mut self, store: u32) {
        self.emptied.insert(store, ());
        let gone: Vec<(u32, &[u8])> = self
            .keys
            .range((store, &[][..])..)
            .take_while(|((of, _), _)| *of == store)
            .map(|(key, _)| *key)
            .collect();
        for key in gone {
            self.keys.remove(&key);
        }
    }
}
