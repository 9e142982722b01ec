//! One command from the front of some bytes: an array of a few short bulk strings.
//!
//! What it is not: a judge. What is malformed, inline, large or long is `Other`.
//!
//! The invariant: lengths are compared with the bytes that are there, never used to reserve anything.

/// Most arguments of a command that is cut, its name included.
pub const ARGUMENTS_MAX: usize = 16;
/// Most bytes of one argument.
pub const ARGUMENT_MAX: usize = 16 * 1024;
/// Digits of a count or a length.
const DIGITS_MAX: usize = 5;

/// Room for the arguments of a command, used again for the next one.
pub type Arguments<'a> = [&'a [u8]; ARGUMENTS_MAX];

/// What is at the front of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// A whole command of `count` arguments, which ends before byte `end`.
    Whole { count: usize, end: usize },
    /// The beginning of one: the rest has not come.
    Short,
    /// Something that is not cut here.
    Other,
}

/// Cuts the command at the front of `bytes`. Of `arguments` only those it names are its own.
#[must_use]
pub fn cut<'a>(bytes: &'a [u8], arguments: &mut Arguments<'a>) -> Cut {
    let (count, mut at) = match number(bytes, 0, b'*') {
        Ok(found) => found,
        Err(stop) => return stop,
    };
    if count == 0 || count > ARGUMENTS_MAX {
        return Cut::Other;
    }
    for argument in &mut arguments[..count] {
        let (length, start) = match number(bytes, at, b'$') {
            Ok(found) => found,
            Err(stop) => return stop,
        };
        if length > ARGUMENT_MAX {
            return Cut::Other;
        }
        let end = start + length;
        let Some(tail) = bytes.get(end..end + 2) else { return Cut::Short };
        if tail != b"\r\n" {
            return Cut::Other;
        }
        *argument = &bytes[start..end];
        at = end + 2;
    }
    Cut::Whole { count, end: at }
}

/// The number of a line `<kind><digits>CRLF` at `at`, and where the line ends.
fn number(bytes: &[u8], at: usize, kind: u8) -> Result<(usize, usize), Cut> {
    match bytes.get(at) {
        None => return Err(Cut::Short),
        Some(found) if *found != kind => return Err(Cut::Other),
        Some(_) => {}
    }
    let mut value = 0;
    for digits in 0..=DIGITS_MAX {
        let position = at + 1 + digits;
        match bytes.get(position) {
            None => return Err(Cut::Short),
            Some(digit @ b'0'..=b'9') => value = value * 10 + usize::from(digit - b'0'),
            // A sign, a leading zero, no digit at all: the server's parser says what is wrong with it.
            Some(b'\r') if digits > 0 && (digits == 1 || bytes[at + 1] != b'0') => {
                return match bytes.get(position + 1) {
                    None => Err(Cut::Short),
                    Some(b'\n') => Ok((value, position + 2)),
                    Some(_) => Err(Cut::Other),
                };
            }
            Some(_) => return Err(Cut::Other),
        }
    }
    Err(Cut::Other)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: &[u8] = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n";

    #[test]
    fn a_command_is_cut_where_it_ends_and_what_follows_is_not_looked_at() {
        let bytes = [SET, b"*1\r"].concat();
        let mut arguments = Arguments::default();
        let Cut::Whole { count, end } = cut(&bytes, &mut arguments) else { panic!("a whole command") };
        assert_eq!((&arguments[..count], end), (&[&b"SET"[..], b"k", b""][..], SET.len()));
        assert_eq!(cut(&bytes[end..], &mut Arguments::default()), Cut::Short);
    }

    #[test]
    fn every_beginning_of_a_command_is_short() {
        for length in 0..SET.len() {
            assert_eq!(cut(&SET[..length], &mut Arguments::default()), Cut::Short, "{length} bytes");
        }
    }

    #[test]
    fn whatever_is_not_plain_is_left_alone() {
        let others: [&[u8]; 12] = [
            b"PING\r\n",
            b"\r\n",
            b"*0\r\n",
            b"*-1\r\n",
            b"*17\r\n",
            b"*01\r\n",
            b"*\r\n",
            b"*1x",
            b"*1\r\n:3\r\n",
            b"*1\r\n$-1\r\n",
            b"*1\r\n$123456\r\n",
            b"*1\r\n$1\r\nabc",
        ];
        for bytes in others {
            assert_eq!(cut(bytes, &mut Arguments::default()), Cut::Other, "{}", bytes.escape_ascii());
        }
        assert_eq!(cut(b"*1\r\n$16385\r\n", &mut Arguments::default()), Cut::Other);
        assert_eq!(cut(b"*1\r\n$16384\r\n", &mut Arguments::default()), Cut::Short);
    }
}
