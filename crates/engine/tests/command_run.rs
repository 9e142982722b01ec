//! Runs of simple Redis commands: what their replies may say, and what a refused frame takes back.

#[path = "support/kv/mod.rs"]
mod kv;
mod support;

use kv::{Write, commit, drive, get};
use millrace_engine::{
    Code, Collections, CommandKind, Effect, Engine, EngineConfig, KvRead, Level, Protocol, RunAnswer, RunEnd,
    RunInput,
};
use millrace_io::SimHandle;
use support::{machine, open};

const STRINGS: u32 = 1;
const HEADS: u32 = 2;
const MEMBERS: u32 = 3;
const COLLECTIONS: Collections = Collections { heads: HEADS, members: MEMBERS };

fn with_stores() -> (SimHandle, Engine) {
    let machine = machine(3);
    let (mut engine, _) = open(&machine);
    commit(
        &mut engine,
        &[Write::Create(STRINGS), Write::Create(HEADS), Write::Create(MEMBERS)],
        Level::Durable,
    );
    (machine, engine)
}

fn resp(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len());
    for word in words {
        bytes += &format!("${}\r\n{word}\r\n", word.len());
    }
    bytes.into_bytes()
}

fn pipeline(commands: &[&[&str]]) -> Vec<u8> {
    commands.iter().flat_map(|words| resp(words)).collect()
}

fn run(engine: &mut Engine, connections: &[&[u8]], room: usize) -> (RunAnswer, Vec<String>) {
    let inputs: Vec<RunInput<'_>> = connections
        .iter()
        .map(|bytes| RunInput {
            bytes,
            strings: STRINGS,
            collections: Some(COLLECTIONS),
            protocol: Protocol::Resp2,
        })
        .collect();
    let mut replies = Vec::new();
    let answer = engine.run_commands(&inputs, Level::Durable, room, &mut replies);
    assert!(replies.len() <= room);
    let texts = answer.ran.iter();
    let texts = texts.map(|ran| String::from_utf8(replies[ran.replies.clone()].to_vec()).expect("text"));
    let texts = texts.collect();
    (answer, texts)
}

#[test]
fn reads_see_the_writes_before_them_of_any_connection_and_writes_share_a_frame() {
    let (_machine, mut engine) = with_stores();
    let frames = engine.counters().journal.frames;
    let first = pipeline(&[&["SET", "a", "1"], &["set", "b", "2"], &["GET", "c"]]);
    let second = pipeline(&[&["SET", "a", "33"], &["Get", "b"], &["GET", "a"], &["GET", "nothing"]]);
    let (answer, texts) = run(&mut engine, &[&first, &second], 4096);
    assert_eq!(texts, ["+OK\r\n+OK\r\n$-1\r\n", "+OK\r\n$1\r\n2\r\n$2\r\n33\r\n$-1\r\n"]);
    assert_eq!((answer.ran[0].consumed, answer.ran[1].consumed), (first.len(), second.len()));
    assert_eq!((answer.ran[1].commands, answer.ran[1].hits, answer.ran[1].misses), (4, 2, 1));
    assert_eq!(answer.ran[0].end, RunEnd::Short);
    // The reads of what was just written had the frame appended, nothing else did.
    assert_eq!(engine.counters().journal.frames - frames, 1);
    drive(&mut engine, |engine| engine.events().durable >= answer.lsn);
    assert_eq!(get(&mut engine, STRINGS, b"a", 0).expect("readable").expect("there").value, b"33");
}

#[test]
fn a_run_ends_at_what_is_not_simple_and_leaves_it_untouched() {
    let (_machine, mut engine) = with_stores();
    let head = Write::Put(HEADS, b"hash".to_vec(), b"head".to_vec());
    commit(&mut engine, &[head, Write::Put(STRINGS, b"text".to_vec(), b"01".to_vec())], Level::Durable);
    let simple = resp(&["SET", "a", "1"]);
    let others = [
        (resp(&["SET", "a", "2", "NX"]), RunEnd::Other),
        (resp(&["DEL", "a", "b"]), RunEnd::Other),
        (resp(&["DEL", "hash"]), RunEnd::Other),
        (resp(&["INCR", "hash"]), RunEnd::Other),
        (resp(&["INCRBY", "text", "1"]), RunEnd::Other),
        (resp(&["INCRBY", "a", "9223372036854775807"]), RunEnd::Other),
        (resp(&["EXPIRE", "hash", "10"]), RunEnd::Other),
        (resp(&["EXPIRE", "a", "9223372036854775807"]), RunEnd::Other),
        (resp(&["SETEX", "a", "0", "v"]), RunEnd::Other),
        (resp(&["HGET", "a", "f"]), RunEnd::Other),
        (resp(&["HSET", "new", "f", "v"]), RunEnd::Other),
        (resp(&["HSET", "hash", "f", "v"]), RunEnd::Other),
        (resp(&["GET", "hash"]), RunEnd::Other),
        (resp(&["SET", "hash", "x"]), RunEnd::Other),
        (b"PING\r\n".to_vec(), RunEnd::Other),
        (b"*2\r\n$3\r\nGET\r\n$1\r\n".to_vec(), RunEnd::Short),
    ];
    for (other, end) in others {
        let bytes = [&simple[..], &other, &resp(&["SET", "a", "9"])[..]].concat();
        let bytes = if end == RunEnd::Short { &bytes[..simple.len() + other.len()] } else { &bytes[..] };
        let (answer, texts) = run(&mut engine, &[bytes], 4096);
        assert_eq!(
            (texts[0].as_str(), answer.ran[0].consumed, answer.ran[0].end),
            ("+OK\r\n", simple.len(), end)
        );
    }
}

