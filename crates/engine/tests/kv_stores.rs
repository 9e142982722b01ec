//! Stores, promise by promise: conditions, batches, generations, expiry, damage.

#[path = "support/kv/mod.rs"]
mod kv;
mod support;

use kv::{Write, commit, drive, get, scan, settled_read};
use millrace_engine::{Code, Condition, Effect, Engine, KvPage, KvRange, KvRead, Level, Outcome};
use millrace_io::SimHandle;
use std::ops::Bound;
use support::{machine, open};

fn put(store: u32, key: &str, value: &[u8]) -> Write {
    Write::Put(store, key.as_bytes().to_vec(), value.to_vec())
}

fn try_put(engine: &mut Engine, key: &str, condition: Condition) -> (Code, Vec<Outcome>) {
    let effect = Effect::KvPut { store: 1, key: key.as_bytes(), value: b"v", expires_ms: 0, condition };
    let mut outcomes = Vec::new();
    (engine.commit(&[effect], Level::Durable, &mut outcomes).code, outcomes)
}

fn value(engine: &mut Engine, key: &str) -> Option<Vec<u8>> {
    get(engine, 1, key.as_bytes(), 0).expect("readable").map(|entry| entry.value)
}

/// Writes until a settle has moved everything so far into data files.
fn settle(engine: &mut Engine) {
    let before = engine.counters().settles;
    let mut round = 0u32;
    while engine.counters().settles < before + 1 {
        round += 1;
        let lsn = commit(engine, &[put(9, &format!("filler/{}", round % 4), &[0; 2_000])], Level::Durable);
        drive(engine, |engine| engine.events().durable >= lsn);
    }
    drive(engine, |engine| engine.next_deadline().is_none_or(|at| at > engine.io().now_ns()));
}

fn with_stores() -> (SimHandle, Engine) {
    let machine = machine(1);
    let (mut engine, _) = open(&machine);
    commit(&mut engine, &[Write::Create(1), Write::Create(9)], Level::Durable);
    (machine, engine)
}

fn close(mut engine: Engine) {
    engine.close_begin();
    drive(&mut engine, |engine| engine.is_closed());
}

#[test]
fn a_condition_that_fails_refuses_its_whole_frame() {
    let (_machine, mut engine) = with_stores();
    assert_eq!(try_put(&mut engine, "a", Condition::Present).0, Code::ConditionFailed);
    assert_eq!(try_put(&mut engine, "a", Condition::Absent).0, Code::Ok);
    assert_eq!(try_put(&mut engine, "a", Condition::Absent).0, Code::ConditionFailed);
    let sequence = get(&mut engine, 1, b"a", 0).expect("readable").expect("there").sequence;
    assert_eq!(try_put(&mut engine, "a", Condition::Sequence(sequence + 1)).0, Code::ConditionFailed);
    let (code, outcomes) = try_put(&mut engine, "a", Condition::Sequence(sequence));
    assert_eq!((code, outcomes[0].base_offset), (Code::Ok, sequence as i64));
    let condition = Condition::Absent;
    let effects = [
        Effect::KvPut { store: 1, key: b"b", value: b"1", expires_ms: 0, condition: Condition::None },
        Effect::KvPut { store: 1, key: b"a", value: b"2", expires_ms: 0, condition },
    ];
    let mut outcomes = Vec::new();
    assert_eq!(engine.commit(&effects, Level::Durable, &mut outcomes).code, Code::ConditionFailed);
    assert_eq!(outcomes[0].code, Code::RefusedWithFrame);
    assert_eq!(value(&mut engine, "b"), None);
}

