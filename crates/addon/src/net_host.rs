//! Drives the sockets of an environment on its own event loop, beside the engine's host.
//!
//! Not a protocol. Events of a batch lie in the events array when the one callback runs; what JavaScript asks for is
//! submitted right after that callback, or once before the loop blocks.
//!
//! The one invariant: as in host_loop.rs, no borrow of the state is alive while JavaScript runs.

use crate::host_loop::Host;
use crate::kept_doubles::KeptDoubles;
use crate::leases::Leases;
use crate::net_memory::{Graveyard, Shown, bury};
use crate::net_options::{EVENT_STRIDE, row};
use crate::plan::unsigned;
use crate::produce_way::{PLACED_FROM, PLACED_STRIDE, ProduceWay};
use crate::resp_way::{RAN_DOUBLES, RespWay};
use crate::status::{Refusal, check};
use crate::teardown::{self, Tenant};
use crate::uv::{self, Handle, Handles};
use crate::wake;
use millrace_net::{Event, Net};
use napi::sys;
use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_void};
use std::rc::Rc;

/// Batches one entry may deliver before the loop gets its turn back.
const ROUNDS: usize = 4;
/// Rows one callback can have.
const ROWS_MAX: usize = 1024;
/// Doubles before the rows.
const ROWS_FROM: usize = 8;
/// Counters JavaScript sees.
const COUNTERS: usize = 19;
/// What may be told with the next news is told after so long at the latest.
const QUIET_MS: u64 = 50;

/// Sockets and everything that drives them. Belongs to one environment and its thread.
pub(crate) struct NetHost {
    env: sys::napi_env,
    pub(crate) state: RefCell<NetState>,
    /// Set for good when the sockets are gone: closed, or torn down with their environment.
    pub(crate) gone: Cell<bool>,
    /// The engine's leases, which need no engine.
    pub(crate) leases: Rc<RefCell<Leases>>,
    /// The engine that plain requests are appended to, while it is there.
    engine: Rc<Host>,
    pub(crate) graveyard: Graveyard,
}

pub(crate) struct NetState {
    pub(crate) net: Option<Net>,
    pub(crate) shown: Shown,
    pub(crate) events: KeptDoubles,
    pub(crate) counters: KeptDoubles,
    pub(crate) placed: KeptDoubles,
    pub(crate) produce: ProduceWay,
    pub(crate) ran: KeptDoubles,
    pub(crate) resp: RespWay,
    pub(crate) calls_in: u64,
    pub(crate) is_closing: bool,
    handles: Option<Handles>,
    wake: sys::napi_ref,
    batch: Vec<Event>,
    /// Frames that wait for `runKept`.
    kept: usize,
    callbacks_out: u64,
    /// The timer is running.
    is_scheduled: bool,
}

/// What completions came to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Nothing,
    /// The batch has what JavaScript is to be told.
    News,
    /// Everything is closed, and told.
    Ended,
}

