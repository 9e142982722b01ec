/**
 * All guards by the key of their API.
 *
 * To remember: an API that is not here is for super users alone, and a test names it.
 */

import { CLUSTER_GUARDS } from './cluster.ts';
import { GROUP_GUARDS } from './groups.ts';
import type { AnyGuard } from './guard.ts';
import { RECORD_GUARDS } from './records.ts';
import { TOPIC_GUARDS } from './topics.ts';
import { TRANSACTION_GUARDS } from './transactions.ts';

export const GUARDS: ReadonlyMap<number, AnyGuard> = new Map([
  ...RECORD_GUARDS,
  ...TOPIC_GUARDS,
  ...GROUP_GUARDS,
  ...TRANSACTION_GUARDS,
  ...CLUSTER_GUARDS,
]);