#[test]
fn a_check_refuses_its_frame_and_leaves_nothing_in_the_journal() {
    let (_machine, mut engine) = with_stores();
    assert_eq!(try_put(&mut engine, "lock", Condition::Absent).0, Code::Ok);
    let token = get(&mut engine, 1, b"lock", 0).expect("readable").expect("there").sequence;
    let write = |engine: &mut Engine, token: u64| {
        let condition = Condition::Sequence(token);
        let effects = [
            Effect::KvPut { store: 1, key: b"a", value: b"1", expires_ms: 0, condition: Condition::None },
            Effect::KvCheck { store: 1, key: b"lock", condition },
        ];
        let mut outcomes = Vec::new();
        let committed = engine.commit(&effects, Level::Durable, &mut outcomes);
        (committed.code, outcomes.iter().map(|outcome| outcome.code).collect::<Vec<Code>>())
    };
    let refused = (Code::ConditionFailed, vec![Code::RefusedWithFrame, Code::ConditionFailed]);
    assert_eq!(write(&mut engine, token + 1), refused);
    assert_eq!(value(&mut engine, "a"), None);
    assert_eq!(write(&mut engine, token), (Code::Ok, vec![Code::Ok, Code::Ok]));
    assert_eq!(value(&mut engine, "a").as_deref(), Some(&b"1"[..]));
    assert_eq!(get(&mut engine, 1, b"lock", 0).expect("readable").expect("there").sequence, token);
    let alone = [Effect::KvCheck { store: 1, key: b"lock", condition: Condition::Absent }];
    let mut outcomes = Vec::new();
    assert_eq!(engine.commit(&alone, Level::Durable, &mut outcomes).code, Code::ConditionFailed);
    let alone = [Effect::KvCheck { store: 1, key: b"lock", condition: Condition::Present }];
    let committed = engine.commit(&alone, Level::Durable, &mut outcomes);
    assert_eq!((committed.code, committed.lsn), (Code::Ok, 0));
}

#[test]
fn a_condition_sees_the_earlier_effects_of_its_frame() {
    let (_machine, mut engine) = with_stores();
    let none = Condition::None;
    let effects = [
        Effect::KvPut { store: 1, key: b"a", value: b"1", expires_ms: 0, condition: none },
        Effect::KvPut { store: 1, key: b"a", value: b"2", expires_ms: 0, condition: Condition::Present },
        Effect::KvClear { store: 1 },
        Effect::KvPut { store: 1, key: b"a", value: b"3", expires_ms: 0, condition: Condition::Absent },
        Effect::CreateStore { store: 5 },
        Effect::KvPut { store: 5, key: b"x", value: b"4", expires_ms: 0, condition: none },
    ];
    let mut outcomes = Vec::new();
    assert_eq!(engine.commit(&effects, Level::Durable, &mut outcomes).code, Code::Ok);
    assert_eq!(value(&mut engine, "a"), Some(b"3".to_vec()));
    assert_eq!(engine.kv_count(5), Some(1));
    let unknown = Effect::KvPut { store: 77, key: b"x", value: b"", expires_ms: 0, condition: none };
    assert_eq!(engine.commit(&[unknown], Level::Durable, &mut outcomes).code, Code::UnknownStore);
}

#[test]
fn a_key_is_absent_at_its_time_and_is_purged_without_a_write() {
    let (machine, mut engine) = with_stores();
    let now = u64::try_from(machine.wall_ms()).expect("after 1970");
    let condition = Condition::None;
    let dies = Effect::KvPut { store: 1, key: b"dies", value: b"v", expires_ms: now + 60_000, condition };
    assert_eq!(engine.commit(&[dies], Level::Durable, &mut Vec::new()).code, Code::Ok);
    settle(&mut engine);
    assert_eq!(value(&mut engine, "dies"), Some(b"v".to_vec()));
    machine.shift_wall_ms(60_000);
    assert_eq!(value(&mut engine, "dies"), None);
    let appended = engine.events().appended;
    drive(&mut engine, |engine| engine.kv_count(1) == Some(0));
    assert_eq!(engine.events().appended, appended);
    machine.shift_wall_ms(-120_000);
    assert_eq!(value(&mut engine, "dies"), None, "a clock that goes back brings nothing back");
    close(engine);
    let (mut engine, _) = open(&machine);
    machine.shift_wall_ms(120_000);
    assert_eq!(value(&mut engine, "dies"), None);
}

#[test]
fn a_cleared_store_is_empty_after_reopening_and_its_files_go() {
    let (machine, mut engine) = with_stores();
    commit(&mut engine, &[put(1, "a", b"1"), put(1, "b", b"2")], Level::Durable);
    settle(&mut engine);
    assert_eq!(engine.kv_stats(1).map(|stats| stats.files), Some(1));
    commit(&mut engine, &[Write::Clear(1), put(1, "b", b"3")], Level::Durable);
    assert_eq!((value(&mut engine, "a"), value(&mut engine, "b")), (None, Some(b"3".to_vec())));
    close(engine);
    let (mut engine, _) = open(&machine);
    assert_eq!((value(&mut engine, "a"), value(&mut engine, "b")), (None, Some(b"3".to_vec())));
    settle(&mut engine);
    assert_eq!(engine.kv_stats(1).map(|stats| stats.files), Some(1));
    assert_eq!(engine.kv_count(1), Some(1));
}

