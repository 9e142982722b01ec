//! `RawIo`: takes operations, hands them to the ring or to threads, gives back completions.
//!
//! What it is not: a scheduler. A host decides when to submit, reap and wait; what is refused was not done at all.
//!
//! The one invariant: every operation that was taken completes exactly once, and only then are its memory and its files
//! let go of.

use super::arena::Arena;
use super::describe::{self, NEEDED, OPTIONAL};
use super::file_table::{FileTable, Idle};
use super::flights::{Flight, Flights, Place};
use super::pool::{Finished, Job, Pool, Step};
use super::request::{FileNumber, Refused, Request};
use super::ring::Ring;
use super::setup::Mode;
use crate::driver::{DriverChoice, DriverKind};
use crate::errno::IoError;
use io_uring::squeue::Flags;
use io_uring::types::Timespec;
use std::collections::VecDeque;
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;

/// Operations of one chain at most.
const CHAIN_MAX: usize = 32;
/// Operations that may wait their turn or for somebody else, all together.
const FLIGHTS_MAX: usize = 65_536;
/// Boxes kept for the next requests at most.
const SPARE_MAX: usize = 256;

/// How to open.
#[derive(Clone, Copy, Debug)]
pub struct RawOptions {
    pub driver: DriverChoice,
    pub mode: Mode,
    /// Operations handed over at a time, beside those that wait for somebody else (1 to 4096).
    pub in_flight: usize,
    /// Threads, at most (1 to 64).
    pub threads: usize,
    /// Files to register with the ring; 0: none are.
    pub registered_files: u32,
}

/// What was opened and why.
#[derive(Clone, Debug)]
pub struct RawReport {
    pub kind: DriverKind,
    pub reason: String,
    /// Setup flags of the ring.
    pub flags: Vec<&'static str>,
    /// Operations the ring lacks: threads do them.
    pub missing: Vec<&'static str>,
    /// What was asked for and is not, with the reason: (name, clause).
    pub refused: Vec<(&'static str, String)>,
}

/// The end of one operation.
#[derive(Debug)]
pub struct Completed {
    /// As given to `push`.
    pub owner: u64,
    pub source: u32,
    /// As the kernel gives it: negative is an errno. A file that was opened is its number.
    pub result: i64,
    /// The operation, with its memory.
    pub request: Box<Request>,
}

/// Raw operations of one thread:
///
/// ```compile_fail
/// fn send<T: Send>() {}
/// send::<millrace_io::raw::RawIo>();
/// ```
pub struct RawIo {
    // Dropped first: the ring is closed before the memory it was given goes away.
    pub(super) ring: Option<Ring>,
    pub(super) pool: Pool,
    pub(super) flights: Flights,
    pub(super) files: FileTable,
    waiting: VecDeque<u64>,
    /// Operations handed over that count against the limit.
    active: usize,
    limit: usize,
    /// Operations of the chain that is being pushed.
    chain: usize,
    ready: Vec<Completed>,
    /// Boxes of requests that are over.
    #[expect(clippy::vec_box, reason = "the boxes are what is kept")]
    spare: Vec<Box<Request>>,
    from_ring: Vec<(u64, i32)>,
    from_pool: Vec<Finished>,
    report: RawReport,
    pub(super) is_closing: bool,
    _one_thread: PhantomData<*mut ()>,
}

impl RawIo {
    /// Opens the driver that was asked for, or the best one there is. The error is a clause for people: why there is no
    /// ring, when one was demanded, or what the system refused.
    ///
    /// # Errors
    ///
    /// Without a ring, `DriverChoice::Ring` is refused; without descriptors everything is.
    pub fn open(options: RawOptions) -> Result<RawIo, String> {
        let limit = options.in_flight.clamp(1, 4096);
        let pool = Pool::open(options.threads).map_err(|error: IoError| error.to_string())?;
        let mut report = RawReport {
            kind: DriverKind::Pool,
            reason: "chosen".to_owned(),
            flags: Vec::new(),
            missing: Vec::new(),
            refused: Vec::new(),
        };
        let ring = match options.driver {
            DriverChoice::Pool => None,
            DriverChoice::Ring => Some(open_ring(options, limit, &mut report)?),
            DriverChoice::Auto => match open_ring(options, limit, &mut report) {
                Ok(ring) => Some(ring),
                Err(reason) => {
                    report.reason = reason;
                    None
                }
            },
        };
        if ring.is_some() {
            let was_asked_for = options.driver == DriverChoice::Ring;
            report.kind = DriverKind::Ring;
            report.reason = if was_asked_for { "chosen" } else { "io_uring is available" }.to_owned();
        }
        Ok(RawIo {
            ring,
            pool,
            flights: Flights::default(),
            files: FileTable::default(),
            waiting: VecDeque::new(),
            active: 0,
            limit,
            chain: 0,
            ready: Vec::new(),
            spare: Vec::new(),
            from_ring: Vec::new(),
            from_pool: Vec::new(),
            report,
            is_closing: false,
            _one_thread: PhantomData,
        })
    }

