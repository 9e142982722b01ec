//! Connections come and go: names are never mistaken, descriptors never leaked, nothing is freed early.

mod support;

use millrace_net::{CloseReason, ConnectionId, Framing, Net, NetConfig, Token};
use std::io::{Read, Write};
use std::time::Duration;
use support::{CONFIG, Server, descriptors, framed, pattern, read_frame};

/// Counting descriptors needs the process for itself.
static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

#[test]
fn names_of_connections_that_are_gone_do_nothing() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut server = Server::framed(100);
    let (first, old) = server.client();
    drop(first);
    server.until("it is closed", |server| server.is_closed(old).is_some());
    let (mut stream, new) = server.client();
    assert_ne!(old, new);
    server.net.send_copy(old, b"not for you");
    server.net.pause(old);
    server.net.close(old);
    server.net.close_when_sent(old);
    assert!(server.net.peer(old).is_none() && !server.net.is_open(old));
    server.net.send_copy(new, b"for you");
    stream.write_all(&framed(b"frame")).unwrap();
    server.until("the new one is served", |server| server.frames.len() == 1);
    let mut bytes = [0; 7];
    stream.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"for you");
    assert_eq!(server.net.peer(new).unwrap().0, stream.local_addr().unwrap());
}

#[test]
fn a_token_is_released_once() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut server = Server::framed(1 << 20);
    let (mut stream, _) = server.client();
    for length in [10, 100_000] {
        stream.write_all(&framed(&pattern(1, length))).unwrap();
        server.until("the frame arrives", |server| server.frames.len() == 1);
        let token = server.take_frames()[0].token;
        assert!(!server.net.release(token), "released twice");
    }
    assert!(!server.net.release(Token::of_number(u64::MAX >> 11)), "never given");
    assert!(!server.net.is_open(ConnectionId::of_number(12345)));
}

#[test]
fn a_token_of_before_does_not_release_the_frame_that_lies_there_now() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let config = NetConfig { slots: 8, ..CONFIG };
    let mut server = Server::new(config, Framing::LengthPrefixed, 100);
    let mut clients: Vec<_> = (0..8).map(|_| server.client()).collect();
    clients[0].0.write_all(&framed(b"first")).unwrap();
    server.until("the first frame arrives", |server| server.frames.len() == 1);
    let old = server.take_frames()[0].token;
    for (stream, _) in &mut clients {
        stream.write_all(&framed(b"later")).unwrap();
    }
    server.until("every slot has a frame", |server| server.frames.len() == 8);
    assert!(!server.net.release(old));
    assert_eq!(server.net.counters().slots_held, 8);
}

#[test]
fn frames_outlive_their_connection_until_they_are_released() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut server = Server::framed(1 << 20);
    let (mut stream, id) = server.client();
    stream.write_all(&[framed(b"small"), framed(&pattern(2, 50_000))].concat()).unwrap();
    server.until("both arrive", |server| server.frames.len() == 2);
    drop(stream);
    server.until("it is closed", |server| server.is_closed(id).is_some());
    for _ in 0..100 {
        let (mut other, _) = server.client();
        other.write_all(&framed(&pattern(3, 50_000))).unwrap();
    }
    server.until("others are served meanwhile", |server| server.frames.len() == 102);
    assert_eq!(server.frames[0].bytes, b"small");
    let held = server.net.counters().slots_held;
    server.take_frames();
    assert!(server.net.counters().slots_held < held);
}

