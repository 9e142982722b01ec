//! See `targets::shared_segment`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::shared_segment(bytes));
