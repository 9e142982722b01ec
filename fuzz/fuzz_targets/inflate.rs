//! See `targets::inflate`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::inflate(bytes));
