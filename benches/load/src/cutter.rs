//! Cuts a stream of bytes into answers, and answers into the parts that somebody wants to look at.
//!
//! Not here: what a part means. Remember: bytes that nobody wants are stepped over where they were received; only a
//! wanted part that arrived in pieces is put together elsewhere.

use millrace_load::LoadError;

/// Nothing asked for here is longer.
const ANSWER_MAX: usize = 128 << 20;
/// Length of the answer, correlation id.
const PREFIX_LENGTH: usize = 8;

/// What an answer was worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Worth {
    pub records: u64,
    pub bytes: u64,
}

/// What is wanted of the rest of an answer.
pub enum Wanted {
    /// After `skip` bytes, the next `length` bytes in one piece.
    Part { skip: usize, length: usize },
    /// Nothing more.
    End(Worth),
}

/// Reads the answers of one kind.
pub trait Reading {
    /// Name of the API, for errors.
    const API: &'static str;

    /// Length of the first part, which begins behind the correlation id.
    fn first(&self) -> usize;

    /// Looks at a part that was wanted; `left` bytes of the answer follow it.
    fn part(&mut self, part: &[u8], left: usize) -> Result<Wanted, LoadError>;
}

/// Where in an answer the stream stands.
pub struct Cutter {
    /// The start of a wanted part whose end has not arrived.
    held: Vec<u8>,
    /// Bytes to step over before the wanted part.
    skip: usize,
    /// Length of the wanted part.
    length: usize,
    /// Bytes of the answer behind the wanted part; not known before the prefix is.
    left: usize,
    at: At,
    correlation: i32,
}

/// What the wanted part is.
enum At {
    Prefix,
    Part,
    /// Nothing: once the skipped bytes have gone by, the answer is over.
    End(Worth),
}

impl Cutter {
    /// Before the first answer, which has correlation id 0; each further one has the next id.
    pub fn new() -> Cutter {
        Cutter { held: Vec::new(), skip: 0, length: PREFIX_LENGTH, left: 0, at: At::Prefix, correlation: 0 }
    }

    /// Takes what has arrived and tells `finished` what each answer that ends in it was worth.
    pub fn take<R: Reading>(
        &mut self,
        mut arrived: &[u8],
        reading: &mut R,
        mut finished: impl FnMut(Worth),
    ) -> Result<(), LoadError> {
        loop {
            let stepped = self.skip.min(arrived.len());
            arrived = &arrived[stepped..];
            self.skip -= stepped;
            if self.skip > 0 {
                return Ok(());
            }
            if let At::End(worth) = self.at {
                (self.length, self.at) = (PREFIX_LENGTH, At::Prefix);
                finished(worth);
            }
            let missing = self.length - self.held.len();
            let Some((end, rest)) = arrived.split_at_checked(missing) else {
                self.held.extend_from_slice(arrived);
                return Ok(());
            };
            arrived = rest;
            if self.held.is_empty() {
                self.look(end, reading)?;
            } else {
                let mut held = std::mem::take(&mut self.held);
                held.extend_from_slice(end);
                self.look(&held, reading)?;
                held.clear();
                self.held = held;
            }
        }
    }

    fn look<R: Reading>(&mut self, part: &[u8], reading: &mut R) -> Result<(), LoadError> {
        let wanted = match self.at {
            At::Prefix => self.prefix(part, reading)?,
            At::Part => reading.part(part, self.left)?,
            At::End(_) => unreachable!("nothing is looked at behind the last wanted part"),
        };
        match wanted {
            Wanted::End(worth) => {
                (self.skip, self.length, self.left) = (self.left, 0, 0);
                self.at = At::End(worth);
            }
            Wanted::Part { skip, length } => {
                let layout = LoadError::Layout { api: R::API };
                self.left = self.left.checked_sub(skip + length).ok_or(layout)?;
                (self.skip, self.length, self.at) = (skip, length, At::Part);
            }
        }
        Ok(())
    }

    fn prefix<R: Reading>(&mut self, part: &[u8], reading: &R) -> Result<Wanted, LoadError> {
        let layout = || LoadError::Layout { api: R::API };
        let (length, correlation) = part.split_first_chunk::<4>().ok_or_else(layout)?;
        let length = u32::from_be_bytes(*length) as usize;
        let correlation = correlation.first_chunk::<4>().ok_or_else(layout)?;
        if length > ANSWER_MAX || i32::from_be_bytes(*correlation) != self.correlation {
            return Err(layout());
        }
        self.correlation = self.correlation.wrapping_add(1);
        self.left = length.checked_sub(4).ok_or_else(layout)?;
        Ok(Wanted::Part { skip: 0, length: reading.first() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers of `[3 bytes wanted][5 stepped over][2 wanted][whatever]`; collects what it was shown.
    #[derive(Default)]
    struct Shown(Vec<Vec<u8>>);

    impl Reading for Shown {
        const API: &'static str = "Test";

        fn first(&self) -> usize {
            3
        }

        fn part(&mut self, part: &[u8], left: usize) -> Result<Wanted, LoadError> {
            self.0.push(part.to_vec());
            if part.len() == 3 {
                return Ok(Wanted::Part { skip: 5, length: 2 });
            }
            Ok(Wanted::End(Worth { records: 1, bytes: left as u64 }))
        }
    }

    fn answer(correlation: i32, rest: &[u8]) -> Vec<u8> {
        let body = [&correlation.to_be_bytes(), b"abc-----de".as_slice(), rest].concat();
        [&(body.len() as u32).to_be_bytes(), body.as_slice()].concat()
    }

    #[test]
    fn answers_are_cut_the_same_however_the_bytes_arrive() {
        let stream = [answer(0, b""), answer(1, b"rest"), answer(2, b"x")].concat();
        for piece in 1..=stream.len() {
            let (mut cutter, mut shown, mut worths) = (Cutter::new(), Shown::default(), Vec::new());
            for arrived in stream.chunks(piece) {
                cutter.take(arrived, &mut shown, |worth| worths.push(worth.bytes)).unwrap();
            }
            assert_eq!(worths, [0, 4, 1], "pieces of {piece} bytes");
            assert_eq!(shown.0.concat(), b"abcdeabcdeabcde");
        }
    }

    #[test]
    fn an_answer_to_another_request_is_an_error() {
        let mut cutter = Cutter::new();
        assert!(cutter.take(&answer(1, b""), &mut Shown::default(), |_| ()).is_err());
    }

    #[test]
    fn an_answer_that_is_shorter_than_what_is_wanted_of_it_is_an_error() {
        let mut bytes = answer(0, b"");
        bytes[3] -= 1;
        assert!(Cutter::new().take(&bytes, &mut Shown::default(), |_| ()).is_err());
    }
}
