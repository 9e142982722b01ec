//! One machine through its lives: open, check, work, cut.

use super::account::whole_frames;
use super::model::{By, Effect, Expected, Frame, State, build};
use super::{Draw, Plan, Tally};
use millrace_engine::{
    Append, Code, Effect as Ask, Ended, Engine, EngineError, Isolation, Level, Outcome, Policy, Read,
};
use millrace_io::{Io, SimHandle};
use std::collections::BTreeMap;

/// Neighbouring ranges that are joined: fewer than in life, where settles are many.
const JOINED: usize = 4;

pub struct Machine {
    pub draw: Draw,
    pub tally: Tally,
    pub(super) plan: Plan,
    sim: SimHandle,
    /// The state after the last completed recovery; all of it is durable.
    base: State,
    /// Frames accepted since, in LSN order, and the state after all of them.
    pub(super) frames: Vec<Frame>,
    pub(super) now: State,
    /// What the last engine claimed before it died.
    written: u64,
    durable: u64,
    /// First LSN of every commit that was seen to be written in this life.
    commits: Vec<u64>,
    closed_cleanly: bool,
    killed: bool,
    /// A flush or write failed in this life: what was only written may be gone whatever ends it.
    poisoned: bool,
    /// The time of the last round of retention.
    pub(super) retained_ms: i64,
    /// A round of it was under way before the last turn.
    pub(super) retaining: bool,
    /// When it was last seen alive.
    died_at: u64,
    /// It was opened once.
    opened: bool,
}

enum Died {
    Yes,
    No,
}

impl Machine {
    pub fn new(seed: u64, plan: Plan) -> Machine {
        let sim = SimHandle::new(plan.device.clone());
        Machine {
            draw: Draw::new(seed),
            tally: Tally::default(),
            sim,
            plan,
            base: State::default(),
            frames: Vec::new(),
            now: State::default(),
            written: 0,
            durable: 0,
            commits: Vec::new(),
            closed_cleanly: false,
            killed: false,
            poisoned: false,
            died_at: 0,
            opened: false,
            retained_ms: 0,
            retaining: false,
        }
    }

    /// Opens, checks, works, and dies one way or another.
    pub fn live(&mut self) -> Result<(), String> {
        let mut engine = self.open()?;
        let within = 1 + self.draw.below(400);
        let fate = self.draw.below(10);
        if fate < 8 {
            let at = self.sim.events() + within;
            self.sim.change_options(|options| options.cut_at = Some(at));
        }
        let plan = self.plan.clone();
        if self.plan.errors {
            self.sim.change_options(|options| {
                let (read, write, flush) =
                    (plan.device.read_errors, plan.device.write_errors, plan.device.flush_failures);
                (options.read_errors, options.write_errors, options.flush_failures) = (read, write, flush);
                options.space = plan.device.space;
            });
        }
        let mut works = 0;
        let died = loop {
            if matches!(self.work(&mut engine)?, Died::Yes) {
                break Died::Yes;
            }
            works += 1;
            let tired = fate >= 8 && works >= within / 4;
            if tired || works > 500 || engine.events().failure.is_some() {
                break Died::No;
            }
        };
        self.poisoned = engine.events().failure.is_some();
        self.tally.poisoned += u64::from(self.poisoned);
        self.tally.settles += engine.counters().settles;
        self.tally.joins += engine.counters().compaction.joins;
        self.tally.cuts_in_joins += u64::from(self.sim.is_cut() && engine.is_compacting());
        self.tally.bulk_bytes += engine.counters().journal.bulk_bytes;
        self.tally.cold_reads += engine.counters().cold_reads;
        let io = engine.io().counters();
        self.tally.short += io.continued;
        self.tally.again += io.reissued;
        self.tally.failed += if self.sim.is_cut() { 0 } else { io.failed };
        if matches!(died, Died::No) {
            if fate == 8 { self.close(&mut engine)? } else { self.end_abruptly() }
        }
        self.killed = !self.sim.is_cut();
        self.tally.cuts += u64::from(!self.killed);
        self.tally.kills += u64::from(self.killed && !self.closed_cleanly);
        Ok(())
    }

    fn end_abruptly(&mut self) {
        if self.draw.one_in(2) { self.sim.cut_power() } else { self.sim.kill_process() }
    }

