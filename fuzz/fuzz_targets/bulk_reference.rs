//! See `targets::bulk_reference`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::bulk_reference(bytes));
