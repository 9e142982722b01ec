//! Directories that formats have left, closed and killed, are opened for ever: with the same account, the same findings and the
//! same content.
//!
//! New archives, when the format of the manifest has a new version: `cargo run -p millrace-engine --example
//! golden-directories`, and a line in `VERSIONS`.

#[path = "support/compacted.rs"]
mod compacted;
#[path = "support/golden/mod.rs"]
mod golden;
#[path = "support/kv/mod.rs"]
mod kv;
mod support;

use golden::{Left, look_at, tar};
use millrace_engine::manifest::VERSION;
use millrace_io::{DriverChoice, Io, Limits};

/// Versions of the manifest with archives, oldest first; today's is the last.
const VERSIONS: [u32; 2] = [6, 7];

/// What a directory of each version holds, as it is found today and as it was found when it was written.
fn assert_unchanged(driver: DriverChoice) {
    for (version, left) in VERSIONS.iter().flat_map(|version| Left::ALL.map(|left| (*version, left))) {
        let expected = std::fs::read_to_string(left.contents(version)).expect("its contents are there");
        assert_eq!(look_at(left, version, driver), expected, "{left:?}, manifest version {version}");
    }
}

#[test]
fn golden_directories_hold_what_they_held_on_threads() {
    assert_unchanged(DriverChoice::Pool);
}

#[test]
fn golden_directories_hold_what_they_held_on_the_ring() {
    let root = std::env::temp_dir().join(format!("millrace-golden-ring-{}", std::process::id()));
    let has_ring = Io::open(&root, DriverChoice::Ring, Limits::default()).is_ok();
    let _ = std::fs::remove_dir_all(&root);
    if has_ring {
        assert_unchanged(DriverChoice::Ring);
    }
}

#[test]
fn todays_version_has_archives_with_files_of_every_kind_and_all_stay_small() {
    assert_eq!(VERSIONS.last(), Some(&VERSION), "run the example, and add the version here");
    let mut bytes = 0;
    for (version, left) in VERSIONS.iter().flat_map(|version| Left::ALL.map(|left| (*version, left))) {
        let archive = std::fs::read(left.archive(version)).expect("the archive is there");
        bytes += archive.len();
        let names: Vec<String> = tar::unpack(&archive).into_keys().collect();
        for kind in ["manifest", "journal/", ".log", ".index", ".shared", ".bulk", ".data", ".hint"] {
            assert!(names.iter().any(|name| name.contains(kind)), "{left:?} has {kind}: {names:?}");
        }
    }
    assert!(bytes < 100 << 10, "{bytes} bytes in git");
}
