//! Lives of a journal on one simulated machine: recover, work, end; again and again.
//!
//! What it is not: it demands nothing; the model does.
//!
//! The one invariant: every completion is handed to the journal, and the journal takes every one.

use super::model::{Content, End, Model, content_of};
use super::plan;
use super::{Checked, Exercised, Violation, ensure};
use millrace_io::sim::Random;
use millrace_io::{Io, OpQueue, SimHandle, SimOptions};
use millrace_journal::{
    Busy, Config, Entry, Journal, JournalError, JournalReport, OpenError, Request, Start,
};

pub const DIRECTORY_ID: u64 = 0x1122_3344_5566_7788;

/// One machine, its model and everything random about the run.
pub struct Run {
    pub sim: SimHandle,
    pub model: Model,
    pub config: Config,
    pub random: Random,
    requests: Vec<Request>,
    /// I/O errors are part of this run.
    pub errors: bool,
    incarnation: u32,
    clean: bool,
    pub exercised: Exercised,
}

impl Run {
    pub fn new(seed: u64, options: SimOptions, errors: bool) -> Run {
        let mut random = Random::new(seed ^ 0x6a6f_7572_6e61_6c00);
        let config = plan::config(&mut random);
        let requests = plan::requests(&mut random);
        Run {
            sim: SimHandle::new(options),
            model: Model::default(),
            config,
            random,
            requests,
            errors,
            incarnation: 0,
            clean: false,
            exercised: Exercised::default(),
        }
    }

    /// `lives` lives, each ended by a power cut, a kill or a clean stop; then a calm one in which all must go well.
    pub fn lives(&mut self, lives: u32) -> Checked<()> {
        let mut end = End::Kill;
        for _ in 0..lives {
            if self.random.coin() {
                end = self.cut_during_recovery(end)?;
            }
            end = self.life(end)?;
        }
        self.sim.change_options(|options| {
            let calm = SimOptions::perfect(options.seed);
            *options = SimOptions { fua: options.fua, strict_names: options.strict_names, ..calm };
        });
        self.errors = false;
        self.calm_life(end)
    }

    fn start(&self) -> Start {
        Start {
            directory_id: DIRECTORY_ID,
            incarnation: self.incarnation,
            checkpoint_lsn: self.model.checkpoint,
            durable_lsn: self.model.hint,
            clean: self.clean,
        }
    }

    fn recover(
        &mut self,
        io: &mut Io,
        seen: &mut Vec<(u64, Content)>,
    ) -> Result<(Journal, JournalReport), OpenError> {
        seen.clear();
        self.incarnation += 1;
        Journal::recover(io, self.config.clone(), self.start(), &mut |frame| {
            seen.push((frame.lsn(), content_of(&frame)));
        })
    }

    /// A few recoveries that are cut in the middle. What they leave must recover like what they found.
    fn cut_during_recovery(&mut self, mut end: End) -> Checked<End> {
        for _ in 0..self.random.between(1, 3) {
            let at = self.sim.events() + 1 + self.random.below(60);
            self.sim.change_options(|options| options.cut_at = Some(at));
            let mut io = Io::sim(self.sim.clone());
            let result = self.recover(&mut io, &mut Vec::new());
            let cut = self.sim.is_cut();
            self.sim.change_options(|options| options.cut_at = None);
            if !cut {
                self.sim.kill_process();
            } else if end == End::Kill {
                end = End::PowerCut;
            }
            self.exercised.cuts += u64::from(cut);
            ensure(cut || self.errors || result.is_ok(), || format!("recovery failed: {:?}", result.err()))?;
        }
        Ok(end)
    }

