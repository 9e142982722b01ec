//! Promises about the data directory: one holder, private modes, no symlinks; and about choosing a driver.

mod common;

use common::{TestDirectory, create, finish, open, pattern, read, write};
use millrace_io::{DriverChoice, DriverKind, Io, Limits, Op, OpenError, OpenMode};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

fn open_pool(path: &Path) -> Result<Io, OpenError> {
    Io::open(path, DriverChoice::Pool, Limits::default())
}

fn refusal(result: Result<Io, OpenError>) -> OpenError {
    result.err().expect("this must be refused")
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_second_handle_on_a_directory_is_refused_and_told_who_holds_it() {
    let directory = TestDirectory::new();
    let first = open_pool(&directory.0).unwrap();
    let error = refusal(open_pool(&directory.0));
    assert!(matches!(error, OpenError::Locked { pid: Some(pid), .. } if pid == std::process::id()));
    assert!(error.to_string().contains(&format!("in use by process {}", std::process::id())), "{error}");
    drop(first);
    open_pool(&directory.0).unwrap();
}

#[test]
fn another_process_that_holds_the_lock_keeps_us_out_until_it_dies() {
    let directory = TestDirectory::new();
    drop(open_pool(&directory.0).unwrap());
    let script =
        "exec 9<>\"$0/lock\"; flock -n 9 || exit 1; echo $$ > \"$0/lock\"; echo held; exec sleep 100";
    let mut holder = Command::new("sh")
        .args(["-c", script, directory.0.to_str().unwrap()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let stdout = holder.stdout.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
    assert_eq!(line, "held\n");
    let error = refusal(open_pool(&directory.0));
    assert!(matches!(error, OpenError::Locked { pid: Some(pid), .. } if pid == holder.id()), "{error}");
    holder.kill().unwrap();
    holder.wait().unwrap();
    open_pool(&directory.0).expect("a lock dies with its holder");
}

#[test]
fn a_symlink_at_the_root_is_refused_with_and_without_a_trailing_slash() {
    let directory = TestDirectory::new();
    std::fs::create_dir_all(directory.0.join("real")).unwrap();
    let link = directory.0.join("link");
    symlink("real", &link).unwrap();
    assert!(matches!(refusal(open_pool(&link)), OpenError::Symlink(_)));
    let slash = format!("{}/", link.display());
    assert!(matches!(refusal(open_pool(Path::new(&slash))), OpenError::Symlink(_)));
    assert_eq!(std::fs::read_dir(directory.0.join("real")).unwrap().count(), 0, "nothing was touched");
}

#[test]
fn a_file_at_the_root_is_refused_by_name() {
    let directory = TestDirectory::new();
    std::fs::create_dir_all(&directory.0).unwrap();
    let path = directory.0.join("file");
    std::fs::write(&path, b"not a directory").unwrap();
    assert!(matches!(refusal(open_pool(&path)), OpenError::NotDirectory(_)));
}

#[test]
fn directories_are_private_and_files_too_whatever_the_umask() {
    let directory = TestDirectory::new();
    // The umask is the process's, so this runs in a process of its own.
    let test = std::env::current_exe().unwrap();
    let status = Command::new("sh")
        .args(["-c", "umask 0277; exec \"$0\" --exact make_files_for_the_umask_test --nocapture"])
        .arg(test)
        .env("MILLRACE_UMASK_TEST", &directory.0)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(mode(&directory.0), 0o700);
    for name in ["ring", "pool"] {
        assert_eq!(mode(&directory.0.join(name)), 0o700);
        assert_eq!(mode(&directory.0.join(name).join("lock")), 0o600);
        assert_eq!(mode(&directory.0.join(name).join("below")), 0o700);
        assert_eq!(mode(&directory.0.join(name).join("below/direct")), 0o600);
        assert_eq!(mode(&directory.0.join(name).join("below/cached")), 0o600);
    }
}

#[test]
fn make_files_for_the_umask_test() {
    let Some(root) = std::env::var_os("MILLRACE_UMASK_TEST") else {
        // Run by itself, this has a directory of its own and the usual umask.
        let directory = TestDirectory::new();
        make_files(&directory.0, DriverChoice::Pool);
        assert_eq!(mode(&directory.0.join("below/direct")), 0o600);
        return;
    };
    drop(open_pool(Path::new(&root)).unwrap());
    make_files(&Path::new(&root).join("pool"), DriverChoice::Pool);
    make_files(&Path::new(&root).join("ring"), DriverChoice::Ring);
}

fn make_files(root: &Path, choice: DriverChoice) {
    let mut io = Io::open(root, choice, Limits::default()).unwrap();
    io.make_directory("below").unwrap();
    create(&mut io, "below/direct");
    open(&mut io, "below/cached", OpenMode::CreateCached).unwrap();
}

#[test]
fn a_directory_with_other_contents_keeps_its_mode() {
    let directory = TestDirectory::new();
    std::fs::create_dir_all(directory.0.join("contents")).unwrap();
    std::fs::set_permissions(&directory.0, std::fs::Permissions::from_mode(0o755)).unwrap();
    drop(open_pool(&directory.0).unwrap());
    assert_eq!(mode(&directory.0), 0o755);
}

#[test]
fn a_symlink_below_the_root_is_not_opened() {
    let directory = TestDirectory::new();
    for choice in [DriverChoice::Pool, DriverChoice::Ring] {
        let mut io = Io::open(&directory.0, choice, Limits::default()).unwrap();
        let _ = symlink("/etc/hostname", directory.0.join("link"));
        assert_eq!(open(&mut io, "link", OpenMode::ReadCached).unwrap_err().errno, libc::ELOOP);
        assert_eq!(open(&mut io, "link", OpenMode::CreateCached).unwrap_err().errno, libc::ELOOP);
    }
}

#[test]
fn the_report_says_which_driver_works_and_why() {
    let directory = TestDirectory::new();
    let io = Io::open(&directory.0, DriverChoice::Auto, Limits::default()).unwrap();
    assert_eq!(io.report().kind, DriverKind::Ring, "{:?}", io.report());
    assert_eq!(io.report().reason, "io_uring is available");
    assert!(io.report().flags.contains(&"CLAMP"));
    drop(io);
    let io = open_pool(&directory.0).unwrap();
    assert_eq!((io.report().kind, io.report().reason.as_str()), (DriverKind::Pool, "chosen"));
    assert!(io.report().in_flight_max >= 1 && io.report().in_flight_max <= 64);
}

/// Makes `io_uring_setup` fail with `errno` on this thread (and threads it starts), as container profiles do.
fn refuse_rings(errno: i32) {
    const LOAD_NUMBER: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    const JUMP_EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    const RETURN: u32 = libc::BPF_RET | libc::BPF_K;
    let step = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut filter = [
        step(LOAD_NUMBER, 0, 0, 0),
        step(JUMP_EQUAL, 0, 1, libc::SYS_io_uring_setup as u32),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | errno as u32),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: `program` and `filter` outlive the call; the filter is complete and binds only this thread.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program), 0);
    }
}

