//! bare-ring: what the device and the kernel alone give, to hold the engine against.
//!
//! ```text
//! bare-ring device --file PATH [--duration SECONDS]      one thread: 4 KiB direct write, then fdatasync
//! bare-ring append --file PATH [--writers 128] [--size 128] [--warm-up S] [--duration S]
//! bare-ring broker --file PATH                           answers millrace-load's produce until it is killed
//! ```
//!
//! `append` is the least program that keeps the engine's promise: every writer has one append outstanding, a commit
//! takes all that wait (header, value, chained CRC-32C, padded to 4 KiB), is one DSYNC write into a file written
//! beforehand, and acknowledges all of them. No topics, no offsets, no recovery, no JavaScript. The file is removed at the end.

mod append;
mod broker;
mod commits;
mod device;
mod direct_file;
mod provided;
mod requests;

use std::process::ExitCode;

use millrace_load::LoadError;
use millrace_load::arguments::Arguments;
use millrace_load::json::Object;

fn main() -> ExitCode {
    match run() {
        Ok(result) => {
            println!("{result}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("bare-ring: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<Object, LoadError> {
    let mut words = std::env::args().skip(1);
    let verb = words.next().unwrap_or_default();
    let mut arguments = Arguments::parse(words)?;
    match verb.as_str() {
        "device" => device::run(&mut arguments),
        "append" => append::run(&mut arguments),
        "broker" => broker::run(&mut arguments),
        other => Err(LoadError::Usage(format!("{other:?} is none of device, append, broker"))),
    }
}
