//! A device whose flushes fail when they are told to: one file in a FUSE file system of our own, for a loop device to lie on.
//!
//! What it is not: a file system for anything else. It answers what a loop device asks of its file, and one user at a time.
//!
//! The invariant: what was written and not flushed is kept apart; a flush that fails loses it, as devices do that report a
//! failed flush once and forget, and so does `cut`.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{self, Error, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// The file's name.
pub const NAME: &str = "device";
const BLOCK: u64 = 4096;
const ROOT: u64 = 1;
const FILE: u64 = 2;
const REQUEST_MAX: usize = 1 << 20;
const WRITE_MAX: u32 = 128 << 10;

/// What is asked for; the numbers are the kernel's.
mod call {
    pub const LOOKUP: u32 = 1;
    pub const FORGET: u32 = 2;
    pub const GETATTR: u32 = 3;
    pub const SETATTR: u32 = 4;
    pub const OPEN: u32 = 14;
    pub const READ: u32 = 15;
    pub const WRITE: u32 = 16;
    pub const STATFS: u32 = 17;
    pub const RELEASE: u32 = 18;
    pub const FSYNC: u32 = 20;
    pub const FLUSH: u32 = 25;
    pub const INIT: u32 = 26;
    pub const ACCESS: u32 = 34;
    pub const BATCH_FORGET: u32 = 42;
}

/// When flushes fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    Never,
    /// The one after so many more; the next ones succeed.
    Once(u64),
    /// That one and all that follow.
    ForEver(u64),
}

#[derive(Debug)]
struct Medium {
    durable: Vec<u8>,
    /// Blocks that no flush has covered.
    volatile: BTreeMap<u64, Vec<u8>>,
    failing: Failing,
    flushes: u64,
    failed: u64,
}

impl Medium {
    fn block(&self, number: u64) -> &[u8] {
        let at = (number * BLOCK) as usize;
        self.volatile.get(&number).map_or(&self.durable[at..at + BLOCK as usize], Vec::as_slice)
    }

    fn read(&self, from: u64, length: u64) -> Vec<u8> {
        let to = (from + length).min(self.durable.len() as u64);
        let mut out = Vec::with_capacity(length as usize);
        let mut at = from;
        while at < to {
            let inside = at % BLOCK;
            let until = (at - inside + BLOCK).min(to);
            out.extend_from_slice(&self.block(at / BLOCK)[inside as usize..(inside + until - at) as usize]);
            at = until;
        }
        out
    }

    fn write(&mut self, from: u64, bytes: &[u8]) -> Result<(), i32> {
        if from + bytes.len() as u64 > self.durable.len() as u64 {
            return Err(libc::ENOSPC);
        }
        let mut at = from;
        let mut bytes = bytes;
        while !bytes.is_empty() {
            let inside = (at % BLOCK) as usize;
            let length = bytes.len().min(BLOCK as usize - inside);
            let number = at / BLOCK;
            let mut block = self.block(number).to_vec();
            block[inside..inside + length].copy_from_slice(&bytes[..length]);
            self.volatile.insert(number, block);
            (at, bytes) = (at + length as u64, &bytes[length..]);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), i32> {
        self.flushes += 1;
        let fails = match &mut self.failing {
            Failing::Never => false,
            Failing::Once(0) | Failing::ForEver(0) => true,
            Failing::Once(left) | Failing::ForEver(left) => {
                *left -= 1;
                false
            }
        };
        if fails {
            if matches!(self.failing, Failing::Once(_)) {
                self.failing = Failing::Never;
            }
            self.failed += 1;
            self.volatile.clear();
            return Err(libc::EIO);
        }
        for (number, block) in std::mem::take(&mut self.volatile) {
            let at = (number * BLOCK) as usize;
            self.durable[at..at + BLOCK as usize].copy_from_slice(&block);
        }
        Ok(())
    }
}

/// The mounted file; unmounted when it is dropped.
pub struct Device {
    mount: PathBuf,
    medium: Arc<Mutex<Medium>>,
}

impl Device {
    /// Mounts a device of so many bytes in an empty folder. Needs root and FUSE.
    pub fn mount(folder: &Path, bytes: u64) -> io::Result<Device> {
        let fuse = OpenOptions::new().read(true).write(true).open("/dev/fuse")?;
        let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", fuse.as_raw_fd());
        let c = |text: &str| CString::new(text).map_err(|_| Error::from(ErrorKind::InvalidInput));
        let target = c(folder.to_str().ok_or(ErrorKind::InvalidInput)?)?;
        let (source, kind, options) = (c("flush-failures")?, c("fuse")?, c(&options)?);
        // SAFETY: all of them are strings that end, and live until the call has returned.
        let mounted = unsafe {
            libc::mount(
                source.as_ptr(),
                target.as_ptr(),
                kind.as_ptr(),
                libc::MS_NOSUID | libc::MS_NODEV,
                options.as_ptr().cast(),
            )
        };
        if mounted != 0 {
            return Err(Error::last_os_error());
        }
        let medium = Arc::new(Mutex::new(Medium {
            durable: vec![0; bytes as usize],
            volatile: BTreeMap::new(),
            failing: Failing::Never,
            flushes: 0,
            failed: 0,
        }));
        let served = Arc::clone(&medium);
        // It ends with the mount.
        std::thread::spawn(move || serve(fuse, &served));
        Ok(Device { mount: folder.to_path_buf(), medium })
    }

