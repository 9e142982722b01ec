//! Claims, budgets and back-pressure: what a peer may make us hold.

mod support;

use millrace_net::{CloseReason, Framing, NetConfig};
use std::io::Write;
use std::time::Duration;
use support::{CONFIG, Server, framed, pattern, write_aside};

#[test]
fn lengths_that_are_not_positive_or_above_the_limit_close_the_connection() {
    let mut server = Server::framed(1000);
    for claimed in [0, -1, i32::MIN, 1001, i32::MAX] {
        let (mut stream, id) = server.client();
        stream.write_all(&claimed.to_be_bytes()).unwrap();
        server.until("it is closed", |server| server.is_closed(id).is_some());
        assert_eq!(server.is_closed(id), Some(CloseReason::Length(claimed)));
    }
    assert_eq!(server.net.counters().gather_bytes, 0);
    assert!(server.frames.is_empty());
}

#[test]
fn a_claim_without_bytes_costs_a_page_at_most() {
    let mut server = Server::framed(100 << 20);
    let mut streams = Vec::new();
    for _ in 0..50 {
        let (mut stream, _) = server.client();
        stream.write_all(&(100_i32 << 20).to_be_bytes()).unwrap();
        streams.push(stream);
    }
    server.until("all claims are seen", |server| server.net.counters().receives >= 50);
    server.idle(Duration::from_millis(20));
    assert!(server.net.counters().gather_bytes <= 50 * 4096, "{:?}", server.net.counters());
}

#[test]
fn a_claim_without_bytes_costs_a_page_at_most_of_a_peer_that_has_spoken_too() {
    let mut server = Server::framed(100 << 20);
    let mut streams = Vec::new();
    for _ in 0..50 {
        let (mut stream, id) = server.client();
        server.net.limit(id, 100 << 20, 1 << 20);
        stream.write_all(&[framed(b"hello"), (100_i32 << 20).to_be_bytes().to_vec()].concat()).unwrap();
        streams.push(stream);
    }
    server.until("all have spoken", |server| server.frames.len() == 50);
    server.idle(Duration::from_millis(20));
    assert!(server.net.counters().gather_bytes <= 50 * 4096, "{:?}", server.net.counters());
}

#[test]
fn memory_grows_at_most_eightfold_with_the_bytes_that_arrived() {
    let mut server = Server::framed(100 << 20);
    let (stream, id) = server.client();
    server.net.limit(id, 100 << 20, 1 << 20);
    let mut sent = 0;
    let bytes = pattern(1, 1 << 20);
    let mut parts = vec![(64_i32 << 20).to_be_bytes().to_vec()];
    parts.extend(bytes.chunks(100_000).map(<[u8]>::to_vec));
    for part in parts {
        sent += part.len() as u64;
        let writer = write_aside(&stream, part);
        server.idle(Duration::from_millis(20));
        writer.join().unwrap();
        let held = server.net.counters().gather_bytes;
        assert!(held <= (8 * sent).max(64 << 10) + 4096, "{held} bytes held for {sent}");
    }
}

#[test]
fn a_frame_above_the_first_limit_waits_until_the_frames_before_it_are_judged() {
    let mut server = Server::framed(100);
    let (mut stream, id) = server.client();
    stream.write_all(&[framed(b"hello"), framed(&[7; 5000])].concat()).unwrap();
    server.until("the first frame arrives", |server| server.frames.len() == 1);
    server.idle(Duration::from_millis(10));
    assert_eq!(server.is_closed(id), None, "the owner has not judged the first frame");
    server.net.limit(id, 5000, 0);
    server.until("the second frame arrives", |server| server.frames.len() == 2);
    assert_eq!(server.frames[1].bytes, [7; 5000]);
}

#[test]
fn a_frame_above_the_first_limit_closes_the_connection_when_the_limit_is_not_raised() {
    let mut server = Server::framed(100);
    let (mut stream, id) = server.client();
    stream.write_all(&[framed(b"hello"), framed(&[7; 5000])].concat()).unwrap();
    server.until("the first frame arrives", |server| server.frames.len() == 1);
    server.take_frames();
    server.until("it is closed", |server| server.is_closed(id).is_some());
    assert_eq!(server.is_closed(id), Some(CloseReason::Length(5000)));
}

#[test]
fn the_memory_of_arriving_frames_has_a_budget_and_comes_back() {
    let config = NetConfig { gather_bytes: 1 << 20, ..CONFIG };
    let mut server = Server::new(config, Framing::LengthPrefixed, 16 << 20);
    let (mut stream, id) = server.client();
    // The rest of the frame meets a closed connection: that it cannot be written is no failure here.
    let bytes = framed(&vec![1; 4 << 20]);
    let writer = std::thread::spawn(move || drop(stream.write_all(&bytes)));
    server.until("it is closed", |server| server.is_closed(id).is_some());
    assert_eq!(server.is_closed(id), Some(CloseReason::Memory(4 << 20)));
    writer.join().unwrap();
    assert!(server.net.counters().gather_bytes <= 1 << 20);
    let (stream, _) = server.client();
    let writer = write_aside(&stream, framed(&pattern(3, 1_000_000)));
    server.until("a frame within the budget arrives", |server| !server.frames.is_empty());
    writer.join().unwrap();
    assert!(server.frames[0].bytes == pattern(3, 1_000_000));
}

