//! `NativeRing`: the class JavaScript calls for raw operations. Each method converts arguments and asks `RawIo`.
//!
//! Not a policy and not a default. The one invariant: what the kernel works on is an arena's or the operation's own;
//! memory of JavaScript's is copied, before it or after it.

use crate::engine_handle::Thrown;
use crate::io_api::arena_handle::NativeArena;
use crate::io_api::ring_host::{RingHost, RingState};
use crate::io_api::rows::{Payload, Row, STRIDE, code};
use crate::memory::{Bytes as Array, Doubles, index};
use crate::plan::unsigned;
use crate::status::{Refusal, check};
use millrace_io::raw::{Address, Bytes, FileNumber, Mode, Owned, RawIo, RawOptions};
use millrace_io::{DriverChoice, DriverKind};
use napi::bindgen_prelude::{Function, Unknown};
use napi::{Env, JsValue, sys};
use napi_derive::napi;
use std::ffi::CString;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// `NativeRingOptions` of ts/io/api/native-ring.ts.
#[napi(object)]
pub struct RingOptions {
    pub driver: String,
    /// Idle milliseconds of the kernel's thread; 0: no such thread.
    pub poll_ms: f64,
    pub entries: f64,
    pub threads: f64,
    pub registered_files: f64,
    /// Microseconds the loop asks for completions before it sleeps; 0: it sleeps at once.
    pub busy_poll_us: f64,
}

/// `NativeRingReport` of ts/io/api/native-ring.ts.
#[napi(object)]
pub struct RingReport {
    pub driver: String,
    pub reason: String,
    pub flags: Vec<String>,
    pub missing: Vec<String>,
    /// Name and reason, one behind the other.
    pub refused: Vec<String>,
}

/// Raw operations of one environment.
#[napi]
pub struct NativeRing {
    host: Rc<RingHost>,
}

#[napi]
impl NativeRing {
    /// Opens a driver; `wake` is the one callback.
    #[napi(constructor)]
    pub fn new(env: Env, options: RingOptions, wake: Function<'_, (), ()>) -> Result<NativeRing, Thrown> {
        Ok(Self::open(env.raw(), &options, wake.raw())?)
    }

    fn open(env: sys::napi_env, options: &RingOptions, wake: sys::napi_value) -> Result<NativeRing, Refusal> {
        let driver = match options.driver.as_str() {
            "auto" => DriverChoice::Auto,
            "ring" => DriverChoice::Ring,
            "pool" => DriverChoice::Pool,
            _ => return Err(Refusal::argument("there is no such driver")),
        };
        let number =
            |value: f64| index(value).ok_or_else(|| Refusal::argument("a size is not a whole number"));
        let idle_ms = u32::try_from(number(options.poll_ms)?).unwrap_or(u32::MAX);
        let mode = if idle_ms == 0 { Mode::Interrupt } else { Mode::SubmissionPoll { idle_ms } };
        let (in_flight, threads) = (number(options.entries)?, number(options.threads)?);
        let busy_poll_us = number(options.busy_poll_us)?;
        let registered_files = u32::try_from(number(options.registered_files)?).unwrap_or(u32::MAX);
        let raw = RawIo::open(RawOptions { driver, mode, in_flight, threads, registered_files })
            .map_err(|reason| Refusal::new("DRIVER", reason))?;
        let mut reference = std::ptr::null_mut();
        // SAFETY: `wake` is an argument of the running constructor.
        unsafe { check("wake", sys::napi_create_reference(env, wake, 1, &raw mut reference))? };
        let is_ring = raw.report().kind == DriverKind::Ring;
        let busy_poll = Duration::from_micros(if is_ring { busy_poll_us as u64 } else { 0 });
        Ok(NativeRing { host: RingHost::start(env, raw, busy_poll, reference)? })
    }

    /// What was opened, and why.
    #[napi]
    pub fn report(&self) -> Result<RingReport, Thrown> {
        let state = self.host.state.borrow();
        let report = state.raw.as_ref().ok_or_else(closed)?.report();
        let texts = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        Ok(RingReport {
            driver: report.kind.to_string(),
            reason: report.reason.clone(),
            flags: texts(&report.flags),
            missing: texts(&report.missing),
            refused: report
                .refused
                .iter()
                .flat_map(|(name, why)| [(*name).to_owned(), why.clone()])
                .collect(),
        })
    }