    /// The last opening: in calm everything must come to an end, and the next opening is clean.
    pub fn rest(&mut self) -> Result<(), String> {
        let mut engine = self.open()?;
        self.calm();
        for _ in 0..10 {
            if matches!(self.work(&mut engine)?, Died::Yes) {
                return Err("the power went although nobody cut it".to_string());
            }
        }
        self.must_accept(&mut engine)?;
        self.close(&mut engine)?;
        if !self.closed_cleanly {
            return Err("an engine in calm did not close cleanly".to_string());
        }
        drop(engine);
        self.killed = true;
        self.open().map(|_| ())
    }

    /// In calm a refusal for lack of room ends by itself: an append is accepted within a bounded time.
    fn must_accept(&mut self, engine: &mut Engine) -> Result<(), String> {
        let Some(partition) = self.now.partitions.keys().next().copied() else { return Ok(()) };
        let effect = Effect::Append { partition, count: 1, batch: build(1, 1, 10, None).into(), by: None };
        for _ in 0..5_000 {
            let code = self.commit_frame(engine, vec![effect.clone()])?;
            if code == Code::Ok {
                return Ok(());
            }
            let now = engine.io().now_ns();
            let due = engine.next_deadline().map_or(1_000_000, |deadline| deadline.saturating_sub(now));
            engine.wait(Some(due.max(1)));
            self.turns(engine, 1)?;
        }
        Err("an append is refused for ever".to_string())
    }

    fn calm(&mut self) {
        let plan = self.plan.clone();
        self.sim.change_options(|options| {
            plan.calm(options);
            options.cut_at = None;
        });
    }

    /// Opens until it succeeds, cutting the power during some of the attempts.
    fn open(&mut self) -> Result<Engine, String> {
        let mut cuts_left = if self.draw.one_in(4) { self.draw.below(4) } else { 0 };
        let mut ended = Some(self.how_it_ended());
        let whole = whole_frames(&self.sim);
        loop {
            self.calm();
            if cuts_left > 0 {
                cuts_left -= 1;
                let at = self.sim.events() + 1 + self.draw.below(60);
                self.sim.change_options(|options| options.cut_at = Some(at));
            }
            match Engine::open(Io::sim(self.sim.clone()), self.plan.config.clone()) {
                Ok((mut engine, account)) => {
                    engine.set_joining(JOINED);
                    if !account.damage.is_empty() {
                        return Err(format!("damage on an honest device: {:?}", account.damage));
                    }
                    if self.closed_cleanly
                        && self.killed
                        && !account.clean
                        && self.tally.cuts_in_recovery == 0
                    {
                        return Err("a clean close was not found clean".to_string());
                    }
                    self.sim.change_options(|options| options.cut_at = None);
                    self.check_account(&engine, &account, ended, &whole)?;
                    self.opened = true;
                    return self.check_recovered(engine);
                }
                Err(error) if self.sim.is_cut() => {
                    if !matches!(error, EngineError::Io(_) | EngineError::Journal(_)) {
                        return Err(format!("a power cut during recovery led to: {error}"));
                    }
                    self.tally.cuts += 1;
                    self.tally.cuts_in_recovery += 1;
                    self.killed = false;
                    ended = None;
                }
                Err(error) => return Err(format!("opening failed: {error}")),
            }
        }
    }

    fn how_it_ended(&self) -> Ended {
        match (self.opened, self.closed_cleanly, self.killed) {
            (false, ..) => Ended::First,
            (_, true, _) => Ended::Clean,
            (_, _, true) => Ended::Process,
            _ => Ended::Machine,
        }
    }

    /// A flush or write failed in the life before.
    pub(super) fn has_failed(&self) -> bool {
        self.poisoned
    }

    /// The state after the last recovery, and the frames accepted since.
    pub(super) fn known(&self) -> (&State, &[Frame]) {
        (&self.base, &self.frames)
    }

