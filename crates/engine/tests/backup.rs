//! What a copy of a live directory consists of, asked of the engine: one base of the manifest, whatever edits went before.
//!
//! What it is not: the copying (`__test__/backup`).

mod support;

use batches::TestBatch;
use millrace_engine::manifest::Manifest;
use millrace_engine::{BackupPlan, Engine};
use support::{append_patiently, batches, create, drive, machine, open};

const PARTITION: u64 = 7;

/// Appends until so many settles more are published.
fn settle(engine: &mut Engine, settles: u64) {
    let until = engine.counters().settles + settles;
    while engine.counters().settles < until {
        append_patiently(engine, PARTITION, &TestBatch::of(&[&[1; 1_000]]).encode());
    }
}

fn plan(engine: &mut Engine) -> BackupPlan {
    assert!(engine.backup_begin(), "none is under way");
    let mut plan = None;
    drive(engine, |engine| {
        plan = engine.backup_plan().expect("what was written decodes");
        plan.is_some()
    });
    plan.expect("just seen")
}

#[test]
fn a_copy_has_a_base_without_edits_that_says_what_the_edits_before_it_said() {
    let machine = machine(1);
    let (mut engine, _) = open(&machine);
    create(&mut engine, &[PARTITION]);
    settle(&mut engine, 2);
    let last = append_patiently(&mut engine, PARTITION, &TestBatch::of(&[&[2; 1_000]]).encode());
    let appended = engine.events().appended;
    let plan = plan(&mut engine);
    let manifest = Manifest::decode(&plan.manifest).expect("it verifies");
    assert_eq!((manifest.head.clean, manifest.head.base, manifest.edits_from), (true, 0, None));
    assert!(plan.mark >= appended, "{} is before {appended}", plan.mark);
    assert_eq!((manifest.head.checkpoint_lsn, manifest.head.end_lsn), (plan.mark, plan.mark));
    assert!(!plan.files.is_empty(), "{last} batches lie in files");
    engine.backup_end();
}

#[test]
fn a_copy_is_made_although_nothing_was_appended_since_the_last_checkpoint() {
    let machine = machine(2);
    let (mut engine, _) = open(&machine);
    create(&mut engine, &[PARTITION]);
    settle(&mut engine, 1);
    let first = plan(&mut engine);
    engine.backup_end();
    let second = plan(&mut engine);
    assert_eq!((first.mark, first.files), (second.mark, second.files));
}
