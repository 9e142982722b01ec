//! The data directory: created 0700, never through a symlink, locked for one holder, and the root of every path.
//!
//! The one invariant: while a `DataDirectory` exists, no other one on the same directory does, in this process or
//! any other. The lock is the kernel's (flock), so it dies with its holder.

use crate::driver::calls::{self, FILE_MODE};
use crate::errno::IoError;
use crate::interrupted::uninterrupted;
use std::fs::{DirBuilder, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Name of the file that carries the lock and the holder's process id.
const LOCK_NAME: &str = "lock";

/// How often the lock is tried while its file is being replaced, or a signal comes in between.
const LOCK_TRIES: usize = 1000;

/// Why a data directory could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    #[error("{0} is a symbolic link; name the directory itself")]
    Symlink(PathBuf),
    #[error("{0} is not a directory")]
    NotDirectory(PathBuf),
    #[error("{path} is in use by {}", holder(*pid))]
    Locked { path: PathBuf, pid: Option<u32> },
    #[error("the ring driver cannot be used: {0}")]
    RingRefused(String),
    #[error(transparent)]
    Io(#[from] IoError),
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_string(), |pid| format!("process {pid}"))
}

fn failed(error: &std::io::Error, what: &str, path: &Path) -> OpenError {
    let errno = error.raw_os_error().unwrap_or(libc::EIO);
    OpenError::Io(IoError::from_errno(errno, format!("{what} {}", path.display())))
}

/// An open, locked data directory.
#[derive(Debug)]
pub(crate) struct DataDirectory {
    root: PathBuf,
    directory: OwnedFd,
    lock: File,
}

impl Drop for DataDirectory {
    /// Unlocks by call, not by closing: a child process between fork and exec still has the descriptor, and would
    /// keep the lock alive for that long.
    fn drop(&mut self) {
        // SAFETY: flock takes any descriptor and touches no memory of ours. Failing leaves it to the close.
        unsafe { libc::flock(self.lock.as_raw_fd(), libc::LOCK_UN) };
    }
}

impl DataDirectory {
    /// Creates the directory if need be, and takes the lock. Touches nothing else.
    pub fn open(root: &Path) -> Result<DataDirectory, OpenError> {
        // Dropping a trailing slash matters: with it, the last component would be followed if it were a symlink.
        let root: PathBuf = root.components().collect();
        create(&root)?;
        let directory = open_root(&root)?;
        let lock = take_lock(&directory, &root)?;
        Ok(DataDirectory { root, directory, lock })
    }

    pub fn descriptor(&self) -> RawFd {
        self.directory.as_raw_fd()
    }

    pub fn root(&self) -> &Path {
        &self.root
    }
}

fn create(root: &Path) -> Result<(), OpenError> {
    match std::fs::symlink_metadata(root) {
        Ok(status) if status.is_symlink() => Err(OpenError::Symlink(root.to_path_buf())),
        Ok(status) if !status.is_dir() => Err(OpenError::NotDirectory(root.to_path_buf())),
        Ok(status) => tighten(root, status.mode()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let built = DirBuilder::new().recursive(true).mode(0o700).create(root);
            built.map_err(|error| failed(&error, "create", root))?;
            set_private(root)
        }
        Err(error) => Err(failed(&error, "stat", root)),
    }
}

/// A directory that was prepared for us (it is empty) becomes private; one with other contents is left as it is.
fn tighten(root: &Path, mode: u32) -> Result<(), OpenError> {
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let mut names = std::fs::read_dir(root).map_err(|error| failed(&error, "list", root))?;
    if names.next().is_some() { Ok(()) } else { set_private(root) }
}

/// The umask may have taken bits away from what `mkdir` was asked for; this sets them exactly.
fn set_private(root: &Path) -> Result<(), OpenError> {
    let mode = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(root, mode).map_err(|error| failed(&error, "chmod", root))
}

fn open_root(root: &Path) -> Result<OwnedFd, OpenError> {
    let result = calls::open_directory(libc::AT_FDCWD, root);
    match -result {
        errno if errno <= 0 => {
            // SAFETY: the descriptor was just opened and nobody else owns it.
            Ok(unsafe { OwnedFd::from_raw_fd(result as RawFd) })
        }
        errno if errno == i64::from(libc::ELOOP) => Err(OpenError::Symlink(root.to_path_buf())),
        errno => Err(OpenError::Io(IoError::from_errno(errno as i32, format!("open {}", root.display())))),
    }
}