    #[must_use]
    pub fn report(&self) -> &RawReport {
        &self.report
    }

    /// Readable when `reap` has something to do.
    #[must_use]
    pub fn poll_fd(&self) -> RawFd {
        self.ring.as_ref().map_or_else(|| self.pool.poll_fd(), Ring::poll_fd)
    }

    /// Operations taken and not completed.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.flights.len()
    }

    /// Of these, those that are handed over and wait for nobody but the device.
    #[must_use]
    pub fn at_device(&self) -> usize {
        self.active
    }

    /// Files, pipes and sockets that are open.
    #[must_use]
    pub fn open_files(&self) -> usize {
        self.files.open()
    }

    /// System calls that handed operations to the ring, or asked it for completions.
    #[must_use]
    pub fn enters(&self) -> u64 {
        self.ring.as_ref().map_or(0, |ring| ring.enters)
    }

    /// Takes an operation. `is_linked`: the one pushed next begins only when this one has succeeded in full; the last of a
    /// chain is not linked. `owner` and `source` come back with the completion.
    ///
    /// # Errors
    ///
    /// Nothing was done then, and of a chain, what was pushed before is already taken: it ends there.
    pub fn push(
        &mut self,
        owner: u64,
        source: u32,
        request: Request,
        is_linked: bool,
    ) -> Result<(), Refused> {
        let checked = self.check(&request);
        let Ok(descriptors) = checked else {
            self.end_chain();
            return checked.map(|_| ());
        };
        self.chain = if is_linked { self.chain + 1 } else { 0 };
        for number in request.files().into_iter().flatten() {
            self.files.take(number);
        }
        let request = match self.spare.pop() {
            Some(mut spare) => {
                *spare = request;
                spare
            }
            None => Box::new(request),
        };
        let token = self.flights.add(flight(owner, source, request, is_linked, descriptors));
        self.waiting.push_back(token);
        Ok(())
    }

    fn check(&mut self, request: &Request) -> Result<[RawFd; 2], Refused> {
        if self.is_closing {
            return Err(Refused::Closing);
        }
        if self.flights.len() >= FLIGHTS_MAX {
            return Err(Refused::Full);
        }
        if self.chain >= CHAIN_MAX - 1 {
            return Err(Refused::ChainTooLong);
        }
        let mut descriptors = [-1; 2];
        for (place, number) in descriptors.iter_mut().zip(request.files()) {
            if let Some(number) = number {
                *place = self.files.descriptor(number)?;
            }
        }
        Ok(descriptors)
    }

    /// Takes back what `reap` gave, whose memory is let go of at once: the next operations need no new one.
    pub fn recycle(&mut self, mut over: Box<Request>) {
        *over = Request::Nop;
        if self.spare.len() < SPARE_MAX {
            self.spare.push(over);
        }
    }

    /// Whatever was pushed last is the end of its chain.
    pub fn end_chain(&mut self) {
        if self.chain > 0
            && let Some(&token) = self.waiting.back()
            && let Some(last) = self.flights.get(token)
        {
            last.is_linked = false;
        }
        self.chain = 0;
    }

    /// Closes a file for its owner at once; the system closes it, and the operation completes, when nothing in flight uses
    /// it any more.
    ///
    /// # Errors
    ///
    /// `FileStale` when it was closed before.
    pub fn close(&mut self, owner: u64, source: u32, number: FileNumber) -> Result<(), Refused> {
        self.files.descriptor(number)?;
        let mut closing = flight(owner, source, Box::new(Request::Close { descriptor: -1 }), false, [-1; 2]);
        closing.place = Place::Held;
        let token = self.flights.add(closing);
        let now = self.files.close(number, token)?;
        self.start_close(now);
        Ok(())
    }

