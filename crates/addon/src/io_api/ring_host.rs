//! Drives raw operations on the environment's own loop: one submission a turn, one callback a drained batch.
//!
//! The one invariant: as in host_loop.rs, no borrow of the state is alive while JavaScript runs.

use crate::io_api::destinations::Destinations;
use crate::io_api::rows::{DETACHED, result_of};
use crate::kept_doubles::KeptDoubles;
use crate::plan::unsigned;
use crate::status::{Refusal, check};
use crate::teardown::{self, Tenant};
use crate::uv::{self, Handle, Handles};
use crate::wake;
use millrace_io::raw::{Arena, Completed, RawIo, Request};
use napi::sys;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::ffi::{c_int, c_void};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Batches one entry may deliver before the loop gets its turn back.
const ROUNDS: usize = 4;
/// Completions of one callback.
const ROWS_MAX: usize = 1024;
/// Doubles of a completion: owner, source, result, spare.
const ROW: usize = 4;
/// Doubles before the rows.
const ROWS_FROM: usize = 8;

/// Raw operations and everything that drives them. Belongs to one environment and its thread.
pub(crate) struct RingHost {
    pub(crate) env: sys::napi_env,
    pub(crate) state: RefCell<RingState>,
    /// Set for good when it has ended: closed, or torn down with its environment.
    pub(crate) gone: Cell<bool>,
}

pub(crate) struct RingState {
    pub(crate) raw: Option<RawIo>,
    pub(crate) arenas: Vec<Arc<Arena>>,
    pub(crate) destinations: Destinations,
    /// What statx answered, until JavaScript takes it in its callback.
    pub(crate) statuses: HashMap<u64, Box<libc::statx>>,
    /// Rows of a batch that were refused: (owner, source, code).
    pub(crate) refused: VecDeque<(u64, u32, f64)>,
    pub(crate) shown: KeptDoubles,
    pub(crate) calls_in: u64,
    pub(crate) is_closing: bool,
    /// How long the loop goes on asking without sleeping, while the device has something; zero: not at all.
    busy_poll: Duration,
    /// Until when, unless something happens before.
    awake_until: Option<Instant>,
    handles: Option<Handles>,
    wake: sys::napi_ref,
    completed: VecDeque<Completed>,
    batch: Vec<Completed>,
    callbacks_out: u64,
}

impl RingHost {
    /// Starts driving `raw` on the loop of `env`.
    pub(crate) fn start(
        env: sys::napi_env,
        raw: RawIo,
        busy_poll: Duration,
        wake: sys::napi_ref,
    ) -> Result<Rc<RingHost>, Refusal> {
        let fd = raw.poll_fd();
        let state = RingState {
            raw: Some(raw),
            arenas: Vec::new(),
            destinations: Destinations::default(),
            statuses: HashMap::new(),
            refused: VecDeque::new(),
            shown: KeptDoubles::new(env, ROWS_FROM + ROWS_MAX * ROW)?,
            calls_in: 0,
            is_closing: false,
            busy_poll,
            awake_until: None,
            handles: None,
            wake,
            completed: VecDeque::new(),
            batch: Vec::new(),
            callbacks_out: 0,
        };
        let host = Rc::new(RingHost { env, state: RefCell::new(state), gone: Cell::new(false) });
        let mut event_loop = std::ptr::null_mut();
        // SAFETY: `env` is the running environment; its loop is this thread's and outlives it.
        let handles = unsafe {
            check("napi_get_uv_event_loop", sys::napi_get_uv_event_loop(env, &raw mut event_loop))?;
            let uv = uv::Uv::load().map_err(|missing| Refusal::new("RUNTIME", missing))?;
            let data = Rc::as_ptr(&host).cast_mut().cast::<c_void>();
            Handles::open(uv, event_loop.cast(), fd, data, on_readable)
        };
        host.state.borrow_mut().handles = Some(handles.map_err(|reason| Refusal::new("RUNTIME", reason))?);
        teardown::register(&host)?;
        Ok(host)
    }