fn take_lock(directory: &OwnedFd, root: &Path) -> Result<File, OpenError> {
    let path = root.join(LOCK_NAME);
    for _ in 0..LOCK_TRIES {
        let mut file = open_lock(directory, &path)?;
        // SAFETY: flock takes any descriptor and touches no memory of ours.
        let lock = || unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) };
        if uninterrupted(lock) != 0 {
            let error = std::io::Error::last_os_error();
            match error.raw_os_error() {
                Some(libc::EWOULDBLOCK) => {
                    return Err(OpenError::Locked { path: root.to_path_buf(), pid: read_pid(&mut file) });
                }
                _ => return Err(failed(&error, "lock", &path)),
            }
        }
        // Someone may have removed the name between our open and our lock: then we hold nothing.
        let held = file.metadata().map_err(|error| failed(&error, "stat", &path))?;
        match std::fs::symlink_metadata(&path) {
            Ok(named) if named.ino() == held.ino() && named.dev() == held.dev() => {}
            _ => continue,
        }
        write_pid(&mut file).map_err(|error| failed(&error, "write", &path))?;
        return Ok(file);
    }
    // The directory was moved or replaced while it was being opened: what we hold is not what the path names.
    Err(OpenError::Locked { path: root.to_path_buf(), pid: None })
}

fn open_lock(directory: &OwnedFd, path: &Path) -> Result<File, OpenError> {
    let name = calls::c_path(Path::new(LOCK_NAME));
    let flags = libc::O_RDWR | libc::O_CREAT | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    // SAFETY: a zero-terminated string that outlives the call.
    let open = || unsafe { libc::openat(directory.as_raw_fd(), name.as_ptr(), flags, FILE_MODE) };
    let descriptor = uninterrupted(open);
    if descriptor < 0 {
        return Err(failed(&std::io::Error::last_os_error(), "open", path));
    }
    // SAFETY: the descriptor was just opened and nobody else owns it.
    let file = unsafe { File::from_raw_fd(descriptor) };
    let mode = std::fs::Permissions::from_mode(FILE_MODE);
    file.set_permissions(mode).map_err(|error| failed(&error, "chmod", path))?;
    Ok(file)
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_pid(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "{}", std::process::id())
}

/// Names in a directory below the root, sorted. Directories and files alike; `.` and `..` are left out.
pub(crate) fn list(directory: &DataDirectory, path: &Path) -> Result<Vec<String>, IoError> {
    let full = directory.root().join(path);
    let error = |error: std::io::Error| io_error(&error, "list", path);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(full).map_err(error)? {
        // A name that is no UTF-8 is none of ours.
        if let Ok(name) = entry.map_err(error)?.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Creates a directory below the root (0700) and makes its name durable. One that exists already is fine.
pub(crate) fn make_directory(directory: &DataDirectory, path: &Path) -> Result<(), IoError> {
    let full = directory.root().join(path);
    match DirBuilder::new().mode(0o700).create(&full) {
        Ok(()) => std::fs::set_permissions(&full, std::fs::Permissions::from_mode(0o700))
            .map_err(|error| io_error(&error, "chmod", path))?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && full.is_dir() => {}
        Err(error) => return Err(io_error(&error, "create", path)),
    }
    let parent = path.parent().unwrap_or(Path::new(""));
    match calls::sync_directory(directory.descriptor(), parent) {
        0 => Ok(()),
        errno => Err(IoError::from_errno(-errno as i32, format!("sync directory {}", display(parent)))),
    }
}

/// Whether something of that name is there, below the root.
pub(crate) fn exists(directory: &DataDirectory, path: &Path) -> Result<bool, IoError> {
    match std::fs::symlink_metadata(directory.root().join(path)) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(io_error(&error, "stat", path)),
    }
}

/// The whole of a file of at most `limit` bytes; a longer one is refused with EFBIG before it is read.
pub(crate) fn read_small(directory: &DataDirectory, path: &Path, limit: usize) -> Result<Vec<u8>, IoError> {
    let error = |error: std::io::Error| io_error(&error, "read", path);
    let file = File::open(directory.root().join(path)).map_err(error)?;
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(error)?;
    if bytes.len() > limit {
        return Err(IoError::from_errno(libc::EFBIG, format!("read {}", path.display())));
    }
    Ok(bytes)
}

fn io_error(error: &std::io::Error, what: &str, path: &Path) -> IoError {
    IoError::from_errno(error.raw_os_error().unwrap_or(libc::EIO), format!("{what} {}", display(path)))
}

/// A path for messages: the root itself has a name too.
pub(crate) fn display(path: &Path) -> String {
    if path.as_os_str().is_empty() { ".".to_string() } else { path.display().to_string() }
}