    fn start_close(&mut self, close: Option<Idle>) {
        let Some(Idle { token, descriptor, slot }) = close else { return };
        if let Some(ring) = &mut self.ring {
            let (registered, kernel) = ring.registered();
            registered.forget_file(kernel, slot);
        }
        let Some(flight) = self.flights.get(token) else { return };
        if let Some(Request::Close { descriptor: place }) = flight.request.as_deref_mut() {
            *place = descriptor;
        }
        flight.place = Place::Waiting;
        self.waiting.push_back(token);
    }

    /// Asks for the end of an operation. It completes in any case: with ECANCELED, or as if nobody had asked.
    pub fn cancel(&mut self, owner: u64, source: u32) {
        let Some(token) = self.flights.of_owner(owner, source) else { return };
        let Some(flight) = self.flights.get(token) else { return };
        if matches!(flight.request.as_deref(), Some(Request::Close { .. })) {
            return;
        }
        flight.is_cancelled = true;
        match flight.place {
            Place::Waiting | Place::Held => {}
            Place::Ring => {
                if let Some(ring) = &mut self.ring {
                    ring.cancel(token);
                }
            }
            Place::Pool => self.pool.cancel(token),
        }
    }

    /// Whether there is something to hand over.
    pub fn wants_submit(&mut self) -> bool {
        !self.waiting.is_empty() && self.active < self.limit
            || self.ring.as_mut().is_some_and(Ring::wants_enter)
    }

    /// Hands over what may be: at most one system call for the ring.
    pub fn submit(&mut self) {
        while let Some(&token) = self.waiting.front() {
            let weight = self.flights.get(token).map_or(0, |flight| weight(flight));
            if weight > 0 && self.active >= self.limit {
                break;
            }
            self.dispatch();
        }
        if let Some(ring) = &mut self.ring {
            if self.pool.in_flight > 0 {
                ring.watch(self.pool.poll_fd());
            }
            ring.enter();
        }
    }

    /// Hands over the operation at the front, with the rest of its chain.
    fn dispatch(&mut self) {
        if let Some(&token) = self.waiting.front()
            && self.is_alone(token)
        {
            self.waiting.pop_front();
            return self.start_alone(token);
        }
        let mut chain = Vec::new();
        while let Some(token) = self.waiting.pop_front() {
            chain.push(token);
            if !self.flights.get(token).is_some_and(|flight| flight.is_linked) {
                break;
            }
        }
        let is_cancelled = |token: &u64| self.flights.get(*token).is_some_and(|it| it.is_cancelled);
        if chain.iter().any(is_cancelled) {
            chain.into_iter().for_each(|token| self.complete(token, None, -i64::from(libc::ECANCELED)));
            return;
        }
        let on_ring = chain.iter().all(|&token| self.is_for_ring(token));
        for &token in &chain {
            let Some(flight) = self.flights.get(token) else { continue };
            flight.place = if on_ring { Place::Ring } else { Place::Pool };
            self.active += weight(flight);
        }
        if on_ring { self.start_on_ring(&chain) } else { self.start_on_pool(&chain) }
    }

    /// Whether this is no chain, for the ring, and still wanted: what nearly all are.
    fn is_alone(&mut self, token: u64) -> bool {
        let flight = self.flights.get(token);
        flight.is_some_and(|flight| !flight.is_linked && !flight.is_cancelled) && self.is_for_ring(token)
    }

    fn start_alone(&mut self, token: u64) {
        let (Some(flight), Some(ring)) = (self.flights.get(token), &mut self.ring) else { return };
        flight.place = Place::Ring;
        self.active += weight(flight);
        let (fixed, buffer) = flight.request.as_deref().map_or((None, None), |it| ring.registered().0.of(it));
        let entry = describe::entry(flight, fixed, buffer).user_data(token);
        // SAFETY: as in `start_on_ring`.
        unsafe { ring.push_alone(entry) };
    }

