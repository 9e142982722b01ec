//! A trial run of a driver in its directory: one file is created, written durably, and removed. Whether direct I/O and
//! writes that are durable by themselves work is tried, never guessed from names or versions.

use crate::attempt::{Attempt, Handle, Outcome, Token};
use crate::buffer::{BLOCK, SlabWriter};
use crate::driver::Driver;
use crate::op::OpenMode;

/// The file the trial writes; removed again.
const TRIAL_NAME: &str = "probe";

/// What a driver can do here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trial {
    pub direct: bool,
    /// Why not, if it is not.
    pub direct_reason: String,
    /// What positions and lengths must be multiples of, as statx says; 0 when it does not say.
    pub alignment: u32,
    /// Why a write that is durable by itself is refused here, if it is: a flush behind a plain one works.
    pub flushes_behind: Option<String>,
    /// What did not even work through the page cache.
    pub failure: Option<String>,
}

impl Trial {
    fn of(direct: bool, direct_reason: String, alignment: u32) -> Trial {
        Trial { direct, direct_reason, alignment, flushes_behind: None, failure: None }
    }
}

/// Tries direct I/O, then, if that is refused, the page cache.
pub(crate) fn run(driver: &mut dyn Driver) -> Trial {
    // A trial may have been left by a process that was killed.
    remove(driver);
    let (alignment, direct) = attempt(driver, true);
    let direct_reason = match direct {
        Ok(flushes_behind) if alignment as usize <= BLOCK => {
            return Trial { flushes_behind, ..Trial::of(true, String::new(), alignment) };
        }
        Ok(_) => format!("direct I/O needs {alignment}-byte alignment here, more than a block of {BLOCK}"),
        Err(reason) => reason,
    };
    let trial = Trial::of(false, direct_reason, alignment);
    match attempt(driver, false).1 {
        Ok(flushes_behind) => Trial { flushes_behind, ..trial },
        Err(failure) => Trial { failure: Some(failure), ..trial },
    }
}

/// Why writes need a flush behind them, if they do.
type FlushesBehind = Option<String>;

/// The file's alignment, and whether and how it could be opened and durably written.
fn attempt(driver: &mut dyn Driver, direct: bool) -> (u32, Result<FlushesBehind, String>) {
    let open = Attempt::Open { path: TRIAL_NAME.into(), mode: OpenMode::CreateDirect, direct };
    let opened = now(driver, open);
    if opened < 0 {
        // Some file systems create the file before they refuse the flag.
        remove(driver);
        let refused = refusal(if direct { "open with O_DIRECT" } else { "create a file" }, opened);
        return (0, refused.map(|()| None));
    }
    let handle = opened as Handle;
    let alignment = alignment(handle);
    let written = write_durably(driver, handle, !direct);
    now(driver, Attempt::Close { handle });
    remove(driver);
    (alignment, written)
}

/// Writes a block durably: with one write, or, where that is refused, with a plain write and a flush.
fn write_durably(driver: &mut dyn Driver, handle: Handle, cached: bool) -> Result<FlushesBehind, String> {
    let kind = if cached { "" } else { "direct " };
    let alone = now(driver, block(handle, true, cached));
    let Err(refused) = refusal(&format!("durable {kind}write"), alone) else { return Ok(None) };
    let plain = now(driver, block(handle, false, cached));
    refusal(&format!("{kind}write"), plain).map_err(|_| refused.clone())?;
    refusal("flush", now(driver, Attempt::Sync { handle }))?;
    Ok(Some(refused))
}

fn block(handle: Handle, durable: bool, cached: bool) -> Attempt {
    let mut writer = SlabWriter::new(BLOCK);
    writer.skip(BLOCK);
    let pieces = vec![writer.piece(0, BLOCK)];
    Attempt::Write { handle, position: 0, pieces, done: 0, durable, cached }
}

fn remove(driver: &mut dyn Driver) {
    now(driver, Attempt::Unlink { path: TRIAL_NAME.into() });
}

/// A full disk says nothing about what a driver can do.
fn refusal(what: &str, result: i64) -> Result<(), String> {
    let errno = -result as i32;
    if result >= 0 || errno == libc::ENOSPC || errno == libc::EDQUOT {
        return Ok(());
    }
    Err(format!("{what}: {}", std::io::Error::from_raw_os_error(errno)))
}