    /// Finds the prefix of frames that came back, and judges what is lost.
    fn check_recovered(&mut self, mut engine: Engine) -> Result<Engine, String> {
        let mut state = self.base.clone();
        let mut kept = state.matches(&engine, self.plan.partitions).then_some(0);
        let mut best = state.clone();
        for (index, frame) in self.frames.iter().enumerate() {
            state.replay(frame);
            if state.matches(&engine, self.plan.partitions) {
                kept = Some(index + 1);
                best = state.clone();
            }
        }
        let Some(kept) = kept else { return Err(self.no_prefix(&engine)) };
        self.check_loss(kept)?;
        (self.written, self.durable) = (engine.events().written, engine.events().durable);
        self.commits.clear();
        self.check_contents(&mut engine, &best)?;
        self.frames.clear();
        self.now = best.clone();
        self.base = best;
        self.closed_cleanly = false;
        Ok(engine)
    }

    fn no_prefix(&self, engine: &Engine) -> String {
        let found: Vec<_> = (1..=self.plan.partitions)
            .map(|id| engine.watermarks(id).map(|marks| (marks.log_start, marks.log_end)))
            .collect();
        let last: Vec<_> = (1..=self.plan.partitions)
            .map(|id| self.now.partitions.get(&id).map(|partition| (partition.start, partition.end)))
            .collect();
        let base: Vec<_> = (1..=self.plan.partitions)
            .map(|id| self.base.partitions.get(&id).map(|partition| (partition.start, partition.end)))
            .collect();
        format!(
            "what came back is no prefix of what was accepted: found {found:?}, base {base:?}, accepted {last:?}"
        )
    }

    /// DESIGN section 3: what may be missing after a kill and after a power cut.
    fn check_loss(&self, kept: usize) -> Result<(), String> {
        let lost = &self.frames[kept..];
        let Some(first) = lost.first() else { return Ok(()) };
        if first.lsn <= self.durable {
            return Err(format!("durable frame {} is lost (durable was {})", first.lsn, self.durable));
        }
        if self.poisoned {
            return Ok(());
        }
        if self.killed && first.lsn <= self.written {
            return Err(format!(
                "written frame {} is lost in a kill (written was {})",
                first.lsn, self.written
            ));
        }
        if self.closed_cleanly {
            return Err(format!("frame {} is lost after a clean close", first.lsn));
        }
        let Policy { records, bytes, interval_ns, .. } = self.plan.config.policy;
        let beyond: Vec<&Frame> = lost.iter().filter(|frame| frame.lsn <= self.written).collect();
        // "Plus one commit": the commit that weighs most does not count.
        let beyond_one_commit = |weigh: &dyn Fn(&Frame) -> u64| {
            let mut commits: BTreeMap<usize, u64> = BTreeMap::new();
            for frame in &beyond {
                *commits.entry(self.commits.partition_point(|first| *first <= frame.lsn)).or_default() +=
                    weigh(frame);
            }
            commits.values().sum::<u64>() - commits.values().max().copied().unwrap_or(0)
        };
        let lost_records = beyond_one_commit(&|frame| frame.records);
        if records > 0 && lost_records > records {
            return Err(format!("records {records} lost {lost_records} written records beyond one commit"));
        }
        let lost_bytes = beyond_one_commit(&|frame| frame.bytes);
        if bytes > 0 && lost_bytes > bytes {
            return Err(format!("bytes {bytes} lost {lost_bytes} written bytes beyond one commit"));
        }
        let window = interval_ns + self.plan.device.delay_ns.1 * 100;
        let old = |frame: &Frame| u64::from(self.died_at.saturating_sub(frame.appended_ns) > window);
        if interval_ns > 0 && beyond_one_commit(&old) > 0 {
            return Err(format!("interval {interval_ns} lost written frames that were older"));
        }
        Ok(())
    }

    /// Reads every partition whole and compares every byte.
    fn check_contents(&mut self, engine: &mut Engine, state: &State) -> Result<(), String> {
        for (&id, partition) in &state.partitions {
            let mut offset = partition.start;
            let mut expected = partition.batches.iter();
            while offset < partition.end {
                let pieces = self.read(engine, id, offset)?;
                let Some(pieces) = pieces else { return Ok(()) };
                if pieces.is_empty() {
                    return Err(format!("partition {id} ends at {offset} instead of {}", partition.end));
                }
                for piece in pieces {
                    let Some(batch) = expected.next() else {
                        return Err(format!("partition {id}: too much"));
                    };
                    if *batch.bytes != piece[..] {
                        return Err(format!("partition {id}, offset {offset}: other bytes came back"));
                    }
                    offset = batch.end;
                }
            }
        }
        Ok(())
    }

