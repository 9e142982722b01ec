//! Promises of looking at the stored state of a directory beside its server: what the last checkpoint says is there, whether
//! a base or an edit of the manifest says it.

mod support;

use batches::TestBatch;
use millrace_engine::{Effect, Engine, checkpoint_state};
use support::{append_patiently, batches, commit, create, machine, open};

const PARTITION: u64 = 7;

/// Appends until so many settles more are published.
fn settle(engine: &mut Engine, settles: u64) {
    let until = engine.counters().settles + settles;
    while engine.counters().settles < until {
        append_patiently(engine, PARTITION, &TestBatch::of(&[&[1; 1_000]]).encode());
    }
}

#[test]
fn what_an_edit_of_the_manifest_says_is_found_beside_the_server() {
    let machine = machine(3);
    let (mut engine, _) = open(&machine);
    create(&mut engine, &[PARTITION]);
    commit(&mut engine, &[Effect::Put { key: b"setting", value: b"new" }]);
    settle(&mut engine, 2);
    let base = machine.read("manifest").expect("there");
    let edits = machine.read("manifest.edits").expect("there");
    let state = checkpoint_state(&base, &edits).expect("both verify");
    assert_eq!(state.get(b"setting"), Some(&b"new"[..]));
    let older = checkpoint_state(&base, &[]).expect("it verifies");
    assert_eq!(older.get(b"setting"), None, "it is an edit that says it");
}
