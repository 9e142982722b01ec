//! What a connection still has to send: a queue of payloads, and the vectored send in flight over its head.
//!
//! Pure: it hands out addresses, it does not submit. The one invariant: the first `flying` payloads and the vectors over
//! them do not change or go away between `fly` and `landed`.

use crate::payload::Payload;
use std::collections::VecDeque;

/// Bytes of one send: a longer reply goes out in several, each of which is a sign of life.
const SEND_MAX: usize = 1 << 20;
/// Vectors of one send.
const VECTORS_MAX: usize = 64;
/// Capacity of the memory small sends are put together in; larger ones get their own.
const OWNED_BYTES: usize = 8 << 10;

#[derive(Debug, Default)]
pub(crate) struct Output {
    queue: VecDeque<Payload>,
    /// Bytes of the first payload that were sent before.
    sent_of_first: usize,
    /// Payloads, from the first, that the send in flight covers.
    flying: usize,
    flight: Option<Box<Flight>>,
    /// Payloads in the queue that are lent.
    lent: usize,
    /// The socket is full; a poll says when it is not.
    pub awaits_room: bool,
    /// Bytes queued and not taken by the kernel.
    pub queued: usize,
    /// Bytes the kernel has taken since the connection began.
    pub taken: u64,
    /// What the owner was last told of `taken`.
    pub told: u64,
    /// The connection is in the list of those with something to tell.
    pub is_due: bool,
    /// The connection is in the list of those that have something to send.
    pub is_outgoing: bool,
    /// Memory of somebody else was sent since the last telling: its owner waits for it.
    pub is_urgent: bool,
}

/// What `sendmsg` reads: in a box, so that it stays where it is.
struct Flight {
    vectors: [libc::iovec; VECTORS_MAX],
    message: libc::msghdr,
}

impl std::fmt::Debug for Flight {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Flight({} vectors)", self.message.msg_iovlen)
    }
}

/// A range that leaves by a call instead of the ring.
#[derive(Clone, Copy)]
pub(crate) struct ByCall {
    pub start: *const u8,
    pub length: usize,
    pub is_lent: bool,
    /// Nothing is queued behind it.
    pub is_last: bool,
}

/// What to submit: one range, or a message over several.
pub(crate) enum Flying {
    Range(*const u8, u32),
    Message(*const libc::msghdr),
}

impl Output {
    pub(crate) fn is_flying(&self) -> bool {
        self.flying > 0
    }

    /// Copies a small send behind the ones before it.
    pub(crate) fn push_copy(&mut self, bytes: &[u8]) {
        self.queued += bytes.len();
        if self.queue.len() > self.flying
            && let Some(Payload::Owned(last)) = self.queue.back_mut()
            && last.capacity() - last.len() >= bytes.len()
        {
            last.extend_from_slice(bytes);
            return;
        }
        let mut owned = Vec::with_capacity(bytes.len().max(OWNED_BYTES.min(bytes.len() * 4)));
        owned.extend_from_slice(bytes);
        self.queue.push_back(Payload::Owned(owned));
    }

    pub(crate) fn push(&mut self, payload: Payload) {
        if payload.len() == 0 {
            return;
        }
        self.queued += payload.len();
        self.lent += usize::from(matches!(payload, Payload::Lent(_)));
        self.queue.push_back(payload);
    }

    /// What leaves next by a call of ours, as long as there is something lent: what is queued before that, one by one,
    /// too. None during a send by the ring.
    pub(crate) fn by_call(&self) -> Option<ByCall> {
        if self.flying > 0 || self.lent == 0 {
            return None;
        }
        let first = self.queue.front()?;
        let (start, length) = range(first, self.sent_of_first);
        let is_lent = matches!(first, Payload::Lent(_));
        Some(ByCall { start, length: length.min(SEND_MAX), is_lent, is_last: self.queue.len() == 1 })
    }

    /// Begins a send over the head of the queue. None when one is in flight already, or there is nothing to send.
    pub(crate) fn fly(&mut self) -> Option<Flying> {
        if self.flying > 0 {
            return None;
        }
        let first = self.queue.front()?;
        let (start, length) = range(first, self.sent_of_first);
        if self.queue.len() == 1 || length >= SEND_MAX {
            self.flying = 1;
            return Some(Flying::Range(start, length.min(SEND_MAX) as u32));
        }
        let flight = self.flight.get_or_insert_with(|| Box::new(Flight::empty()));
        let mut skip = self.sent_of_first;
        let mut room = SEND_MAX;
        for (payload, vector) in self.queue.iter().zip(&mut flight.vectors) {
            let (start, length) = range(payload, std::mem::take(&mut skip));
            let length = length.min(room);
            *vector = libc::iovec { iov_base: start.cast_mut().cast(), iov_len: length };
            room -= length;
            self.flying += 1;
            if room == 0 {
                break;
            }
        }
        flight.message.msg_iov = flight.vectors.as_mut_ptr();
        flight.message.msg_iovlen = self.flying as _;
        Some(Flying::Message(&raw const flight.message))
    }

