//! What each simple command of a run reads, writes and answers.
//!
//! What it is not: their order, their frames, and what a refusal takes back (`command_run.rs`).
//!
//! The invariant: a command decides whether it is done here before it writes anything; what it finds is what the run has
//! written, and behind that the stores.

use crate::command_run::{Run, RunEnd, RunInput};
use crate::engine::Engine;
use crate::hash_head::HashHead;
use crate::run_writes::{Piece, RunWrites, Wrote};
use millrace_kv::Peek;
use millrace_resp::{
    ARGUMENT_MAX, REPLY_LEAST, Simple, absent, array, bulk, bulk_bytes, integer, number, ok,
};

/// Latest moment that the Redis server stores as it is, ms since 1970.
const LATEST_MS: u64 = (1 << 53) - 1;

/// What lies under a key.
struct Looked<'l> {
    /// The value and when it expires, ms since 1970 (0: never); `None`: there is no such key.
    entry: Option<(&'l [u8], u64)>,
    /// The run has written it, in a frame that is not appended yet.
    is_pending: bool,
}

/// `None`: the value is not in memory, or damage keeps it from being known.
fn look<'l>(
    engine: &'l mut Engine,
    writes: &'l mut RunWrites<'_>,
    now_ms: u64,
    store: u32,
    key: &[u8],
) -> Option<Looked<'l>> {
    match writes.find(store, key) {
        Some(Wrote::Put { value, expires_ms }) => {
            return Some(Looked { entry: Some((value, expires_ms)), is_pending: true });
        }
        Some(Wrote::Removed) => return Some(Looked { entry: None, is_pending: true }),
        None => {}
    }
    let entry = match engine.kv_peek_entry(store, key, now_ms) {
        (Peek::Ready(value), expires_ms) => Some((value, expires_ms)),
        (Peek::Absent, _) => None,
        (Peek::Elsewhere, _) => return None,
    };
    Some(Looked { entry, is_pending: false })
}

/// What kept a command from being done here.
type Stop = RunEnd;