    pub fn path(&self) -> PathBuf {
        self.mount.join(NAME)
    }

    fn with<T>(&self, change: impl FnOnce(&mut Medium) -> T) -> T {
        change(&mut self.medium.lock().expect("the server does not panic"))
    }

    pub fn fail(&self, failing: Failing) {
        self.with(|medium| medium.failing = failing);
    }

    /// Flushes that came, and those of them that failed.
    pub fn flushes(&self) -> (u64, u64) {
        self.with(|medium| (medium.flushes, medium.failed))
    }

    /// The power goes: what no flush has covered is gone, and the device works again.
    pub fn cut(&self) {
        self.with(|medium| {
            medium.volatile.clear();
            medium.failing = Failing::Never;
        });
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        if let Ok(target) = CString::new(self.mount.to_string_lossy().as_bytes()) {
            // SAFETY: a string that ends, and lives until the call has returned.
            unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH) };
        }
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |bytes| u32::from_ne_bytes(bytes.try_into().expect("four bytes")))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).map_or(0, |bytes| u64::from_ne_bytes(bytes.try_into().expect("eight bytes")))
}

/// Answers one request after the other until the file system is unmounted.
fn serve(mut fuse: File, medium: &Mutex<Medium>) {
    let mut request = vec![0; REQUEST_MAX];
    loop {
        let length = match fuse.read(&mut request) {
            Ok(length) => length,
            Err(error) if matches!(error.raw_os_error(), Some(libc::EINTR | libc::EAGAIN | libc::ENOENT)) => {
                continue;
            }
            Err(_) => return,
        };
        let Some((head, body)) = request[..length].split_at_checked(40) else { continue };
        let (opcode, unique, node) = (u32_at(head, 4), u64_at(head, 8), u64_at(head, 16));
        if matches!(opcode, call::FORGET | call::BATCH_FORGET) {
            continue;
        }
        let answer = answer(opcode, node, body, medium);
        let (error, bytes) = match answer {
            Ok(bytes) => (0, bytes),
            Err(errno) => (-errno, Vec::new()),
        };
        let mut out = Vec::with_capacity(16 + bytes.len());
        out.extend_from_slice(&(16 + bytes.len() as u32).to_ne_bytes());
        out.extend_from_slice(&error.to_ne_bytes());
        out.extend_from_slice(&unique.to_ne_bytes());
        out.extend_from_slice(&bytes);
        // A request that was given up in the meantime is no concern of anybody's.
        let _ = fuse.write(&out);
    }
}

fn answer(opcode: u32, node: u64, body: &[u8], medium: &Mutex<Medium>) -> Result<Vec<u8>, i32> {
    let mut medium = medium.lock().map_err(|_| libc::EIO)?;
    let size = medium.durable.len() as u64;
    match opcode {
        call::INIT => Ok(numbers(&[7, 31, u32_at(body, 8), 1 | 1 << 5, 12 | 10 << 16, WRITE_MAX, 1, 0])),
        call::LOOKUP if body.strip_suffix(&[0]) == Some(NAME.as_bytes()) => {
            let mut out = Vec::new();
            [FILE, 0, 1, 1, 0].iter().for_each(|number: &u64| out.extend_from_slice(&number.to_ne_bytes()));
            out.extend(attributes(FILE, size));
            Ok(out)
        }
        call::LOOKUP => Err(libc::ENOENT),
        call::GETATTR | call::SETATTR => {
            let mut out = vec![0; 16];
            out[0] = 1;
            out.extend(attributes(node, size));
            Ok(out)
        }
        call::OPEN => Ok(vec![0; 16]),
        call::READ => Ok(medium.read(u64_at(body, 8), u64::from(u32_at(body, 16)))),
        call::WRITE => {
            let length = u32_at(body, 16);
            let bytes = body.get(40..40 + length as usize).ok_or(libc::EINVAL)?;
            medium.write(u64_at(body, 8), bytes)?;
            let mut out = length.to_ne_bytes().to_vec();
            out.resize(8, 0);
            Ok(out)
        }
        call::FSYNC => medium.flush().map(|()| Vec::new()),
        call::STATFS => Ok(vec![0; 80]),
        call::RELEASE | call::FLUSH | call::ACCESS => Ok(Vec::new()),
        _ => Err(libc::ENOSYS),
    }
}

/// Words of an answer to INIT, which has sixteen.
fn numbers(words: &[u32]) -> Vec<u8> {
    let mut out: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    out.resize(64, 0);
    out
}

fn attributes(node: u64, size: u64) -> Vec<u8> {
    let (mode, size) = if node == ROOT { (0o040_755_u32, 0) } else { (0o100_600, size) };
    let mut out = Vec::new();
    [node, size, size / 512, 0, 0, 0].iter().for_each(|number| out.extend_from_slice(&number.to_ne_bytes()));
    [0, 0, 0, mode, 1, 0, 0, 0, BLOCK as u32, 0]
        .iter()
        .for_each(|number: &u32| out.extend_from_slice(&number.to_ne_bytes()));
    out
}
