//! millrace-load: pre-encoded load for anything that speaks the Kafka protocol, and nothing but load.
//!
//! Every request is encoded once before the clock starts; one thread (`--threads N` for more) serves all connections by
//! epoll, sends the request patched in place, and checks each answer's error codes. So the figures are the broker's, not a client's. The first error ends the run with
//! exit code 1: a rate that contains refusals is not a rate. Results go to stdout as one JSON object.
//!
//! ```text
//! millrace-load create  --bootstrap H:P --topic T --partitions N
//! millrace-load produce --bootstrap H:P --topic T --partitions N --connections C --in-flight F --records R --size S
//!                       [--acks -1] [--codec none] [--warm-up SECONDS] [--duration SECONDS] [--server-pid PID]
//!                       [--threads 1]
//! millrace-load fetch   --bootstrap H:P --topic T --partitions N --connections C [--max-bytes B] [...]
//! ```

mod batch;
mod channel;
mod connection;
mod cutter;
mod fetch;
mod load;
mod poller;
mod produce;
mod topic;
mod wire;

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
            eprintln!("millrace-load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<Object, LoadError> {
    let mut words = std::env::args().skip(1);
    let verb = words.next().unwrap_or_default();
    let mut arguments = Arguments::parse(words)?;
    let result = match verb.as_str() {
        "create" => topic::create(&mut arguments),
        "produce" => produce::run(&mut arguments),
        "fetch" => fetch::run(&mut arguments),
        other => Err(LoadError::Usage(format!("{other:?} is none of create, produce, fetch"))),
    }?;
    Ok(result)
}