    /// The completions, a Float64Array.
    #[napi(getter)]
    pub fn completions(&self, env: Env) -> Result<Unknown<'_>, Thrown> {
        let value = self.host.state.borrow().shown.value(env.raw())?;
        // SAFETY: a value of the running call.
        Ok(unsafe { Unknown::from_raw_unchecked(env.raw(), value) })
    }

    /// Makes an arena known by a number.
    #[napi]
    pub fn add_arena(&self, arena: &NativeArena) -> f64 {
        let mut state = self.host.state.borrow_mut();
        let known = state.arenas.iter().position(|it| Arc::ptr_eq(it, &arena.arena));
        let number = known.unwrap_or_else(|| {
            state.arenas.push(Arc::clone(&arena.arena));
            state.arenas.len() - 1
        });
        number as f64
    }

    /// Registers an arena's memory with the kernel: empty, or why not.
    #[napi]
    pub fn register_arena(&self, arena: &NativeArena) -> Result<String, Thrown> {
        Ok(self.call(|state| {
            let raw = state.raw.as_mut().ok_or_else(closed)?;
            Ok(raw.register_arena(&arena.arena).err().unwrap_or_default())
        })?)
    }

    /// Runs `work` on what is open, counts the call and has what it asked for submitted.
    fn call<T>(&self, work: impl FnOnce(&mut RingState) -> Result<T, Refusal>) -> Result<T, Refusal> {
        let result = {
            let mut state = self.host.state.borrow_mut();
            if state.raw.is_none() {
                return Err(closed());
            }
            state.calls_in += 1;
            work(&mut state)
        };
        self.host.queued();
        result
    }

    /// Takes one operation: 0, or the number of a refusal.
    #[napi]
    pub fn push(&self, env: Env, row: Unknown<'_>) -> Result<f64, Thrown> {
        let row = row_of(env.raw(), row.raw())?;
        Ok(self.call(|state| push(state, 0, row, Payload::default()))?)
    }

    /// As `push`, with an array to write from or to read into.
    #[napi]
    pub fn push_bytes(&self, env: Env, row: Unknown<'_>, array: Unknown<'_>) -> Result<f64, Thrown> {
        let (env, row) = (env.raw(), row_of(env.raw(), row.raw())?);
        Ok(self.call(|state| {
            let fills = matches!(row.0[0], 1.0 | 23.0);
            let bytes = Array::of(env, array.raw())?;
            if fills {
                state.destinations.keep(env, row.owner()?, &[(array.raw(), bytes.len())])?;
            }
            let bytes = if fills { Owned::zeroed(bytes.len()) } else { Owned::copy_of(bytes.all()) };
            let payload = Payload { bytes: Some(Bytes::Owned(bytes)), ..Payload::default() };
            pushed_with_arrays(env, state, row, payload)
        })?)
    }

    /// As `push`, with arrays to write from or to read into, one behind the other.
    #[napi]
    pub fn push_parts(&self, env: Env, row: Unknown<'_>, arrays: Vec<Unknown<'_>>) -> Result<f64, Thrown> {
        let (env, row) = (env.raw(), row_of(env.raw(), row.raw())?);
        Ok(self.call(|state| {
            let fills = row.0[0] == 3.0;
            let (mut parts, mut places) = (Vec::new(), Vec::new());
            for array in &arrays {
                let bytes = Array::of(env, array.raw())?;
                places.push((array.raw(), bytes.len()));
                let owned = if fills { Owned::zeroed(bytes.len()) } else { Owned::copy_of(bytes.all()) };
                parts.push(Bytes::Owned(owned));
            }
            if fills {
                state.destinations.keep(env, row.owner()?, &places)?;
            }
            pushed_with_arrays(env, state, row, Payload { parts, ..Payload::default() })
        })?)
    }

    /// As `push`, with one path or two.
    #[napi]
    pub fn push_paths(&self, env: Env, row: Unknown<'_>, path: String, other: String) -> Result<f64, Thrown> {
        let row = row_of(env.raw(), row.raw())?;
        let text =
            |path: String| CString::new(path).map_err(|_| Refusal::argument("a path holds a zero byte"));
        let paths = Some((text(path)?, text(other)?));
        Ok(self.call(|state| push(state, 0, row, Payload { paths, ..Payload::default() }))?)
    }

    /// As `push`, with an address to connect to.
    #[napi]
    pub fn push_address(&self, env: Env, row: Unknown<'_>, host: String, port: f64) -> Result<f64, Thrown> {
        let row = row_of(env.raw(), row.raw())?;
        let address = Some(Address::of(address(&host, port)?));
        Ok(self.call(|state| push(state, 0, row, Payload { address, ..Payload::default() }))?)
    }

    /// What was pushed last is the end of its chain.
    #[napi]
    pub fn end_chain(&self) -> Result<(), Thrown> {
        Ok(self.call(|state| {
            if let Some(raw) = state.raw.as_mut() {
                raw.end_chain();
            }
            Ok(())
        })?)
    }

    /// Takes many operations; what is refused completes as such. `at_once`: the kernel has them when this returns.
    #[napi]
    pub fn push_rows(
        &self,
        env: Env,
        rows: Unknown<'_>,
        count: f64,
        source: u32,
        at_once: bool,
    ) -> Result<(), Thrown> {
        let rows = Doubles::of(env.raw(), rows.raw())?;
        let count = index(count).filter(|count| *count <= rows.len() / STRIDE);
        let count = count.ok_or_else(|| Refusal::argument("more rows than the array holds"))?;
        Ok(self.call(|state| {
            for number in 0..count {
                let row = Row(rows.row(number * STRIDE));
                let owner = row.owner()?;
                let refused = push(state, source, row, Payload::default())?;
                if refused != 0.0 {
                    state.refused.push_back((owner, source, refused));
                }
            }
            if let Some(raw) = state.raw.as_mut() {
                raw.end_chain();
                if at_once {
                    raw.submit();
                }
            }
            Ok(())
        })?)
    }

    /// Asks for the end of an operation.
    #[napi]
    pub fn cancel(&self, owner: f64, source: u32) -> Result<(), Thrown> {
        let owner = index(owner).ok_or_else(|| Refusal::argument("an owner is not a whole number"))?;
        Ok(self.call(|state| {
            if let Some(raw) = state.raw.as_mut() {
                raw.cancel(owner as u64, source);
            }
            Ok(())
        })?)
    }

    /// What statx answered, into an array of 16 doubles; false when there is nothing.
    #[napi]
    pub fn take_status(&self, env: Env, owner: f64, into: Unknown<'_>) -> Result<bool, Thrown> {
        let owner = index(owner).ok_or_else(|| Refusal::argument("an owner is not a whole number"))?;
        let mut into = Doubles::of(env.raw(), into.raw())?;
        let Some(it) = self.host.state.borrow_mut().statuses.remove(&(owner as u64)) else {
            return Ok(false);
        };
        let ms = |time: &libc::statx_timestamp| {
            time.tv_sec as f64 * 1000.0 + f64::from(time.tv_nsec) / 1_000_000.0
        };
        let aligned = it.stx_mask & libc::STATX_DIOALIGN != 0;
        let (memory, offset) = if aligned { (it.stx_dio_mem_align, it.stx_dio_offset_align) } else { (0, 0) };
        into.put(0, &[unsigned(it.stx_size), f64::from(it.stx_mode), unsigned(it.stx_ino)]);
        into.put(3, &[f64::from(it.stx_nlink), f64::from(it.stx_uid), f64::from(it.stx_gid)]);
        into.put(6, &[unsigned(it.stx_blocks), f64::from(it.stx_blksize)]);
        into.put(8, &[ms(&it.stx_atime), ms(&it.stx_mtime), ms(&it.stx_ctime), ms(&it.stx_btime)]);
        into.put(12, &[f64::from(it.stx_dev_major), f64::from(it.stx_dev_minor)]);
        into.put(14, &[f64::from(memory), f64::from(offset)]);
        Ok(true)
    }

    /// Makes files without waiting: runs `work`, gives its errno as an error.
    fn make<T>(&self, work: impl FnOnce(&mut RawIo) -> io::Result<T>) -> Result<T, Refusal> {
        let mut state = self.host.state.borrow_mut();
        state.calls_in += 1;
        let is_closing = state.is_closing;
        let raw = state.raw.as_mut().filter(|_| !is_closing).ok_or_else(closed)?;
        work(raw).map_err(|error| {
            let errno = error.raw_os_error().unwrap_or(libc::EIO);
            Refusal { code: "IO", message: error.to_string(), errno }
        })
    }

    /// A duplicate of a descriptor.
    #[napi]
    pub fn attach(&self, descriptor: i32) -> Result<f64, Thrown> {
        Ok(self.make(|raw| raw.attach(descriptor)).map(number)?)
    }

    /// A pipe: the end to read from, the end to write to.
    #[napi]
    pub fn pipe(&self, bytes: u32) -> Result<Vec<f64>, Thrown> {
        Ok(self.make(|raw| raw.pipe(bytes as usize)).map(|ends| ends.map(number).to_vec())?)
    }

    /// A TCP socket to connect with.
    #[napi]
    pub fn socket(&self, is_v6: bool) -> Result<f64, Thrown> {
        Ok(self.make(|raw| raw.socket(is_v6)).map(number)?)
    }

    /// A TCP socket that listens.
    #[napi]
    pub fn listen(&self, host: String, port: f64, backlog: i32) -> Result<f64, Thrown> {
        let address = address(&host, port)?;
        Ok(self.make(|raw| raw.listen(address, backlog)).map(|(file, _)| number(file))?)
    }

    /// The address of a socket: host and port.
    #[napi]
    pub fn address_of(&self, file: f64, of_peer: bool) -> Result<(String, u32), Thrown> {
        let file = index(file).ok_or_else(|| Refusal::argument("a file is not a whole number"))?;
        let address = self.make(|raw| raw.address_of(FileNumber(file as u64), of_peer))?;
        Ok((address.ip().to_string(), u32::from(address.port())))
    }

    /// Takes nothing more and ends everything in flight; `wake` runs when that is done.
    #[napi]
    pub fn close(&self) -> Result<(), Thrown> {
        Ok(self.call(|state| {
            state.is_closing = true;
            if let Some(raw) = state.raw.as_mut() {
                raw.begin_close();
            }
            Ok(())
        })?)
    }
}

