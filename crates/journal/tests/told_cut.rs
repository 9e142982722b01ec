//! What of a torn tail is told as cut: whole frames of the last run, and none that an opening before it had lost already.

mod support;

use millrace_io::{BLOCK, Io};
use millrace_journal::{Journal, Listener, RecoveredFrame, file_path};
use support::disk::Disk;

/// LSN and incarnation of the frames an opening keeps, and of those it cuts.
#[derive(Debug, Default)]
struct Told {
    kept: Vec<(u64, u32)>,
    cut: Vec<(u64, u32)>,
}

impl Listener for Told {
    fn kept(&mut self, frame: RecoveredFrame<'_>) {
        self.kept.push((frame.lsn(), frame.header.incarnation));
    }

    fn cut(&mut self, frame: RecoveredFrame<'_>) {
        self.cut.push((frame.lsn(), frame.header.incarnation));
    }
}

fn told_by_opening(disk: &mut Disk) -> Told {
    disk.incarnation += 1;
    let mut told = Told::default();
    let mut io = Io::sim(disk.sim.clone());
    Journal::recover_telling(&mut io, disk.config.clone(), disk.start(), &mut told).expect("it opens");
    told
}

#[test]
fn frames_that_show_behind_what_the_last_run_wrote_were_lost_before_and_are_not_told_again() {
    let mut disk = Disk::small();
    let (mut open, _) = disk.open();
    open.append_durable(1);
    // One commit of two blocks, whose second one begins inside a frame.
    open.append_durable(22);
    drop(open);
    let (first, second) = (2 * BLOCK as u64, 3 * BLOCK as u64);
    let before = disk.sim.read(file_path(1)).expect("it is there");
    assert!(before[second as usize..].iter().take(2_000).any(|byte| *byte != 0), "it has a second block");
    // The power goes before its first block is written: what lies in the second one begins nowhere.
    assert!(disk.sim.overwrite(file_path(1), first, &[0; BLOCK]));
    let (mut open, seen) = disk.open();
    assert_eq!(seen.frames, [1]);
    open.append_durable(22);
    drop(open);
    // The next run writes the same, and the power goes before its second block is: the old one follows the new one.
    assert!(disk.sim.overwrite(file_path(1), second, &before[second as usize..][..BLOCK]));
    assert!(disk.sim.flip_bit(file_path(1), first + 64 + 24 + 5, 0));
    let told = told_by_opening(&mut disk);
    assert_eq!(told.kept, [(1, 1)]);
    assert!(!told.cut.is_empty(), "frames of the last run are whole");
    assert!(told.cut.iter().all(|(_, incarnation)| *incarnation == 2), "{told:?}");
}