#[test]
fn a_value_on_the_disk_is_left_to_whoever_can_wait_for_it() {
    let (machine, mut engine) = with_stores();
    commit(&mut engine, &[Write::Put(STRINGS, b"cold".to_vec(), b"value".to_vec())], Level::Durable);
    // Once it is settled, what is opened later has it on the disk only.
    for round in 0_u32.. {
        if engine.counters().settles > 0 {
            break;
        }
        let filler = format!("filler/{}", round % 4).into_bytes();
        let lsn = commit(&mut engine, &[Write::Put(HEADS, filler, vec![0; 2_000])], Level::Durable);
        drive(&mut engine, |engine| engine.events().durable >= lsn);
    }
    engine.close_begin();
    drive(&mut engine, |engine| engine.is_closed());
    drop(engine);
    let (mut engine, _) = open(&machine);
    let (answer, texts) = run(&mut engine, &[&pipeline(&[&["GET", "cold"]])], 4096);
    assert_eq!((texts[0].as_str(), answer.ran[0].end), ("", RunEnd::Other));
}

#[test]
fn replies_never_take_more_than_their_room_and_the_rest_can_be_asked_for_again() {
    let (_machine, mut engine) = with_stores();
    let value = "v".repeat(100);
    run(&mut engine, &[&resp(&["SET", "k", &value])], 4096);
    let bytes = pipeline(&[&["GET", "k"], &["GET", "k"], &["SET", "x", "1"], &["GET", "k"]]);
    let mut from = 0;
    let mut replies = String::new();
    for _ in 0..8 {
        let (answer, texts) = run(&mut engine, &[&bytes[from..]], 200);
        from += answer.ran[0].consumed;
        replies += &texts[0];
        if answer.ran[0].end == RunEnd::Short {
            break;
        }
        assert_eq!(answer.ran[0].end, RunEnd::Full);
    }
    let bulk = format!("$100\r\n{value}\r\n");
    assert_eq!(replies, format!("{bulk}{bulk}+OK\r\n{bulk}"));
}

#[test]
fn a_refused_frame_takes_its_replies_back_and_everything_behind_them() {
    let machine = machine(4);
    let config = EngineConfig { memory_bytes: 64 * 1024, ..support::config() };
    let (mut engine, _) = support::open_with(&machine, config);
    commit(
        &mut engine,
        &[Write::Create(STRINGS), Write::Create(HEADS), Write::Create(MEMBERS)],
        Level::Durable,
    );
    let value = vec![b'x'; 8 * 1024];
    let mut outcomes = Vec::new();
    // Nothing is driven, so nothing is settled: the memory budget is used up.
    for number in 0_u32.. {
        let key = number.to_le_bytes();
        let put = Effect::KvPut {
            store: STRINGS,
            key: &key,
            value: &value,
            expires_ms: 0,
            condition: millrace_engine::Condition::None,
        };
        if engine.commit(&[put], Level::Written, &mut outcomes).code != Code::Ok {
            break;
        }
    }
    let first = pipeline(&[&["GET", "none"], &["SET", "a", "1"], &["GET", "none"]]);
    let second = pipeline(&[&["GET", "none"], &["GET", "a"], &["GET", "none"]]);
    let third = pipeline(&[&["GET", "none"]]);
    let (answer, texts) = run(&mut engine, &[&first, &second, &third], 4096);
    assert_eq!(answer.lsn, 0);
    assert_eq!(texts, ["$-1\r\n", "$-1\r\n", "$-1\r\n"]);
    // The second one had read what was not to be; the third has nothing to do with it.
    for number in 0..2 {
        let ran = &answer.ran[number];
        assert_eq!((ran.consumed, ran.end), (resp(&["GET", "none"]).len(), RunEnd::Refused));
        assert_eq!((ran.commands, ran.counts.iter().sum::<u32>()), (1, 1));
    }
    assert_eq!((answer.ran[2].consumed, answer.ran[2].end), (third.len(), RunEnd::Short));
    assert!(matches!(engine.kv_get(STRINGS, b"a", 0), KvRead::Absent));
}

