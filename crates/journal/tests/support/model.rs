//! What a caller of the journal knows, and what it may therefore demand after a crash.
//!
//! What it is not: a second journal. It keeps the frames by LSN and the watermarks that were shown.
//!
//! The one invariant: a frame is demanded exactly when the promise of DESIGN section 3 covers it.

use super::{Checked, ensure};
use millrace_journal::{JournalReport, Level, RecoveredFrame, Request};
use std::collections::BTreeMap;

/// One entry as it was given: kind, flags, group, argument, bytes.
pub type Content = Vec<(u8, u8, u64, u64, Vec<u8>)>;

#[derive(Clone, Debug)]
pub struct Frame {
    pub content: Content,
    pub request: Request,
    pub appended_at: u64,
    /// Number of the move of the written watermark that covered it.
    pub commit: u64,
}

/// How a life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Sectors that were not flushed survive or not.
    PowerCut,
    /// What was written stays.
    Kill,
    /// A write or flush failed before: what is above durable is unknown.
    Poisoned,
}

#[derive(Debug, Default)]
pub struct Model {
    /// All frames with entries, by LSN; marks are not in it.
    frames: BTreeMap<u64, Frame>,
    pub appended: u64,
    pub written: u64,
    pub durable: u64,
    /// What the manifest says: durable at once.
    pub checkpoint: u64,
    /// An LSN the manifest claims to have been durable.
    pub hint: u64,
    commits: u64,
}

impl Model {
    pub fn append(&mut self, lsn: u64, content: Content, request: Request, now: u64) {
        self.appended = self.appended.max(lsn);
        self.frames.insert(lsn, Frame { content, request, appended_at: now, commit: 0 });
    }

    /// The watermarks as the journal shows them: they may only grow and must be in order.
    pub fn see(&mut self, appended: u64, written: u64, durable: u64) -> Checked<()> {
        ensure(durable <= written && written <= appended, || "watermarks out of order".into())?;
        ensure(written >= self.written && durable >= self.durable, || "a watermark moved back".into())?;
        if written > self.written {
            self.commits += 1;
            for (_, frame) in self.frames.range_mut(self.written + 1..=written) {
                frame.commit = self.commits;
            }
        }
        (self.appended, self.written, self.durable) = (appended, written, durable);
        Ok(())
    }

    /// Compares what recovery handed out and said with what must, may and cannot be there; then goes on from there.
    pub fn check(&mut self, end: End, seen: &[(u64, Content)], report: &JournalReport) -> Checked<()> {
        let last = report.last_lsn;
        ensure(report.damage.is_empty(), || {
            format!("damage reported on an honest disk: {:?}", report.damage)
        })?;
        ensure(last >= self.durable.max(self.checkpoint), || {
            format!("lost durable frames: recovered up to {last}, durable was {}", self.durable)
        })?;
        ensure(end != End::Kill || last >= self.written, || {
            format!("a kill lost written frames: recovered up to {last}, written was {}", self.written)
        })?;
        ensure(last <= self.appended, || format!("recovered up to {last}, appended were {}", self.appended))?;
        self.check_contents(seen, last)?;
        if end == End::PowerCut {
            self.check_losses(last)?;
        }
        self.frames.retain(|lsn, _| *lsn <= last);
        (self.appended, self.written, self.durable) = (last, last, last);
        Ok(())
    }

    /// Exactly the frames above the checkpoint, in order, each with its own bytes.
    fn check_contents(&self, seen: &[(u64, Content)], last: u64) -> Checked<()> {
        let mut expected = self.frames.range(self.checkpoint + 1..).take_while(|(lsn, _)| **lsn <= last);
        for (lsn, content) in seen {
            let next = expected.next();
            let matches = next.is_some_and(|(want, frame)| want == lsn && frame.content == *content);
            ensure(matches, || {
                format!("frame {lsn} came back, expected was {:?}", next.map(|(lsn, _)| lsn))
            })?;
        }
        let missing = expected.next().map(|(lsn, _)| *lsn);
        ensure(missing.is_none(), || format!("frame {missing:?} is missing below {last}"))
    }

    /// Acknowledged frames of a limited policy that are gone: no more than the policy allows.
    fn check_losses(&self, last: u64) -> Checked<()> {
        let lost: Vec<&Frame> = self.frames.range(last + 1..).map(|(_, frame)| frame).collect();
        let acknowledged = |frame: &&&Frame| frame.commit > 0 && frame.request.level == Level::Written;
        for frame in lost.iter().filter(acknowledged) {
            let policy = frame.request.policy;
            let same: Vec<&&Frame> =
                lost.iter().filter(acknowledged).filter(|other| other.request.policy == policy).collect();
            let final_commit = same.iter().map(|frame| frame.commit).max().unwrap_or(0);
            let before_it = || same.iter().filter(|frame| frame.commit < final_commit);
            let records: u64 = before_it().map(|frame| u64::from(frame.request.records)).sum();
            ensure(policy.records == 0 || records < policy.records, || {
                format!("lost {records} records besides one commit, policy allows {}", policy.records)
            })?;
            let bytes: u64 = before_it().map(|frame| payload_bytes(frame)).sum();
            ensure(policy.bytes == 0 || bytes < policy.bytes, || {
                format!("lost {bytes} bytes besides one commit, policy allows {}", policy.bytes)
            })?;
            let times = || before_it().map(|frame| frame.appended_at);
            let span = times().max().unwrap_or(0) - times().min().unwrap_or(0);
            ensure(policy.interval_ns == 0 || span < policy.interval_ns, || {
                format!("lost {span} ns of appends besides one commit, policy allows {}", policy.interval_ns)
            })?;
        }
        Ok(())
    }
}

fn payload_bytes(frame: &Frame) -> u64 {
    frame.content.iter().map(|entry| entry.4.len() as u64).sum()
}

/// A recovered frame as the model keeps it.
pub fn content_of(frame: &RecoveredFrame<'_>) -> Content {
    let entry = |entry: millrace_journal::RecoveredEntry| {
        (entry.kind, entry.flags, entry.group, entry.argument, entry.payload.bytes().to_vec())
    };
    frame.entries().map(entry).collect()
}
