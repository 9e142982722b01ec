//! Runs a program in which io_uring is refused, as default container profiles do it:
//!
//!     cargo run -p millrace-net --example refuse-io-uring -- EPERM node dist/cli/index.js serve
//!
//! Not a sandbox: nothing else is refused. The one invariant: the filter is in place before the program begins, and holds
//! for everything that it starts.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

/// What a filter looks at first: the number of the call.
const NUMBER_AT: u32 = 0;
const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

fn instruction(code: u16, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter { code, jt, jf, k }
}

/// Has the three calls of io_uring answered with `errno` from now on.
fn refuse(errno: i32) -> std::io::Result<()> {
    let mut filter = [
        instruction(LOAD, 0, 0, NUMBER_AT),
        instruction(EQUAL, 3, 0, libc::SYS_io_uring_setup as u32),
        instruction(EQUAL, 2, 0, libc::SYS_io_uring_enter as u32),
        instruction(EQUAL, 1, 0, libc::SYS_io_uring_register as u32),
        instruction(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
        instruction(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | errno as u32),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: both calls read their arguments only; the program and its instructions live through the second.
    let status = unsafe {
        match libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) {
            0 => libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program),
            failed => failed,
        }
    };
    if status == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let errno = match arguments.next().as_deref().and_then(|name| name.to_str()) {
        Some("EPERM") => libc::EPERM,
        Some("ENOSYS") => libc::ENOSYS,
        Some("ENOMEM") => libc::ENOMEM,
        _ => {
            eprintln!("usage: refuse-io-uring EPERM|ENOSYS|ENOMEM PROGRAM [ARGUMENT...]");
            return ExitCode::from(2);
        }
    };
    let Some(program) = arguments.next() else { return ExitCode::from(2) };
    if let Err(error) = refuse(errno) {
        eprintln!("no filter: {error}");
        return ExitCode::FAILURE;
    }
    let error = Command::new(program).args(arguments).exec();
    eprintln!("the program cannot be run: {error}");
    ExitCode::FAILURE
}
