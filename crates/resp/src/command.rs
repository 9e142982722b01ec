//! The commands that are run where the data is.
//!
//! What it is not: the table of commands (ts/redis/command-table.ts), which knows all of them.
//!
//! The invariant: names are told apart as Redis does, whatever their case; options and other counts of arguments are
//! somebody else's.

use crate::cut::ARGUMENTS_MAX;

/// A simple command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Simple<'a> {
    Get {
        key: &'a [u8],
    },
    /// Without options.
    Set {
        key: &'a [u8],
        value: &'a [u8],
    },
}

impl<'a> Simple<'a> {
    /// The simple command that these arguments are; `None` for any other.
    #[must_use]
    pub fn of(arguments: &[&'a [u8]; ARGUMENTS_MAX], count: usize) -> Option<Simple<'a>> {
        let [name, key, value, _] = *arguments;
        match count {
            2 if name.eq_ignore_ascii_case(b"get") => Some(Simple::Get { key }),
            3 if name.eq_ignore_ascii_case(b"set") => Some(Simple::Set { key, value }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_case_are_known_and_other_counts_are_not_ours() {
        assert_eq!(Simple::of(&[b"gEt", b"k", b"", b""], 2), Some(Simple::Get { key: b"k" }));
        assert_eq!(Simple::of(&[b"SET", b"k", b"v", b""], 3), Some(Simple::Set { key: b"k", value: b"v" }));
        for (arguments, count) in [
            ([&b"get"[..], b"k", b"x", b""], 3),
            ([b"get", b"", b"", b""], 1),
            ([b"set", b"k", b"v", b"NX"], 4),
            ([b"del", b"k", b"", b""], 2),
            ([b"gets", b"k", b"", b""], 2),
        ] {
            assert_eq!(Simple::of(&arguments, count), None);
        }
    }
}
