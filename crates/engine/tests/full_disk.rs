//! A disk that is full to the last byte: the clean mark is written, the directory opens, and what is in reserve comes back.

mod support;

use millrace_engine::{Append, Code, Effect, Engine, Level};
use millrace_io::SimHandle;
use support::{append_patiently, create, drive, filler, machine, open, read_all};

fn leave_no_byte(machine: &SimHandle) {
    let used = machine.used();
    machine.change_options(|options| options.space = Some(used));
}

/// An engine with some data, on a disk without a free byte.
fn full(seed: u64) -> (SimHandle, Engine) {
    let machine = machine(seed);
    let (mut engine, _) = open(&machine);
    create(&mut engine, &[1]);
    for round in 0..50 {
        append_patiently(&mut engine, 1, &filler(round, 900));
    }
    leave_no_byte(&machine);
    (machine, engine)
}

fn turns(engine: &mut Engine, count: u32) {
    let mut turns = 0;
    drive(engine, |_| {
        turns += 1;
        turns > count
    });
}

/// Appends until writes are refused for lack of space, and goes on for a while. Answers whether the reserve was given up.
fn fill(machine: &SimHandle, engine: &mut Engine) -> bool {
    let batch = filler(7, 900);
    let (mut refused, mut given_up) = (0, false);
    for _ in 0..3_000 {
        let append = Effect::Append(Append::new(1, &batch));
        let committed = engine.commit(&[append], Level::Durable, &mut Vec::new());
        refused += u32::from(committed.code == Code::NoSpace);
        turns(engine, 6);
        given_up |= machine.read("reserve").is_none();
        if refused > 100 {
            return given_up;
        }
    }
    panic!("it is refused {refused} times");
}

fn close(mut engine: Engine) {
    engine.close_begin();
    drive(&mut engine, |engine| engine.is_closed());
    assert!(engine.has_clean_mark());
}

#[test]
fn closing_on_a_full_disk_leaves_the_clean_mark_and_opening_on_one_works() {
    let (machine, mut engine) = full(1);
    let before = read_all(&mut engine, 1);
    close(engine);
    for _ in 0..3 {
        leave_no_byte(&machine);
        let (mut engine, account) = open(&machine);
        assert!(account.clean, "{account:?}");
        assert_eq!(read_all(&mut engine, 1), before);
        close(engine);
    }
}

#[test]
fn a_server_that_has_filled_its_disk_closes_with_the_clean_mark_too() {
    let (machine, mut engine) = full(2);
    fill(&machine, &mut engine);
    assert!(engine.lacks_space());
    let end = engine.watermarks(1).expect("there").log_end;
    close(engine);
    machine.change_options(|options| options.space = None);
    let (engine, account) = open(&machine);
    assert_eq!((account.clean, engine.watermarks(1).expect("there").log_end), (true, end));
}

#[test]
fn what_is_in_reserve_is_given_up_for_a_checkpoint_and_made_again_when_there_is_space() {
    let (machine, mut engine) = full(3);
    assert!(machine.read("reserve").is_some());
    assert!(fill(&machine, &mut engine), "a checkpoint had it");
    machine.change_options(|options| options.space = None);
    let batch = filler(8, 900);
    let mut rounds = 0;
    while engine.lacks_space() || machine.read("reserve").is_none() {
        append_patiently(&mut engine, 1, &batch);
        rounds += 1;
        assert!(rounds < 1_000, "it does not heal");
    }
}