    /// Something was asked for: it is submitted before the loop blocks, or right after the callback we are in.
    pub(crate) fn queued(&self) {
        if let Some(handles) = self.state.borrow_mut().handles.as_mut() {
            handles.hold(true);
            handles.prepare(on_prepare, on_timer);
        }
    }

    /// Takes what completed, tells JavaScript, hands over what it asked for.
    fn pump(self: &Rc<RingHost>) {
        let mut moved = false;
        for _ in 0..ROUNDS {
            let (has_news, has_ended) = self.state.borrow_mut().step();
            moved |= has_news;
            if has_ended {
                return self.dispose();
            }
            if has_news {
                self.deliver();
            }
            let mut state = self.state.borrow_mut();
            let Some(raw) = state.raw.as_mut() else { return };
            if raw.wants_submit() {
                raw.submit();
                moved = true;
            } else if !has_news {
                break;
            }
        }
        self.arrange(moved);
    }

    /// The one callback: shows the batch and runs `wake`.
    fn deliver(&self) {
        wake::in_scope(self.env, || {
            if let Err(refusal) = self.call_wake() {
                // Only possible while the environment is going away: its cleanup hook ends this host.
                debug_assert!(self.gone.get() || refusal.code == "RUNTIME");
            }
        });
    }

    fn call_wake(&self) -> Result<(), Refusal> {
        let function = {
            let mut state = self.state.borrow_mut();
            state.callbacks_out += 1;
            state.show(self.env)?;
            state.wake
        };
        // SAFETY: `wake` is a strong reference until `dispose` has ended.
        unsafe { wake::call(self.env, function) }
    }

    /// Keeps the loop alive while something is waited for, and has it come back without sleeping while there is more to
    /// tell, or more is about to be: `moved` says that something has just happened.
    fn arrange(&self, moved: bool) {
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        let is_awake = state.stays_awake(moved);
        let (Some(raw), Some(handles)) = (state.raw.as_mut(), state.handles.as_mut()) else { return };
        if !raw.wants_submit() {
            handles.prepared();
        }
        let more = !state.completed.is_empty() || !state.refused.is_empty() || raw.has_ready();
        let idle = raw.in_flight() == 0 && !more;
        handles.hold(!idle || state.is_closing);
        let unsent = raw.wants_submit() && uv::is_preparing();
        let comes_back = more || unsent || is_awake || state.is_closing && idle;
        handles.schedule(comes_back.then_some(0), on_timer);
    }

    /// Ends this host while its environment goes on: nothing is in flight, everything is told. JavaScript hears of it last.
    fn dispose(self: &Rc<RingHost>) {
        teardown::unregister(self);
        self.retire();
        self.deliver();
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        state.shown.release(self.env);
        let wake = std::mem::replace(&mut state.wake, std::ptr::null_mut());
        // SAFETY: a strong reference of ours, deleted once.
        unsafe { sys::napi_delete_reference(self.env, wake) };
    }
}

impl Tenant for RingHost {
    fn env(&self) -> sys::napi_env {
        self.env
    }

    fn is_gone(&self) -> bool {
        self.gone.get()
    }

    /// Stops driving, and drops the operations when nothing of them is in flight any more. No JavaScript and no Node-API
    /// call happens here.
    fn retire(&self) {
        self.gone.set(true);
        let mut state = self.state.borrow_mut();
        if let Some(mut handles) = state.handles.take() {
            handles.close();
        }
        drop(state.raw.take());
    }
}

impl RingState {
    /// Takes what completed: whether there is something to tell, and whether everything is over.
    fn step(&mut self) -> (bool, bool) {
        let Some(raw) = self.raw.as_mut() else { return (false, false) };
        raw.reap(&mut self.batch);
        self.completed.extend(self.batch.drain(..));
        let has_news = !self.completed.is_empty() || !self.refused.is_empty();
        (has_news, !has_news && self.is_closing && raw.in_flight() == 0)
    }

