//! See `targets::journal_file`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::journal_file(bytes));
