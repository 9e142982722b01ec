//! Frames arrive whole and in order, however the stream is cut.

mod support;

use millrace_net::{CloseReason, Framing, NetConfig};
use std::io::{Read, Write};
use std::time::Duration;
use support::{CONFIG, Server, framed, pattern, read_frame, write_aside};

#[test]
fn a_frame_split_at_every_byte_arrives_whole() {
    let mut server = Server::framed(1 << 20);
    let (mut stream, _) = server.client();
    let bytes = framed(b"split at every byte");
    for at in 1..bytes.len() {
        stream.write_all(&bytes[..at]).unwrap();
        server.idle(Duration::from_millis(2));
        assert!(server.frames.is_empty(), "nothing is delivered before its last byte");
        stream.write_all(&bytes[at..]).unwrap();
        server.until("the frame arrives", |server| !server.frames.is_empty());
        let frames = server.take_frames();
        assert_eq!(frames.len(), 1);
        assert_eq!(frames[0].bytes, b"split at every byte");
    }
}

#[test]
fn frames_that_arrive_in_one_piece_are_delivered_one_by_one_in_order() {
    let mut server = Server::framed(1 << 20);
    let (mut stream, _) = server.client();
    let mut bytes = Vec::new();
    for number in 0..500_u32 {
        bytes.extend(framed(&number.to_be_bytes()));
    }
    stream.write_all(&bytes).unwrap();
    server.until("all frames arrive", |server| server.frames.len() == 500);
    let numbers =
        server.take_frames().into_iter().map(|frame| u32::from_be_bytes(frame.bytes.try_into().unwrap()));
    assert!(numbers.eq(0..500));
}

#[test]
fn frames_of_megabytes_are_received_in_place_but_for_their_beginning() {
    let mut server = Server::framed(32 << 20);
    let (stream, _) = server.client();
    let lengths = [1, 4092, 4093, 70_000, 1 << 20, 5 << 20, 9_999_999, 3];
    let frames = lengths.map(|length| pattern(length as u64, length));
    let writer = write_aside(&stream, frames.iter().flat_map(|bytes| framed(bytes)).collect());
    let mut arrived = Vec::new();
    server.until("all frames arrive", |server| {
        arrived.extend(server.take_frames().into_iter().map(|frame| frame.bytes));
        arrived.len() == lengths.len()
    });
    writer.join().unwrap();
    for (arrived, sent) in arrived.iter().zip(&frames) {
        assert!(arrived == sent, "a frame of {} bytes differs", sent.len());
    }
    let counters = server.net.counters();
    assert!(counters.gathered >= 5, "{counters:?}");
    // At most a slot of each gathered frame is copied.
    assert!(counters.bytes_copied <= counters.gathered * 4096, "{counters:?}");
}

#[test]
fn many_connections_with_many_requests_each_get_their_own_answers_in_order() {
    let mut server = Server::framed(1 << 20);
    let address = server.address;
    let clients = (0..50_u64).map(|client| {
        std::thread::spawn(move || {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            for round in 0..10 {
                let frames: Vec<_> =
                    (0..8).map(|n| pattern(client * 1000 + round * 10 + n, 100 + n as usize * 700)).collect();
                stream.write_all(&frames.iter().flat_map(|f| framed(f)).collect::<Vec<_>>()).unwrap();
                for frame in &frames {
                    assert!(read_frame(&mut stream) == *frame, "another frame came back");
                }
            }
        })
    });
    let clients: Vec<_> = clients.collect();
    server.echo_until("all clients have finished", |server| server.closed.len() == 50);
    for client in clients {
        client.join().unwrap();
    }
    assert!(server.closed.iter().all(|(_, reason)| *reason == CloseReason::Ended));
    assert_eq!(server.net.counters().slots_held, 0);
}

#[test]
fn raw_connections_deliver_whatever_has_arrived() {
    let mut server = Server::new(CONFIG, Framing::Raw, 0);
    let (mut stream, _) = server.client();
    let bytes = pattern(7, 20_000);
    stream.write_all(&bytes).unwrap();
    let mut arrived = Vec::new();
    server.until("all bytes arrive", |server| {
        arrived.extend(server.take_frames().into_iter().flat_map(|frame| frame.bytes));
        arrived.len() == bytes.len()
    });
    assert!(arrived == bytes);
}

