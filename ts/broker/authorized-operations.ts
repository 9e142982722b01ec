/**
 * What a client may do, as the bit fields of "authorized operations": without access control, everything there is.
 *
 * Not access control. To remember: a bit is 1 << the number Kafka gives an operation.
 */

import { Operation } from './security/acl.ts';

type Name = keyof typeof Operation;

function bits(...names: Name[]): number {
  return names.reduce((sum, name) => sum | (1 << Operation[name]), 0);
}

/** The answer when the client did not ask. */
export const NOT_ASKED: number = -(2 ** 31);
export const GROUP_OPERATIONS: number = bits('read', 'delete', 'describe', 'describeConfigs', 'alterConfigs');
export const TOPIC_OPERATIONS: number = bits(
  'read',
  'write',
  'create',
  'delete',
  'alter',
  'describe',
  'describeConfigs',
  'alterConfigs',
);
export const CLUSTER_OPERATIONS: number = bits(
  'create',
  'alter',
  'describe',
  'clusterAction',
  'describeConfigs',
  'alterConfigs',
  'idempotentWrite',
);
