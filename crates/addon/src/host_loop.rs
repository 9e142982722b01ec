//! The loop host: drives the engine on this environment's own thread, inside its libuv loop.
//!
//! One submission a turn (before the loop blocks, and right after each callback), one callback a drained batch of
//! completions. Not the engine: what it does, and when it flushes, is decided there.
//!
//! The one invariant: `State` is never borrowed while JavaScript runs, because JavaScript calls right back into us.

use crate::kv_tokens::KvTokens;
use crate::leases::Leases;
use crate::memory::Bytes;
use crate::page::{self, Page, TOKENS_MAX};
use crate::plan::unsigned;
use crate::status::{Refusal, check};
use crate::teardown::{self, Tenant};
use crate::uv::{self, Handle, Handles};
use crate::wake;
use millrace_engine::{Code, Engine};
use millrace_io::Piece;
use napi::sys;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::ffi::{c_int, c_void};
use std::rc::Rc;

/// Batches one entry may deliver before the loop gets its turn back.
const ROUNDS: usize = 4;

/// One engine and everything that drives it. Belongs to one environment and its thread.
pub(crate) struct Host {
    pub(crate) env: sys::napi_env,
    pub(crate) state: RefCell<State>,
    /// Set for good when the engine is gone: closed, cut off, or torn down with its environment.
    pub(crate) gone: Cell<bool>,
    /// Shared with the sockets that send from them. They need no engine.
    pub(crate) leases: Rc<RefCell<Leases>>,
}

/// What the host works on. The engine is taken out when it is gone.
pub(crate) struct State {
    pub(crate) engine: Option<Engine>,
    pub(crate) handles: Option<Handles>,
    pub(crate) page: Page,
    /// The one callback into JavaScript.
    pub(crate) wake: sys::napi_ref,
    pub(crate) reads: PendingReads,
    pub(crate) closing: bool,
    /// Searches by time that are not answered yet: token -> partition.
    pub(crate) searches: HashMap<u64, u64>,
    /// Tokens that become leases; false: nobody wants it any more.
    pub(crate) pins: HashMap<u64, bool>,
    /// KV values on their way.
    pub(crate) kv: KvTokens,
    arrived: Vec<(u64, Code)>,
    finished: VecDeque<(u64, Code)>,
    told: [f64; 3],
    /// Something was queued in the engine and not yet submitted.
    dirty: bool,
    scheduled: Option<u64>,
}

/// What a step has for JavaScript.
enum News {
    Nothing,
    Some,
    /// The engine has closed.
    Ended,
}

/// Reads whose bytes are on their way, by token: where they go in which array.
#[derive(Default)]
pub(crate) struct PendingReads {
    open: HashMap<u64, Destination>,
}

/// A place in an array of JavaScript's. The array is kept alive, not kept from being detached: it is looked up again,
/// length and all, when the bytes are there.
pub(crate) struct Destination {
    pub(crate) array: sys::napi_ref,
    pub(crate) position: usize,
    pub(crate) length: usize,
}

impl PendingReads {
    pub(crate) fn add(&mut self, token: u64, destination: Destination) {
        self.open.insert(token, destination);
    }

    /// Copies what was read to where it goes; answers how many bytes that were, None when the array has gone away.
    fn fill(&mut self, env: sys::napi_env, token: u64, pieces: &[Piece]) -> Option<usize> {
        let destination = self.open.remove(&token)?;
        let mut value = std::ptr::null_mut();
        // SAFETY: inside a handle scope of `deliver`; the reference is strong and deleted here, once.
        let status = unsafe {
            let status = sys::napi_get_reference_value(env, destination.array, &raw mut value);
            sys::napi_delete_reference(env, destination.array);
            status
        };
        check("destination", status).ok()?;
        let mut bytes = Bytes::of(env, value).ok()?;
        let end = destination.position.checked_add(destination.length)?;
        if end > bytes.len() {
            return None;
        }
        Some(copy(&mut bytes, destination.position, destination.length, pieces))
    }

    /// Lets go of every destination without touching it.
    pub(crate) fn release(&mut self, env: sys::napi_env) {
        for (_, destination) in self.open.drain() {
            // SAFETY: strong references of ours, deleted once.
            unsafe { sys::napi_delete_reference(env, destination.array) };
        }
    }
}

/// Copies whole pieces to `position`, as many bytes as fit into `length`.
pub(crate) fn copy(bytes: &mut Bytes<'_>, position: usize, length: usize, pieces: &[Piece]) -> usize {
    let mut copied = 0;
    for piece in pieces {
        let part = &piece.bytes()[..piece.len().min(length - copied)];
        bytes.put(position + copied, part);
        copied += part.len();
    }
    copied
}

