//! JavaScript memory, seen from here: doubles and bytes of typed arrays, for the length of one call.
//!
//! Not shared memory: an array over a SharedArrayBuffer is refused, because another thread could write while we read.
//!
//! The one invariant: nothing of this outlives the call it was made in, and no JavaScript runs while it is alive, so the
//! memory can neither move nor change under it.

use crate::status::{Refusal, check};
use napi::sys;
use std::marker::PhantomData;

const UINT8: sys::napi_typedarray_type = sys::TypedarrayType::uint8_array;
const FLOAT64: sys::napi_typedarray_type = sys::TypedarrayType::float64_array;

/// Where a typed array's memory is now: pointer, element count.
fn typed_array(
    env: sys::napi_env,
    value: sys::napi_value,
    wanted: sys::napi_typedarray_type,
) -> Result<(*mut u8, usize), Refusal> {
    let mut kind = 0;
    let mut length = 0;
    let mut data = std::ptr::null_mut();
    let mut buffer = std::ptr::null_mut();
    let mut ordinary = false;
    // SAFETY: `env` and `value` come from the running call; all outputs are live locals.
    unsafe {
        check(
            "napi_get_typedarray_info",
            sys::napi_get_typedarray_info(
                env,
                value,
                &raw mut kind,
                &raw mut length,
                &raw mut data,
                &raw mut buffer,
                std::ptr::null_mut(),
            ),
        )?;
        check("napi_is_arraybuffer", sys::napi_is_arraybuffer(env, buffer, &raw mut ordinary))?;
    }
    if kind != wanted {
        return Err(Refusal::argument("a typed array of another element type was expected"));
    }
    if !ordinary {
        return Err(Refusal::argument(
            "shared memory is not taken: another thread could change it during the call",
        ));
    }
    Ok((data.cast(), if data.is_null() { 0 } else { length }))
}

/// A Float64Array argument. Reads and writes are bounds-checked copies.
pub(crate) struct Doubles<'call> {
    start: *mut f64,
    length: usize,
    call: PhantomData<&'call ()>,
}

impl Doubles<'_> {
    pub(crate) fn of(env: sys::napi_env, value: sys::napi_value) -> Result<Self, Refusal> {
        let (start, length) = typed_array(env, value, FLOAT64)?;
        Ok(Doubles { start: start.cast(), length, call: PhantomData })
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Copies `N` doubles from index `at`.
    pub(crate) fn row<const N: usize>(&self, at: usize) -> [f64; N] {
        assert!(at.checked_add(N).is_some_and(|end| end <= self.length), "row outside its array");
        // SAFETY: inside the array (asserted), f64-aligned by V8, and any bit pattern is an f64.
        unsafe { self.start.add(at).cast::<[f64; N]>().read() }
    }

    /// Writes `values` from index `at`.
    pub(crate) fn put(&mut self, at: usize, values: &[f64]) {
        assert!(at.checked_add(values.len()).is_some_and(|end| end <= self.length), "row outside its array");
        // SAFETY: inside the array (asserted); Rust memory and the array cannot overlap.
        unsafe { std::ptr::copy_nonoverlapping(values.as_ptr(), self.start.add(at), values.len()) }
    }
}

/// A Uint8Array argument (a Buffer is one).
pub(crate) struct Bytes<'call> {
    start: *mut u8,
    length: usize,
    call: PhantomData<&'call ()>,
}

impl<'call> Bytes<'call> {
    pub(crate) fn of(env: sys::napi_env, value: sys::napi_value) -> Result<Self, Refusal> {
        let (start, length) = typed_array(env, value, UINT8)?;
        Ok(Bytes { start, length, call: PhantomData })
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// All bytes. The memory is private to this thread, and no JavaScript runs before the call ends.
    pub(crate) fn all(&self) -> &'call [u8] {
        if self.length == 0 {
            return &[];
        }
        // SAFETY: V8 memory of exactly this length, pinned by the argument's handle for the call; see the module.
        unsafe { std::slice::from_raw_parts(self.start, self.length) }
    }

    /// Copies `bytes` to position `at`; the caller has checked that they fit.
    pub(crate) fn put(&mut self, at: usize, bytes: &[u8]) {
        assert!(
            at.checked_add(bytes.len()).is_some_and(|end| end <= self.length),
            "bytes outside their array"
        );
        // SAFETY: inside the array (asserted); engine memory and V8 memory cannot overlap.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.start.add(at), bytes.len()) }
    }
}

/// A double that must be a whole number in `0..=2^53`; None for anything else.
#[must_use]
pub(crate) fn whole(value: f64) -> Option<u64> {
    const LARGEST: f64 = 9_007_199_254_740_992.0;
    if !(0.0..=LARGEST).contains(&value) || value.fract() != 0.0 {
        return None;
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Some(value as u64)
}

/// As `whole`, for values that may be negative (offsets asked for, timestamps, epochs).
#[must_use]
pub(crate) fn signed(value: f64) -> Option<i64> {
    let magnitude = i64::try_from(whole(value.abs())?).ok()?;
    Some(if value < 0.0 { -magnitude } else { magnitude })
}

/// As `whole`, for positions and counts.
#[must_use]
pub(crate) fn index(value: f64) -> Option<usize> {
    usize::try_from(whole(value)?).ok()
}