    /// Reads from an offset; `None` when the power went meanwhile.
    fn read(&mut self, engine: &mut Engine, id: u64, offset: u64) -> Result<Option<Vec<Vec<u8>>>, String> {
        let max_bytes = self.draw.pick(&[1, 500, 100_000]);
        let mut refused = 0;
        let pieces = loop {
            let token = match engine.read(id, offset as i64, max_bytes, Isolation::ReadUncommitted) {
                Read::Ready(pieces) => break pieces,
                // It was there when the read began first; retention has passed it since.
                Read::Refused(Code::OffsetOutOfRange) if refused > 0 && self.is_deleted(id, offset) => {
                    break Vec::new();
                }
                Read::Refused(code) => return Err(format!("partition {id}, offset {offset}: {code:?}")),
                Read::Pending(token) => token,
            };
            let mut finished = Vec::new();
            while !finished.iter().any(|(done, _)| *done == token) {
                if matches!(self.turn(engine)?, Died::Yes) {
                    return Ok(None);
                }
                engine.take_finished(&mut finished);
            }
            match engine.take_read(token) {
                Ok(pieces) => break pieces,
                // A device that fails reads may fail this one; the next one may succeed.
                Err(Code::Damaged) if self.plan.errors && refused < 200 => refused += 1,
                Err(code) => return Err(format!("partition {id}, offset {offset}, cold: {code:?}")),
            }
        };
        Ok(Some(pieces.iter().map(|piece| piece.bytes().to_vec()).collect()))
    }

    /// One turn, and what the engine claims after it.
    fn turn(&mut self, engine: &mut Engine) -> Result<Died, String> {
        let before = engine.counters().deletions;
        self.retaining = engine.is_retaining();
        let events = engine.turn();
        self.note_retention(engine, before)?;
        if self.sim.is_cut() {
            // What the engine says now it could not have told anyone.
            return Ok(Died::Yes);
        }
        if events.durable > events.written || events.written > events.appended {
            return Err(format!("watermarks out of order: {events:?}"));
        }
        if events.written < self.written || events.durable < self.durable {
            return Err(format!("watermarks went back: {events:?}"));
        }
        if events.written > self.written {
            self.commits.push(self.written + 1);
        }
        (self.written, self.durable) = (events.written, events.durable);
        self.died_at = self.sim.now_ns();
        Ok(Died::No)
    }

    fn turns(&mut self, engine: &mut Engine, count: u64) -> Result<Died, String> {
        for _ in 0..count {
            if matches!(self.turn(engine)?, Died::Yes) {
                return Ok(Died::Yes);
            }
        }
        Ok(Died::No)
    }

    fn work(&mut self, engine: &mut Engine) -> Result<Died, String> {
        match self.draw.below(20) {
            0 => {
                engine.flush();
            }
            1 => {
                // Time passes until something completes or is due: an interval ends, the idle mark, a retry.
                let ns = 1 + self.draw.below(60_000_000);
                let now = engine.io().now_ns();
                let due = engine.next_deadline().map_or(ns, |deadline| deadline.saturating_sub(now));
                engine.wait(Some(ns.min(due).max(1)));
            }
            2 => {
                let id = 1 + self.draw.below(self.plan.partitions);
                if !self.check_random_read(engine, id)? {
                    return Ok(Died::Yes);
                }
            }
            5 => self.begin_retention(engine),
            3 | 4 => {
                let turns = 1 + self.draw.below(30);
                return self.turns(engine, turns);
            }
            _ => self.commit(engine)?,
        }
        let turns = self.draw.below(4);
        self.turns(engine, turns)
    }

    /// Whether the model has a log start behind this offset.
    fn is_deleted(&self, id: u64, offset: u64) -> bool {
        self.now.partitions.get(&id).is_some_and(|partition| partition.start > offset)
    }