impl Host {
    /// Starts driving `engine` on the loop of `env`.
    pub(crate) fn start(
        env: sys::napi_env,
        engine: Engine,
        wake: sys::napi_ref,
        page: Page,
        leases: Leases,
    ) -> Result<Rc<Host>, Refusal> {
        let fd = engine.io().poll_fd();
        let state = State {
            engine: Some(engine),
            handles: None,
            page,
            wake,
            reads: PendingReads::default(),
            closing: false,
            searches: HashMap::new(),
            pins: HashMap::new(),
            kv: KvTokens::default(),
            arrived: Vec::new(),
            finished: VecDeque::new(),
            told: [0.0; 3],
            dirty: true,
            scheduled: None,
        };
        let (gone, leases) = (Cell::new(false), Rc::new(RefCell::new(leases)));
        let host = Rc::new(Host { env, state: RefCell::new(state), gone, leases });
        let mut event_loop = std::ptr::null_mut();
        // SAFETY: `env` is the running environment; its loop is this thread's and outlives it.
        let handles = unsafe {
            check("napi_get_uv_event_loop", sys::napi_get_uv_event_loop(env, &raw mut event_loop))?;
            let uv = uv::Uv::load().map_err(|missing| Refusal::new("RUNTIME", missing))?;
            let data = Rc::as_ptr(&host).cast_mut().cast::<c_void>();
            Handles::open(uv, event_loop.cast(), fd, data, on_readable)
        };
        let handles = handles.map_err(|reason| Refusal::new("RUNTIME", reason))?;
        {
            let mut state = host.state.borrow_mut();
            let state = &mut *state;
            state.handles = Some(handles);
            state.refresh();
            // Where recovery left the watermarks is no news: whoever constructs us reads them from the page.
            state.told = state.page.watermarks();
            state.page.publish(env, &[])?;
        }
        host.queued();
        Ok(host)
    }

    /// Drives the engine as far as it goes now, telling JavaScript what became of it.
    pub(crate) fn pump(self: &Rc<Host>) {
        for _ in 0..ROUNDS {
            match self.step() {
                News::Nothing => break,
                News::Some => self.deliver(),
                News::Ended => {
                    // Everything is let go of before JavaScript hears of it: it may open the directory again at once.
                    self.dispose();
                    self.deliver();
                    self.release_references();
                    return;
                }
            }
        }
        self.arrange();
    }

    /// One step of the engine: completions in, operations out. Answers what JavaScript has to be told.
    fn step(&self) -> News {
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        let Some(engine) = state.engine.as_mut() else { return News::Nothing };
        state.dirty = false;
        let ended = engine.turn().closed;
        engine.take_finished(&mut state.arrived);
        state.finished.extend(state.arrived.drain(..));
        state.refresh();
        let watermarks = state.page.watermarks();
        if ended {
            return News::Ended;
        }
        if watermarks == state.told && state.finished.is_empty() {
            return News::Nothing;
        }
        state.told = watermarks;
        News::Some
    }

    /// The one callback: fills what was read, shows the page, runs `wake`.
    fn deliver(&self) {
        wake::in_scope(self.env, || {
            if let Err(refusal) = self.call_wake() {
                // Only possible while the environment is going away: its cleanup hook ends this host.
                debug_assert!(self.gone.get() || refusal.code == "RUNTIME");
            }
        });
    }

    fn call_wake(&self) -> Result<(), Refusal> {
        let env = self.env;
        let function = {
            let mut state = self.state.borrow_mut();
            let tokens = state.finish_reads(env, &mut self.leases.borrow_mut());
            state.page.add(page::CALLBACKS_OUT, 1);
            state.page.in_callback(true);
            state.page.publish(env, &tokens)?;
            state.page.in_callback(false);
            state.wake
        };
        // SAFETY: `wake` is a strong reference until `release_references`.
        let called = unsafe { wake::call(env, function) };
        if !self.gone.get() {
            self.state.borrow_mut().page.publish(env, &[])?;
        }
        called
    }

    /// Shows JavaScript what the engine counts now. Inside a handle scope.
    pub(crate) fn show_page(&self) -> Result<(), Refusal> {
        if self.gone.get() {
            return Ok(());
        }
        let mut state = self.state.borrow_mut();
        state.refresh();
        state.page.publish(self.env, &[])
    }

    /// Something was queued: it is submitted before the loop blocks, or right after the callback we are in.
    pub(crate) fn queued(&self) {
        let mut state = self.state.borrow_mut();
        state.dirty = true;
        if let Some(handles) = state.handles.as_mut() {
            handles.hold(true);
            handles.prepare(on_prepare, on_timer);
        }
    }

    /// Sets timer and reference to what the engine needs now.
    fn arrange(&self) {
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        let (Some(engine), Some(handles)) = (state.engine.as_ref(), state.handles.as_mut()) else { return };
        // Tokens beyond one callback, and the steps of closing that no completion leads to, need another turn at once.
        // So does what was queued by the last callback of this pump, when the loop blocks next.
        let waiting = !state.finished.is_empty()
            || (state.closing && engine.io().in_flight() == 0)
            || (state.dirty && uv::is_preparing());
        if !state.dirty {
            handles.prepared();
        }
        let reading = !state.reads.open.is_empty()
            || !state.searches.is_empty()
            || !state.pins.is_empty()
            || state.kv.is_waiting();
        handles.hold(state.dirty || waiting || state.closing || reading || engine.io().in_flight() > 0);
        let deadline = if waiting { Some(0) } else { engine.next_deadline() };
        if deadline != state.scheduled {
            state.scheduled = deadline;
            let delay = deadline.map(|at| at.saturating_sub(engine.io().now_ns()).div_ceil(1_000_000));
            handles.schedule(delay, on_timer);
        }
    }

