//! `NativeEngine`: the class JavaScript calls. Each method converts arguments, asks the engine, and answers numbers.
//!
//! Not a policy and not a default. The one invariant: a call into JavaScript's memory copies, checks, then uses; no
//! JavaScript runs while the engine is borrowed.

use crate::host_loop::{Destination, Host, State, copy};
use crate::leases::{Leases, bytes_of};
use crate::memory::{Bytes, Doubles, index, signed, whole};
use crate::options::{self, Options};
use crate::page::{self, Page};
use crate::plan::{self, Buffers, double, unsigned};
use crate::read_rows::{self, Ask, epoch_of, isolation_of, put_all, put_offset, put_readable};
use crate::report;
use crate::status::{Refusal, check};
use crate::{sim_registry, teardown};
use millrace_engine::{Code, Effect, Engine, EpochEnd, Offset, Outcome, Read, RecoveryAccount, account_text};
use millrace_io::sim::FailAt;
use millrace_io::{Io, Limits, SimHandle};
use napi::bindgen_prelude::{Function, Unknown};
use napi::{Env, JsValue, sys};
use napi_derive::napi;
use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

/// What JavaScript catches: its `code` is a `Refusal`'s.
pub(crate) type Thrown = napi::Error<String>;

/// One engine, driven by the loop of the environment that made it.
#[napi]
pub struct NativeEngine {
    host: Rc<Host>,
    account: RecoveryAccount,
    driver: report::DriverReport,
    sim: Option<SimHandle>,
    /// Decoded rows of a frame, reused from call to call.
    outcomes: RefCell<Vec<Outcome>>,
    /// Replies of a run of commands, reused from call to call.
    pub(crate) replies: RefCell<Vec<u8>>,
}

/// Random ids of a directory that is created by this open.
fn fresh_identity() -> Result<[[u8; 16]; 2], Refusal> {
    let mut ids = [[0_u8; 16]; 2];
    for id in &mut ids {
        // SAFETY: fills exactly these 16 bytes; up to 256 the kernel never returns fewer.
        let filled = unsafe { libc::getrandom(id.as_mut_ptr().cast(), id.len(), 0) };
        if filled != 16 {
            return Err(Refusal::new("RUNTIME", "the kernel gave no random bytes"));
        }
    }
    Ok(ids)
}

fn open_io(options: &Options) -> Result<(Io, Option<SimHandle>), Refusal> {
    let Some(choice) = options.driver_choice()? else {
        let sim = sim_registry::open(&options.sim_id, options::number("simSeed", options.sim_seed)?);
        return Ok((Io::sim(sim.clone()), Some(sim)));
    };
    let io = Io::open(Path::new(&options.dir), choice, Limits::default())
        .map_err(|error| report::open_refusal(&error))?;
    Ok((io, None))
}

#[napi]
impl NativeEngine {
    /// Opens (or creates) a data directory; blocks for the recovery. `wake` is the one callback.
    #[napi(constructor)]
    pub fn new(env: Env, options: Options, wake: Function<'_, (), ()>) -> Result<NativeEngine, Thrown> {
        Ok(Self::open(env.raw(), &options, wake.raw())?)
    }

    fn open(env: sys::napi_env, options: &Options, wake: sys::napi_value) -> Result<NativeEngine, Refusal> {
        let config = options.engine_config(fresh_identity()?)?;
        let memory_bytes = config.memory_bytes;
        let (io, sim) = open_io(options)?;
        let driver = report::driver(io.report());
        let (engine, account) = Engine::open(io, config).map_err(|error| report::engine_refusal(&error))?;
        let mut page = Page::new(env)?;
        page.set(page::RECOVERY_KEPT_BYTES, account.kept_bytes);
        page.set(page::RECOVERY_CUT_BYTES, account.cut_bytes);
        let mut reference = std::ptr::null_mut();
        // SAFETY: `wake` is an argument of the running constructor.
        unsafe { check("wake", sys::napi_create_reference(env, wake, 1, &raw mut reference))? };
        // The tail may be leased as a whole, and as much again of what it has let go of.
        let leases = Leases::new(usize::try_from(memory_bytes).unwrap_or(usize::MAX).saturating_mul(2));
        let host = Host::start(env, engine, reference, page, leases)?;
        teardown::register(&host)?;
        Ok(NativeEngine {
            host,
            account,
            driver,
            sim,
            outcomes: RefCell::default(),
            replies: RefCell::default(),
        })
    }