impl NetHost {
    /// Starts driving `net` on the loop of `env`.
    pub(crate) fn start(
        env: sys::napi_env,
        net: Net,
        wake: sys::napi_ref,
        engine: Rc<Host>,
    ) -> Result<Rc<NetHost>, Refusal> {
        let leases = Rc::clone(&engine.leases);
        let fd = net.poll_fd();
        let state = NetState {
            net: Some(net),
            shown: Shown::default(),
            events: KeptDoubles::new(env, ROWS_FROM + ROWS_MAX * EVENT_STRIDE)?,
            counters: KeptDoubles::new(env, COUNTERS)?,
            placed: KeptDoubles::new(env, PLACED_FROM + ROWS_MAX * PLACED_STRIDE)?,
            produce: ProduceWay::default(),
            ran: KeptDoubles::new(env, RAN_DOUBLES)?,
            resp: RespWay::default(),
            calls_in: 0,
            is_closing: false,
            handles: None,
            wake,
            batch: Vec::new(),
            kept: 0,
            callbacks_out: 0,
            is_scheduled: false,
        };
        let (gone, graveyard) = (Cell::new(false), Graveyard::default());
        let host = Rc::new(NetHost { env, state: RefCell::new(state), gone, leases, engine, graveyard });
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

    /// The engine of this environment.
    pub(crate) fn engine(&self) -> &Host {
        &self.engine
    }

    /// Takes what happened, tells JavaScript, hands over what it asked for. `all`: quiet news too.
    fn pump(self: &Rc<NetHost>, all: bool) {
        for _ in 0..ROUNDS {
            let step = self.state.borrow_mut().step(all);
            match step {
                Step::Ended => return self.dispose(),
                Step::News => {
                    self.place();
                    self.deliver();
                    self.let_go_of_placed();
                }
                Step::Nothing => {}
            }
            let mut state = self.state.borrow_mut();
            let Some(net) = state.net.as_mut() else { return };
            if net.wants_submit() {
                net.submit();
            } else if step == Step::Nothing {
                break;
            }
        }
        bury(self.env, &self.graveyard);
        self.arrange();
    }

    /// Appends what can be appended before JavaScript hears of it.
    fn place(&self) {
        let mut state = self.state.borrow_mut();
        let NetState { net, batch, produce, resp, kept, .. } = &mut *state;
        *kept = 0;
        let Some(net) = net.as_ref() else { return };
        *kept = resp.keep(net, batch);
        if produce.take(net, &self.engine, batch) {
            self.engine.queued();
        }
    }

    /// JavaScript has seen the requests that were appended: nobody looks at their bytes again.
    fn let_go_of_placed(&self) {
        let mut state = self.state.borrow_mut();
        let NetState { net, produce, .. } = &mut *state;
        if let Some(net) = net.as_mut() {
            produce.let_go(net);
        }
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
            let shown = state.show_events(self.env);
            state.batch.clear();
            state.kept = 0;
            shown?;
            let has_placed = state.show_placed(self.env)?;
            state.show_counters(self.env)?;
            if has_placed {
                self.engine.show_page()?;
            }
            state.wake
        };
        // SAFETY: `wake` is a strong reference until `release_references`.
        unsafe { wake::call(self.env, function) }
    }

    /// Sets timer and reference to what the sockets need now.
    fn arrange(&self) {
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        let (Some(net), Some(handles)) = (state.net.as_ref(), state.handles.as_mut()) else { return };
        if !net.wants_submit() {
            handles.prepared();
        }
        handles.hold(state.is_closing || !net.is_closed());
        let unsent = net.wants_submit() && uv::is_preparing();
        let again = net.has_news() || net.has_ready() || state.is_closing && net.is_closed() || unsent;
        if again {
            handles.schedule(Some(0), on_timer);
            state.is_scheduled = true;
        } else if net.has_quiet_news() && !state.is_scheduled {
            handles.schedule(Some(QUIET_MS), on_timer);
            state.is_scheduled = true;
        }
    }

    /// Ends this host while its environment goes on: everything is closed. JavaScript hears of it last.
    fn dispose(self: &Rc<NetHost>) {
        teardown::unregister(self);
        self.retire();
        self.deliver();
        bury(self.env, &self.graveyard);
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        // The counters stay: they are read after the end, too.
        state.events.release(self.env);
        state.placed.release(self.env);
        state.ran.release(self.env);
        state.shown.release(self.env);
        let wake = std::mem::replace(&mut state.wake, std::ptr::null_mut());
        // SAFETY: a strong reference of ours, deleted once.
        unsafe { sys::napi_delete_reference(self.env, wake) };
    }
}

impl Tenant for NetHost {
    fn env(&self) -> sys::napi_env {
        self.env
    }

    fn is_gone(&self) -> bool {
        self.gone.get()
    }

    /// Stops driving and drops the sockets. No JavaScript and no Node-API call happens here.
    fn retire(&self) {
        self.gone.set(true);
        let mut state = self.state.borrow_mut();
        if let Some(mut handles) = state.handles.take() {
            handles.close();
        }
        drop(state.net.take());
    }
}