    /// Ends this host while its environment goes on: the engine has closed, or its simulated power was cut.
    pub(crate) fn dispose(self: &Rc<Host>) {
        teardown::unregister(self);
        self.retire();
    }

    /// Lets go of what JavaScript gave us.
    pub(crate) fn release_references(&self) {
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        state.reads.release(self.env);
        state.page.release(self.env);
        let wake = std::mem::replace(&mut state.wake, std::ptr::null_mut());
        if !wake.is_null() {
            // SAFETY: a strong reference of ours, deleted once.
            unsafe { sys::napi_delete_reference(self.env, wake) };
        }
    }
}

impl Tenant for Host {
    fn env(&self) -> sys::napi_env {
        self.env
    }

    fn is_gone(&self) -> bool {
        self.gone.get()
    }

    /// Stops driving and drops the engine. No JavaScript and no Node-API call happens here.
    fn retire(&self) {
        self.gone.set(true);
        let mut state = self.state.borrow_mut();
        if let Some(mut handles) = state.handles.take() {
            handles.close();
        }
        drop(state.engine.take());
    }
}

impl State {
    /// Copies what the engine counts into the page.
    pub(crate) fn refresh(&mut self) {
        let Some(engine) = self.engine.as_ref() else { return };
        crate::counters::refresh(&mut self.page, engine);
    }

    /// Up to `TOKENS_MAX` finished tokens, their bytes in place.
    fn finish_reads(&mut self, env: sys::napi_env, leases: &mut Leases) -> Vec<[f64; 3]> {
        let Some(engine) = self.engine.as_mut() else { return Vec::new() };
        let count = self.finished.len().min(TOKENS_MAX);
        let mut tokens = Vec::with_capacity(count);
        for (token, code) in self.finished.drain(..count) {
            if let Some(is_wanted) = self.pins.remove(&token) {
                let taken = engine.take_read(token);
                if !is_wanted {
                    continue;
                }
                let (code, bytes) = match taken {
                    Ok(pieces) => (Code::Ok, leases.put(token, pieces)),
                    Err(code) => (code, 0),
                };
                tokens.push([unsigned(token), f64::from(code as u8), unsigned(bytes)]);
                continue;
            }
            if let Some((code, bytes)) = self.kv.finish(engine, token) {
                tokens.push([unsigned(token), f64::from(code as u8), unsigned(bytes)]);
                continue;
            }
            if !self.reads.open.contains_key(&token) {
                tokens.push([unsigned(token), f64::from(code as u8), 0.0]);
                continue;
            }
            let taken = engine.take_read(token);
            let filled = self.reads.fill(env, token, taken.as_deref().unwrap_or_default());
            // An array that was detached meanwhile has no place for the bytes: its reader is told that it closed it.
            let (code, bytes) = match (taken, filled) {
                (Ok(_), Some(bytes)) => (Code::Ok, bytes as u64),
                (Ok(_), None) => (Code::Closing, 0),
                (Err(code), _) => (code, 0),
            };
            tokens.push([unsigned(token), f64::from(code as u8), unsigned(bytes)]);
        }
        tokens
    }
}

/// The host behind a handle, for the length of a callback.
///
/// # Safety
/// `handle` belongs to a host that is still driving; its callbacks stop when `Handles::close` runs, and that is before
/// the host's last `Rc` goes.
unsafe fn host_of(handle: *mut Handle) -> Rc<Host> {
    // SAFETY: `data` is what `start` stored: the pointer of a live `Rc`, whose count is raised before one is made of it.
    unsafe {
        let host = uv::data_of(handle).cast::<Host>().cast_const();
        Rc::increment_strong_count(host);
        Rc::from_raw(host)
    }
}

unsafe extern "C" fn on_readable(handle: *mut Handle, status: c_int, _events: c_int) {
    // SAFETY: libuv calls this for an open handle only.
    let host = unsafe { host_of(handle) };
    assert!(status == 0, "the driver's descriptor cannot be polled: {status}");
    host.pump();
}

unsafe extern "C" fn on_prepare(handle: *mut Handle) {
    // SAFETY: as in `on_readable`.
    let host = unsafe { host_of(handle) };
    uv::while_preparing(|| host.pump());
}

/// What was scheduled is due: after a delay, or in this turn.
unsafe extern "C" fn on_timer(handle: *mut Handle) {
    // SAFETY: as in `on_readable`.
    let host = unsafe { host_of(handle) };
    {
        let mut state = host.state.borrow_mut();
        state.scheduled = None;
        if let Some(handles) = state.handles.as_mut() {
            handles.fired();
        }
    }
    host.pump();
}