    /// The shared page, a Float64Array.
    #[napi(getter)]
    pub fn page(&self, env: Env) -> Result<Unknown<'_>, Thrown> {
        let state = self.host.state.borrow();
        let value = state.page.value(env.raw())?;
        // SAFETY: a value of the running call.
        Ok(unsafe { Unknown::from_raw_unchecked(env.raw(), value) })
    }

    #[napi]
    pub fn driver_report(&self) -> report::DriverReport {
        self.driver.clone()
    }

    #[napi]
    pub fn recovery_account(&self) -> report::Account {
        report::account(&self.account)
    }

    /// The same with every partition and store that was touched, as JSON text.
    #[napi]
    pub fn recovery_text(&self) -> String {
        account_text(&self.account)
    }

    /// Runs `work` on a live engine, counts the call, and shows the page afterwards. None when the engine is gone.
    pub(crate) fn call<T>(
        &self,
        env: sys::napi_env,
        work: impl FnOnce(&mut State) -> Result<T, Refusal>,
    ) -> Result<Option<T>, Refusal> {
        if self.host.gone.get() {
            return Ok(None);
        }
        let mut state = self.host.state.borrow_mut();
        let result = work(&mut state)?;
        state.page.add(page::CALLS_IN, 1);
        state.refresh();
        state.page.publish(env, &[])?;
        Ok(Some(result))
    }

    /// Something was queued in the engine.
    pub(crate) fn queued(&self) {
        self.host.queued();
    }

    /// Applies all effects of a turn, frame by frame; answers go into the rows.
    #[napi]
    pub fn commit(&self, env: Env, plan: Unknown<'_>, rows: f64, buffers: Unknown<'_>) -> Result<u8, Thrown> {
        let env = env.raw();
        let mut plan = Doubles::of(env, plan.raw())?;
        let rows = checked_count(rows, plan.len(), plan::STRIDE)?;
        let buffers = Buffers::of(env, buffers.raw())?;
        let done = self.call(env, |state| {
            let engine = live(state)?;
            let mut outcomes = self.outcomes.borrow_mut();
            let mut first = 0;
            while first < rows {
                first = commit_frame(engine, &mut plan, first, rows, &buffers, &mut outcomes)?;
                // Order within a call: behind a frame that found no room, a smaller one must not slip through.
                if outcomes.first().is_some_and(|outcome| outcome.code == Code::Busy) {
                    for row in first..rows {
                        plan::answer(&mut plan, row, &Outcome::of(Code::Busy), 0);
                    }
                    break;
                }
            }
            Ok(())
        })?;
        if done.is_none() {
            return Ok(Code::Closing as u8);
        }
        self.host.queued();
        Ok(0)
    }

    /// Watermarks and available bytes of all rows.
    #[napi]
    pub fn readable(&self, env: Env, rows: Unknown<'_>, count: f64) -> Result<u8, Thrown> {
        let env = env.raw();
        let mut rows = Doubles::of(env, rows.raw())?;
        let count = checked_count(count, rows.len(), read_rows::STRIDE)?;
        let done = self.call(env, |state| {
            let engine = live(state)?;
            for number in 0..count {
                let ask = Ask::of(&rows, number)?;
                let answer = engine.readable(
                    ask.partition,
                    ask.offset,
                    ask.max_bytes,
                    ask.isolation,
                    ask.leader_epoch,
                );
                put_readable(&mut rows, number, &answer);
            }
            Ok(())
        })?;
        Ok(if done.is_some() { 0 } else { Code::Closing as u8 })
    }

    /// Copies batches into `destination`, or starts reading them and answers tokens.
    #[napi]
    pub fn read(
        &self,
        env: Env,
        rows: Unknown<'_>,
        count: f64,
        destination: Unknown<'_>,
    ) -> Result<u8, Thrown> {
        let env = env.raw();
        let value = destination.raw();
        let mut rows = Doubles::of(env, rows.raw())?;
        let count = checked_count(count, rows.len(), read_rows::STRIDE)?;
        let mut bytes = Bytes::of(env, value)?;
        let mut queued = false;
        let done = self.call(env, |state| {
            for number in 0..count {
                let ask = Ask::of(&rows, number)?;
                let (position, length) = ask.destination(&bytes)?;
                let engine = live(state)?;
                let answer = match engine.read(ask.partition, ask.offset, length as u64, ask.isolation) {
                    Read::Ready(pieces) => {
                        (Code::Ok, unsigned(copy(&mut bytes, position, length, &pieces) as u64), 0.0)
                    }
                    Read::Refused(code) => (code, 0.0, 0.0),
                    Read::Pending(token) => {
                        let array = strong_reference(env, value)?;
                        state.reads.add(token, Destination { array, position, length });
                        queued = true;
                        (Code::Pending, 0.0, unsigned(token))
                    }
                };
                rows.put(
                    number * read_rows::STRIDE + read_rows::ANSWERS,
                    &[f64::from(answer.0 as u8), answer.1],
                );
                rows.put(number * read_rows::STRIDE + read_rows::STRIDE - 1, &[answer.2]);
            }
            queued |= state.engine.as_ref().is_some_and(Engine::reads_ahead);
            Ok(())
        })?;
        if queued {
            self.host.queued();
        }
        Ok(if done.is_some() { 0 } else { Code::Closing as u8 })
    }

    /// Leases of batches where they lie, or tokens that become leases.
    #[napi]
    pub fn pin(&self, env: Env, rows: Unknown<'_>, count: f64) -> Result<u8, Thrown> {
        let env = env.raw();
        let mut rows = Doubles::of(env, rows.raw())?;
        let count = checked_count(count, rows.len(), read_rows::STRIDE)?;
        let mut queued = false;
        let done = self.call(env, |state| {
            for number in 0..count {
                let ask = Ask::of(&rows, number)?;
                queued |= pin_row(state, &self.host.leases, &mut rows, number, &ask)?;
            }
            queued |= state.engine.as_ref().is_some_and(Engine::reads_ahead);
            Ok(())
        })?;
        if queued {
            self.host.queued();
        }
        Ok(if done.is_some() { 0 } else { Code::Closing as u8 })
    }

    /// Copies all bytes of a lease to `position`; answers how many.
    #[napi]
    pub fn copy_lease(
        &self,
        env: Env,
        lease: f64,
        destination: Unknown<'_>,
        position: f64,
    ) -> Result<f64, Thrown> {
        let mut bytes = Bytes::of(env.raw(), destination.raw())?;
        let leases = self.host.leases.borrow();
        let pieces = whole(lease).and_then(|lease| leases.get(lease));
        let pieces = pieces.ok_or_else(|| Refusal::argument("there is no such lease"))?;
        let length = bytes_of(pieces);
        let room = index(position).and_then(|position| bytes.len().checked_sub(position));
        if room.is_none_or(|room| (room as u64) < length) {
            return Err(Refusal::argument("a lease reaches past its destination").into());
        }
        let length = copy(&mut bytes, index(position).unwrap_or(0), length as usize, pieces);
        Ok(unsigned(length as u64))
    }

    /// Lets a lease go, or a token that would become one.
    #[napi]
    pub fn release_lease(&self, lease: f64) -> Result<(), Thrown> {
        let lease = whole(lease).ok_or_else(|| Refusal::argument("a lease is not a whole number"))?;
        if self.host.leases.borrow_mut().take(lease).is_none()
            && let Some(is_wanted) = self.host.state.borrow_mut().pins.get_mut(&lease)
        {
            *is_wanted = false;
        }
        Ok(())
    }

    /// The leases, for who looks into one.
    pub(crate) fn leases(&self) -> Rc<RefCell<Leases>> {
        Rc::clone(&self.host.leases)
    }

    /// What drives it, for sockets that send from its leases and append what arrives.
    pub(crate) fn host(&self) -> Rc<Host> {
        Rc::clone(&self.host)
    }

    /// out: [code, offset, timestamp, leader epoch, token].
    #[napi]
    pub fn offset_for_time(
        &self,
        env: Env,
        partition: f64,
        timestamp: f64,
        isolation: f64,
        out: Unknown<'_>,
    ) -> Result<(), Thrown> {
        let mut out = Doubles::of(env.raw(), out.raw())?;
        let partition =
            whole(partition).ok_or_else(|| Refusal::argument("a partition id is not a whole number"))?;
        let timestamp =
            signed(timestamp).ok_or_else(|| Refusal::argument("a timestamp is not a whole number"))?;
        let isolation = isolation_of(isolation)?;
        let answer = self.call(env.raw(), |state| {
            let answer = live(state)?.offset_for_time(partition, timestamp, isolation);
            if let Offset::Pending(token) = answer {
                state.searches.insert(token, partition);
            }
            Ok(answer)
        })?;
        let answer = answer.unwrap_or(Offset::Refused(Code::Closing));
        if matches!(answer, Offset::Pending(_)) {
            self.host.queued();
        }
        put_offset(&mut out, &answer)?;
        Ok(())
    }

    /// The answer behind a finished token of `offset_for_time`, same layout.
    #[napi]
    pub fn take_offset(&self, env: Env, token: f64, out: Unknown<'_>) -> Result<(), Thrown> {
        let mut out = Doubles::of(env.raw(), out.raw())?;
        let token = whole(token).ok_or_else(|| Refusal::argument("a token is not a whole number"))?;
        let answer = self.call(env.raw(), |state| {
            let partition = state.searches.remove(&token);
            let partition = partition.ok_or_else(|| Refusal::argument("there is no such token"))?;
            Ok(live(state)?.take_offset(partition, token))
        })?;
        put_offset(&mut out, &answer.unwrap_or(Offset::Refused(Code::Closing)))?;
        Ok(())
    }

    /// out: [code, end offset, epoch].
    #[napi]
    pub fn offset_for_epoch(
        &self,
        env: Env,
        partition: f64,
        epoch: f64,
        out: Unknown<'_>,
    ) -> Result<(), Thrown> {
        let mut out = Doubles::of(env.raw(), out.raw())?;
        let partition =
            whole(partition).ok_or_else(|| Refusal::argument("a partition id is not a whole number"))?;
        let epoch = epoch_of(epoch)?;
        let answer = self.call(env.raw(), |state| Ok(live(state)?.offset_for_epoch(partition, epoch)))?;
        let EpochEnd { code, end_offset, epoch } =
            answer.unwrap_or(EpochEnd { code: Code::Closing, end_offset: -1, epoch: -1 });
        put_all(&mut out, &[f64::from(code as u8), double(end_offset), f64::from(epoch)])?;
        Ok(())
    }

    /// Keys and values of the state map with this prefix, alternating, in key order. Copies: start-up only.
    #[napi]
    pub fn scan_state(
        &self,
        env: Env,
        prefix: Unknown<'_>,
    ) -> Result<Vec<napi::bindgen_prelude::Uint8Array>, Thrown> {
        let prefix = Bytes::of(env.raw(), prefix.raw())?;
        let found = self.call(env.raw(), |state| {
            let mut flat = Vec::new();
            for (key, value) in live(state)?.scan_state(prefix.all()) {
                flat.push(key.to_vec().into());
                flat.push(value.to_vec().into());
            }
            Ok(flat)
        })?;
        Ok(found.unwrap_or_default())
    }

    /// Has everything appended so far flushed; wait for the durable LSN to reach the answer.
    #[napi]
    pub fn flush(&self, env: Env) -> Result<f64, Thrown> {
        let lsn = self.call(env.raw(), |state| Ok(live(state)?.flush()))?;
        self.host.queued();
        Ok(unsigned(lsn.unwrap_or(0)))
    }

    #[napi]
    pub fn set_policy(
        &self,
        env: Env,
        always: bool,
        records: f64,
        bytes: f64,
        interval_ms: f64,
    ) -> Result<(), Thrown> {
        let policy = options::policy(always, records, bytes, interval_ms)?;
        self.call(env.raw(), |state| {
            live(state)?.set_policy(policy);
            Ok(())
        })?;
        self.host.queued();
        Ok(())
    }

    /// Cuts the power of a simulated disk; this engine is gone afterwards.
    #[napi]
    pub fn sim_cut(&self) -> Result<(), Thrown> {
        let Some(sim) = self.sim.as_ref() else {
            return Err(Refusal::argument("only a simulated disk can have its power cut").into());
        };
        sim.cut_power();
        if !self.host.gone.get() {
            self.host.dispose();
            self.host.release_references();
        }
        Ok(())
    }

    /// Makes every further operation of a simulated disk fail with EIO.
    #[napi]
    pub fn sim_fail(&self) -> Result<(), Thrown> {
        let Some(sim) = self.sim.as_ref() else {
            return Err(Refusal::argument("only a simulated disk can be made to fail").into());
        };
        let attempt = sim.attempts() + 1;
        sim.change_options(|options| {
            options.fail_at = Some(FailAt { attempt, errno: libc::EIO, sticky: true })
        });
        Ok(())
    }

    /// Flushes, leaves the clean mark and closes; `wake` runs when that is done.
    #[napi]
    pub fn close(&self, env: Env) -> Result<(), Thrown> {
        self.call(env.raw(), |state| {
            state.closing = true;
            live(state)?.close_begin();
            Ok(())
        })?;
        self.host.queued();
        Ok(())
    }

    #[napi(getter)]
    pub fn closed(&self) -> bool {
        self.host.gone.get()
    }
}

