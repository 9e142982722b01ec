//! The account that an opening gives, against what the model knows to be true.

use super::life::Machine;
use super::model::{Effect, Expected, Frame, State};
use millrace_engine::{Ended, Engine, PartitionAccount, RecoveryAccount};
use millrace_io::{BLOCK, SimHandle};
use millrace_journal::{FrameHeader, FrameKind};
use std::collections::{BTreeMap, BTreeSet};

/// What of a run the account speaks of.
pub(super) struct Truth<'a> {
    pub base: &'a State,
    pub frames: &'a [Frame],
    pub partitions: u64,
    /// How the run ended, when no attempt to open failed since.
    pub ended: Option<Ended>,
    /// Whole frames that the disk had then: LSN and incarnation.
    pub whole: &'a BTreeSet<(u64, u32)>,
    /// A round of retention was under way in the turn in which it ended.
    pub retaining: bool,
}

fn check(account: &RecoveryAccount, truth: &Truth<'_>, engine: &Engine) -> Result<(), String> {
    if account.durable_lsn > account.kept_lsn.max(account.checkpoint_lsn) {
        return Err(format!("proven {} above kept {}", account.durable_lsn, account.kept_lsn));
    }
    let whole = truth.frames.last().is_none_or(|frame| frame.lsn <= account.kept_lsn);
    // The mark may have been made and the power gone before anyone was told.
    let marked = account.ended == Ended::Clean && whole;
    if truth.ended.is_some_and(|ended| ended != account.ended) && !marked {
        return Err(format!("ended by {:?}, the account says {:?}", truth.ended, account.ended));
    }
    let mut state = truth.base.clone();
    let mut proven = state.clone();
    let mut lost: BTreeMap<u64, u64> = BTreeMap::new();
    let mut cut_lsns = Vec::new();
    let proven_frames = truth.frames.partition_point(|frame| frame.lsn <= account.durable_lsn);
    for (index, frame) in truth.frames.iter().enumerate() {
        let kept = frame.lsn <= account.kept_lsn;
        if !kept && state_differs(&state, frame.lsn, account, truth, engine) {
            return Err(format!("what came back is not the state at LSN {}", account.kept_lsn));
        }
        let is_cut = account.cut_lsns.iter().any(|(first, last)| (*first..=*last).contains(&frame.lsn));
        if kept && is_cut {
            return Err(format!("frame {} is kept and cut", frame.lsn));
        }
        let on_disk = truth.ended.is_some() && truth.whole.contains(&(frame.lsn, frame.epoch));
        if on_disk && !kept && !is_cut {
            return Err(format!("frame {} was whole on the disk, and is neither kept nor cut", frame.lsn));
        }
        if is_cut {
            cut_lsns.push(frame.lsn);
        }
        for effect in &frame.effects {
            let done = state.apply(effect, frame.epoch).map_err(|code| format!("model: {code:?}"))?;
            if let (Effect::Append { partition, count, .. }, Expected::Appended(_), true) =
                (effect, done, is_cut)
            {
                *lost.entry(*partition).or_default() += count;
            }
        }
        if index + 1 == proven_frames {
            proven = state.clone();
        }
    }
    let told: u64 = account.cut_lsns.iter().map(|(first, last)| last - first + 1).sum();
    // Retention appends by itself: of what it did in the very turn in which the power went the model was not told.
    let last_told = truth.frames.last().map_or(0, |frame| frame.lsn);
    let untold = account.cut_lsns.last().is_some_and(|(_, last)| *last == last_told + 1);
    let untold = u64::from(truth.retaining && untold);
    if told != cut_lsns.len() as u64 + untold || account.cut_frames != told {
        return Err(format!("{:?} cut, of which {cut_lsns:?} were appended", account.cut_lsns));
    }
    let said: BTreeMap<u64, u64> =
        account.touched.iter().map(|one| (one.partition, one.cut_records)).collect();
    for id in 1..=truth.partitions {
        let (said, lost) = (said.get(&id).copied().unwrap_or(0), lost.get(&id).copied().unwrap_or(0));
        if said != lost {
            return Err(format!("partition {id}: {lost} records were cut, the account says {said}"));
        }
    }
    account.touched.iter().try_for_each(|one| check_ends(one, account, truth, &proven, engine))
}

