//! `cargo bench -p millrace-benches [-- NAME]`: the works of this package, measured; under `cargo test` each is done once.

use criterion::Criterion;
use millrace_benches::{batches, checksums, codecs, drivers, journal, keydir};
use std::path::Path;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    checksums::works(&mut criterion);
    codecs::works(&mut criterion);
    batches::works(&mut criterion);
    keydir::works(&mut criterion);
    journal::works(&mut criterion);
    drivers::works(&mut criterion, Path::new(env!("CARGO_TARGET_TMPDIR")));
    criterion.final_summary();
}
