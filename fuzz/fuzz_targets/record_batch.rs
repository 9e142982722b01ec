//! See `targets::record_batch`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::record_batch(bytes));
