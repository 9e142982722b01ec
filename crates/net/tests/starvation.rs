//! Slots when there are few: who cannot go on leaves them to those who can.

mod support;

use millrace_net::{ConnectionId, Framing, NetConfig};
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;
use support::{CONFIG, Server, framed, pattern, read_frame, write_aside};

const FEW: NetConfig = NetConfig { slots: 8, ..CONFIG };

fn clients(server: &mut Server, count: usize) -> Vec<(TcpStream, ConnectionId)> {
    (0..count).map(|_| server.client()).collect()
}

#[test]
fn paused_connections_leave_the_slots_to_others() {
    for framing in [Framing::LengthPrefixed, Framing::Raw] {
        let mut server = Server::new(FEW, framing, 1 << 20);
        let mut paused = clients(&mut server, 20);
        for (stream, id) in &mut paused {
            server.net.pause(*id);
            stream.write_all(&framed(b"held back").repeat(3)).unwrap();
        }
        server.idle(Duration::from_millis(20));
        let (mut polite, id) = server.client();
        polite.write_all(&framed(b"hello")).unwrap();
        server.until("somebody else is served", |server| server.frames.iter().any(|it| it.connection == id));
        server.take_frames();
        for (_, id) in &paused {
            server.net.resume(*id);
        }
        let mut bytes = 0;
        server.until("what was held back arrives", |server| {
            bytes += server.take_frames().iter().map(|frame| frame.bytes.len()).sum::<usize>();
            bytes == 20 * 3 * if framing == Framing::Raw { 13 } else { 9 }
        });
        assert_eq!(server.net.counters().slots_held, 0);
    }
}

#[test]
fn a_slot_that_comes_back_goes_to_somebody_who_can_use_it() {
    let mut server = Server::new(FEW, Framing::LengthPrefixed, 1 << 20);
    let mut holders = clients(&mut server, 4);
    for round in 1..=2 {
        for (stream, _) in &mut holders {
            stream.write_all(&framed(b"held")).unwrap();
        }
        server.until("slots are held", |server| server.frames.len() == round * 4);
    }
    let mut waiting = clients(&mut server, 12);
    let last = waiting[11].1;
    for (number, (stream, _)) in waiting.iter_mut().enumerate() {
        stream.write_all(&framed(b"waits")).unwrap();
        server.until("it found no slot", |server| server.net.counters().starved > number as u64);
    }
    for (_, id) in &waiting[..11] {
        server.net.pause(*id);
    }
    server.take_frames();
    server.until("the last one is served", |server| server.frames.iter().any(|it| it.connection == last));
}

#[test]
fn connections_that_wait_for_memory_leave_the_slots_to_others() {
    let config = NetConfig { gather_bytes: 64 << 10, ..FEW };
    let mut server = Server::new(config, Framing::LengthPrefixed, 1 << 20);
    let (mut holder, _) = server.client();
    let large = framed(&pattern(1, 60_000));
    holder.write_all(&large).unwrap();
    server.until("a frame holds the memory", |server| server.frames.len() == 1);
    let mut short = clients(&mut server, 20);
    for (stream, _) in &mut short {
        stream.write_all(&large[..4000]).unwrap();
    }
    server.idle(Duration::from_millis(20));
    let (mut polite, id) = server.client();
    polite.write_all(&framed(b"hello")).unwrap();
    server.until("a small frame arrives", |server| server.frames.iter().any(|it| it.connection == id));
    server.take_frames();
    for (stream, _) in &mut short[..1] {
        stream.write_all(&large[4000..]).unwrap();
    }
    server.until("a large one arrives", |server| !server.frames.is_empty());
    assert!(server.frames[0].bytes == pattern(1, 60_000));
}

#[test]
fn streams_that_are_paused_anywhere_lose_and_mix_up_nothing() {
    let mut server = Server::new(FEW, Framing::LengthPrefixed, 1 << 20);
    let peers = clients(&mut server, 12);
    let mut writers = Vec::new();
    let mut readers = Vec::new();
    for (number, (stream, _)) in peers.iter().enumerate() {
        let frames: Vec<Vec<u8>> = (0..60)
            .map(|frame| {
                let seed = number as u64 * 100 + frame;
                pattern(seed, 1 + (seed as usize * 7919) % if frame % 9 == 0 { 20_000 } else { 700 })
            })
            .collect();
        writers.push(write_aside(stream, frames.iter().flat_map(|frame| framed(frame)).collect()));
        let mut stream = stream.try_clone().unwrap();
        readers
            .push(std::thread::spawn(move || frames.iter().all(|frame| read_frame(&mut stream) == *frame)));
    }
    let mut turn = 0_usize;
    let mut echoed = 0;
    server.until("everything is echoed", |server| {
        turn += 1;
        let (first, second) = (peers[turn % 12].1, peers[turn * 5 % 12].1);
        server.net.pause(first);
        server.net.resume(second);
        if turn.is_multiple_of(3) {
            for frame in server.take_frames() {
                server.net.send_copy(frame.connection, &framed(&frame.bytes));
                echoed += 1;
            }
        }
        echoed == 12 * 60
    });
    for (_, id) in &peers {
        server.net.resume(*id);
    }
    server.idle(Duration::from_millis(5));
    for writer in writers {
        writer.join().unwrap();
    }
    for reader in readers {
        assert!(reader.join().unwrap());
    }
    assert_eq!(server.net.counters().slots_held, 0);
}
