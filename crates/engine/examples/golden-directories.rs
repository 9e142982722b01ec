//! Writes the golden directories of today's format into `crates/engine/tests/golden`, and what they hold beside them: once
//! for each version of the manifest. `cargo run -p millrace-engine --example golden-directories`

#[path = "../tests/support/compacted.rs"]
mod compacted;
#[path = "../tests/support/golden/mod.rs"]
mod golden;
#[path = "../tests/support/kv/mod.rs"]
mod kv;
#[path = "../tests/support/mod.rs"]
mod support;

use golden::{Left, files, folder, look_at, tar, write};
use millrace_engine::manifest::VERSION;
use millrace_io::DriverChoice;

fn main() -> std::io::Result<()> {
    std::fs::create_dir_all(folder())?;
    for left in Left::ALL {
        let archive = tar::pack(&files(&write(left)));
        println!("{}: {} bytes", left.archive(VERSION).display(), archive.len());
        std::fs::write(left.archive(VERSION), archive)?;
        std::fs::write(left.contents(VERSION), look_at(left, VERSION, DriverChoice::Pool))?;
    }
    Ok(())
}
