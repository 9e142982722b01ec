//! No descriptor is lost, whatever an operation meets. One test alone in its process: it counts all descriptors.

mod common;

use common::Place;
use millrace_io::faults::{CallKind, ERRNOS, Fault, FaultRule, Faults};
use millrace_io::{Op, OpQueue, OpenMode};

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Opens, syncs and closes, with every call failing in every way; what is open at the end is closed by the teardown.
fn fail_everywhere(place: &Place) {
    for (errno, sticky) in ERRNOS.into_iter().flat_map(|errno| [(errno, false), (errno, true)]) {
        for fault in [Fault::Refuse(errno), Fault::FailAfter(errno)] {
            let faults = Faults::default();
            let mut io = place.open().faulty(&faults);
            for kind in [CallKind::Open, CallKind::Status, CallKind::SyncDirectory, CallKind::Close] {
                faults.add(FaultRule::on(kind, 2, fault, sticky));
            }
            for n in 0..4 {
                let mut queue = OpQueue::default();
                queue.push(Op::SyncDirectory { path: "".into() });
                io.submit(&mut queue);
                let path = format!("{errno}-{n}").into();
                let opened = io.run(Op::Open { path, mode: OpenMode::CreateCached });
                if let Ok(millrace_io::Done::Opened { file, .. }) = opened {
                    let _ = io.run(Op::Close { file });
                }
            }
            assert_eq!(io.shutdown(), 0);
            assert!(faults.total() >= 4, "{fault:?}");
        }
    }
}

#[test]
fn descriptors_are_given_back_after_every_error() {
    let before = open_descriptors();
    fail_everywhere(&Place::ring());
    assert_eq!(open_descriptors(), before, "ring");
    fail_everywhere(&Place::pool());
    assert_eq!(open_descriptors(), before, "pool");
}