    /// Opens, compares with the model, works for a while, and ends somehow.
    fn life(&mut self, previous: End) -> Checked<End> {
        let mut io = Io::sim(self.sim.clone());
        let mut seen = Vec::new();
        let (journal, report) = match self.recover(&mut io, &mut seen) {
            Ok(recovered) => recovered,
            Err(error) if self.errors => {
                self.expect_io(&error)?;
                self.sim.kill_process();
                return Ok(previous);
            }
            Err(error) => return Err(Violation { what: format!("recovery failed: {error}") }),
        };
        self.exercised.lost_written += self.model.written.saturating_sub(report.last_lsn);
        self.model.check(previous, &seen, &report)?;
        self.clean = false;
        let mut at_work = AtWork { run: self, io, journal, queue: OpQueue::default() };
        at_work.work()
    }

    fn expect_io(&self, error: &OpenError) -> Checked<()> {
        ensure(matches!(error, OpenError::Io(_)), || format!("opening failed with {error}"))
    }

    /// Without faults: everything is recovered, appended and made durable, and comes back once more.
    fn calm_life(&mut self, previous: End) -> Checked<()> {
        let mut io = Io::sim(self.sim.clone());
        let mut seen = Vec::new();
        let recovered = self.recover(&mut io, &mut seen);
        let (journal, report) =
            recovered.map_err(|error| Violation { what: format!("calm recovery failed: {error}") })?;
        self.model.check(previous, &seen, &report)?;
        self.clean = false;
        let mut at_work = AtWork { run: self, io, journal, queue: OpQueue::default() };
        for _ in 0..30 {
            at_work.append(Request::DURABLE)?;
            at_work.turn()?;
        }
        at_work.drive_until_durable()?;
        drop(at_work);
        self.sim.cut_power();
        let mut io = Io::sim(self.sim.clone());
        let (_, report) = self
            .recover(&mut io, &mut seen)
            .map_err(|error| Violation { what: format!("last recovery failed: {error}") })?;
        self.model.check(End::PowerCut, &seen, &report)
    }
}

/// A journal while it is open.
struct AtWork<'a> {
    run: &'a mut Run,
    io: Io,
    journal: Journal,
    queue: OpQueue,
}