#[test]
fn frames_that_are_not_released_make_the_next_ones_wait_and_close_nobody() {
    let config = NetConfig { gather_bytes: 4 << 20, ..CONFIG };
    let mut server = Server::new(config, Framing::LengthPrefixed, 16 << 20);
    let clients: Vec<_> = (0..6).map(|_| server.client()).collect();
    let mut writers = Vec::new();
    for (number, (stream, id)) in clients.iter().enumerate() {
        server.net.limit(*id, 16 << 20, 1 << 20);
        // The budget holds one unfinished frame of each, but not all that are finished beside them.
        writers.push(write_aside(stream, framed(&pattern(number as u64, 600_000)).repeat(3)));
        server.idle(Duration::from_millis(20));
    }
    let held = server.frames.len();
    assert!((1..=6).contains(&held), "{held} frames within the budget");
    assert!(server.net.counters().gather_bytes <= 4 << 20);
    let mut count = 0;
    server.until("everything arrives as memory comes back", |server| {
        for frame in server.take_frames() {
            let client = clients.iter().position(|(_, id)| *id == frame.connection).unwrap();
            assert!(frame.bytes == pattern(client as u64, 600_000));
            count += 1;
        }
        count == 18
    });
    for writer in writers {
        writer.join().unwrap();
    }
    assert!(server.closed.is_empty());
}

#[test]
fn a_paused_connection_delivers_nothing_and_holds_a_slot_at_most() {
    let mut server = Server::framed(1 << 20);
    let (stream, id) = server.client();
    server.net.pause(id);
    let writer = write_aside(&stream, framed(b"0123456789").repeat(5000));
    server.idle(Duration::from_millis(30));
    assert!(server.frames.is_empty());
    assert!(server.net.counters().slots_held <= 1);
    server.net.resume(id);
    let mut count = 0;
    server.until("everything arrives after resuming", |server| {
        count += server.take_frames().len();
        count == 5000
    });
    writer.join().unwrap();
}

#[test]
fn pausing_while_a_large_frame_arrives_holds_it_back_until_resumed() {
    let mut server = Server::framed(8 << 20);
    let (stream, id) = server.client();
    let bytes = pattern(5, 3 << 20);
    let writer = write_aside(&stream, framed(&bytes));
    server.until("some of it arrived", |server| server.net.counters().bytes_received > 10_000);
    server.net.pause(id);
    server.idle(Duration::from_millis(30));
    assert!(server.frames.is_empty());
    server.net.resume(id);
    server.until("the frame arrives", |server| server.frames.len() == 1);
    writer.join().unwrap();
    assert!(server.frames[0].bytes == bytes);
}

#[test]
fn connections_above_the_maximum_are_closed_at_once_and_counted() {
    let config = NetConfig { connections_max: 2, ..CONFIG };
    let mut server = Server::new(config, Framing::LengthPrefixed, 100);
    let kept = [server.client(), server.client()];
    let mut refused = server.connect();
    server.until("the third is refused", |server| !server.refused.is_empty());
    assert_eq!(server.refused, [(0, 1)]);
    let mut byte = [0];
    assert_eq!(std::io::Read::read(&mut refused, &mut byte).unwrap_or(0), 0);
    assert_eq!(server.net.counters().connections, 2);
    drop(kept);
}

#[test]
fn frames_that_do_not_go_on_lose_their_memory_to_one_that_does() {
    let config = NetConfig { gather_bytes: 1 << 20, ..CONFIG };
    let mut server = Server::new(config, Framing::LengthPrefixed, 16 << 20);
    let mut stalled = Vec::new();
    while server.closed.is_empty() {
        let (mut stream, id) = server.client();
        server.net.limit(id, 16 << 20, 1 << 20);
        stream.write_all(&(4_i32 << 20).to_be_bytes()).unwrap();
        stream.write_all(&[0; 20_000]).unwrap();
        server.idle(Duration::from_millis(5));
        stalled.push((stream, id));
    }
    assert_eq!(server.closed.len(), 1, "the last one found no memory: the others have just begun");
    server.idle(Duration::from_millis(2100));
    let (stream, id) = server.client();
    let writer = write_aside(&stream, framed(&pattern(3, 500_000)));
    server.until("the frame arrives", |server| !server.frames.is_empty() || server.is_closed(id).is_some());
    writer.join().unwrap();
    assert!(server.frames[0].bytes == pattern(3, 500_000));
    assert_eq!(server.closed.len(), stalled.len(), "all that stood still are closed");
    assert!(server.closed.iter().all(|(_, reason)| *reason == CloseReason::Memory(4 << 20)));
}