/// At the first frame that is not kept: whether the engine has another state than the model before it.
fn state_differs(
    state: &State,
    lsn: u64,
    account: &RecoveryAccount,
    truth: &Truth<'_>,
    engine: &Engine,
) -> bool {
    let first = truth.frames.iter().find(|frame| frame.lsn > account.kept_lsn);
    first.is_some_and(|frame| frame.lsn == lsn) && !state.matches(engine, truth.partitions)
}

fn check_ends(
    one: &PartitionAccount,
    account: &RecoveryAccount,
    truth: &Truth<'_>,
    proven: &State,
    engine: &Engine,
) -> Result<(), String> {
    let found = engine.watermarks(one.partition).map_or(0, |marks| marks.log_end);
    let ordered = one.settled_end <= one.proven_end && one.proven_end <= one.log_end;
    // Nothing is compacted in these lives.
    let start = engine.watermarks(one.partition).map_or(0, |marks| marks.log_start);
    if one.compacted_end != start || account.compacted_partitions > 0 {
        return Err(format!("{one:?}, and the log starts at {start}"));
    }
    if !ordered || one.log_end != found || !one.lost.is_empty() {
        return Err(format!("{one:?}, and the log ends at {found}"));
    }
    let unproven = truth.frames.iter().filter(|frame| frame.lsn > account.durable_lsn);
    let begun_anew = unproven.flat_map(|frame| &frame.effects).any(|effect| {
        matches!(effect, Effect::Create { partition } | Effect::DeletePartition { partition } if *partition == one.partition)
    });
    let end = proven.partitions.get(&one.partition).map_or(0, |partition| partition.end);
    // What the manifest had settled was durable whatever frames prove, and is part of the base then.
    if !begun_anew && one.proven_end != end.max(one.settled_end) {
        return Err(format!("partition {} was proven up to {end}: {one:?}", one.partition));
    }
    Ok(())
}

impl Machine {
    /// Whether an account says what is true.
    pub(super) fn check_account(
        &mut self,
        engine: &Engine,
        account: &RecoveryAccount,
        ended: Option<Ended>,
        whole: &BTreeSet<(u64, u32)>,
    ) -> Result<(), String> {
        self.tally.frames_cut += account.cut_frames;
        let (base, frames) = self.known();
        let (partitions, retaining) = (self.plan.partitions, self.retaining);
        // What a failed flush did not bring to the device goes from the page cache at any time, also between the look at the
        // disk and the opening.
        let none = BTreeSet::new();
        let whole = if self.has_failed() { &none } else { whole };
        let truth = Truth { base, frames, partitions, ended, whole, retaining };
        check(account, &truth, engine).map_err(|wrong| format!("the account is wrong: {wrong}"))
    }
}

/// Whole frames with entries in the journal files of a disk that begin at a block, or right behind such a one: LSN and
/// incarnation. In no number is what begins elsewhere behind a hole, nor what lies behind the stale first frame of a
/// recycled file (docs/format/recovery.md).
pub(super) fn whole_frames(sim: &SimHandle) -> BTreeSet<(u64, u32)> {
    let mut found = BTreeSet::new();
    for file in sim.files().into_iter().filter(|file| file.starts_with("journal/")) {
        let bytes = sim.read(&file).unwrap_or_default();
        let first = bytes.get(BLOCK..).map(FrameHeader::open);
        let Some(Ok((FrameHeader { lap, .. }, _))) = first else { continue };
        for block in (BLOCK..bytes.len()).step_by(BLOCK) {
            let mut at = block;
            while let Some(Ok((header, _))) = bytes.get(at..).map(FrameHeader::open) {
                at += header.frame_bytes();
                let counts = header.kind == FrameKind::Data && header.lap == lap;
                // Already walked through from an earlier block.
                if counts && !found.insert((header.lsn, header.incarnation)) {
                    break;
                }
            }
        }
    }
    found
}
