//! Retention in a life: rounds at random times, and what the engine deletes by itself, judged by the model.

use super::life::Machine;
use super::model::{Batch, Effect, Frame};
use super::options::Plan;
use millrace_engine::Engine;

/// Timestamp field of a record batch: the largest of its records.
fn timestamp(batch: &Batch) -> i64 {
    i64::from_be_bytes(batch.bytes[35..43].try_into().expect("eight bytes"))
}

impl Machine {
    pub(super) fn begin_retention(&mut self, engine: &mut Engine) {
        let all: Vec<u64> = (1..=self.plan.partitions).collect();
        engine.configure(&all, &self.plan.settings);
        self.retained_ms = self.draw.below(2_000_000) as i64;
        engine.begin_retention(self.retained_ms);
    }

    /// A turn after which the engine has deleted more than `before` appended a frame by itself: one like any other.
    pub(super) fn note_retention(&mut self, engine: &Engine, before: u64) -> Result<(), String> {
        if engine.counters().deletions == before {
            return Ok(());
        }
        let appended = engine.events().appended;
        let mut effects = Vec::new();
        for id in 1..=self.plan.partitions {
            let Some((partition, marks)) = self.now.partitions.get(&id).zip(engine.watermarks(id)) else {
                continue;
            };
            if marks.log_start != partition.start {
                let start = marks.log_start;
                judge(&self.plan, self.retained_ms, &partition.batches, start)
                    .map_err(|wrong| format!("retention of partition {id} to {start}: {wrong}"))?;
                effects.push(Effect::DeleteRecords { partition: id, start });
            }
        }
        let epoch = engine.recovery_account().incarnation;
        for effect in &effects {
            self.now.apply(effect, epoch).map_err(|code| format!("retention: {code:?}"))?;
        }
        let records = effects.len() as u64;
        let appended_ns = engine.io().now_ns();
        self.frames.push(Frame { lsn: appended, epoch, records, bytes: 0, appended_ns, effects });
        self.tally.frames += 1;
        self.tally.retentions += 1;
        Ok(())
    }
}

/// Whole batches, and each either old or more than has to stay.
fn judge(plan: &Plan, now_ms: i64, batches: &[Batch], start: u64) -> Result<(), String> {
    let limits = plan.settings.limits;
    let gone = batches.partition_point(|batch| batch.end <= start);
    if gone == 0 || batches[gone - 1].end != start {
        return Err("a batch was cut".to_string());
    }
    let mut rest: u64 = batches.iter().map(|batch| batch.bytes.len() as u64).sum();
    for (at, batch) in batches[..gone].iter().enumerate() {
        rest -= batch.bytes.len() as u64;
        // In bulk files batches begin at blocks, and what lies between counts too.
        let padding = if plan.config.bulk_bytes > 0 { 4096 * (batches.len() - at) as u64 } else { 0 };
        let old = limits.retention_ms.is_some_and(|ms| timestamp(batch) < now_ms - ms as i64);
        let large = limits.retention_bytes.is_some_and(|bytes| rest + padding >= bytes);
        if !(old || large) {
            return Err(format!("a batch of {} went at {now_ms}, {rest} bytes left", timestamp(batch)));
        }
    }
    Ok(())
}