    /// The send in flight has ended with `bytes` taken: payloads that are done are dropped.
    pub(crate) fn landed(&mut self, bytes: usize) {
        assert!(self.flying > 0 && bytes <= self.queued, "a send ends that was not begun");
        self.flying = 0;
        self.took(bytes);
    }

    /// The kernel has `bytes` more of the queue's head: payloads that are done are dropped.
    pub(crate) fn took(&mut self, bytes: usize) {
        assert!(self.flying == 0 && bytes <= self.queued, "more is taken than was queued, or during a send");
        self.queued -= bytes;
        self.taken += bytes as u64;
        let mut left = bytes + self.sent_of_first;
        while let Some(first) = self.queue.front() {
            if left < first.len() {
                break;
            }
            left -= first.len();
            self.is_urgent |= matches!(first, Payload::Foreign(_));
            self.lent -= usize::from(matches!(first, Payload::Lent(_)));
            self.queue.pop_front();
        }
        self.sent_of_first = left;
    }

    /// Drops everything the kernel does not have.
    pub(crate) fn abandon(&mut self) {
        self.queue.truncate(self.flying);
        self.lent = self.queue.iter().filter(|payload| matches!(payload, Payload::Lent(_))).count();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

/// What is left of a payload of which `sent` bytes are gone.
fn range(payload: &Payload, sent: usize) -> (*const u8, usize) {
    assert!(sent <= payload.len(), "more was sent than there is");
    // SAFETY: inside the payload (asserted).
    (unsafe { payload.start().add(sent) }, payload.len() - sent)
}

impl Flight {
    fn empty() -> Flight {
        // SAFETY: plain C structures of pointers and lengths, for which zero is a valid value.
        unsafe { std::mem::zeroed() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_io::Piece;

    /// What the kernel would see of the send in flight.
    fn seen(flying: &Flying) -> Vec<u8> {
        // SAFETY: the test keeps the output alive and unchanged.
        unsafe {
            match *flying {
                Flying::Range(start, length) => std::slice::from_raw_parts(start, length as usize).to_vec(),
                Flying::Message(message) => {
                    let message = &*message;
                    let vectors = std::slice::from_raw_parts(message.msg_iov, message.msg_iovlen);
                    let ranges = vectors
                        .iter()
                        .map(|v| std::slice::from_raw_parts(v.iov_base.cast::<u8>(), v.iov_len));
                    ranges.collect::<Vec<_>>().concat()
                }
            }
        }
    }

    #[test]
    fn small_sends_are_put_together_until_the_kernel_has_them() {
        let mut output = Output::default();
        output.push_copy(b"one");
        output.push_copy(b"two");
        assert_eq!(seen(&output.fly().unwrap()), b"onetwo");
        output.push_copy(b"three");
        assert!(output.fly().is_none(), "one send in flight");
        output.landed(6);
        assert_eq!(seen(&output.fly().unwrap()), b"three");
        assert_eq!((output.taken, output.queued), (6, 5));
    }

    #[test]
    fn a_short_send_goes_on_behind_what_was_taken() {
        let mut output = Output::default();
        output.push_copy(b"abc");
        output.push(Payload::Piece(Piece::copy_of(b"defgh")));
        output.push(Payload::Piece(Piece::copy_of(b"ij")));
        assert_eq!(seen(&output.fly().unwrap()), b"abcdefghij");
        output.landed(5);
        assert_eq!(seen(&output.fly().unwrap()), b"fghij");
        output.landed(5);
        assert!(output.is_empty() && !output.is_urgent, "nobody waits for a copy or a piece");
        assert!(output.fly().is_none());
    }

    #[test]
    fn what_is_in_flight_outlives_an_abandoned_queue() {
        let mut output = Output::default();
        output.push_copy(b"abc");
        let flying = output.fly().unwrap();
        output.push(Payload::Piece(Piece::copy_of(b"def")));
        output.abandon();
        assert_eq!(seen(&flying), b"abc");
        assert!(!output.is_empty());
    }
}
