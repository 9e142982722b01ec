//! The account of an opening as one JSON object: for `recovery/`, the API and the command line.
//!
//! What it is not: words for people, but for the verdict.
//!
//! The invariant: fields are added, never given another meaning; `version` grows when one goes.

use crate::account::{PartitionAccount, RecoveryAccount, Writes};
use crate::dump::hex;
use crate::dump_line::{Line, list};
use millrace_journal::Policy;

/// Version of these fields.
const VERSION: u64 = 1;

/// The whole account.
#[must_use]
pub fn account_text(account: &RecoveryAccount) -> String {
    let damage = account.damage.iter().map(|damage| {
        Line::object()
            .text("file", &damage.file)
            .number("position", damage.position)
            .text("detail", &damage.detail)
            .finish()
    });
    let cut_lsns = account.cut_lsns.iter().map(|(first, last)| format!("[{first},{last}]"));
    let stores = account
        .stores
        .iter()
        .map(|(store, writes)| of_writes(Line::object().number("store", u64::from(*store)), writes).finish());
    Line::object()
        .number("version", VERSION)
        .number("incarnation", u64::from(account.incarnation))
        .text("ended", account.ended.word())
        .flag("clean", account.clean)
        .text("verdict", &account.verdict())
        .signed("openedMs", account.opened_ms)
        .text("directoryId", &hex(&account.directory_id))
        .text("flush", &policy_text(&account.policy))
        .number("checkpointLsn", account.checkpoint_lsn)
        .number("durableLsn", account.durable_lsn)
        .number("keptLsn", account.kept_lsn)
        .number("framesReplayed", account.frames_replayed)
        .number("keptBytes", account.kept_bytes)
        .number("cutFrames", account.cut_frames)
        .number("cutRecords", account.cut_records())
        .number("cutBytes", account.cut_bytes)
        .json("cutLsns", &list(cut_lsns))
        .number("compactedPartitions", account.compacted_partitions)
        .number("unnamedFiles", account.unnamed_files)
        .number("durationNs", account.duration_ns)
        .json("partitions", &of_partitions(&account.touched))
        .json("stores", &list(stores))
        .json("state", &of_writes(Line::object(), &account.state).finish())
        .json("damage", &list(damage))
        .finish()
}

/// A policy as the command line writes it.
fn policy_text(policy: &Policy) -> String {
    const MS: u64 = 1_000_000;
    if policy.always {
        return "always".to_string();
    }
    let limits = [
        (policy.records, format!("records={}", policy.records)),
        (policy.bytes, format!("bytes={}", policy.bytes)),
        (policy.interval_ns, format!("interval={}ms", policy.interval_ns.div_ceil(MS))),
    ];
    let given: Vec<String> =
        limits.into_iter().filter(|(limit, _)| *limit > 0).map(|(_, text)| text).collect();
    if given.is_empty() { "os".to_string() } else { given.join(",") }
}

/// Bytes of a partition's part, about.
const PARTITION_TEXT: usize = 160;

/// A start may tell of a hundred thousand, so they are written one behind the other.
fn of_partitions(touched: &[PartitionAccount]) -> String {
    let mut text = String::with_capacity(2 + touched.len() * PARTITION_TEXT);
    text.push('[');
    for partition in touched {
        if text.len() > 1 {
            text.push(',');
        }
        text = of_partition(Line::behind(text), partition);
    }
    text.push(']');
    text
}

fn of_partition(line: Line, partition: &PartitionAccount) -> String {
    let lost = partition.lost.iter().map(|(from, to)| format!("[{from},{to}]"));
    line.number("partition", partition.partition)
        .number("settledEnd", partition.settled_end)
        .number("provenEnd", partition.proven_end)
        .number("logEnd", partition.log_end)
        .number("compactedEnd", partition.compacted_end)
        .number("cutBatches", partition.cut_batches)
        .number("cutRecords", partition.cut_records)
        .number("cutBytes", partition.cut_bytes)
        .json("lost", &list(lost))
        .finish()
}

fn of_writes(line: Line, writes: &Writes) -> Line {
    line.number("kept", writes.kept).number("proven", writes.proven).number("cut", writes.cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_written_as_the_command_line_takes_it() {
        let some = Policy { records: 5, interval_ns: 50_000_000, ..Policy::OS };
        assert_eq!(policy_text(&Policy::ALWAYS), "always");
        assert_eq!(policy_text(&Policy::OS), "os");
        assert_eq!(policy_text(&some), "records=5,interval=50ms");
        assert_eq!(policy_text(&Policy { bytes: 65_536, ..Policy::OS }), "bytes=65536");
    }
}
