//! Bytes leave in order, from where they lie, and their owners are told when they are gone.

mod support;

use millrace_io::{Piece, SlabPool, SlabWriter};
use millrace_net::{CloseReason, Foreign};
use std::cell::Cell;
use std::io::Read;
use std::net::TcpStream;
use std::rc::Rc;
use std::thread::JoinHandle;
use std::time::Duration;
use support::{Server, pattern};

/// Memory that says when nobody needs it any more.
struct Kept {
    bytes: Vec<u8>,
    gone: Rc<Cell<bool>>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        // Whoever still reads it finds something else.
        self.bytes.fill(0xdd);
        self.gone.set(true);
    }
}

fn foreign(bytes: Vec<u8>) -> (Foreign, Rc<Cell<bool>>) {
    let gone = Rc::new(Cell::new(false));
    let kept = Box::new(Kept { bytes, gone: Rc::clone(&gone) });
    // SAFETY: the bytes lie on the heap and stay until the keeper is dropped.
    (unsafe { Foreign::new(kept.bytes.as_ptr(), kept.bytes.len(), kept) }, gone)
}

#[test]
fn copies_foreign_memory_and_pieces_leave_in_the_order_they_were_queued() {
    let mut server = Server::framed(100);
    let (stream, id) = server.client();
    let mut slab = SlabWriter::new(200_000);
    slab.write(&pattern(2, 200_000));
    let mut expected = Vec::new();
    for round in 0..40 {
        server.net.send_copy(id, &pattern(round, 10));
        expected.extend(pattern(round, 10));
        let (memory, _) = foreign(pattern(round + 100, 30_000));
        server.net.send_foreign(id, memory);
        expected.extend(pattern(round + 100, 30_000));
        server.net.send_piece(id, slab.piece(round as usize * 100, 50_000));
        expected.extend_from_slice(slab.piece(round as usize * 100, 50_000).bytes());
    }
    let length = expected.len();
    let reader = reading(stream, length);
    server.until("everything is sent", |server| server.sent.last() == Some(&(id, length as u64)));
    assert!(reader.join().unwrap() == expected);
    assert!(server.sent.is_sorted_by_key(|(_, total)| *total));
}

#[test]
fn small_sends_of_a_turn_leave_together() {
    let mut server = Server::framed(100);
    let (mut stream, id) = server.client();
    for _ in 0..100 {
        server.net.send_copy(id, b"small");
    }
    server.until("they are sent", |server| server.sent.last() == Some(&(id, 500)));
    assert_eq!(server.net.counters().sends, 1);
    let mut bytes = [0; 500];
    stream.read_exact(&mut bytes).unwrap();
    assert_eq!(bytes, *b"small".repeat(100));
}

#[test]
fn small_copied_sends_are_no_news_and_foreign_ones_are() {
    let mut server = Server::framed(100);
    let (_stream, id) = server.client();
    server.net.send_copy(id, b"small");
    server.net.submit();
    server.net.reap();
    assert!(server.net.has_quiet_news() && !server.net.has_news());
    let (memory, gone) = foreign(vec![1; 5000]);
    server.net.send_foreign(id, memory);
    server.net.submit();
    server.net.reap();
    assert!(server.net.has_news() && gone.get());
}

#[test]
fn memory_of_others_is_kept_until_a_slow_reader_has_taken_it_and_no_longer() {
    let mut server = Server::framed(100);
    let (mut stream, id) = server.client();
    let total = 64 << 20;
    let (memory, gone) = foreign(pattern(9, total));
    server.net.send_foreign(id, memory);
    server.idle(Duration::from_millis(50));
    assert!(!gone.get(), "the kernel cannot have taken all of it");
    let reader = std::thread::spawn(move || {
        let mut bytes = vec![0; total];
        stream.read_exact(&mut bytes).unwrap();
        bytes
    });
    server.until("all of it is sent", |server| server.sent.last() == Some(&(id, total as u64)));
    assert!(gone.get());
    assert!(server.sent.len() > 10, "progress is told in steps: {:?}", server.sent.len());
    assert!(reader.join().unwrap() == pattern(9, total));
}

#[test]
fn a_close_after_everything_queued_sends_all_of_it_first() {
    let mut server = Server::framed(100);
    let (mut stream, id) = server.client();
    server.net.send_piece(id, Piece::copy_of(&pattern(4, 3 << 20)));
    server.net.close_when_sent(id);
    server.net.send_copy(id, b"too late");
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        bytes
    });
    server.until("it is closed", |server| server.is_closed(id).is_some());
    assert_eq!(server.is_closed(id), Some(CloseReason::Local));
    assert!(reader.join().unwrap() == pattern(4, 3 << 20));
    assert_eq!(server.sent.last(), Some(&(id, 3 << 20)));
}

#[test]
fn closing_at_once_drops_what_a_peer_does_not_read() {
    let mut server = Server::framed(100);
    let (_stream, id) = server.client();
    let (memory, gone) = foreign(vec![1; 32 << 20]);
    server.net.send_foreign(id, memory);
    server.idle(Duration::from_millis(20));
    assert!(!gone.get());
    server.net.close(id);
    assert!(!gone.get(), "the kernel may still read it");
    server.until("it is closed", |server| server.is_closed(id).is_some());
    assert!(gone.get());
}