    fn check_random_read(&mut self, engine: &mut Engine, id: u64) -> Result<bool, String> {
        let Some(marks) = engine.watermarks(id) else { return Ok(true) };
        if marks.log_start >= marks.high_watermark {
            return Ok(true);
        }
        let offset = marks.log_start + self.draw.below(marks.high_watermark - marks.log_start);
        // Retention may go on while a cold read does.
        let partition = self.now.partitions[&id].clone();
        let Some(pieces) = self.read(engine, id, offset)? else { return Ok(false) };
        let first = partition.batches.partition_point(|batch| batch.end <= offset);
        if pieces.is_empty() && self.is_deleted(id, offset) {
            return Ok(true);
        }
        if pieces.is_empty() {
            return Err(format!("partition {id}: nothing at {offset}, below the high watermark"));
        }
        for (piece, batch) in pieces.iter().zip(&partition.batches[first..]) {
            if *batch.bytes != piece[..] {
                return Err(format!("partition {id}, offset {offset}: other bytes"));
            }
        }
        Ok(true)
    }

    /// Commits one random frame; the model says what must come of it.
    fn commit(&mut self, engine: &mut Engine) -> Result<(), String> {
        let count = if self.draw.one_in(3) { 1 + self.draw.below(4) } else { 1 };
        let mut effects: Vec<Effect> = (0..count).map(|_| self.draw_effect(engine)).collect();
        if effects.iter().any(|effect| matches!(effect, Effect::DeletePartition { .. })) {
            // A partition that is made anew can have the bounds of the old one: the map tells them apart.
            let value = self.tally.frames.to_le_bytes().to_vec();
            effects.push(Effect::Put { key: b"deleted".to_vec(), value });
        }
        if effects.iter().any(|effect| matches!(effect, Effect::Create { .. })) {
            // The model knows high watermarks from before the frame, not those of partitions it makes anew.
            effects.retain(|effect| !matches!(effect, Effect::DeleteRecords { .. }));
        }
        self.commit_frame(engine, effects).map(|_| ())
    }

    fn commit_frame(&mut self, engine: &mut Engine, effects: Vec<Effect>) -> Result<Code, String> {
        let epoch = engine.recovery_account().incarnation;
        let mut after = self.now.clone();
        let expected: Result<Vec<Expected>, Code> =
            effects.iter().map(|effect| after.apply(effect, epoch)).collect();
        let asks: Vec<Ask<'_>> = effects.iter().map(ask).collect();
        let level = self.draw.pick(&[Level::Memory, Level::Written, Level::Durable]);
        let now = engine.io().now_ns();
        let mut outcomes: Vec<Outcome> = Vec::new();
        let committed = engine.commit(&asks, level, &mut outcomes);
        let expected = match (committed.code, expected) {
            (Code::Ok, Ok(expected)) => expected,
            (code, expected) => {
                self.check_refusal(engine, code, expected.err())?;
                return Ok(code);
            }
        };
        for (expected, outcome) in expected.iter().zip(&outcomes) {
            let found = match outcome.code {
                Code::Ok if outcome.base_offset >= 0 => Expected::Appended(outcome.base_offset as u64),
                Code::Duplicate => Expected::Duplicate(outcome.base_offset as u64),
                _ => Expected::Done,
            };
            if found != *expected {
                return Err(format!("an effect was answered {outcome:?}, expected {expected:?}"));
            }
        }
        let is_new = |expected: &Expected| !matches!(expected, Expected::Duplicate(_));
        self.tally.duplicates += expected.iter().filter(|expected| !is_new(expected)).count() as u64;
        if expected.iter().any(is_new) {
            let news = effects.iter().zip(&expected).filter(|(_, expected)| is_new(expected));
            let (mut records, mut bytes) = (0, 0);
            for (effect, _) in news {
                let (count, length) = weight(effect);
                (records, bytes) = (records + count, bytes + length);
            }
            let lsn = committed.lsn;
            self.frames.push(Frame { lsn, epoch, records, bytes, appended_ns: now, effects });
            self.tally.frames += 1;
        }
        self.now = after;
        Ok(Code::Ok)
    }

    fn check_refusal(
        &mut self,
        engine: &mut Engine,
        code: Code,
        expected: Option<Code>,
    ) -> Result<(), String> {
        if code == Code::Ok {
            return Err(format!("a frame was accepted that must be refused with {expected:?}"));
        }
        let passing = matches!(code, Code::Busy | Code::NoSpace | Code::MessageTooLarge)
            || (code == Code::Poisoned && self.plan.errors);
        if Some(code) != expected && !passing {
            return Err(format!(
                "a frame was refused with {code:?} instead of {expected:?}: {:?}",
                engine.poison()
            ));
        }
        if self.draw.one_in(4) && !self.now.matches(engine, self.plan.partitions) {
            return Err(format!("a frame refused with {code:?} left a trace"));
        }
        Ok(())
    }