    fn is_for_ring(&mut self, token: u64) -> bool {
        let Some(ring) = &self.ring else { return false };
        let request = self.flights.get(token).and_then(|flight| flight.request.as_deref());
        request.and_then(describe::code).is_some_and(|code| ring.supports(code))
    }

    fn start_on_ring(&mut self, chain: &[u64]) {
        let mut entries = Vec::with_capacity(chain.len());
        for (at, &token) in chain.iter().enumerate() {
            let Some(flight) = self.flights.get(token) else { continue };
            let (fixed, buffer) = match (&mut self.ring, flight.request.as_deref()) {
                (Some(ring), Some(request)) => ring.registered().0.of(request),
                _ => (None, None),
            };
            let entry = describe::entry(flight, fixed, buffer).user_data(token);
            entries.push(if at + 1 < chain.len() { entry.flags(Flags::IO_LINK) } else { entry });
        }
        let Some(ring) = &mut self.ring else { return };
        // SAFETY: entries point into flights and their requests, in boxes that stay until `complete`; a `RawIo` that goes
        // away closes the ring first, or leaks both.
        unsafe { ring.push(entries) };
    }

    fn start_on_pool(&mut self, chain: &[u64]) {
        let mut steps = VecDeque::with_capacity(chain.len());
        for &token in chain {
            let Some(flight) = self.flights.get(token) else { continue };
            let Some(request) = flight.request.take() else { continue };
            steps.push_back(Step { token, descriptors: flight.descriptors, request });
        }
        self.pool.start(Job { steps });
    }

    /// Appends what has completed. Never blocks.
    pub fn reap(&mut self, completed: &mut Vec<Completed>) {
        self.collect();
        completed.append(&mut self.ready);
    }

    /// Whether `reap` would yield something without asking anybody.
    #[must_use]
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    pub(super) fn collect(&mut self) {
        if let Some(ring) = &mut self.ring {
            let mut from_ring = std::mem::take(&mut self.from_ring);
            ring.reap(&mut from_ring);
            from_ring.drain(..).for_each(|(token, result)| self.ring_completed(token, result));
            self.from_ring = from_ring;
        }
        // On their own, threads are asked even when nothing is known to be with them: their signal may be left over.
        if self.pool.in_flight > 0 || self.ring.is_none() {
            let mut from_pool = std::mem::take(&mut self.from_pool);
            self.pool.reap(&mut from_pool);
            for finished in from_pool.drain(..) {
                self.complete(finished.token, Some(finished.request), finished.result);
            }
            self.from_pool = from_pool;
        }
        if self.pool.in_flight > 0
            && let Some(ring) = &mut self.ring
        {
            ring.watch(self.pool.poll_fd());
        }
    }

    fn ring_completed(&mut self, token: u64, result: i32) {
        let known = self.flights.get(token).filter(|flight| flight.place == Place::Ring);
        let Some(flight) = known else { panic!("io_uring completed {token:#x}, which is not in flight") };
        let would_wait = flight.request.as_deref().is_some_and(waits_again);
        if result == -libc::EAGAIN && would_wait && !flight.is_cancelled && !self.is_closing {
            // The descriptor does not let the ring wait for it: threads do, without waiting either.
            flight.place = Place::Pool;
            return self.start_on_pool(&[token]);
        }
        self.complete(token, None, i64::from(result));
    }

    /// The end of an operation: its files are released, its owner told with the next `reap`.
    fn complete(&mut self, token: u64, request: Option<Box<Request>>, result: i64) {
        let Some(mut flight) = self.flights.remove(token) else { panic!("{token:#x} is not in flight") };
        let Some(request) = request.or_else(|| flight.request.take()) else {
            panic!("{token:#x} has lost its request")
        };
        if matches!(flight.place, Place::Ring | Place::Pool) {
            self.active -= weight_of(&request);
        }
        // A cancellation may show as an interruption, or find the operation between two tries.
        let was_ended = result == -i64::from(libc::EINTR) || result == -i64::from(libc::EAGAIN);
        let result = if flight.is_cancelled && was_ended { -i64::from(libc::ECANCELED) } else { result };
        let result = self.meaning(&request, result);
        for number in request.files().into_iter().flatten() {
            let close = self.files.release(number);
            self.start_close(close);
        }
        #[cfg(feature = "planted")]
        if flight.is_cancelled && crate::planted::RawBug::CancelLosesCompletion.is_planted() {
            return;
        }
        self.ready.push(Completed { owner: flight.owner, source: flight.source, result, request });
        self.flights.recycle(flight);
    }