#[test]
fn a_reset_in_the_middle_of_a_send_and_a_receive_ends_the_connection_and_frees_its_memory() {
    let mut server = Server::framed(64 << 20);
    for _ in 0..20 {
        let (stream, id) = server.client();
        let (memory, gone) = foreign(vec![1; 8 << 20]);
        server.net.send_foreign(id, memory);
        std::io::Write::write_all(&mut &stream, &(5_i32 << 20).to_be_bytes()).unwrap();
        server.idle(Duration::from_millis(2));
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        drop(stream);
        server.until("it is closed", |server| server.is_closed(id).is_some());
        // The socket tells its error once, to whichever of the two asks first; the other one sees the end.
        let reason = server.is_closed(id).unwrap();
        let is_reset = matches!(reason, CloseReason::Failed(libc::ECONNRESET | libc::EPIPE));
        assert!(is_reset || reason == CloseReason::Ended, "{reason:?}");
        assert!(gone.get());
    }
    assert_eq!(server.net.counters().connections, 0);
}

/// Takes so many bytes on a thread of its own.
fn reading(mut stream: TcpStream, length: usize) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = vec![0; length];
        stream.read_exact(&mut bytes).unwrap();
        bytes
    })
}

/// A slab of a pool that has been read once, so that its pages are lent from now on.
fn read_before(pool: &SlabPool, bytes: &[u8]) -> SlabWriter {
    let mut slab = SlabWriter::from_pool(pool);
    slab.write(bytes);
    assert!(!slab.piece(0, bytes.len()).lend());
    slab
}

const LENT: usize = 2 << 20;

#[test]
fn lent_pages_leave_in_the_order_they_were_queued_among_copies() {
    let mut server = Server::framed(100);
    let (stream, id) = server.client();
    let slab = read_before(&SlabPool::new(LENT, 1), &pattern(3, LENT));
    let mut expected = Vec::new();
    for round in 0..20 {
        server.net.send_copy(id, &pattern(round, 10));
        expected.extend(pattern(round, 10));
        for (start, length) in [(round as usize * 1001, 1_000_003), (77, 20_000), (1, 70_000)] {
            server.net.send_piece(id, slab.piece(start, length));
            expected.extend_from_slice(slab.piece(start, length).bytes());
        }
    }
    let length = expected.len();
    let reader = reading(stream, length);
    server.until("everything is sent", |server| server.sent.last() == Some(&(id, length as u64)));
    assert!(reader.join().unwrap() == expected);
    assert_eq!(server.net.counters().bytes_lent, 20 * 1_070_003);
    assert_eq!(server.net.counters().bytes_sent, length as u64);
}

#[test]
fn lent_pages_hold_their_bytes_for_a_slow_reader_when_their_slab_is_gone_and_its_pool_in_use() {
    let mut server = Server::framed(100);
    let (mut stream, id) = server.client();
    let pool = SlabPool::new(LENT, 1);
    let slab = read_before(&pool, &pattern(3, LENT));
    server.net.send_piece(id, slab.piece(5, 70_000));
    server.until("it is sent", |server| server.sent.last() == Some(&(id, 70_000)));
    drop(slab);
    SlabWriter::from_pool(&pool).write(&[0xee; LENT]);
    let mut bytes = vec![0; 70_000];
    stream.read_exact(&mut bytes).unwrap();
    assert!(bytes == pattern(3, LENT)[5..70_005]);
}

#[test]
fn a_connection_that_takes_nothing_more_ends_and_lets_its_lent_memory_go() {
    let mut server = Server::framed(100);
    let (stream, id) = server.client();
    let slab = read_before(&SlabPool::new(LENT, 1), &pattern(3, LENT));
    for _ in 0..64 {
        server.net.send_piece(id, slab.piece(0, LENT));
    }
    server.idle(Duration::from_millis(20));
    let sent = server.net.counters().bytes_sent;
    assert!(sent > 0 && sent < 64 * LENT as u64, "the socket is full");
    server.net.close(id);
    server.until("it is closed", |server| server.is_closed(id).is_some());
    drop(stream);
    let (mut stream, id) = server.client();
    server.net.send_piece(id, slab.piece(0, LENT));
    server.net.close_when_sent(id);
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        bytes
    });
    server.until("it is closed", |server| server.is_closed(id).is_some());
    assert!(reader.join().unwrap() == pattern(3, LENT));
}

#[test]
fn a_reader_slower_than_its_socket_is_filled_holds_nobody_up() {
    let mut server = Server::framed(100);
    let (mut stream, id) = server.client();
    let slab = read_before(&SlabPool::new(LENT, 1), &pattern(3, LENT));
    let lengths = [307_201, 1_000_003, 70_000, 650_017];
    let mut expected = Vec::new();
    for round in 0..60 {
        server.net.send_copy(id, &pattern(round, 10));
        expected.extend(pattern(round, 10));
        let length = lengths[round as usize % lengths.len()];
        server.net.send_piece(id, slab.piece(0, length));
        expected.extend_from_slice(slab.piece(0, length).bytes());
    }
    stream.set_nonblocking(true).unwrap();
    let (mut seen, mut buffer) = (Vec::new(), vec![0; 100_000]);
    // One thread: a call that waited for the reader would wait for ever.
    while seen.len() < expected.len() {
        server.turn();
        if let Ok(length) = stream.read(&mut buffer) {
            seen.extend_from_slice(&buffer[..length]);
        }
    }
    assert!(seen == expected);
}
