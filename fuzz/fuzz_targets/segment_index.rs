//! See `targets::segment_index`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::segment_index(bytes));
