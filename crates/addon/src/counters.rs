//! Copies the engine's watermarks and counters into the page. Nothing is computed here, and nothing reset.

use crate::page::{self, Page};
use millrace_engine::Engine;

/// Brings the head of the page up to date; `Page::publish` shows it.
pub(crate) fn refresh(page: &mut Page, engine: &Engine) {
    let events = engine.events();
    page.set(page::WRITTEN_LSN, events.written);
    page.set(page::DURABLE_LSN, events.durable);
    page.set(page::APPENDED_LSN, events.appended);
    page.set(page::FAILURE, events.failure.map_or(0, |code| code as u64));
    page.set(page::UNSETTLED_BYTES, engine.unsettled_bytes());
    page.set(page::WALL_MS, u64::try_from(engine.io().wall_ms()).unwrap_or(0));
    page.set(page::ABORTED, engine.aborted_transactions());
    let io = engine.io().counters();
    page.set(page::ENTERS, io.enters);
    page.set(page::FLUSHES, io.syncs + io.durable_writes);
    page.set(page::WRITES, io.writes);
    page.set(page::BYTES_WRITTEN, io.bytes_written);
    page.set(page::READS, io.reads);
    page.set(page::BYTES_READ, io.bytes_read);
    let counters = engine.counters();
    page.set(page::BYTES_COPIED, counters.journal.copied_bytes);
    page.set(page::COMMITS, counters.journal.commits);
    page.set(page::FRAMES, counters.journal.frames);
    page.set(page::SETTLES, counters.settles);
    page.set(page::LAPS, counters.journal.laps);
    page.set(page::COMPACTIONS, counters.compaction.runs);
    page.set(page::COMPACTIONS_ABANDONED, counters.compaction.abandoned);
    page.set(page::COMPACTED_BYTES, counters.compaction.bytes_before);
    page.set(page::COMPACTED_BYTES_LEFT, counters.compaction.bytes_after);
    page.set(page::READ_AHEAD_WINDOWS, counters.ahead.windows);
    page.set(page::READ_AHEAD_BYTES, counters.ahead.bytes);
    page.set(page::READ_AHEAD_ANSWERS, counters.ahead.answers);
    page.set(page::READ_AHEAD_UNREAD_BYTES, counters.ahead.unread);
    page.set(page::JOINS, counters.compaction.joins);
    page.set(page::JOINED_RANGES, counters.compaction.joined_ranges);
    page.set(page::JOINED_BYTES, counters.compaction.joined_bytes);
    page.set(page::READ_AHEAD_HELD, counters.ahead.held);
}
