/**
 * The segments that the partitions of a topic lie in, with the state of their indexes.
 *
 * Not the journal, in which everything newer lies. To remember: nothing is read to find out about an index.
 */

import { Code } from '../io/native-types.ts';
import type { SegmentRow, SegmentsView } from './api.ts';
import type { ConsoleParts, Query } from './parts.ts';
import { topicOf } from './topics.ts';

/** The newest of each partition first; so many in all. */
const SHOWN = 2000;

export function segments(parts: ConsoleParts, query: Query): SegmentsView {
  const { partitions } = topicOf(parts, query);
  const { engine } = parts.server;
  const rows: SegmentRow[] = [];
  let more = 0;
  for (const [partition, id] of partitions.entries()) {
    const { code, segments: found } = engine.segments(id);
    if (code !== Code.ok) continue;
    const room = Math.max(0, SHOWN - rows.length);
    more += Math.max(0, found.length - room);
    const newest = room === 0 ? [] : found.slice(-room).reverse();
    for (const segment of newest) rows.push({ partition, ...segment });
  }
  return { segments: rows, more };
}
