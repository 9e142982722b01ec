//! Group commit on a simulated disk, which answers at once: what is measured is the journal's own work.

use criterion::{Criterion, Throughput};
use millrace_io::{Io, OpQueue, SimHandle, SimOptions};
use millrace_journal::{Config, Entry, Journal, JournalError, Request, Start};

struct Work {
    io: Io,
    journal: Journal,
    queue: OpQueue,
}

impl Work {
    fn open() -> Work {
        let mut io = Io::sim(SimHandle::new(SimOptions::perfect(1)));
        let start =
            Start { directory_id: 1, incarnation: 1, checkpoint_lsn: 0, durable_lsn: 0, clean: false };
        let journal = Journal::create(&mut io, Config::default(), start).expect("a new disk takes a journal");
        Work { io, journal, queue: OpQueue::default() }
    }

    /// So many appends of `payload`, all on their way together, until they are durable.
    fn append(&mut self, writers: u64, payload: &[u8]) {
        let mut left = writers;
        let mut completions = Vec::new();
        while left > 0 || self.journal.durable() < self.journal.appended() {
            let now = self.io.now_ns();
            while left > 0 {
                let entry = Entry { kind: 1, flags: 0, group: 1, argument: 0, parts: &[payload], bulk: None };
                match self.journal.append(now, &[entry], Request::DURABLE) {
                    Ok(_) => left -= 1,
                    Err(JournalError::Busy(_)) => {
                        self.journal.settled(self.journal.durable());
                        break;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            self.journal.step(now, &mut self.queue);
            self.io.submit(&mut self.queue);
            self.io.drain(&mut completions);
            for completion in completions.drain(..) {
                self.journal.complete(self.io.now_ns(), &mut Some(completion), &mut self.queue);
            }
        }
    }
}

/// One append, and 128 that share a commit.
pub fn works(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("journal");
    for (writers, bytes) in [(1, 128), (128, 128), (16, 16_384)] {
        let (mut work, payload) = (Work::open(), vec![7; bytes]);
        group.throughput(Throughput::Elements(writers));
        group.bench_function(format!("{writers} appends of {bytes} bytes"), |bencher| {
            bencher.iter(|| work.append(writers, &payload));
        });
    }
    group.finish();
}
