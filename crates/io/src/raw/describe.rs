//! Raw operations as the ring takes them.
//!
//! The one invariant: everything an entry points to lies in its flight or in its request, both in boxes that stay until
//! the completion.

use super::flights::Flight;
use super::request::{Bytes, Request};
use io_uring::opcode;
use io_uring::squeue::{Entry, Flags};
use io_uring::types::{Fd, FsyncFlags, Timespec};

/// The position that says "the descriptor's own".
const OWN_POSITION: u64 = u64::MAX;

/// The ring's code of a request; None: rings have no such operation.
pub(super) fn code(request: &Request) -> Option<u8> {
    use Request::*;
    Some(match request {
        Nop => opcode::Nop::CODE,
        Read { .. } => opcode::Read::CODE,
        Write { .. } => opcode::Write::CODE,
        ReadVector { .. } => opcode::Readv::CODE,
        WriteVector { .. } => opcode::Writev::CODE,
        Sync { .. } => opcode::Fsync::CODE,
        Allocate { .. } => opcode::Fallocate::CODE,
        Truncate { .. } => opcode::Ftruncate::CODE,
        Open { .. } => opcode::OpenAt::CODE,
        Close { .. } => opcode::Close::CODE,
        Status { .. } => opcode::Statx::CODE,
        Rename { .. } => opcode::RenameAt::CODE,
        Unlink { .. } => opcode::UnlinkAt::CODE,
        MakeDirectory { .. } => opcode::MkDirAt::CODE,
        Splice { .. } => opcode::Splice::CODE,
        Tee { .. } => opcode::Tee::CODE,
        SendFile { .. } | CopyRange { .. } => return None,
        Poll { .. } => opcode::PollAdd::CODE,
        Timeout { .. } => opcode::Timeout::CODE,
        Accept { .. } => opcode::Accept::CODE,
        Connect { .. } => opcode::Connect::CODE,
        Receive { .. } => opcode::Recv::CODE,
        Send { .. } => opcode::Send::CODE,
        Shutdown { .. } => opcode::Shutdown::CODE,
    })
}

/// Codes beside which there is no ring worth having, with their names.
pub(super) const NEEDED: [(u8, &str); 5] = [
    (opcode::Nop::CODE, "nop"),
    (opcode::Read::CODE, "read"),
    (opcode::Write::CODE, "write"),
    (opcode::PollAdd::CODE, "poll"),
    (opcode::AsyncCancel::CODE, "cancel"),
];

/// Codes that threads stand in for where a ring lacks them, with their names.
pub(super) const OPTIONAL: [(u8, &str); 17] = [
    (opcode::Readv::CODE, "readv"),
    (opcode::Writev::CODE, "writev"),
    (opcode::Fsync::CODE, "fsync"),
    (opcode::Fallocate::CODE, "fallocate"),
    (opcode::Ftruncate::CODE, "ftruncate"),
    (opcode::OpenAt::CODE, "open"),
    (opcode::Close::CODE, "close"),
    (opcode::Statx::CODE, "statx"),
    (opcode::RenameAt::CODE, "rename"),
    (opcode::UnlinkAt::CODE, "unlink"),
    (opcode::MkDirAt::CODE, "mkdir"),
    (opcode::Splice::CODE, "splice"),
    (opcode::Tee::CODE, "tee"),
    (opcode::Timeout::CODE, "timeout"),
    (opcode::Accept::CODE, "accept"),
    (opcode::Recv::CODE, "recv"),
    (opcode::Shutdown::CODE, "shutdown"),
];

fn place(bytes: &Bytes) -> (*mut u8, u32) {
    let (start, length) = bytes.place();
    // Lengths are checked to be at most 1 GiB where requests are made; longer ones would be cut, as any read may be.
    (start, u32::try_from(length).unwrap_or(u32::MAX))
}

fn signed(position: Option<u64>) -> i64 {
    position.map_or(-1, |position| i64::try_from(position).unwrap_or(i64::MAX))
}

/// The parts of a vector as the kernel wants them.
pub(super) fn gather(parts: &[Bytes]) -> Vec<libc::iovec> {
    let each = parts.iter().map(|part| {
        let (start, length) = part.place();
        libc::iovec { iov_base: start.cast(), iov_len: length }
    });
    each.collect()
}

/// Whether a registered file may stand for the descriptor of this operation.
pub(super) fn takes_fixed(request: &Request) -> bool {
    use Request::*;
    // Splices name their files in another way, statx none, and a close the descriptor itself.
    !matches!(request, Splice { .. } | Tee { .. } | Status { .. } | Close { .. })
        && request.files()[0].is_some()
}

/// The entry of a flight whose request the ring has; its token is set by the caller. `fixed` is its file's number among
/// registered ones, `buffer` that of its memory.
pub(super) fn entry(flight: &mut Flight, fixed: Option<u32>, buffer: Option<u16>) -> Entry {
    let entry = plain_entry(flight, fixed, buffer);
    if fixed.is_some() { entry.flags(Flags::FIXED_FILE) } else { entry }
}