/// A store whose settled keys lie in one data file, closed.
fn settled_on_disk() -> SimHandle {
    let (machine, mut engine) = with_stores();
    let writes: Vec<Write> = (0..40).map(|at| put(1, &format!("key{at:02}"), &[at; 100])).collect();
    commit(&mut engine, &writes, Level::Durable);
    settle(&mut engine);
    close(engine);
    machine
}

fn file_of_store_1(machine: &SimHandle, kind: &str) -> String {
    let store = |bytes: &[u8]| u32::from_le_bytes(bytes[40..44].try_into().expect("four bytes"));
    let ours = |path: &String| {
        path.ends_with(kind) && machine.read(path).is_some_and(|bytes| bytes.len() > 44 && store(&bytes) == 1)
    };
    machine.files().into_iter().find(ours).expect("store 1 has a file")
}

#[test]
fn a_damaged_record_is_answered_as_damage_and_the_others_are_served() {
    let machine = settled_on_disk();
    let path = file_of_store_1(&machine, ".data");
    let bytes = machine.read(&path).expect("there");
    let at = bytes.windows(5).position(|window| window == b"key07").expect("the key is in the file");
    assert!(machine.flip_bit(&path, at as u64 + 20, 3));
    let (mut engine, _) = open(&machine);
    let read = engine.kv_get(1, b"key07", 0);
    assert!(matches!(settled_read(&mut engine, read), KvRead::Damaged));
    assert_eq!(value(&mut engine, "key08"), Some(vec![8; 100]));
    assert_eq!(value(&mut engine, "key06"), Some(vec![6; 100]));
    assert!(engine.take_damage().iter().any(|damage| damage.file == path));
    let found = scan(&mut engine, 1, 0, (Bound::Unbounded, Bound::Unbounded), false, 100);
    assert!(found.is_err_and(|error| error.contains("Damaged")), "a scan has no gap");
}

#[test]
fn without_a_hint_the_keys_around_damage_are_fenced_and_the_others_are_served() {
    let machine = settled_on_disk();
    let (data, hint) = (file_of_store_1(&machine, ".data"), file_of_store_1(&machine, ".hint"));
    let bytes = machine.read(&data).expect("there");
    let at = bytes.windows(5).position(|window| window == b"key07").expect("the key is in the file");
    assert!(machine.flip_bit(&data, at as u64 + 20, 3) && machine.flip_bit(&hint, 70, 1));
    let (mut engine, account) = open(&machine);
    assert!(account.damage.iter().any(|damage| damage.file == data), "{account:?}");
    for key in ["key07", "key07x"] {
        assert!(matches!(engine.kv_get(1, key.as_bytes(), 0), KvRead::Damaged), "{key}");
    }
    assert_eq!(value(&mut engine, "key05"), Some(vec![5; 100]));
    assert_eq!(value(&mut engine, "key09"), Some(vec![9; 100]));
    assert_eq!(try_put(&mut engine, "key07", Condition::Absent).0, Code::Damaged);
    commit(&mut engine, &[put(1, "key07", b"new")], Level::Durable);
    assert_eq!(value(&mut engine, "key07"), Some(b"new".to_vec()), "a newer write is an answer");
}

#[test]
fn a_bit_that_flips_anywhere_in_a_hint_changes_nothing() {
    let machine = settled_on_disk();
    let hint = file_of_store_1(&machine, ".hint");
    let length = machine.read(&hint).expect("there").len() as u64;
    for position in (0..length).step_by(7) {
        let other = machine.fork(position);
        assert!(other.flip_bit(&hint, position, (position % 8) as u8));
        let (mut engine, account) = open(&other);
        assert!(account.damage.is_empty(), "{account:?}");
        let found = scan(&mut engine, 1, 0, (Bound::Unbounded, Bound::Unbounded), false, 100);
        let found = found.expect("scanned");
        assert_eq!(found.len(), 40, "bit at {position}");
        assert!(found.iter().enumerate().all(|(at, (_, entry))| entry.value == vec![at as u8; 100]));
    }
}

#[test]
fn bounds_that_cross_are_an_empty_range() {
    let (_machine, mut engine) = with_stores();
    commit(&mut engine, &[put(1, "a", b"1"), put(1, "b", b"2")], Level::Durable);
    for (from, to) in [
        (Bound::Included(&b"b"[..]), Bound::Included(&b"a"[..])),
        (Bound::Excluded(b"a"), Bound::Excluded(b"a")),
    ] {
        let range = KvRange { from, to, reverse: false, keys_only: true, limit: 10 };
        assert_eq!(engine.kv_scan(1, 0, &range, &mut |_| panic!("there is nothing")), KvPage::End);
    }
}
