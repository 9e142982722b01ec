//! See `targets::whole_directory`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::whole_directory(bytes));
