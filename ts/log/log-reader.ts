/**
 * What `topic.read()` gives: batches to iterate, or their records one by one.
 *
 * Not the reading (reader.ts). To remember: there is one reader behind both views; take one of them.
 */

import type { LogBatch } from './log-batch.ts';
import type { LogRecord } from './record.ts';

/** Batches in offset order per partition. `Readable.from` takes it as it is. */
export interface LogReader extends AsyncGenerator<LogBatch, void, undefined> {
  /** The records of all batches. Ending the loop early ends the reader. */
  records(): AsyncGenerator<LogRecord, void, undefined>;
}

/** Gives `batches` the view by records. */
export function logReader(batches: AsyncGenerator<LogBatch, void, undefined>): LogReader {
  return Object.assign(batches, { records: () => flatten(batches) });
}

async function* flatten(
  batches: AsyncGenerator<LogBatch, void, undefined>,
): AsyncGenerator<LogRecord, void, undefined> {
  for await (const batch of batches) yield* batch.records();
}