impl AtWork<'_> {
    fn work(&mut self) -> Checked<End> {
        let steps = self.run.random.between(0, 150);
        if self.run.random.coin() {
            let at = self.run.sim.events() + 1 + self.run.random.below(steps * 3 + 1);
            self.run.sim.change_options(|options| options.cut_at = Some(at));
        }
        for _ in 0..steps {
            if self.run.sim.is_cut() || self.journal.poison().is_some() {
                break;
            }
            self.act()?;
        }
        let end = self.end()?;
        self.run.sim.change_options(|options| options.cut_at = None);
        self.run.exercised.laps += self.journal.counters().laps;
        Ok(end)
    }

    fn act(&mut self) -> Checked<()> {
        match self.run.random.below(16) {
            0..9 => {
                let kinds = self.run.requests.len() as u64;
                let request = self.run.requests[self.run.random.below(kinds) as usize];
                self.append(request)
            }
            9..14 => self.turn(),
            14 => {
                let ns = self.run.random.between(1, 12) * 1_000_000;
                self.run.sim.advance(ns);
                self.turn()
            }
            _ => {
                self.settle();
                Ok(())
            }
        }
    }

    /// Publishes a checkpoint somewhere at or below what is written, as a manifest would.
    fn settle(&mut self) {
        let model = &mut self.run.model;
        let lsn = self.run.random.between(model.checkpoint, model.written);
        model.checkpoint = lsn;
        if self.run.random.coin() {
            model.hint = self.journal.durable();
        }
        self.journal.settled(lsn);
    }

    fn append(&mut self, request: Request) -> Checked<()> {
        let content = plan::content(&mut self.run.random, self.journal.max_frame_bytes());
        let now = self.io.now_ns();
        let (middle, parts): (usize, Vec<_>) =
            (self.run.random.below(100) as usize, content.iter().collect());
        let split: Vec<[&[u8]; 2]> = parts
            .iter()
            .map(|entry| {
                let (first, rest) = entry.4.split_at(middle.min(entry.4.len()));
                [first, rest]
            })
            .collect();
        let entries: Vec<Entry<'_>> = parts
            .iter()
            .zip(&split)
            .map(|(entry, parts)| Entry {
                kind: entry.0,
                flags: entry.1,
                group: entry.2,
                argument: entry.3,
                parts,
                bulk: None,
            })
            .collect();
        match self.journal.append(now, &entries, request) {
            Ok(appended) => {
                for (piece, entry) in appended.payloads.iter().zip(&content) {
                    ensure(piece.bytes() == entry.4, || "the returned bytes differ".into())?;
                }
                self.run.model.append(appended.lsn, content, request, now);
                Ok(())
            }
            Err(JournalError::Busy(busy)) => self.make_room(busy),
            Err(JournalError::Poisoned(_)) => ensure(self.run.errors, || "poisoned without a fault".into()),
            Err(other) => Err(Violation { what: format!("append refused: {other}") }),
        }
    }

    /// What a layer above does when the journal is busy.
    fn make_room(&mut self, busy: Busy) -> Checked<()> {
        if busy == Busy::Unsettled {
            self.run.model.checkpoint = self.run.model.written;
            self.journal.settled(self.run.model.written);
        }
        self.turn()
    }

    /// One turn of a host: step, submit, drain, complete, submit.
    fn turn(&mut self) -> Checked<()> {
        self.journal.step(self.io.now_ns(), &mut self.queue);
        self.io.submit(&mut self.queue);
        let mut completions = Vec::new();
        self.io.drain(&mut completions);
        for completion in completions {
            let mut slot = Some(completion);
            self.journal.complete(self.io.now_ns(), &mut slot, &mut self.queue);
            ensure(slot.is_none(), || "a completion belongs to nobody".into())?;
        }
        self.io.submit(&mut self.queue);
        let journal = &self.journal;
        self.run.model.see(journal.appended(), journal.written(), journal.durable())
    }

    /// Flushes and works until everything is durable; in a calm world that takes few turns.
    fn drive_until_durable(&mut self) -> Checked<()> {
        for _ in 0..2000 {
            if self.journal.durable() == self.journal.appended() && !self.journal.has_operations() {
                return Ok(());
            }
            if self.run.sim.is_cut() || self.journal.poison().is_some() {
                return Ok(());
            }
            self.journal.request_flush();
            self.turn()?;
        }
        Err(Violation { what: format!("no progress: {:?}", self.journal) })
    }

    fn end(&mut self) -> Checked<End> {
        let poisoned = self.journal.poison().is_some();
        ensure(!poisoned || self.run.errors, || {
            format!("poisoned without a fault: {:?}", self.journal.poison())
        })?;
        self.run.exercised.poisonings += u64::from(poisoned);
        if self.run.sim.is_cut() {
            self.run.exercised.cuts += 1;
            return Ok(if poisoned { End::Poisoned } else { End::PowerCut });
        }
        match self.run.random.below(3) {
            0 => {
                self.run.sim.cut_power();
                self.run.exercised.cuts += 1;
                Ok(if poisoned { End::Poisoned } else { End::PowerCut })
            }
            1 if !poisoned => self.stop_cleanly(),
            _ => {
                self.run.sim.kill_process();
                Ok(if poisoned { End::Poisoned } else { End::Kill })
            }
        }
    }

    /// Flushes everything and tells the manifest so; a power cut afterwards must take nothing.
    fn stop_cleanly(&mut self) -> Checked<End> {
        self.drive_until_durable()?;
        if self.journal.poison().is_some() {
            self.run.exercised.poisonings += 1;
            self.run.sim.kill_process();
            return Ok(End::Poisoned);
        }
        if !self.run.sim.is_cut() {
            self.run.clean = true;
            self.run.model.hint = self.journal.durable();
            self.run.sim.cut_power();
        }
        self.run.exercised.cuts += 1;
        Ok(End::PowerCut)
    }
}
