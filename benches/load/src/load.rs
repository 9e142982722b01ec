//! A run of load: all connections on as few threads as told, one thread that watches the clock and the CPU times.
//!
//! Not here: what is sent and read. Remember: the load shares the machine with what it measures, so everything it does
//! per request is paid by the figures; requests are sent as soon as their turn comes, never saved up.

use std::thread;
use std::time::Duration;

use millrace_load::LoadError;
use millrace_load::arguments::Arguments;
use millrace_load::json::Object;
use millrace_load::measure::{Stretch, Tally};
use millrace_load::process::Process;

use crate::channel::{Channel, Work};
use crate::connection::connect;
use crate::poller::Poller;
use crate::wire::Request;

/// Most that one read takes: small enough to stay in a core's own cache.
const READ_LENGTH: usize = 256 << 10;
/// A broker that says nothing at all for so long has failed.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// What every run is told.
pub struct Settings {
    bootstrap: String,
    connections: usize,
    threads: usize,
    warm_up: Duration,
    duration: Duration,
    server: Option<Process>,
}

impl Settings {
    /// Takes them from the command line.
    pub fn take(arguments: &mut Arguments) -> Result<Settings, LoadError> {
        let connections: usize = arguments.or("connections", 1)?;
        let threads: usize = arguments.or("threads", 1)?;
        if connections == 0 || threads == 0 {
            return Err(LoadError::Usage("--connections and --threads cannot be 0".into()));
        }
        Ok(Settings {
            bootstrap: arguments.required("bootstrap")?,
            connections,
            threads: threads.min(connections),
            warm_up: Duration::from_secs_f64(arguments.or("warm-up", 1.0)?),
            duration: Duration::from_secs_f64(arguments.or("duration", 5.0)?),
            server: arguments.take("server-pid")?.map(Process::new),
        })
    }
}

/// Runs the load and returns its figures. `plan(i)` is what connection i does: its work and the head of its requests;
/// `rest` follows every head.
pub fn run<W: Work>(
    settings: &Settings,
    in_flight: usize,
    rest: &[u8],
    plan: impl Fn(usize) -> (W, Request),
) -> Result<Object, LoadError> {
    let mut groups: Vec<Vec<Channel<'_, W>>> = (0..settings.threads).map(|_| Vec::new()).collect();
    for index in 0..settings.connections {
        let (work, head) = plan(index);
        let channel = Channel::new(connect(&settings.bootstrap)?, work, &head, rest, in_flight)?;
        groups[index % settings.threads].push(channel);
    }
    let stretch = Stretch::starting_now(settings.warm_up, settings.duration);
    let (tally, cpu) = thread::scope(|scope| {
        let threads: Vec<_> =
            groups.into_iter().map(|channels| scope.spawn(move || drive(channels, stretch))).collect();
        let cpu = stretch.watch(settings.server)?;
        let mut total = Tally::new(stretch);
        for thread in threads {
            total.add(&thread.join().map_err(|_| LoadError::Panicked)??);
        }
        Ok::<_, LoadError>((total, cpu))
    })?;
    let result = tally.result(cpu.server).number("loadCpuSeconds", cpu.own);
    let Some(server) = settings.server else { return Ok(result) };
    Ok(result.count("serverResidentBytes", server.resident_bytes()?))
}

/// One thread: keeps its connections busy until the stretch is over, then waits for the answers that are missing.
fn drive<W: Work>(mut channels: Vec<Channel<'_, W>>, stretch: Stretch) -> Result<Tally, LoadError> {
    let mut tally = Tally::new(stretch);
    let mut poller = Poller::new()?;
    let mut room = vec![0; READ_LENGTH];
    for (number, channel) in channels.iter_mut().enumerate() {
        poller.add(&channel.stream, number)?;
        channel.send(false)?;
    }
    let mut over = false;
    while !over || channels.iter().any(|channel| !channel.idle()) {
        let mut silent = true;
        for number in poller.wait(ANSWER_TIMEOUT)? {
            silent = false;
            let channel = &mut channels[number];
            channel.receive(&mut room, &mut tally)?;
            over = over || stretch.over();
            channel.send(over)?;
        }
        if silent {
            return Err(LoadError::Silent { seconds: ANSWER_TIMEOUT.as_secs() });
        }
    }
    Ok(tally)
}
