/**
 * The condition of a KV write as a plan row carries it.
 *
 * Not its judgement: that is the engine's, at commit. To remember: a condition is of one key; when it fails, its whole
 * frame is refused.
 */

import type { KvDemand } from '../log/types.ts';
import { KvCondition } from './native-types.ts';

/** Condition and sequence of a plan row. */
export function demandNumbers(demand: KvDemand): [condition: number, sequence: number] {
  if (demand === 'absent') return [KvCondition.absent, 0];
  if (demand === 'present') return [KvCondition.present, 0];
  return [KvCondition.sequence, demand.sequence];
}