/// The head of a hash as the server writes it.
fn hash_head(id: f64, count: f64) -> Vec<u8> {
    [&[4][..], &id.to_be_bytes(), &count.to_be_bytes(), &[0; 16]].concat()
}

fn expiry(engine: &mut Engine, key: &[u8]) -> u64 {
    match engine.kv_get(STRINGS, key, 0) {
        KvRead::Ready(found) => found.expires_ms,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_simple_command_sees_what_was_written_before_it_and_all_of_them_are_one_frame() {
    let (_machine, mut engine) = with_stores();
    let head = Write::Put(HEADS, b"h".to_vec(), hash_head(77.0, 1.0));
    let member = [&77_u64.to_be_bytes()[..], b"f"].concat();
    commit(&mut engine, &[head, Write::Put(MEMBERS, member, b"old".to_vec())], Level::Durable);
    let frames = engine.counters().journal.frames;
    let commands: &[(&[&str], &str)] = &[
        (&["INCR", "n"], ":1\r\n"),
        (&["INCRBY", "n", "41"], ":42\r\n"),
        (&["DECR", "n"], ":41\r\n"),
        (&["DECRBY", "n", "-1"], ":42\r\n"),
        (&["GET", "n"], "$2\r\n42\r\n"),
        (&["EXISTS", "n"], ":1\r\n"),
        (&["SETEX", "t", "100", "v"], "+OK\r\n"),
        (&["EXPIRE", "n", "100"], ":1\r\n"),
        (&["EXPIRE", "none", "100"], ":0\r\n"),
        (&["MGET", "n", "none", "t", "h"], "*4\r\n$2\r\n42\r\n$-1\r\n$1\r\nv\r\n$-1\r\n"),
        (&["DEL", "n"], ":1\r\n"),
        (&["DEL", "n"], ":0\r\n"),
        (&["EXISTS", "n"], ":0\r\n"),
        (&["EXISTS", "h"], ":1\r\n"),
        (&["INCR", "n"], ":1\r\n"),
        (&["UNLINK", "n"], ":1\r\n"),
        (&["HGET", "h", "f"], "$3\r\nold\r\n"),
        (&["HSET", "h", "f", "new"], ":0\r\n"),
        (&["HSET", "h", "g", "more"], ":1\r\n"),
        (&["HSET", "h", "g", "most"], ":0\r\n"),
        (&["HGET", "h", "f"], "$3\r\nnew\r\n"),
        (&["HGET", "h", "g"], "$4\r\nmost\r\n"),
        (&["HGET", "h", "none"], "$-1\r\n"),
        (&["HGET", "none", "f"], "$-1\r\n"),
    ];
    let words: Vec<&[&str]> = commands.iter().map(|(words, _)| *words).collect();
    let (answer, texts) = run(&mut engine, &[&pipeline(&words)], 4096);
    assert_eq!(texts[0], commands.iter().map(|(_, reply)| *reply).collect::<String>());
    let ran = &answer.ran[0];
    assert_eq!((ran.commands, ran.end), (commands.len() as u64, RunEnd::Short));
    assert_eq!(ran.counts.iter().sum::<u32>() as usize, commands.len());
    assert_eq!(ran.counts[CommandKind::HSet as usize], 3);
    assert_eq!((ran.hits, ran.misses), (9, 4));
    assert_eq!(engine.counters().journal.frames - frames, 1);
    drive(&mut engine, |engine| engine.events().durable >= answer.lsn);
    let head = get(&mut engine, HEADS, b"h", 0).expect("readable").expect("there");
    assert_eq!(head.value, hash_head(77.0, 2.0));
    assert!(get(&mut engine, STRINGS, b"n", 0).expect("readable").is_none());
    assert!(expiry(&mut engine, b"t") > 0);
}

#[test]
fn a_number_keeps_its_expiry() {
    let (_machine, mut engine) = with_stores();
    let bytes = pipeline(&[&["SETEX", "n", "100", "5"], &["INCR", "n"]]);
    run(&mut engine, &[&bytes], 4096);
    let before = expiry(&mut engine, b"n");
    assert!(before > 0);
    let (_, texts) = run(&mut engine, &[&pipeline(&[&["INCR", "n"]])], 4096);
    assert_eq!((texts[0].as_str(), expiry(&mut engine, b"n")), (":7\r\n", before));
}