#[test]
fn where_io_uring_is_refused_auto_takes_the_pool_and_names_the_reason() {
    for (errno, name) in [(libc::EPERM, "EPERM"), (libc::ENOSYS, "ENOSYS"), (libc::ENOMEM, "ENOMEM")] {
        let thread = std::thread::spawn(move || {
            refuse_rings(errno);
            let directory = TestDirectory::new();
            let mut io = Io::open(&directory.0, DriverChoice::Auto, Limits::default()).unwrap();
            assert_eq!(io.report().kind, DriverKind::Pool);
            assert!(io.report().reason.contains(name), "{}", io.report().reason);
            let file = create(&mut io, "data");
            write(&mut io, file, 0, &pattern(2, 1)).unwrap();
            finish(&mut io, Op::Sync { file }).unwrap();
            assert_eq!(read(&mut io, file, 0, 8192).unwrap(), pattern(2, 1));
        });
        thread.join().unwrap();
    }
}

#[test]
fn where_io_uring_is_refused_a_forced_ring_fails_with_the_reason() {
    let thread = std::thread::spawn(|| {
        refuse_rings(libc::EPERM);
        let directory = TestDirectory::new();
        let error = refusal(Io::open(&directory.0, DriverChoice::Ring, Limits::default()));
        assert!(matches!(error, OpenError::RingRefused(_)));
        let text = error.to_string();
        assert!(text.contains("ring") && text.contains("EPERM") && text.contains("seccomp"), "{text}");
        open_pool(&directory.0).expect("a refused ring leaves no lock behind");
    });
    thread.join().unwrap();
}

#[test]
fn a_write_cut_short_by_a_file_size_limit_fails_and_is_never_reported_as_whole() {
    // The limit is the process's, so this runs in a process of its own.
    let test = std::env::current_exe().unwrap();
    let status = Command::new("sh")
        .args(["-c", "ulimit -f 1024; trap '' XFSZ; exec \"$0\" --exact write_beyond_a_file_size_limit"])
        .arg(test)
        .env("MILLRACE_LIMIT_TEST", "1")
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn write_beyond_a_file_size_limit() {
    let limited = std::env::var_os("MILLRACE_LIMIT_TEST").is_some();
    for choice in [DriverChoice::Pool, DriverChoice::Ring] {
        let directory = TestDirectory::new();
        let mut io = Io::open(&directory.0, choice, Limits::default()).unwrap();
        let file = create(&mut io, "data");
        let bytes = pattern(512, 4);
        let result = write(&mut io, file, 0, &bytes);
        // `ulimit -f` counts blocks of 512 or 1,024 bytes; both are less than the 2 MiB written here.
        if limited {
            assert_eq!(result.unwrap_err().errno, libc::EFBIG);
            assert!(io.counters().continued > 0, "the kernel wrote a part first");
        } else {
            assert_eq!(result.unwrap(), bytes.len());
        }
    }
}
