//! One fault and where it happens.

use super::call::CallKind;
use std::path::Path;

/// The errors of reliability.md F4 to F6 that a call can be made to fail with.
pub const ERRNOS: [i32; 9] = [
    libc::EIO,
    libc::ENOSPC,
    libc::EFBIG,
    libc::EINTR,
    libc::EAGAIN,
    libc::ECANCELED,
    libc::ENOMEM,
    libc::EMFILE,
    libc::EDQUOT,
];

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// It fails with this errno and is not done. (A close is done all the same, as in the kernel, unless it was
    /// cancelled.)
    Refuse(i32),
    /// It is done, and reported as failed with this errno: the outcome the caller cannot know. (A close reported as
    /// cancelled is not done.)
    FailAfter(i32),
    /// A read or write moves about half of its bytes, at least one (one sector of a direct file).
    Short,
    /// It is done, and completes this many nanoseconds later.
    Delay(u64),
    /// It is done, and completes behind another one, if any other is under way.
    Reorder,
}

impl Fault {
    /// Whether a call of this kind can meet it at all.
    #[must_use]
    pub fn applies_to(self, kind: CallKind) -> bool {
        match self {
            Fault::Refuse(_) | Fault::FailAfter(_) => true,
            Fault::Short => kind.moves_bytes(),
            Fault::Delay(_) | Fault::Reorder => kind.completes_later(),
        }
    }
}

/// A fault at an exact site: the `nth` call of these kinds on these paths since the rule was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultRule {
    /// `None`: all kinds but timers.
    pub kind: Option<CallKind>,
    /// A path below the data directory in which `*` stands for any number of bytes; `None`: all. A rename is on both
    /// of its paths; a timer is on none and matches `None` only.
    pub path: Option<String>,
    /// From 1.
    pub nth: u64,
    pub fault: Fault,
    /// Whether every later call that matches meets it too.
    pub sticky: bool,
}

impl FaultRule {
    /// A fault at the `nth` call of all but timers.
    #[must_use]
    pub fn at(nth: u64, fault: Fault, sticky: bool) -> FaultRule {
        FaultRule { kind: None, path: None, nth, fault, sticky }
    }

    /// A fault at the `nth` call of a kind.
    #[must_use]
    pub fn on(kind: CallKind, nth: u64, fault: Fault, sticky: bool) -> FaultRule {
        FaultRule { kind: Some(kind), path: None, nth, fault, sticky }
    }

    pub(super) fn matches(&self, kind: CallKind, paths: &[&Path]) -> bool {
        let right_kind = self.kind.map_or(kind != CallKind::Timer, |wanted| wanted == kind);
        let right_path = self.path.as_ref().is_none_or(|pattern| {
            paths.iter().any(|path| is_like(pattern.as_bytes(), path.as_os_str().as_encoded_bytes()))
        });
        right_kind && right_path
    }
}

/// Whether `text` is `pattern` with every `*` replaced by something.
fn is_like(pattern: &[u8], text: &[u8]) -> bool {
    let mut parts = pattern.split(|byte| *byte == b'*');
    let first = parts.next().expect("a split has a first part");
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let found = (0..=rest.len()).find(|at| rest[*at..].starts_with(part));
        let Some(at) = found else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_bytes_and_everything_else_for_itself() {
        let like = |pattern: &str, text: &str| is_like(pattern.as_bytes(), text.as_bytes());
        assert!(like("manifest", "manifest") && like("*", "") && like("journal/*", "journal/00000001"));
        assert!(like("*/*.log", "segments/01.log") && like("a*b*b", "abb") && like("**", "x"));
        assert!(!like("manifest", "manifest.new") && !like("*.log", "01.index") && !like("a*b*b", "ab"));
        assert!(!like("", "x") && !like("journal/*", "journal"));
    }

    #[test]
    fn a_rule_without_a_kind_leaves_timers_alone() {
        let rule = FaultRule::at(1, Fault::Reorder, false);
        assert!(rule.matches(CallKind::Sync, &[]) && !rule.matches(CallKind::Timer, &[]));
        assert!(FaultRule::on(CallKind::Timer, 1, Fault::Reorder, false).matches(CallKind::Timer, &[]));
    }
}
