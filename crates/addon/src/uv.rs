//! The few libuv functions the loop host needs, found by name in the running process.
//!
//! Not a binding of libuv: no header, no struct layout. Handles are opaque memory of the size libuv itself names.
//!
//! The one invariant: handle memory is freed only in the close callback; libuv still links it until then.

use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int, c_void};

/// A libuv handle: opaque, `handle_size` bytes, malloc'ed.
#[repr(C)]
pub(crate) struct Handle {
    _opaque: [u8; 0],
}

/// A libuv loop: opaque, owned by Node.
#[repr(C)]
pub(crate) struct Loop {
    _opaque: [u8; 0],
}

/// `uv_handle_type` values; fixed by libuv's ABI for all 1.x.
const TYPE_IDLE: c_int = 6;
const TYPE_POLL: c_int = 8;
const TYPE_PREPARE: c_int = 9;
const TYPE_TIMER: c_int = 13;
/// `UV_READABLE`.
const READABLE: c_int = 1;

pub(crate) type PollCallback = unsafe extern "C" fn(*mut Handle, c_int, c_int);
pub(crate) type PlainCallback = unsafe extern "C" fn(*mut Handle);

thread_local! {
    /// This thread's loop is calling prepare handles: one that is started now runs only after the loop has blocked.
    static IS_PREPARING: Cell<bool> = const { Cell::new(false) };
}

/// Runs what a prepare callback does. What is queued meanwhile, by any host of the thread, keeps the loop from blocking.
pub(crate) fn while_preparing(run: impl FnOnce()) {
    IS_PREPARING.set(true);
    run();
    IS_PREPARING.set(false);
}

/// The loop blocks next, whatever prepare handles are started now.
pub(crate) fn is_preparing() -> bool {
    IS_PREPARING.get()
}

/// Function pointers of this process's libuv.
pub(crate) struct Uv {
    handle_size: unsafe extern "C" fn(c_int) -> usize,
    handle_set_data: unsafe extern "C" fn(*mut Handle, *mut c_void),
    poll_init: unsafe extern "C" fn(*mut Loop, *mut Handle, c_int) -> c_int,
    poll_start: unsafe extern "C" fn(*mut Handle, c_int, PollCallback) -> c_int,
    poll_stop: unsafe extern "C" fn(*mut Handle) -> c_int,
    prepare_init: unsafe extern "C" fn(*mut Loop, *mut Handle) -> c_int,
    prepare_start: unsafe extern "C" fn(*mut Handle, PlainCallback) -> c_int,
    prepare_stop: unsafe extern "C" fn(*mut Handle) -> c_int,
    timer_init: unsafe extern "C" fn(*mut Loop, *mut Handle) -> c_int,
    timer_start: unsafe extern "C" fn(*mut Handle, PlainCallback, u64, u64) -> c_int,
    timer_stop: unsafe extern "C" fn(*mut Handle) -> c_int,
    idle_init: unsafe extern "C" fn(*mut Loop, *mut Handle) -> c_int,
    idle_start: unsafe extern "C" fn(*mut Handle, PlainCallback) -> c_int,
    idle_stop: unsafe extern "C" fn(*mut Handle) -> c_int,
    update_time: unsafe extern "C" fn(*mut Loop),
    close: unsafe extern "C" fn(*mut Handle, Option<PlainCallback>),
    reference: unsafe extern "C" fn(*mut Handle),
    unreference: unsafe extern "C" fn(*mut Handle),
    strerror: unsafe extern "C" fn(c_int) -> *const c_char,
}

/// Address of a symbol of the running process, or its name when the runtime has no such function (Bun, Deno).
fn symbol(name: &'static CStr) -> Result<*mut c_void, String> {
    // SAFETY: dlsym with a valid C string; RTLD_DEFAULT searches the process and its global libraries.
    let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    if address.is_null() {
        return Err(format!("this runtime does not export {}", name.to_string_lossy()));
    }
    Ok(address)
}

/// Casts a symbol to the function pointer type of its field.
macro_rules! function {
    ($name:literal) => {{
        let address = symbol($name)?;
        // SAFETY: libuv 1.x keeps the C signature of this function, which is the type of the field it is stored in.
        #[allow(clippy::missing_transmute_annotations)]
        let function = unsafe { std::mem::transmute(address) };
        function
    }};
}

