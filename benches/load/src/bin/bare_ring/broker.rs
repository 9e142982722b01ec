//! The least broker: answers Produce v7 of millrace-load, durably, over one ring in one thread.
//!
//! It checks each batch's CRC, lays frames out as `append` does, has one DSYNC write in flight whose waiters all get their
//! answers when it is done, and counts offsets. No topics, no reading, no recovery, no limits, no JavaScript, and a
//! request that it does not expect ends it: what is left is the price of the sockets, the checksums and the device.

use std::collections::HashMap;
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use io_uring::{IoUring, cqueue, opcode, squeue, types};
use millrace_load::LoadError;
use millrace_load::arguments::Arguments;
use millrace_load::json::Object;

use crate::commits::{Commits, Waiter};
use crate::direct_file::{DirectFile, FILE_LENGTH};
use crate::provided::{GROUP, Provided};
use crate::requests::{Answer, Produce};

const ENTRIES: u32 = 1024;
const ACCEPT: u64 = 1 << 32;
const RECEIVE: u64 = 2 << 32;
const SEND: u64 = 3 << 32;
const WRITE: u64 = 4 << 32;

/// Serves until it is killed; says where on stdout.
pub fn run(arguments: &mut Arguments) -> Result<Object, LoadError> {
    let path: PathBuf = arguments.required("file")?;
    arguments.finish()?;
    let listener = TcpListener::bind("127.0.0.1:0").map_err(LoadError::io("listening"))?;
    let address = listener.local_addr().map_err(LoadError::io("listening"))?;
    let target = DirectFile::create(path)?;
    let mut builder = IoUring::builder();
    builder.setup_single_issuer().setup_defer_taskrun().setup_cqsize(ENTRIES * 4);
    let ring = builder.build(ENTRIES).map_err(LoadError::io("setting up a ring"))?;
    let provided = Provided::register(&ring)?;
    println!("{}", Object::new().word("address", &address.to_string()));
    Broker {
        ring,
        provided,
        target,
        commits: Commits::new(),
        connections: HashMap::new(),
        offsets: Vec::new(),
    }
    .serve(&listener)
}

struct Connection {
    /// A request whose end has not arrived.
    held: Vec<u8>,
    answer: Answer,
}

struct Broker {
    ring: IoUring,
    provided: Provided,
    target: DirectFile,
    commits: Commits,
    /// By descriptor.
    connections: HashMap<i32, Connection>,
    /// Next offset of each partition.
    offsets: Vec<i64>,
}

impl Broker {
    fn serve(&mut self, listener: &TcpListener) -> Result<Object, LoadError> {
        let accept = opcode::AcceptMulti::new(types::Fd(listener.as_raw_fd())).build().user_data(ACCEPT);
        self.push(&accept);
        let mut batch: Vec<(u64, i32, u32)> = Vec::new();
        loop {
            self.ring.submit_and_wait(1).map_err(LoadError::io("waiting"))?;
            batch.clear();
            batch.extend(self.ring.completion().map(|done| (done.user_data(), done.result(), done.flags())));
            for &(name, result, flags) in &batch {
                self.completed(name, result, flags)?;
            }
            self.commit();
        }
    }

    fn completed(&mut self, name: u64, result: i32, flags: u32) -> Result<(), LoadError> {
        let connection = name as u32 as i32;
        match name & !0xffff_ffff {
            ACCEPT => {
                let socket = succeeded("accepting", result)?;
                nodelay(socket);
                self.connections.insert(socket, Connection { held: Vec::new(), answer: Answer::default() });
                self.receive(socket);
            }
            RECEIVE => self.received(connection, result, flags)?,
            SEND => drop(succeeded("answering", result)?),
            _ => {
                succeeded("writing a commit", result)?;
                for waiter in self.commits.durable() {
                    self.answer(&waiter)?;
                }
            }
        }
        Ok(())
    }

    fn receive(&mut self, socket: i32) {
        let receive = opcode::RecvMulti::new(types::Fd(socket), GROUP).build();
        self.push(&receive.user_data(RECEIVE | socket as u64));
    }

    fn received(&mut self, socket: i32, result: i32, flags: u32) -> Result<(), LoadError> {
        if result == -libc::ENOBUFS {
            self.receive(socket);
            return Ok(());
        }
        if result <= 0 {
            self.connections.remove(&socket);
            // SAFETY: the descriptor was accepted here and is used by nothing any more.
            unsafe { libc::close(socket) };
            return Ok(());
        }
        let Some(buffer) = cqueue::buffer_select(flags) else { return Ok(()) };
        let connection = self.connections.get_mut(&socket).expect("it was accepted");
        let bytes = self.provided.filled(buffer, result as usize);
        let mut rest = bytes;
        if !connection.held.is_empty() {
            connection.held.extend_from_slice(bytes);
            rest = &connection.held;
        }
        while let Some((request, behind)) = Produce::cut(rest)? {
            let partition = request.partition as usize;
            if self.offsets.len() <= partition {
                self.offsets.resize(partition + 1, 0);
            }
            let offset = self.offsets[partition];
            self.offsets[partition] += i64::from(request.records);
            connection.answer.remember(&request);
            self.commits.append(request.batch, Waiter { socket, correlation: request.correlation, offset });
            rest = behind;
        }
        connection.held = rest.to_vec();
        self.provided.give(buffer);
        if !cqueue::more(flags) {
            self.receive(socket);
        }
        Ok(())
    }

    fn answer(&mut self, waiter: &Waiter) -> Result<(), LoadError> {
        let Some(connection) = self.connections.get_mut(&waiter.socket) else { return Ok(()) };
        let bytes = connection.answer.with(waiter.correlation, waiter.offset);
        let send = opcode::Send::new(types::Fd(waiter.socket), bytes.as_ptr(), bytes.len() as u32).build();
        self.push(&send.user_data(SEND | waiter.socket as u64));
        Ok(())
    }

    /// Begins the write of what waits, when none is in flight.
    fn commit(&mut self) {
        let Some((bytes, position)) = self.commits.begin(FILE_LENGTH) else { return };
        let write =
            opcode::Write::new(types::Fd(self.target.file.as_raw_fd()), bytes.as_ptr(), bytes.len() as u32)
                .offset(position)
                .rw_flags(libc::RWF_DSYNC)
                .build();
        self.push(&write.user_data(WRITE));
    }

    fn push(&mut self, entry: &squeue::Entry) {
        loop {
            // SAFETY: what entries name lives as long as the broker: the commits' two buffers, the answers (one request
            // in flight on a connection), descriptors that are closed after their last completion.
            if unsafe { self.ring.submission().push(entry) }.is_ok() {
                return;
            }
            self.ring.submit().expect("the ring takes submissions");
        }
    }
}

fn succeeded(doing: &'static str, result: i32) -> Result<i32, LoadError> {
    if result >= 0 {
        return Ok(result);
    }
    Err(LoadError::io(doing)(std::io::Error::from_raw_os_error(-result)))
}

fn nodelay(socket: i32) {
    let on: libc::c_int = 1;
    // SAFETY: an open socket, and an option of the length that is said.
    unsafe { libc::setsockopt(socket, libc::IPPROTO_TCP, libc::TCP_NODELAY, (&raw const on).cast(), 4) };
}
