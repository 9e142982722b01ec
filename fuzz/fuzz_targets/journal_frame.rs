//! See `targets::journal_frame`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::journal_frame(bytes));