impl Uv {
    /// Finds all functions, or says which one is missing.
    pub(crate) fn load() -> Result<Uv, String> {
        Ok(Uv {
            handle_size: function!(c"uv_handle_size"),
            handle_set_data: function!(c"uv_handle_set_data"),
            poll_init: function!(c"uv_poll_init"),
            poll_start: function!(c"uv_poll_start"),
            poll_stop: function!(c"uv_poll_stop"),
            prepare_init: function!(c"uv_prepare_init"),
            prepare_start: function!(c"uv_prepare_start"),
            prepare_stop: function!(c"uv_prepare_stop"),
            timer_init: function!(c"uv_timer_init"),
            timer_start: function!(c"uv_timer_start"),
            timer_stop: function!(c"uv_timer_stop"),
            idle_init: function!(c"uv_idle_init"),
            idle_start: function!(c"uv_idle_start"),
            idle_stop: function!(c"uv_idle_stop"),
            update_time: function!(c"uv_update_time"),
            close: function!(c"uv_close"),
            reference: function!(c"uv_ref"),
            unreference: function!(c"uv_unref"),
            strerror: function!(c"uv_strerror"),
        })
    }

    fn check(&self, what: &str, status: c_int) -> Result<(), String> {
        if status >= 0 {
            return Ok(());
        }
        // SAFETY: uv_strerror answers a static or leaked C string for every code.
        let text = unsafe { CStr::from_ptr((self.strerror)(status)) };
        Err(format!("{what}: {}", text.to_string_lossy()))
    }
}

/// The four handles of one host, all unreferenced until `hold` is called.
pub(crate) struct Handles {
    uv: Uv,
    event_loop: *mut Loop,
    poll: *mut Handle,
    prepare: *mut Handle,
    timer: *mut Handle,
    /// Runs in the loop's next turn, which does not block. A timer that is due at once would do for that, too, but libuv
    /// runs those that its callbacks start in the same pass: for as long as there is work, nobody else would get a turn.
    idle: *mut Handle,
    held: bool,
    preparing: bool,
    idling: bool,
}

impl Handles {
    /// Makes the handles and starts polling `fd`. `data` is what `data_of` answers inside the callbacks.
    ///
    /// # Safety
    /// `event_loop` is the loop of the calling thread; `data` stays valid until `close` was called.
    pub(crate) unsafe fn open(
        uv: Uv,
        event_loop: *mut Loop,
        fd: c_int,
        data: *mut c_void,
        on_readable: PollCallback,
    ) -> Result<Handles, String> {
        let null = std::ptr::null_mut();
        let mut handles = Handles {
            uv,
            event_loop,
            poll: null,
            prepare: null,
            timer: null,
            idle: null,
            held: false,
            preparing: false,
            idling: false,
        };
        // A handle that was initialised must be closed, so each is stored as soon as it is one.
        // SAFETY: the memory has the size libuv asked for, the loop is this thread's (caller).
        unsafe {
            let poll = handles.allocate(TYPE_POLL)?;
            handles.initialised((handles.uv.poll_init)(event_loop, poll, fd), "uv_poll_init", poll)?;
            handles.poll = poll;
            let prepare = handles.allocate(TYPE_PREPARE)?;
            handles.initialised(
                (handles.uv.prepare_init)(event_loop, prepare),
                "uv_prepare_init",
                prepare,
            )?;
            handles.prepare = prepare;
            let timer = handles.allocate(TYPE_TIMER)?;
            handles.initialised((handles.uv.timer_init)(event_loop, timer), "uv_timer_init", timer)?;
            handles.timer = timer;
            let idle = handles.allocate(TYPE_IDLE)?;
            handles.initialised((handles.uv.idle_init)(event_loop, idle), "uv_idle_init", idle)?;
            handles.idle = idle;
            for handle in [poll, prepare, timer, idle] {
                (handles.uv.handle_set_data)(handle, data);
                (handles.uv.unreference)(handle);
            }
            let status = (handles.uv.poll_start)(poll, READABLE, on_readable);
            handles.uv.check("uv_poll_start", status)?;
        }
        Ok(handles)
    }

    fn allocate(&self, kind: c_int) -> Result<*mut Handle, String> {
        // SAFETY: uv_handle_size is pure; calloc of its answer.
        let memory = unsafe { libc::calloc(1, (self.uv.handle_size)(kind)) };
        if memory.is_null() {
            return Err("no memory for a libuv handle".to_owned());
        }
        Ok(memory.cast())
    }

    /// Frees `handle` when its initialisation failed: libuv does not know it then.
    fn initialised(&self, status: c_int, what: &str, handle: *mut Handle) -> Result<(), String> {
        let result = self.uv.check(what, status);
        if result.is_err() {
            // SAFETY: allocated by `allocate`, never linked into a loop.
            unsafe { libc::free(handle.cast()) };
        }
        result
    }