#[test]
fn churning_connections_leaves_no_descriptor_behind() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut server = Server::framed(1 << 20);
    server.idle(Duration::from_millis(5));
    let before = descriptors();
    let address = server.address;
    let clients: Vec<_> = (0..4)
        .map(|client| {
            std::thread::spawn(move || {
                for round in 0..250 {
                    let mut stream = std::net::TcpStream::connect(address).unwrap();
                    if round % 3 == 0 {
                        continue;
                    }
                    let bytes = pattern(client * 1000 + round, 3000);
                    stream.write_all(&framed(&bytes)).unwrap();
                    if round % 3 == 1 {
                        assert!(read_frame(&mut stream) == bytes);
                    }
                }
            })
        })
        .collect();
    server.echo_until("all are closed", |server| server.closed.len() == 1000);
    for client in clients {
        client.join().unwrap();
    }
    server.idle(Duration::from_millis(5));
    assert_eq!(descriptors(), before);
    let counters = server.net.counters();
    assert_eq!((counters.accepts, counters.connections, counters.slots_held), (1000, 0, 0));
}

#[test]
fn closing_ends_everything_and_the_port_is_free_again() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let before = descriptors();
    let mut server = Server::framed(1 << 20);
    let clients: Vec<_> = (0..10).map(|_| server.client()).collect();
    server.net.send_copy(clients[0].1, &vec![1; 8 << 20]);
    server.net.close_begin();
    server.until("it is closed", |server| server.net.is_closed());
    assert_eq!(server.closed.len(), 10);
    assert!(server.closed.iter().all(|(_, reason)| *reason == CloseReason::Local));
    let again = server.net.listen(server.address, Framing::Raw, 0);
    assert!(again.is_ok(), "{again:?}");
    drop((server, clients));
    assert_eq!(descriptors(), before);
}

#[test]
fn dropping_with_everything_in_flight_waits_for_the_kernel() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let before = descriptors();
    let mut server = Server::framed(64 << 20);
    let mut clients: Vec<_> = (0..10).map(|_| server.client()).collect();
    for (stream, id) in &mut clients {
        stream.write_all(&(1_i32 << 20).to_be_bytes()).unwrap();
        server.net.send_copy(*id, &vec![1; 8 << 20]);
    }
    server.idle(Duration::from_millis(10));
    let start = std::time::Instant::now();
    drop(server);
    assert!(start.elapsed() < Duration::from_secs(2));
    drop(clients);
    assert_eq!(descriptors(), before);
}

#[test]
fn memory_that_was_shown_can_be_read_after_everything_is_gone() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut server = Server::framed(1 << 20);
    let (mut stream, _) = server.client();
    stream.write_all(&framed(&pattern(2, 50_000))).unwrap();
    server.until("it arrives", |server| server.frames.len() == 1);
    let (arena, arena_bytes) = server.net.show_memory(0).unwrap();
    let (gathered, gathered_bytes) = server.net.show_memory(1).unwrap();
    assert!(server.net.show_memory(2).is_none());
    assert_eq!(arena_bytes, 64 * 4096);
    assert!(gathered_bytes >= 50_000);
    drop(server);
    // SAFETY: shown memory is never unmapped.
    assert_eq!(unsafe { (arena.as_ptr().read(), gathered.as_ptr().read()) }, (0, 0));
}

#[test]
fn accepting_goes_on_after_descriptors_ran_out() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut server = Server::framed(100);
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: reads and writes one rlimit; nothing else of this process opens descriptors meanwhile.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) };
    let mut spare: Vec<_> = (0..3).map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let waiting: Vec<_> = (0..5).map(|_| server.connect()).collect();
    let used = descriptors() as u64;
    let few = libc::rlimit { rlim_cur: used, rlim_max: limit.rlim_max };
    // SAFETY: as above.
    unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &few) };
    server.net.submit();
    server.idle(Duration::from_millis(30));
    spare.clear();
    // SAFETY: as above.
    unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
    server.until("all are accepted", |server| server.accepted.len() == 5);
    assert!(server.refused.iter().any(|(errno, _)| *errno == libc::EMFILE), "{:?}", server.refused);
    drop(waiting);
}

#[test]
fn a_configuration_that_cannot_be_met_is_refused() {
    assert!(Net::open(NetConfig { slots: 7, ..CONFIG }).is_err());
}
