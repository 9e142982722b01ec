//! The page: watermarks, finished tokens and counters as doubles that JavaScript reads without a call.
//!
//! The memory is V8's, never ours: it is written through a pointer asked for anew each time, inside a call or callback,
//! after its length was checked. So it may be detached, transferred or collected at any time, and nothing of ours
//! dangles; and it works where external buffers are refused.
//!
//! Layout: `Page` in ts/io/native-types.ts, which names every index used here.

use crate::memory::Doubles;
use crate::status::{Refusal, check};
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
    array: sys::napi_ref,
}

impl Page {
    /// Makes the page and keeps it alive.
    pub(crate) fn new(env: sys::napi_env) -> Result<Page, Refusal> {
        let mut buffer = std::ptr::null_mut();
        let mut array = std::ptr::null_mut();
        let mut reference = std::ptr::null_mut();
        let bytes = LENGTH * size_of::<f64>();
        // SAFETY: inside a call from JavaScript, so `env` has a handle scope; all outputs are live locals. V8 zeroes
        // the memory.
        unsafe {
            let mut data = std::ptr::null_mut();
            check("page", sys::napi_create_arraybuffer(env, bytes, &raw mut data, &raw mut buffer))?;
            let kind = sys::TypedarrayType::float64_array;
            check("page", sys::napi_create_typedarray(env, kind, LENGTH, buffer, 0, &raw mut array))?;
            check("page", sys::napi_create_reference(env, array, 1, &raw mut reference))?;
        }
        Ok(Page { head: [0.0; HEAD], array: reference })
    }

    /// The Float64Array, as a value of the current handle scope.
    pub(crate) fn value(&self, env: sys::napi_env) -> Result<sys::napi_value, Refusal> {
        let mut value = std::ptr::null_mut();
        // SAFETY: the reference is strong and lives until `release`.
        unsafe { check("page", sys::napi_get_reference_value(env, self.array, &raw mut value))? };
        Ok(value)
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
        let mut array = Doubles::of(env, self.value(env)?)?;
        if array.len() < LENGTH {
            return Ok(());
        }
        array.put(0, &self.head);
        for (index, token) in tokens.iter().enumerate() {
            array.put(HEAD + index * TOKEN, token);
        }
        Ok(())
    }

    /// Lets JavaScript's memory go.
    pub(crate) fn release(&mut self, env: sys::napi_env) {
        let reference = std::mem::replace(&mut self.array, std::ptr::null_mut());
        if !reference.is_null() {
            // SAFETY: made by `new`, deleted once.
            unsafe { sys::napi_delete_reference(env, reference) };
        }
    }
}
