//! The commands that are run where the data is.
//!
//! What it is not: the table of commands (ts/redis/command-table.ts), which knows all of them.
//!
//! The invariant: names are told apart as Redis does, whatever their case; options, other counts of arguments and
//! numbers that have to be refused are somebody else's.

use crate::number::integer;

/// Which command it is: what is counted. The order is that of `RUN_COMMANDS` in ts/io/native-types.ts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    Get,
    Set,
    SetEx,
    Incr,
    Decr,
    IncrBy,
    DecrBy,
    Del,
    Unlink,
    Exists,
    MGet,
    Expire,
    HGet,
    HSet,
}

impl Kind {
    /// How many there are.
    pub const COUNT: usize = Kind::HSet as usize + 1;
}

/// What a simple command does. `'a`: its bytes; `'l`: the list of its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Simple<'a, 'l> {
    Get {
        key: &'a [u8],
    },
    /// With an expiry in seconds from now, above 0, or without any.
    Set {
        key: &'a [u8],
        value: &'a [u8],
        seconds: Option<i64>,
    },
    Add {
        key: &'a [u8],
        by: i64,
    },
    Delete {
        key: &'a [u8],
    },
    Exists {
        key: &'a [u8],
    },
    GetMany {
        keys: &'l [&'a [u8]],
    },
    /// `seconds` is above 0.
    Expire {
        key: &'a [u8],
        seconds: i64,
    },
    HashGet {
        key: &'a [u8],
        field: &'a [u8],
    },
    HashSet {
        key: &'a [u8],
        field: &'a [u8],
        value: &'a [u8],
    },
}

impl<'a, 'l> Simple<'a, 'l> {
    /// The simple command that these arguments are; `None` for any other.
    #[must_use]
    pub fn of(arguments: &'l [&'a [u8]]) -> Option<(Kind, Simple<'a, 'l>)> {
        let name = *arguments.first()?;
        let is = |text: &[u8]| name.eq_ignore_ascii_case(text);
        let found = match *arguments {
            [_, key] => match name.len() {
                3 if is(b"get") => (Kind::Get, Simple::Get { key }),
                3 if is(b"del") => (Kind::Del, Simple::Delete { key }),
                4 if is(b"incr") => (Kind::Incr, Simple::Add { key, by: 1 }),
                4 if is(b"decr") => (Kind::Decr, Simple::Add { key, by: -1 }),
                4 if is(b"mget") => (Kind::MGet, Simple::GetMany { keys: &arguments[1..] }),
                6 if is(b"exists") => (Kind::Exists, Simple::Exists { key }),
                6 if is(b"unlink") => (Kind::Unlink, Simple::Delete { key }),
                _ => return None,
            },
            [_, key, second] => match name.len() {
                3 if is(b"set") => (Kind::Set, Simple::Set { key, value: second, seconds: None }),
                4 if is(b"hget") => (Kind::HGet, Simple::HashGet { key, field: second }),
                4 if is(b"mget") => (Kind::MGet, Simple::GetMany { keys: &arguments[1..] }),
                6 if is(b"incrby") => (Kind::IncrBy, Simple::Add { key, by: integer(second)? }),
                6 if is(b"decrby") => {
                    (Kind::DecrBy, Simple::Add { key, by: integer(second)?.checked_neg()? })
                }
                6 if is(b"expire") => (Kind::Expire, Simple::Expire { key, seconds: positive(second)? }),
                _ => return None,
            },
            [_, key, second, value] if is(b"hset") => {
                (Kind::HSet, Simple::HashSet { key, field: second, value })
            }
            [_, key, second, value] if is(b"setex") => {
                (Kind::SetEx, Simple::Set { key, value, seconds: Some(positive(second)?) })
            }
            [_, _, _, ..] if is(b"mget") => (Kind::MGet, Simple::GetMany { keys: &arguments[1..] }),
            _ => return None,
        };
        Some(found)
    }
}

fn positive(argument: &[u8]) -> Option<i64> {
    integer(argument).filter(|seconds| *seconds > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_case_are_known() {
        assert_eq!(Simple::of(&[b"gEt", b"k"]), Some((Kind::Get, Simple::Get { key: b"k" })));
        let set = Simple::Set { key: b"k", value: b"v", seconds: None };
        assert_eq!(Simple::of(&[b"SET", b"k", b"v"]), Some((Kind::Set, set)));
        let set = Simple::Set { key: b"k", value: b"v", seconds: Some(9) };
        assert_eq!(Simple::of(&[b"setEX", b"k", b"9", b"v"]), Some((Kind::SetEx, set)));
        assert_eq!(
            Simple::of(&[b"DecrBy", b"k", b"-5"]),
            Some((Kind::DecrBy, Simple::Add { key: b"k", by: 5 }))
        );
        let keys: [&[u8]; 6] = [b"mget", b"a", b"b", b"c", b"d", b"e"];
        assert_eq!(Simple::of(&keys), Some((Kind::MGet, Simple::GetMany { keys: &keys[1..] })));
    }

    #[test]
    fn other_counts_options_and_numbers_that_are_refused_are_not_ours() {
        let others: [&[&[u8]]; 17] = [
            &[],
            &[b"get"],
            &[b"get", b"k", b"x"],
            &[b"set", b"k", b"v", b"NX"],
            &[b"del", b"k", b"l"],
            &[b"exists", b"k", b"l"],
            &[b"gets", b"k"],
            &[b"mget"],
            &[b"incrby", b"k", b"1.5"],
            &[b"incrby", b"k", b"9223372036854775808"],
            &[b"decrby", b"k", b"-9223372036854775808"],
            &[b"expire", b"k", b"0"],
            &[b"expire", b"k", b"-1"],
            &[b"expire", b"k", b"1", b"NX"],
            &[b"setex", b"k", b"+1", b"v"],
            &[b"hset", b"k", b"f", b"v", b"g"],
            &[b"hget", b"k"],
        ];
        for arguments in others {
            assert_eq!(Simple::of(arguments), None, "{arguments:?}");
        }
    }
}