    /// While held, the loop stays alive: something the user waits for is under way.
    pub(crate) fn hold(&mut self, held: bool) {
        if self.held == held || self.poll.is_null() {
            return;
        }
        self.held = held;
        // SAFETY: the handle is open until `close`, which nulls it.
        unsafe { if held { (self.uv.reference)(self.poll) } else { (self.uv.unreference)(self.poll) } }
    }

    /// Runs `callback` before the loop next blocks. When it is about to block, another host's prepare callback having
    /// brought us here, `at_once` runs in a turn that does not block instead: libuv would call `callback` only after it.
    pub(crate) fn prepare(&mut self, callback: PlainCallback, at_once: PlainCallback) {
        if self.preparing || self.prepare.is_null() {
            return;
        }
        self.preparing = true;
        if is_preparing() {
            self.set_idle(true, at_once);
        }
        // SAFETY: the handle is open until `close`.
        let status = unsafe { (self.uv.prepare_start)(self.prepare, callback) };
        assert!(status == 0, "uv_prepare_start refused an open handle: {status}");
    }

    /// The prepared callback runs, or is not needed any more.
    pub(crate) fn prepared(&mut self) {
        if !self.preparing || self.prepare.is_null() {
            return;
        }
        self.preparing = false;
        // SAFETY: the handle is open until `close`.
        unsafe { (self.uv.prepare_stop)(self.prepare) };
    }

    /// Runs `callback` once: after `delay_ms`, for 0 in the loop's next turn, or never for `None`. Replaces what was
    /// scheduled before. The callback calls `fired` first.
    pub(crate) fn schedule(&mut self, delay_ms: Option<u64>, callback: PlainCallback) {
        if self.timer.is_null() || self.idle.is_null() {
            return;
        }
        self.set_idle(delay_ms == Some(0), callback);
        // SAFETY: handle and loop are open until `close`; the loop's clock is refreshed so that a long turn does not
        // shorten the delay.
        unsafe {
            let Some(delay) = delay_ms.filter(|delay| *delay > 0) else {
                (self.uv.timer_stop)(self.timer);
                return;
            };
            (self.uv.update_time)(self.event_loop);
            let status = (self.uv.timer_start)(self.timer, callback, delay, 0);
            assert!(status == 0, "uv_timer_start refused an open handle: {status}");
        }
    }

    fn set_idle(&mut self, wanted: bool, callback: PlainCallback) {
        if wanted == self.idling || self.idle.is_null() {
            return;
        }
        self.idling = wanted;
        // SAFETY: the handle is open until `close`.
        let status = unsafe {
            if wanted { (self.uv.idle_start)(self.idle, callback) } else { (self.uv.idle_stop)(self.idle) }
        };
        assert!(status == 0, "an open idle handle refused: {status}");
    }

    /// The scheduled callback runs.
    pub(crate) fn fired(&mut self) {
        if self.idling && !self.idle.is_null() {
            self.idling = false;
            // SAFETY: the handle is open until `close`.
            unsafe { (self.uv.idle_stop)(self.idle) };
        }
    }

    /// Stops everything and hands the handles back to libuv; their memory goes when libuv has let go of it. The polled
    /// descriptor may be closed as soon as this returns. Doing it twice does nothing.
    pub(crate) fn close(&mut self) {
        // SAFETY: each pointer is an open handle or null; stop and close are legal in any state, also inside a callback.
        unsafe {
            if !self.poll.is_null() {
                (self.uv.poll_stop)(self.poll);
            }
            if !self.prepare.is_null() {
                (self.uv.prepare_stop)(self.prepare);
            }
            if !self.timer.is_null() {
                (self.uv.timer_stop)(self.timer);
            }
            if !self.idle.is_null() {
                (self.uv.idle_stop)(self.idle);
            }
            for handle in [&mut self.poll, &mut self.prepare, &mut self.timer, &mut self.idle] {
                let handle = std::mem::replace(handle, std::ptr::null_mut());
                if !handle.is_null() {
                    (self.uv.close)(handle, Some(free_handle));
                }
            }
        }
    }
}

impl Drop for Handles {
    fn drop(&mut self) {
        self.close();
    }
}

/// What `Handles::open` was given as `data`.
///
/// # Safety
/// `handle` is one of a `Handles` that is still open: only true inside its callbacks.
pub(crate) unsafe fn data_of(handle: *mut Handle) -> *mut c_void {
    // SAFETY: `data` is the first public field of every libuv handle, which 1.x promises to keep.
    unsafe { *handle.cast::<*mut c_void>() }
}

/// The close callback: the only place that frees handle memory.
unsafe extern "C" fn free_handle(handle: *mut Handle) {
    // SAFETY: allocated by `Handles::allocate`; libuv is done with it, that is what this callback says.
    unsafe { libc::free(handle.cast()) }
}