#[test]
fn whoever_has_ended_its_side_still_gets_everything_that_is_sent_to_it() {
    let mut server = Server::framed(1 << 20);
    server.keeps_ended = true;
    let (mut stream, id) = server.client();
    stream.write_all(&framed(b"question")).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    server.until("its end is told", |server| server.ended == [id]);
    assert_eq!(server.take_frames().len(), 1, "the frame comes before the end");
    assert!(server.net.is_open(id) && server.is_closed(id).is_none());
    let reader = std::thread::spawn(move || {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        all
    });
    let answer = pattern(4, 8 << 20);
    for part in answer.chunks(1 << 20) {
        server.net.send_copy(id, part);
    }
    server.net.close_when_sent(id);
    server.until("it is closed", |server| server.is_closed(id).is_some());
    assert_eq!(server.is_closed(id), Some(CloseReason::Ended));
    assert!(reader.join().unwrap() == answer);
}

#[test]
fn the_end_of_a_peer_lets_go_of_the_frame_it_left_unfinished() {
    let mut server = Server::framed(1 << 20);
    server.keeps_ended = true;
    let (mut stream, id) = server.client();
    stream.write_all(&framed(&pattern(5, 100_000))[..50_000]).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    server.until("its end is told", |server| server.ended == [id]);
    assert_eq!(server.net.counters().slots_held, 0);
    server.net.send_copy(id, b"answer");
    server.net.close_when_sent(id);
    server.until("it is closed", |server| server.is_closed(id).is_some());
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"answer");
    assert!(server.take_frames().is_empty());
}

#[test]
fn requests_before_a_half_close_are_delivered_before_the_end() {
    let mut server = Server::framed(1 << 20);
    let (mut stream, id) = server.client();
    stream.write_all(&[framed(b"one"), framed(b"two"), vec![0, 0]].concat()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    server.until("the connection ends", |server| server.is_closed(id).is_some());
    assert_eq!(server.is_closed(id), Some(CloseReason::Ended));
    let bytes: Vec<_> = server.take_frames().into_iter().map(|frame| frame.bytes).collect();
    assert_eq!(bytes, [b"one", b"two"]);
}

#[test]
fn connections_without_a_free_slot_wait_and_are_served_when_one_comes_back() {
    let config = NetConfig { slots: 8, ..CONFIG };
    let mut server = Server::new(config, Framing::LengthPrefixed, 1 << 20);
    let mut clients: Vec<_> = (0..20).map(|_| server.client()).collect();
    for (number, (stream, _)) in clients.iter_mut().enumerate() {
        stream.write_all(&framed(&[number as u8])).unwrap();
    }
    server.until("the slots are used up", |server| server.net.counters().starved >= 12);
    assert_eq!(server.frames.len(), 8);
    assert_eq!(server.net.counters().slots_held, 8);
    let mut seen = Vec::new();
    server.until("all are served", |server| {
        seen.extend(server.take_frames().into_iter().map(|frame| frame.bytes[0]));
        seen.len() == 20
    });
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..20));
}

#[test]
fn one_connection_holds_no_more_slots_than_its_quota() {
    let mut server = Server::framed(1 << 20);
    let (stream, _) = server.client();
    let (mut polite, polite_id) = server.client();
    let writer = write_aside(&stream, framed(&[1; 4092]).repeat(50));
    server.until("the quota is used up", |server| server.frames.len() >= 4);
    polite.write_all(&framed(b"me too")).unwrap();
    server.until("the other one is served", |server| {
        server.frames.iter().any(|frame| frame.connection == polite_id)
    });
    assert!(server.net.counters().slots_held <= 5, "{:?}", server.net.counters());
    let mut count = 0;
    server.until("the rest follows", |server| {
        count += server.take_frames().len();
        count == 51
    });
    writer.join().unwrap();
}