fn plain_entry(flight: &mut Flight, fixed: Option<u32>, buffer: Option<u16>) -> Entry {
    use Request::*;
    let request = flight.request.as_deref_mut().expect("a flight for the ring has its request");
    let [first, second] = flight.descriptors.map(Fd);
    let first = fixed.map_or(first, |number| Fd(number.cast_signed()));
    let here = Fd(libc::AT_FDCWD);
    match request {
        Nop => opcode::Nop::new().build(),
        Read { position, bytes, flags, .. } => {
            let (start, length) = place(bytes);
            if let Some(number) = buffer {
                let read = opcode::ReadFixed::new(first, start, length, number).rw_flags(*flags);
                return read.offset(position.unwrap_or(OWN_POSITION)).build();
            }
            let read = opcode::Read::new(first, start, length).offset(position.unwrap_or(OWN_POSITION));
            read.rw_flags(*flags).build()
        }
        Write { position, bytes, flags, .. } => {
            let (start, length) = place(bytes);
            if let Some(number) = buffer {
                let write = opcode::WriteFixed::new(first, start, length, number).rw_flags(*flags);
                return write.offset(position.unwrap_or(OWN_POSITION)).build();
            }
            let write = opcode::Write::new(first, start, length).offset(position.unwrap_or(OWN_POSITION));
            write.rw_flags(*flags).build()
        }
        ReadVector { position, parts, flags, .. } => {
            flight.iovecs = gather(parts);
            let read = opcode::Readv::new(first, flight.iovecs.as_ptr(), flight.iovecs.len() as u32);
            read.offset(position.unwrap_or(OWN_POSITION)).rw_flags(*flags).build()
        }
        WriteVector { position, parts, flags, .. } => {
            flight.iovecs = gather(parts);
            let write = opcode::Writev::new(first, flight.iovecs.as_ptr(), flight.iovecs.len() as u32);
            write.offset(position.unwrap_or(OWN_POSITION)).rw_flags(*flags).build()
        }
        Sync { data_only, .. } => {
            let flags = if *data_only { FsyncFlags::DATASYNC } else { FsyncFlags::empty() };
            opcode::Fsync::new(first).flags(flags).build()
        }
        Allocate { mode, position, length, .. } => {
            opcode::Fallocate::new(first, *length).offset(*position).mode(*mode).build()
        }
        Truncate { length, .. } => opcode::Ftruncate::new(first, *length).build(),
        Open { path, flags, mode } => {
            opcode::OpenAt::new(here, path.as_ptr()).flags(*flags).mode(*mode).build()
        }
        Close { descriptor } => opcode::Close::new(Fd(*descriptor)).build(),
        Status { file, path, flags, status } => {
            let of = if file.is_some() { first } else { here };
            let place: *mut libc::statx = &raw mut **status;
            let status = opcode::Statx::new(of, path.as_ptr(), place.cast()).flags(*flags);
            status.mask(libc::STATX_BASIC_STATS | libc::STATX_BTIME | libc::STATX_DIOALIGN).build()
        }
        Rename { from, to, flags } => {
            opcode::RenameAt::new(here, from.as_ptr(), here, to.as_ptr()).flags(*flags).build()
        }
        Unlink { path, flags } => opcode::UnlinkAt::new(here, path.as_ptr()).flags(*flags).build(),
        MakeDirectory { path, mode } => opcode::MkDirAt::new(here, path.as_ptr()).mode(*mode).build(),
        Splice { from_position, to_position, length, flags, .. } => {
            let (from, to) = (signed(*from_position), signed(*to_position));
            opcode::Splice::new(first, from, second, to, *length)
                .flags(*flags | libc::SPLICE_F_NONBLOCK)
                .build()
        }
        Tee { length, flags, .. } => {
            opcode::Tee::new(first, second, *length).flags(*flags | libc::SPLICE_F_NONBLOCK).build()
        }
        SendFile { .. } | CopyRange { .. } => unreachable!("rings have no such operation"),
        Poll { events, .. } => opcode::PollAdd::new(first, *events).build(),
        Timeout { ns, .. } => {
            flight.time = Timespec::new().sec(*ns / 1_000_000_000).nsec((*ns % 1_000_000_000) as u32);
            opcode::Timeout::new(&raw const flight.time).build()
        }
        Accept { .. } => {
            let (address, length) = (std::ptr::null_mut(), std::ptr::null_mut());
            opcode::Accept::new(first, address, length)
                .flags(libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK)
                .build()
        }
        Connect { address, .. } => {
            let (address, length) = address.place();
            opcode::Connect::new(first, address, length).build()
        }
        Receive { bytes, flags, .. } => {
            let (start, length) = place(bytes);
            opcode::Recv::new(first, start, length).flags(*flags).build()
        }
        Send { bytes, flags, .. } => {
            let (start, length) = place(bytes);
            opcode::Send::new(first, start, length).flags(*flags | libc::MSG_NOSIGNAL).build()
        }
        Shutdown { how, .. } => opcode::Shutdown::new(first, *how).build(),
    }
}