fn closed() -> Refusal {
    Refusal::new("CLOSED", "the ring is closed")
}

fn number(file: FileNumber) -> f64 {
    unsigned(file.0)
}

fn address(host: &str, port: f64) -> Result<SocketAddr, Refusal> {
    let host: IpAddr = host.parse().map_err(|_| Refusal::argument("the address is not numeric"))?;
    let port = index(port).and_then(|port| u16::try_from(port).ok());
    Ok(SocketAddr::new(host, port.ok_or_else(|| Refusal::argument("there is no such port"))?))
}

fn row_of(env: sys::napi_env, row: sys::napi_value) -> Result<Row, Refusal> {
    let row = Doubles::of(env, row)?;
    if row.len() < STRIDE {
        return Err(Refusal::argument("a row is too short"));
    }
    Ok(Row(row.row(0)))
}

fn push(state: &mut RingState, source: u32, row: Row, payload: Payload) -> Result<f64, Refusal> {
    let owner = row.owner()?;
    let raw = state.raw.as_mut().ok_or_else(closed)?;
    if row.is_close() {
        return Ok(row.file().and_then(|file| raw.close(owner, source, file)).map_or_else(code, |()| 0.0));
    }
    let request = row.request(payload, &state.arenas);
    let pushed = request.and_then(|request| raw.push(owner, source, request, row.is_linked()));
    if pushed.is_err() {
        raw.end_chain();
    }
    Ok(pushed.map_or_else(code, |()| 0.0))
}

/// What was kept for an operation that is refused is let go of.
fn pushed_with_arrays(
    env: sys::napi_env,
    state: &mut RingState,
    row: Row,
    payload: Payload,
) -> Result<f64, Refusal> {
    let result = push(state, 0, row, payload);
    if !matches!(result, Ok(0.0)) {
        state.destinations.forget(env, row.owner()?);
    }
    result
}