/// Does one attempt and waits for it. Only before anything else uses the driver.
fn now(driver: &mut dyn Driver, attempt: Attempt) -> i64 {
    driver.start(Token::new(0, 0), attempt);
    driver.enter();
    let mut outcomes: Vec<Outcome> = Vec::new();
    loop {
        driver.reap(&mut outcomes);
        if let Some(outcome) = outcomes.pop() {
            return outcome.result;
        }
        driver.enter();
        driver.wait(None);
    }
}

/// What statx says positions and lengths must be multiples of; 0 when it does not say.
pub(crate) fn alignment(handle: Handle) -> u32 {
    let mut status = std::mem::MaybeUninit::<libc::statx>::zeroed();
    let path = c"";
    // By number: musl has had the function since 1.2.5 only, and a missing symbol would keep us from being loaded.
    // SAFETY: `path` is zero-terminated and `status` has room for one `statx`.
    let result = unsafe {
        libc::syscall(
            libc::SYS_statx,
            handle,
            path.as_ptr(),
            libc::AT_EMPTY_PATH,
            libc::STATX_DIOALIGN,
            status.as_mut_ptr(),
        )
    };
    // SAFETY: `status` was zeroed, and all-zero is a valid `statx`, filled or not.
    let status = unsafe { status.assume_init() };
    let known = result == 0 && status.stx_mask & libc::STATX_DIOALIGN != 0;
    if known { status.stx_dio_offset_align } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::Scripted;

    #[test]
    fn where_the_flag_is_refused_the_page_cache_is_used_and_the_reason_kept() {
        let mut driver = Scripted::new(|attempt| match attempt {
            Attempt::Open { direct: true, .. } => -i64::from(libc::EINVAL),
            Attempt::Open { .. } => 100,
            Attempt::Write { cached, .. } => {
                assert!(*cached);
                BLOCK as i64
            }
            _ => 0,
        });
        let trial = run(&mut driver);
        assert!(!trial.direct);
        assert!(trial.direct_reason.starts_with("open with O_DIRECT: Invalid argument"), "{trial:?}");
        assert_eq!(trial.failure, None);
    }

    #[test]
    fn where_only_direct_writes_fail_the_page_cache_is_used() {
        let mut driver = Scripted::new(|attempt| match attempt {
            Attempt::Open { .. } => 100,
            Attempt::Write { cached: false, .. } => -i64::from(libc::EOPNOTSUPP),
            Attempt::Write { .. } => BLOCK as i64,
            _ => 0,
        });
        let trial = run(&mut driver);
        assert!(!trial.direct && trial.direct_reason.starts_with("durable direct write"), "{trial:?}");
        assert_eq!(trial.failure, None);
    }

    #[test]
    fn where_a_durable_write_is_refused_a_flush_behind_a_plain_one_is_tried() {
        for direct_works in [true, false] {
            let mut driver = Scripted::new(move |attempt| match attempt {
                Attempt::Open { direct: true, .. } if !direct_works => -i64::from(libc::EINVAL),
                Attempt::Open { .. } => 100,
                Attempt::Write { durable: true, .. } => -i64::from(libc::EOPNOTSUPP),
                Attempt::Write { .. } => BLOCK as i64,
                _ => 0,
            });
            let trial = run(&mut driver);
            assert_eq!((trial.direct, &trial.failure), (direct_works, &None));
            assert!(trial.flushes_behind.is_some_and(|reason| reason.starts_with("durable ")));
        }
    }

    #[test]
    fn a_flush_that_fails_behind_a_plain_write_is_a_failure() {
        let mut driver = Scripted::new(|attempt| match attempt {
            Attempt::Open { .. } => 100,
            Attempt::Write { durable: true, .. } => -i64::from(libc::EOPNOTSUPP),
            Attempt::Write { .. } => BLOCK as i64,
            Attempt::Sync { .. } => -i64::from(libc::EINVAL),
            _ => 0,
        });
        assert!(run(&mut driver).failure.is_some_and(|failure| failure.starts_with("flush: ")));
    }

    #[test]
    fn a_full_disk_says_nothing_about_direct_writes() {
        let mut driver = Scripted::new(|attempt| match attempt {
            Attempt::Open { .. } => 100,
            Attempt::Write { .. } => -i64::from(libc::ENOSPC),
            _ => 0,
        });
        assert!(run(&mut driver).direct);
    }

    #[test]
    fn a_driver_that_cannot_write_at_all_is_reported() {
        let mut driver = Scripted::new(|attempt| match attempt {
            Attempt::Open { .. } => 100,
            Attempt::Write { .. } => -i64::from(libc::EINVAL),
            _ => 0,
        });
        let trial = run(&mut driver);
        assert!(trial.failure.is_some_and(|failure| failure.starts_with("durable write: ")));
    }
}