    /// Gives a descriptor its number.
    pub(super) fn adopt(&mut self, descriptor: OwnedFd) -> FileNumber {
        let raw = descriptor.as_raw_fd();
        let number = self.files.add(descriptor);
        if let Some(ring) = &mut self.ring {
            let (registered, kernel) = ring.registered();
            registered.add_file(kernel, number.slot(), raw);
        }
        number
    }

    /// Registers an arena's memory with the ring: the kernel looks its pages up once, not for each operation. They count as
    /// locked memory until the ring is closed.
    ///
    /// # Errors
    ///
    /// A clause for people: without a ring, more than 64 arenas, or what the kernel refused.
    pub fn register_arena(&mut self, arena: &Arc<Arena>) -> Result<(), String> {
        let Some(ring) = &mut self.ring else { return Err("threads know no registered memory".to_owned()) };
        let (registered, kernel) = ring.registered();
        registered.add_arena(kernel, arena)
    }

    /// A result as its owner sees it.
    fn meaning(&mut self, request: &Request, result: i64) -> i64 {
        match request {
            Request::Timeout { .. } if result == -i64::from(libc::ETIME) => 0,
            // Linux has freed the descriptor, whatever close says of a signal.
            Request::Close { .. } if result == -i64::from(libc::EINTR) => 0,
            Request::Open { .. } | Request::Accept { .. } if result >= 0 => {
                // SAFETY: the kernel has just made this descriptor for us; nobody else owns it.
                let descriptor = unsafe { OwnedFd::from_raw_fd(result as RawFd) };
                self.adopt(descriptor).0 as i64
            }
            _ => result,
        }
    }
}

fn open_ring(options: RawOptions, limit: usize, report: &mut RawReport) -> Result<Ring, String> {
    let mode = options.mode;
    let (mut ring, flags) = match (Ring::open(mode, limit), mode) {
        (Ok(opened), _) => opened,
        (Err(reason), Mode::Interrupt) => return Err(reason),
        (Err(reason), Mode::SubmissionPoll { .. }) => {
            let opened = Ring::open(Mode::Interrupt, limit)?;
            report.refused.push(("sqpoll", reason));
            opened
        }
    };
    if let Some((_, name)) = NEEDED.iter().find(|(code, _)| !ring.supports(*code)) {
        return Err(format!("this kernel's io_uring has no {name}"));
    }
    let missing = OPTIONAL.iter().filter(|(code, _)| !ring.supports(*code));
    report.missing = missing.map(|(_, name)| *name).collect();
    report.flags = flags;
    let (registered, kernel) = ring.registered();
    if let Err(reason) = registered.open_files(kernel, options.registered_files) {
        report.refused.push(("registered files", reason));
    }
    Ok(ring)
}

fn flight(
    owner: u64,
    source: u32,
    request: Box<Request>,
    is_linked: bool,
    descriptors: [RawFd; 2],
) -> Flight {
    Flight {
        owner,
        source,
        is_linked,
        place: Place::Waiting,
        descriptors,
        request: Some(request),
        iovecs: Vec::new(),
        time: Timespec::new(),
        is_cancelled: false,
    }
}

fn weight(flight: &Flight) -> usize {
    flight.request.as_deref().map_or(0, weight_of)
}

/// What an operation counts against the limit.
fn weight_of(request: &Request) -> usize {
    usize::from(!request.waits())
}

/// Whether EAGAIN means "wait", unless the flags ask for that answer.
fn waits_again(request: &Request) -> bool {
    use Request::*;
    match request {
        Read { position: None, flags, .. }
        | Write { position: None, flags, .. }
        | ReadVector { position: None, flags, .. }
        | WriteVector { position: None, flags, .. } => flags & libc::RWF_NOWAIT == 0,
        Receive { flags, .. } | Send { flags, .. } => flags & libc::MSG_DONTWAIT == 0,
        Splice { .. } | Tee { .. } | Accept { .. } | Connect { .. } => true,
        _ => false,
    }
}
