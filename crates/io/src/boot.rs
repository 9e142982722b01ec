//! Which start of the machine a process runs in: what tells the death of a process from a power cut afterwards.
//!
//! What it is not: a clock, or an identity of the machine. A container has the number of its host.

use std::fs;

/// Digits of the kernel's random id that are kept.
const DIGITS: usize = 16;

/// A number that the kernel drew when it started; 0: it does not say.
pub(crate) fn of_machine() -> u64 {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().and_then(|id| number(&id)).unwrap_or(0)
}

fn number(id: &str) -> Option<u64> {
    let digits: String = id.chars().filter(char::is_ascii_hexdigit).take(DIGITS).collect();
    if digits.len() == DIGITS { u64::from_str_radix(&digits, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernels_id_becomes_one_number_and_anything_else_none() {
        assert_eq!(number("00000000-0000-00ff-a000-000000000000\n"), Some(0xff));
        assert_eq!(number("unknown"), None);
        assert_eq!(of_machine(), of_machine());
    }
}
