/**
 * Families of our own that cost a call into the engine: flushes by what they were due to, what a power cut could take,
 * segments, and what the I/O layer had to do otherwise.
 *
 * Not the counters of the page (own-metrics.ts). To remember: it is asked once for every scrape.
 */

import type { NodeEngine } from '../io/engine.ts';
import type { EngineFigures } from '../io/figures.ts';
import type { PrometheusText } from './prometheus-text.ts';

/** Writes the families. */
export function writeEngineFigures(text: PrometheusText, engine: NodeEngine): void {
  const { unflushedBytes, queueFull, directFallbacks, flushes, segments }: EngineFigures = engine.figures();
  text.one('millrace_unflushed_bytes', 'gauge', 'Bytes of frames that a power cut could take now.', unflushedBytes);
  const due = 'Flushes of the journal and durable writes of it, by what they were due to: a policy, or a request.';
  const family = text.family('millrace_flush_total', 'counter', due);
  for (const [policy, count] of Object.entries(flushes)) family.add(count, { policy });
  text.one('millrace_ring_sq_full_total', 'counter', 'Times the submission queue of the ring was full.', queueFull);
  const fallback = 'Files opened through the page cache because there is no direct I/O here.';
  text.one('millrace_direct_io_fallback_total', 'counter', fallback, directFallbacks);
  const files = text.family('millrace_segments', 'gauge', 'Segment files that data lies in.');
  for (const { kind, files: count } of segments) files.add(count, { kind });
  const bytes = text.family('millrace_segment_bytes', 'gauge', 'Size of those files.');
  for (const { kind, bytes: size } of segments) bytes.add(size, { kind });
}