/// Answers one row of `pin`: what `readable` answers, then bytes and lease as they are. True when a read was begun.
fn pin_row(
    state: &mut State,
    leases: &RefCell<Leases>,
    rows: &mut Doubles<'_>,
    number: usize,
    ask: &Ask,
) -> Result<bool, Refusal> {
    let engine = live(state)?;
    let mut answer =
        engine.readable(ask.partition, ask.offset, ask.max_bytes, ask.isolation, ask.leader_epoch);
    let mut lease = 0;
    if answer.code == Code::Ok {
        match engine.read(ask.partition, ask.offset, ask.max_bytes, ask.isolation) {
            Read::Ready(pieces) => (lease, answer.bytes) = leases.borrow_mut().add(pieces),
            Read::Refused(code) => answer.code = code,
            Read::Pending(token) => {
                answer.code = Code::Pending;
                lease = token;
                state.pins.insert(token, true);
            }
        }
    }
    put_readable(rows, number, &answer);
    rows.put(number * read_rows::STRIDE + read_rows::STRIDE - 1, &[unsigned(lease)]);
    Ok(answer.code == Code::Pending)
}

/// The engine of a state whose host is not gone.
pub(crate) fn live(state: &mut State) -> Result<&mut Engine, Refusal> {
    state.engine.as_mut().ok_or_else(|| Refusal::new("CLOSED", "the engine is closed"))
}

