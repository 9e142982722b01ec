/** Checksum and codecs of record batches, from the addon: for whoever writes or reads batches without an engine. */

import { loadNative } from '../io/native.ts';
import type { InflateTools } from './batch-view.ts';
import type { BatchTools } from './record-batch.ts';

/** Checksum and codecs for writing and reading record batches. Throws MILLRACE_NATIVE_MISSING without the addon. */
export function batchTools(): BatchTools & InflateTools {
  return loadNative();
}