    /// Whether the loop asks again instead of sleeping: the device has something, and not for longer than it is waited for.
    fn stays_awake(&mut self, moved: bool) -> bool {
        if self.busy_poll.is_zero() || self.raw.as_ref().is_none_or(|raw| raw.at_device() == 0) {
            return false;
        }
        let now = Instant::now();
        if moved {
            self.awake_until = Some(now + self.busy_poll);
        }
        self.awake_until.is_some_and(|until| now < until)
    }

    /// Writes what completed into the array JavaScript reads, with what was read in its place.
    fn show(&mut self, env: sys::napi_env) -> Result<(), Refusal> {
        let refused: Vec<_> = self.refused.drain(..ROWS_MAX.min(self.refused.len())).collect();
        let count = self.completed.len().min(ROWS_MAX - refused.len());
        let mut rows: Vec<[f64; ROW]> = Vec::with_capacity(refused.len() + count);
        let refused = refused.into_iter();
        rows.extend(
            refused.map(|(owner, source, code)| [unsigned(owner), f64::from(source), result_of(code), 0.0]),
        );
        let completed: Vec<_> = self.completed.drain(..count).collect();
        for one in completed {
            let Completed { owner, source, mut result, mut request } = one;
            if source == 0 && !self.destinations.fill(env, owner, &request, result) && result >= 0 {
                result = result_of(DETACHED) as i64;
            }
            rows.push([unsigned(owner), f64::from(source), result as f64, 0.0]);
            if result >= 0
                && matches!(*request, Request::Status { .. })
                && let Request::Status { status, .. } = std::mem::replace(&mut *request, Request::Nop)
            {
                self.statuses.insert(owner, status);
            }
            if let Some(raw) = self.raw.as_mut() {
                raw.recycle(request);
            }
        }
        let has_ended = self.raw.is_none();
        let (enters, in_flight, files) =
            self.raw.as_ref().map_or((0, 0, 0), |raw| (raw.enters(), raw.in_flight(), raw.open_files()));
        let (calls, callbacks) = (unsigned(self.calls_in), unsigned(self.callbacks_out));
        let Some(mut array) = self.shown.doubles(env)? else { return Ok(()) };
        let head = [rows.len() as f64, f64::from(u8::from(has_ended)), unsigned(enters), calls, callbacks];
        array.put(0, &head);
        array.put(head.len(), &[in_flight as f64, files as f64]);
        for (at, row) in rows.iter().enumerate() {
            array.put(ROWS_FROM + at * ROW, row);
        }
        Ok(())
    }
}

/// The host behind a handle, for the length of a callback.
///
/// # Safety
/// `handle` belongs to a host that is still driving; its callbacks stop when `Handles::close` runs, and that is before
/// the host's last `Rc` goes.
unsafe fn host_of(handle: *mut Handle) -> Rc<RingHost> {
    // SAFETY: `data` is what `start` stored: the pointer of a live `Rc`, whose count is raised before one is made of it.
    unsafe {
        let host = uv::data_of(handle).cast::<RingHost>().cast_const();
        Rc::increment_strong_count(host);
        Rc::from_raw(host)
    }
}

unsafe extern "C" fn on_readable(handle: *mut Handle, status: c_int, _events: c_int) {
    // SAFETY: libuv calls this for an open handle only.
    let host = unsafe { host_of(handle) };
    assert!(status == 0, "the ring's descriptor cannot be polled: {status}");
    host.pump();
}

unsafe extern "C" fn on_prepare(handle: *mut Handle) {
    // SAFETY: as in `on_readable`.
    let host = unsafe { host_of(handle) };
    uv::while_preparing(|| host.pump());
}

unsafe extern "C" fn on_timer(handle: *mut Handle) {
    // SAFETY: as in `on_readable`.
    let host = unsafe { host_of(handle) };
    if let Some(handles) = host.state.borrow_mut().handles.as_mut() {
        handles.fired();
    }
    host.pump();
}
