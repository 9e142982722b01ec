/**
 * Reads a stretch of one partition: the records with offsets from one to another, as readers of an isolation see them.
 *
 * Not which stretches (message-scan.ts). To remember: whatever is asked for, what is read at once is bounded, and the event
 * loop gets its turn between batches.
 */

import { setImmediate as turn } from 'node:timers/promises';
import { batchTools } from '../log/batch-tools.ts';
import { type IsolationName, type ReadSource, readBatches } from '../log/reader.ts';
import type { LogRecord } from '../log/record.ts';
import type { ReadTarget } from '../log/start-position.ts';
import type { ServerParts } from '../server-parts.ts';

/** Bytes between two turns of the event loop. */
const TURN_BYTES = 256 * 1024;
const FETCH_MIN = 64 * 1024;
const FETCH_MAX = 1024 * 1024;
/** What a record is taken to have before any was seen. */
const RECORD_GUESS = 512;

/** A source for `readBatches` over a server's engine; it ends with the engine, or with the signal of whoever reads. */
export function sourceOf({ engine }: ServerParts): ReadSource {
  return { engine, binding: batchTools(), assertOpen: () => {}, onClose: () => () => {} };
}

/** Counts while a stretch is read. */
export interface Stretch {
  readonly bytes: number;
}

/**
 * Calls `take` with every record of `target` from offset `from` up to `to` (not included), in order, until it answers false.
 * Resolves with how many bytes of batches were read.
 */
export async function readStretch(
  source: ReadSource,
  target: ReadTarget,
  { from, to }: { readonly from: number; readonly to: number },
  isolation: IsolationName,
  take: (record: LogRecord) => boolean,
): Promise<Stretch> {
  let bytes = 0;
  let sinceTurn = 0;
  const maxBytes = Math.min(FETCH_MAX, Math.max(FETCH_MIN, (to - from) * RECORD_GUESS));
  // What retention has removed meanwhile is passed over.
  const options = { from: { offset: from }, onMissing: 'earliest', isolation, maxBytes, follow: false } as const;
  for await (const batch of readBatches(source, [target], options)) {
    if (batch.baseOffset >= to) break;
    bytes += batch.bytes.length;
    sinceTurn += batch.bytes.length;
    for (const record of batch.records()) {
      if (record.offset < from) continue;
      if (record.offset >= to || !take(record)) return { bytes };
    }
    if (batch.lastOffset >= to - 1) break;
    if (sinceTurn > TURN_BYTES) {
      sinceTurn = 0;
      await turn();
    }
  }
  return { bytes };
}
