//! The page: watermarks, finished tokens and counters as doubles that JavaScript reads without a call.
//!
//! The memory is V8's, never ours (kept_doubles.rs).
//!
//! Layout: `Page` in ts/io/native-types.ts, which names every index used here.

use crate::kept_doubles::KeptDoubles;
use crate::status::Refusal;
use napi::sys;

pub(crate) const WRITTEN_LSN: usize = 0;
pub(crate) const DURABLE_LSN: usize = 1;
pub(crate) const APPENDED_LSN: usize = 2;
pub(crate) const FAILURE: usize = 3;
const TOKENS: usize = 4;
pub(crate) const UNSETTLED_BYTES: usize = 5;
pub(crate) const RECOVERY_KEPT_BYTES: usize = 6;
pub(crate) const RECOVERY_CUT_BYTES: usize = 7;
const IN_CALLBACK: usize = 8;
pub(crate) const WALL_MS: usize = 9;
pub(crate) const ABORTED: usize = 10;
pub(crate) const READ_AHEAD_HELD: usize = 11;
pub(crate) const CALLS_IN: usize = 16;
pub(crate) const CALLBACKS_OUT: usize = 17;
pub(crate) const ENTERS: usize = 18;
pub(crate) const FLUSHES: usize = 19;
pub(crate) const WRITES: usize = 20;
pub(crate) const BYTES_WRITTEN: usize = 21;
pub(crate) const BYTES_COPIED: usize = 22;
pub(crate) const COMMITS: usize = 23;
pub(crate) const FRAMES: usize = 24;
pub(crate) const READS: usize = 25;
pub(crate) const BYTES_READ: usize = 26;
pub(crate) const SETTLES: usize = 27;
pub(crate) const LAPS: usize = 28;
pub(crate) const COMPACTIONS: usize = 29;
pub(crate) const COMPACTIONS_ABANDONED: usize = 30;
pub(crate) const COMPACTED_BYTES: usize = 31;
pub(crate) const COMPACTED_BYTES_LEFT: usize = 32;
pub(crate) const READ_AHEAD_WINDOWS: usize = 33;
pub(crate) const READ_AHEAD_BYTES: usize = 34;
pub(crate) const READ_AHEAD_ANSWERS: usize = 35;
pub(crate) const READ_AHEAD_UNREAD_BYTES: usize = 36;
pub(crate) const JOINS: usize = 37;
pub(crate) const JOINED_RANGES: usize = 38;
pub(crate) const JOINED_BYTES: usize = 39;
/// Doubles before the tokens.
const HEAD: usize = 64;
/// Doubles of one finished token: token, code, bytes copied.
const TOKEN: usize = 3;
/// Tokens one callback can report.
pub(crate) const TOKENS_MAX: usize = 1024;
const LENGTH: usize = HEAD + TOKEN * TOKENS_MAX;

/// Our copy of the head, and the way to JavaScript's.
pub(crate) struct Page {
    head: [f64; HEAD],
    array: KeptDoubles,
}

impl Page {
    /// Makes the page and keeps it alive.
    pub(crate) fn new(env: sys::napi_env) -> Result<Page, Refusal> {
        Ok(Page { head: [0.0; HEAD], array: KeptDoubles::new(env, LENGTH)? })
    }

    /// The Float64Array, as a value of the current handle scope.
    pub(crate) fn value(&self, env: sys::napi_env) -> Result<sys::napi_value, Refusal> {
        self.array.value(env)
    }

    pub(crate) fn set(&mut self, index: usize, value: u64) {
        #[allow(clippy::cast_precision_loss)]
        let value = value as f64;
        self.head[index] = value;
    }

    pub(crate) fn add(&mut self, index: usize, more: u64) {
        #[allow(clippy::cast_precision_loss)]
        let more = more as f64;
        self.head[index] += more;
    }

    /// Written and durable LSN and the failure code: what JavaScript is woken for.
    pub(crate) fn watermarks(&self) -> [f64; 3] {
        [self.head[WRITTEN_LSN], self.head[DURABLE_LSN], self.head[FAILURE]]
    }

    /// Says whether the one callback is running.
    pub(crate) fn in_callback(&mut self, running: bool) {
        self.head[IN_CALLBACK] = f64::from(u8::from(running));
    }

    /// Shows the head and `tokens` to JavaScript. A page that JavaScript has detached stays dark; that is its loss.
    pub(crate) fn publish(&mut self, env: sys::napi_env, tokens: &[[f64; TOKEN]]) -> Result<(), Refusal> {
        assert!(tokens.len() <= TOKENS_MAX, "more tokens than the page has room for");
        self.head[TOKENS] = f64::from(u32::try_from(tokens.len()).unwrap_or(0));
        let Some(mut array) = self.array.doubles(env)? else { return Ok(()) };
        array.put(0, &self.head);
        for (index, token) in tokens.iter().enumerate() {
            array.put(HEAD + index * TOKEN, token);
        }
        Ok(())
    }

    /// Lets JavaScript's memory go.
    pub(crate) fn release(&mut self, env: sys::napi_env) {
        self.array.release(env);
    }
}
