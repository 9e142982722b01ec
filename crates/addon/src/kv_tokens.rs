//! Values that are on their way from a data file, by token: waited for, there, or of a page that is asked for again.
//!
//! The one invariant: a token leaves here once: with its value, or with the code it was reported with.

use millrace_engine::{Code, Engine, KvRead};
use std::collections::HashMap;

/// What a token stands for.
enum Open {
    Value,
    Page,
}

/// All KV tokens of one engine.
#[derive(Default)]
pub(crate) struct KvTokens {
    open: HashMap<u64, Open>,
    /// Reported, and not fetched yet.
    taken: HashMap<u64, KvRead>,
}

impl KvTokens {
    /// Whether something is on its way.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.open.is_empty()
    }

    /// A value is on its way.
    pub(crate) fn expect_value(&mut self, token: u64) {
        self.open.insert(token, Open::Value);
    }

    /// What a page needs is on its way.
    pub(crate) fn expect_page(&mut self, token: u64) {
        self.open.insert(token, Open::Page);
    }

    /// A token has finished; answers the code and the bytes to report, None when it is none of these.
    pub(crate) fn finish(&mut self, engine: &mut Engine, token: u64) -> Option<(Code, u64)> {
        match self.open.remove(&token)? {
            Open::Page => Some((Code::Ok, 0)),
            Open::Value => {
                let read = engine.kv_take(token);
                let bytes = if let KvRead::Ready(found) = &read { found.value.len() as u64 } else { 0 };
                self.taken.insert(token, read);
                Some((Code::Ok, bytes))
            }
        }
    }

    /// What was read for a token; `Absent` for one that is not known.
    pub(crate) fn take(&mut self, token: u64) -> KvRead {
        self.taken.remove(&token).unwrap_or(KvRead::Absent)
    }

    /// Keeps what there was no room for.
    pub(crate) fn keep(&mut self, token: u64, read: KvRead) {
        self.taken.insert(token, read);
    }
}
