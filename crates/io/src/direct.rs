//! Whether direct I/O works in a directory: tried with one durable write, never guessed from names or versions.

use crate::attempt::Attempt;
use crate::buffer::{BLOCK, SlabWriter};
use crate::directory::DataDirectory;
use crate::driver::calls::{self, perform};
use crate::op::OpenMode;

/// The file the trial writes; removed again.
const TRIAL_NAME: &str = "probe";

/// What direct I/O is worth here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DirectSupport {
    pub usable: bool,
    /// Why not, if it is not usable.
    pub reason: String,
    /// What positions and lengths must be multiples of, as statx says; 0 when it does not say.
    pub alignment: u32,
}

/// Opens a file with O_DIRECT, asks for its alignment and writes one block with `RWF_DSYNC`.
pub(crate) fn probe_direct(directory: &DataDirectory) -> DirectSupport {
    let root = directory.descriptor();
    let remove = || perform(root, &mut Attempt::Unlink { path: TRIAL_NAME.into() });
    // A trial may have been left by a process that was killed.
    remove();
    let mut open = Attempt::Open { path: TRIAL_NAME.into(), mode: OpenMode::CreateDirect, direct: true };
    let handle = perform(root, &mut open);
    if handle < 0 {
        // Some file systems create the file before they refuse the flag.
        remove();
        return refused("open with O_DIRECT", -handle);
    }
    let handle = handle as i32;
    let alignment = alignment(handle);
    let mut writer = SlabWriter::new(BLOCK);
    writer.skip(BLOCK);
    let pieces = vec![writer.piece(0, BLOCK)];
    let result = perform(root, &mut Attempt::Write { handle, position: 0, pieces, done: 0, durable: true });
    calls::close(handle);
    remove();
    match -result {
        // A full disk says nothing about direct I/O; the open succeeded.
        errno if errno <= 0 || errno == i64::from(libc::ENOSPC) || errno == i64::from(libc::EDQUOT) => {
            usable(alignment)
        }
        errno => refused("direct write", errno),
    }
}

fn usable(alignment: u32) -> DirectSupport {
    if alignment as usize > BLOCK {
        let reason =
            format!("direct I/O needs {alignment}-byte alignment here, more than a block of {BLOCK}");
        return DirectSupport { usable: false, reason, alignment };
    }
    DirectSupport { usable: true, reason: String::new(), alignment }
}

fn refused(what: &str, errno: i64) -> DirectSupport {
    let error = std::io::Error::from_raw_os_error(errno as i32);
    DirectSupport { usable: false, reason: format!("{what}: {error}"), alignment: 0 }
}

/// What statx says positions and lengths must be multiples of; 0 when it does not say.
fn alignment(handle: i32) -> u32 {
    let mut status = std::mem::MaybeUninit::<libc::statx>::zeroed();
    let path = c"";
    // SAFETY: `path` is zero-terminated and `status` has room for one `statx`.
    let result = unsafe {
        libc::statx(handle, path.as_ptr(), libc::AT_EMPTY_PATH, libc::STATX_DIOALIGN, status.as_mut_ptr())
    };
    // SAFETY: `status` was zeroed, and all-zero is a valid `statx`, filled or not.
    let status = unsafe { status.assume_init() };
    let known = result == 0 && status.stx_mask & libc::STATX_DIOALIGN != 0;
    if known { status.stx_dio_offset_align } else { 0 }
}