/// A row count that fits into its array.
pub(crate) fn checked_count(count: f64, doubles: usize, stride: usize) -> Result<usize, Refusal> {
    let count = index(count).filter(|count| *count <= doubles / stride);
    count.ok_or_else(|| Refusal::argument("more rows than the array holds"))
}

fn strong_reference(env: sys::napi_env, value: sys::napi_value) -> Result<sys::napi_ref, Refusal> {
    let mut reference = std::ptr::null_mut();
    // SAFETY: `value` is an argument of the running call.
    unsafe { check("destination", sys::napi_create_reference(env, value, 1, &raw mut reference))? };
    Ok(reference)
}

/// Commits the frame that starts at row `first`; answers the first row of the next.
fn commit_frame(
    engine: &mut Engine,
    plan: &mut Doubles<'_>,
    first: usize,
    rows: usize,
    buffers: &Buffers<'_>,
    outcomes: &mut Vec<Outcome>,
) -> Result<usize, Refusal> {
    let head = plan::decode(plan, first, buffers)?;
    let mut level = head.level;
    let mut end = first + 1;
    let committed = if end == rows || plan.row::<2>(end * plan::STRIDE)[1] != head.frame {
        engine.commit(&[head.effect], level, outcomes)
    } else {
        let mut effects: Vec<Effect<'_>> = vec![head.effect];
        while end < rows {
            let row = plan::decode(plan, end, buffers)?;
            if row.frame != head.frame {
                break;
            }
            level = level.max(row.level);
            effects.push(row.effect);
            end += 1;
        }
        engine.commit(&effects, level, outcomes)
    };
    assert!(outcomes.len() == end - first, "one outcome for each effect");
    for (at, outcome) in outcomes.iter().enumerate() {
        plan::answer(plan, first + at, outcome, committed.lsn);
    }
    Ok(end)
}