impl<'a> Run<'_, 'a> {
    /// Runs one command: its reply is behind the others, or why it did not happen is answered.
    pub(crate) fn simple(
        &mut self,
        input: &RunInput<'a>,
        at: usize,
        command: Simple<'a, '_>,
    ) -> Result<(), Stop> {
        if REPLY_LEAST > self.room_left() {
            return Err(RunEnd::Full);
        }
        match command {
            Simple::Get { key } => self.get(input, at, key),
            Simple::Set { key, value, seconds } => self.set(input, at, key, value, seconds),
            Simple::Add { key, by } => self.add(input, at, key, by),
            Simple::Delete { key } => self.delete(input, at, key),
            Simple::Exists { key } => self.exists(input, at, key),
            Simple::GetMany { keys } => self.get_many(input, at, keys),
            Simple::Expire { key, seconds } => self.expire(input, at, key, seconds),
            Simple::HashGet { key, field } => self.hash_get(input, at, key, field),
            Simple::HashSet { key, field, value } => self.hash_set(input, at, key, field, value),
        }
    }

    fn room_left(&self) -> usize {
        self.room - self.replies.len()
    }

    fn get(&mut self, input: &RunInput<'a>, at: usize, key: &[u8]) -> Result<(), Stop> {
        if self.value(at, input.strings, key)? {
            self.answer.ran[at].hits += 1;
        } else {
            self.must_be_no_collection(input, key)?;
            absent(self.replies, input.protocol);
            self.answer.ran[at].misses += 1;
        }
        Ok(())
    }

    /// Answers the value of a key; false: there is none, and nothing was answered.
    fn value(&mut self, at: usize, store: u32, key: &[u8]) -> Result<bool, Stop> {
        let room = self.room_left();
        let looked = look(self.engine, &mut self.writes, self.now_ms, store, key).ok_or(RunEnd::Other)?;
        let is_there = match looked.entry {
            Some((value, _)) if bulk_bytes(value.len()) > room => return Err(RunEnd::Full),
            Some((value, _)) => {
                bulk(self.replies, value);
                true
            }
            None => false,
        };
        if looked.is_pending {
            self.depends(at);
        }
        Ok(is_there)
    }

    fn get_many(&mut self, input: &RunInput<'a>, at: usize, keys: &[&[u8]]) -> Result<(), Stop> {
        array(self.replies, keys.len());
        let mut hits = 0;
        for key in keys {
            if REPLY_LEAST > self.room_left() {
                return Err(RunEnd::Full);
            }
            if self.value(at, input.strings, key)? {
                hits += 1;
            } else {
                absent(self.replies, input.protocol);
            }
        }
        let ran = &mut self.answer.ran[at];
        ran.hits += hits;
        ran.misses += keys.len() as u64 - hits;
        Ok(())
    }

    fn set(
        &mut self,
        input: &RunInput<'a>,
        at: usize,
        key: &'a [u8],
        value: &'a [u8],
        seconds: Option<i64>,
    ) -> Result<(), Stop> {
        let expires_ms = seconds.map_or(Ok(0), |seconds| self.moment(seconds))?;
        self.must_be_no_collection(input, key)?;
        self.depends(at);
        self.writes.put(input.strings, Piece::Given(key), Piece::Given(value), expires_ms);
        ok(self.replies);
        Ok(())
    }

    fn add(&mut self, input: &RunInput<'a>, at: usize, key: &'a [u8], by: i64) -> Result<(), Stop> {
        let looked =
            look(self.engine, &mut self.writes, self.now_ms, input.strings, key).ok_or(RunEnd::Other)?;
        let (before, expires_ms) = match looked.entry {
            Some((value, expires_ms)) => (integer(value).ok_or(RunEnd::Other)?, expires_ms),
            None => {
                self.must_be_no_collection(input, key)?;
                (0, 0)
            }
        };
        let sum = before.checked_add(by).ok_or(RunEnd::Other)?;
        self.depends(at);
        let value = self.writes.make_number(sum);
        self.writes.put_over(input.strings, Piece::Given(key), value, expires_ms);
        number(self.replies, sum);
        Ok(())
    }

    fn delete(&mut self, input: &RunInput<'a>, at: usize, key: &'a [u8]) -> Result<(), Stop> {
        let is_there = self.holds(at, input.strings, key)?;
        if is_there {
            self.depends(at);
            self.writes.remove(input.strings, Piece::Given(key));
        } else {
            self.must_be_no_collection(input, key)?;
        }
        number(self.replies, i64::from(is_there));
        Ok(())
    }

    fn exists(&mut self, input: &RunInput<'a>, at: usize, key: &[u8]) -> Result<(), Stop> {
        let is_there = self.holds(at, input.strings, key)?
            || match input.collections {
                Some(collections) => self.holds(at, collections.heads, key)?,
                None => false,
            };
        number(self.replies, i64::from(is_there));
        let ran = &mut self.answer.ran[at];
        ran.hits += u64::from(is_there);
        ran.misses += u64::from(!is_there);
        Ok(())
    }

    fn expire(&mut self, input: &RunInput<'a>, at: usize, key: &'a [u8], seconds: i64) -> Result<(), Stop> {
        let expires_ms = self.moment(seconds)?;
        let looked =
            look(self.engine, &mut self.writes, self.now_ms, input.strings, key).ok_or(RunEnd::Other)?;
        let is_pending = looked.is_pending;
        // Copied: it may lie among what the run has made.
        let value = match looked.entry {
            Some((value, _)) if value.len() > ARGUMENT_MAX => return Err(RunEnd::Other),
            Some((value, _)) => Some(value.to_vec()),
            None => None,
        };
        match value {
            Some(value) => {
                self.depends(at);
                let value = self.writes.make(&[&value]);
                self.writes.put_over(input.strings, Piece::Given(key), value, expires_ms);
                number(self.replies, 1);
            }
            None => {
                self.must_be_no_collection(input, key)?;
                if is_pending {
                    self.depends(at);
                }
                number(self.replies, 0);
            }
        }
        Ok(())
    }

    fn hash_get(&mut self, input: &RunInput<'a>, at: usize, key: &[u8], field: &[u8]) -> Result<(), Stop> {
        let Some((head, _)) = self.hash(input, at, key)? else {
            if self.holds(at, input.strings, key)? {
                return Err(RunEnd::Other);
            }
            absent(self.replies, input.protocol);
            self.answer.ran[at].misses += 1;
            return Ok(());
        };
        let Some(collections) = input.collections else { return Err(RunEnd::Other) };
        let member = [&head.prefix()[..], field].concat();
        if !self.value(at, collections.members, &member)? {
            absent(self.replies, input.protocol);
        }
        self.answer.ran[at].hits += 1;
        Ok(())
    }

    /// Of a hash that is there: a new one is given its number by the server.
    fn hash_set(
        &mut self,
        input: &RunInput<'a>,
        at: usize,
        key: &'a [u8],
        field: &[u8],
        value: &'a [u8],
    ) -> Result<(), Stop> {
        let Some(collections) = input.collections else { return Err(RunEnd::Other) };
        let Some((head, expires_ms)) = self.hash(input, at, key)? else { return Err(RunEnd::Other) };
        let member = [&head.prefix()[..], field].concat();
        let is_there = self.holds(at, collections.members, &member)?;
        self.depends(at);
        let member = self.writes.make(&[&member]);
        self.writes.put_over(collections.members, member, Piece::Given(value), 0);
        if !is_there {
            let grown = self.writes.make(&[&head.grown()]);
            self.writes.put_over(collections.heads, Piece::Given(key), grown, expires_ms);
        }
        number(self.replies, i64::from(!is_there));
        Ok(())
    }

    /// The hash under a key and when it expires; `None`: there is no collection.
    fn hash(&mut self, input: &RunInput<'_>, at: usize, key: &[u8]) -> Result<Option<(HashHead, u64)>, Stop> {
        let Some(collections) = input.collections else { return Ok(None) };
        let looked =
            look(self.engine, &mut self.writes, self.now_ms, collections.heads, key).ok_or(RunEnd::Other)?;
        let Some((bytes, expires_ms)) = looked.entry else { return Ok(None) };
        let head = HashHead::of(bytes).ok_or(RunEnd::Other)?;
        if looked.is_pending {
            self.depends(at);
        }
        Ok(Some((head, expires_ms)))
    }

    /// Whether a key is there, wherever its value is.
    fn holds(&mut self, at: usize, store: u32, key: &[u8]) -> Result<bool, Stop> {
        let is_there = match self.writes.find(store, key) {
            Some(wrote) => matches!(wrote, Wrote::Put { .. }),
            None => return self.engine.kv_holds(store, key, self.now_ms).ok_or(RunEnd::Other),
        };
        self.depends(at);
        Ok(is_there)
    }

    /// What holds a collection is the server's. Runs neither make nor remove any.
    fn must_be_no_collection(&mut self, input: &RunInput<'_>, key: &[u8]) -> Result<(), Stop> {
        let Some(collections) = input.collections else { return Ok(()) };
        match self.engine.kv_holds(collections.heads, key, self.now_ms) {
            Some(false) => Ok(()),
            _ => Err(RunEnd::Other),
        }
    }

    /// So many seconds from now, in ms since 1970.
    fn moment(&self, seconds: i64) -> Result<u64, Stop> {
        let ms = u64::try_from(seconds).ok().and_then(|seconds| seconds.checked_mul(1000));
        let moment = ms.and_then(|ms| ms.checked_add(self.now_ms));
        moment.filter(|moment| *moment <= LATEST_MS).ok_or(RunEnd::Other)
    }
}
