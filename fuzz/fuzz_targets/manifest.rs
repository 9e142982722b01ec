//! See `targets::manifest`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::manifest(bytes));