    fn draw_effect(&mut self, engine: &Engine) -> Effect {
        let partition = 1 + self.draw.below(self.plan.partitions);
        let key = vec![b'k', self.draw.below(6) as u8];
        match self.draw.below(60) {
            0..=2 => {
                let length = self.draw.below(200) as usize;
                Effect::Put { key, value: vec![self.draw.below(256) as u8; length] }
            }
            3 => Effect::Delete { key },
            4 => Effect::DeletePartition { partition },
            5 | 6 => {
                let start = engine.watermarks(partition).map_or(0, |marks| marks.high_watermark);
                Effect::DeleteRecords { partition, start }
            }
            7 => Effect::Create { partition },
            _ if !self.now.partitions.contains_key(&partition) => Effect::Create { partition },
            _ => self.draw_append(partition),
        }
    }

    fn draw_append(&mut self, partition: u64) -> Effect {
        let count = 1 + self.draw.below(4);
        let length = self.draw.below(self.plan.largest_value);
        let fill = self.draw.bits();
        let by: Option<By> = if self.draw.one_in(2) { None } else { Some((self.draw.below(3) as i64, 0, 0)) };
        let Some((id, ..)) = by else {
            return Effect::Append { partition, count, batch: build(fill, count, length, None).into(), by };
        };
        let producer = self.now.partitions[&partition].producers.get(&id);
        let Some(producer) = producer else {
            let by = Some((id, self.draw.below(3) as i16, self.draw.below(50) as i32));
            return Effect::Append { partition, count, batch: build(fill, count, length, by).into(), by };
        };
        let last = producer.sent.last().expect("a producer is remembered for a batch");
        let next = last.sequence + last.count as i32;
        let by = match self.draw.below(12) {
            // A retry of one of the last five.
            0 | 1 => {
                let sent = &producer.sent[self.draw.below(producer.sent.len() as u64) as usize];
                let by = Some((id, producer.epoch, sent.sequence));
                return Effect::Append { partition, count: sent.count, batch: sent.batch.clone(), by };
            }
            2 => (id, producer.epoch + 1, 0),
            3 => (id, producer.epoch - 1, next),
            4 => (id, producer.epoch, next + 1),
            _ => (id, producer.epoch, next),
        };
        // Epochs are never negative on the wire.
        let by = Some((by.0, by.1.max(0), by.2));
        Effect::Append { partition, count, batch: build(fill, count, length, by).into(), by }
    }

    /// Closes; the power may still go meanwhile.
    fn close(&mut self, engine: &mut Engine) -> Result<(), String> {
        engine.close_begin();
        for _ in 0..100_000 {
            if matches!(self.turn(engine)?, Died::Yes) {
                return Ok(());
            }
            if engine.is_closed() {
                self.closed_cleanly = engine.has_clean_mark();
                if !self.closed_cleanly && !self.plan.errors {
                    return Err("an honest device took no clean mark".to_string());
                }
                self.tally.clean_closes += u64::from(self.closed_cleanly);
                return Ok(());
            }
        }
        Err("closing does not come to an end".to_string())
    }
}

fn ask(effect: &Effect) -> Ask<'_> {
    match effect {
        Effect::Append { partition, batch, .. } => Ask::Append(Append::new(*partition, batch)),
        Effect::Put { key, value } => Ask::Put { key, value },
        Effect::Delete { key } => Ask::Delete { key },
        Effect::Create { partition } => Ask::CreatePartition { partition: *partition },
        Effect::DeletePartition { partition } => Ask::DeletePartition { partition: *partition },
        Effect::DeleteRecords { partition, .. } => Ask::DeleteRecords { partition: *partition, offset: -1 },
    }
}

/// Records and payload bytes, as policies count them.
fn weight(effect: &Effect) -> (u64, u64) {
    match effect {
        Effect::Append { count, batch, .. } => (*count, batch.len() as u64),
        _ => (1, 0),
    }
}