impl NetState {
    /// Takes what completed. `all`: quiet news are news.
    fn step(&mut self, all: bool) -> Step {
        let Some(net) = self.net.as_mut() else { return Step::Nothing };
        net.reap();
        if net.has_news() || all && net.has_quiet_news() {
            net.take_events(ROWS_MAX, &mut self.batch);
        }
        match self.batch.is_empty() {
            false => Step::News,
            true if self.is_closing && net.is_closed() => Step::Ended,
            true => Step::Nothing,
        }
    }

    /// Writes the batch into the events array.
    fn show_events(&self, env: sys::napi_env) -> Result<(), Refusal> {
        let Some(mut array) = self.events.doubles(env)? else { return Ok(()) };
        array.put(0, &[unsigned(self.batch.len() as u64), unsigned(self.kept as u64)]);
        for (number, event) in self.batch.iter().enumerate() {
            array.put(ROWS_FROM + number * EVENT_STRIDE, &row(event));
        }
        Ok(())
    }

    /// Writes the rows of what was placed into their array, and forgets them. True when there are any.
    fn show_placed(&mut self, env: sys::napi_env) -> Result<bool, Refusal> {
        let rows = std::mem::take(&mut self.produce.placed);
        if let Some(mut array) = self.placed.doubles(env)? {
            array.put(0, &[unsigned(rows.len() as u64)]);
            for (number, row) in rows.iter().enumerate() {
                array.put(PLACED_FROM + number * PLACED_STRIDE, row);
            }
        }
        Ok(!rows.is_empty())
    }

    /// Brings the counters up to date. Order: `NetCounter` of ts/io/native-types.ts.
    pub(crate) fn show_counters(&self, env: sys::napi_env) -> Result<(), Refusal> {
        let Some(net) = self.net.as_ref() else { return Ok(()) };
        let Some(mut array) = self.counters.doubles(env)? else { return Ok(()) };
        let counters = net.counters();
        let values = [
            counters.enters,
            counters.accepts,
            counters.refused,
            counters.receives,
            counters.bytes_received,
            counters.sends,
            counters.bytes_sent,
            counters.bytes_copied,
            counters.frames,
            counters.gathered,
            counters.starved,
            self.calls_in,
            self.callbacks_out,
            counters.connections,
            counters.gather_bytes,
            counters.slots_held,
            counters.bytes_lent,
            self.produce.appended,
            self.resp.commands,
        ];
        array.put(0, &values.map(unsigned));
        Ok(())
    }
}

/// The host behind a handle, for the length of a callback.
///
/// # Safety
/// `handle` belongs to a host that is still driving; its callbacks stop when `Handles::close` runs, and that is before
/// the host's last `Rc` goes.
unsafe fn host_of(handle: *mut Handle) -> Rc<NetHost> {
    // SAFETY: `data` is what `start` stored: the pointer of a live `Rc`, whose count is raised before one is made of it.
    unsafe {
        let host = uv::data_of(handle).cast::<NetHost>().cast_const();
        Rc::increment_strong_count(host);
        Rc::from_raw(host)
    }
}

unsafe extern "C" fn on_readable(handle: *mut Handle, status: c_int, _events: c_int) {
    // SAFETY: libuv calls this for an open handle only.
    let host = unsafe { host_of(handle) };
    assert!(status == 0, "the sockets' descriptor cannot be polled: {status}");
    host.pump(false);
}

unsafe extern "C" fn on_prepare(handle: *mut Handle) {
    // SAFETY: as in `on_readable`.
    let host = unsafe { host_of(handle) };
    uv::while_preparing(|| host.pump(false));
}

unsafe extern "C" fn on_timer(handle: *mut Handle) {
    // SAFETY: as in `on_readable`.
    let host = unsafe { host_of(handle) };
    {
        let mut state = host.state.borrow_mut();
        state.is_scheduled = false;
        if let Some(handles) = state.handles.as_mut() {
            handles.fired();
        }
    }
    host.pump(true);
}
