//! What an engine writes and reads directly does not pass through the page cache, so it takes no memory from anyone.

mod support;

use millrace_engine::Engine;
use millrace_io::{DriverChoice, Io, Limits};
use support::*;

#[test]
fn journal_and_segments_leave_nothing_in_the_page_cache() {
    let root =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cache-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&root);
    let open = || Io::open(&root, DriverChoice::Auto, Limits::default()).expect("a driver opens");
    let mut config = config();
    config.memory_bytes = 64 << 10;
    let (mut engine, _) = Engine::open(open(), config).expect("the engine opens");
    create(&mut engine, &[1]);
    for round in 0..120 {
        append_patiently(&mut engine, 1, &filler(round, 900));
    }
    assert!(engine.counters().settles > 0, "the test is about settled data too");
    read_all(&mut engine, 1);
    assert!(engine.counters().cold_reads > 0, "the test is about reads from segments too");
    let direct = engine.io().report().direct;
    let mut looked_at = 0;
    for directory in ["journal", "segments"] {
        let files = std::fs::read_dir(root.join(directory)).expect("listed");
        let names = files.map(|file| file.expect("listed").file_name().into_string().expect("ours"));
        for name in names.filter(|name| !name.ends_with(".index")) {
            let residency = engine.io().residency(format!("{directory}/{name}")).expect("it is there");
            assert!(!direct || residency.resident_bytes == 0, "{directory}/{name}: {residency:?}");
            looked_at += 1;
        }
    }
    assert!(looked_at >= 4, "{looked_at} files");
    drop(engine);
    std::fs::remove_dir_all(&root).expect("removed");
}
