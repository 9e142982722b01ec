/**
 * One access rule, by Kafka's numbers: who may or may not do what, from where, with which resources.
 *
 * Not a decision: that is access.ts. To remember: a rule is its seven fields; two rules with the same fields are one.
 */

import { createHash } from 'node:crypto';
import type { Principal } from './principal.ts';

export const Operation = {
  any: 1,
  all: 2,
  read: 3,
  write: 4,
  create: 5,
  delete: 6,
  alter: 7,
  describe: 8,
  clusterAction: 9,
  describeConfigs: 10,
  alterConfigs: 11,
  idempotentWrite: 12,
  createTokens: 13,
  describeTokens: 14,
  twoPhaseCommit: 15,
} as const;
export type OperationNumber = (typeof Operation)[keyof typeof Operation];
/** The highest number an operation has. */
export const OPERATION_LAST = 15;

export const ResourceType = {
  any: 1,
  topic: 2,
  group: 3,
  cluster: 4,
  transactionalId: 5,
  delegationToken: 6,
  user: 7,
} as const;
export type ResourceTypeNumber = (typeof ResourceType)[keyof typeof ResourceType];
export const RESOURCE_TYPE_LAST = 7;

export const Pattern = { any: 1, match: 2, literal: 3, prefixed: 4 } as const;
export const Permission = { any: 1, deny: 2, allow: 3 } as const;

/** The one name of a resource of the type cluster. */
export const CLUSTER_NAME = 'kafka-cluster';
/** As the name of a literal resource: every resource of the type. As a host: every host. */
export const WILDCARD = '*';

/** One rule. */
export interface Acl {
  readonly resourceType: number;
  readonly resourceName: string;
  /** `literal` or `prefixed`. */
  readonly patternType: number;
  readonly principal: Principal;
  /** An address, or `*`. */
  readonly host: string;
  readonly operation: number;
  /** `deny` or `allow`. */
  readonly permission: number;
}

/** What rules are looked for; null, and the number `any`, stand for everything. */
export interface AclFilter {
  readonly resourceType: number;
  readonly resourceName: string | null;
  /** `match` finds every rule that holds for a resource of this name. */
  readonly patternType: number;
  readonly principal: string | null;
  readonly host: string | null;
  readonly operation: number;
  readonly permission: number;
}

/** What tells one rule from others: equal for rules with equal fields. */
export function aclDigest(acl: Acl): string {
  return createHash('sha256')
    .update(JSON.stringify(fieldsOf(acl)))
    .digest('hex');
}

/** The fields in their order. */
export function fieldsOf(acl: Acl): readonly (string | number)[] {
  const { resourceType, resourceName, patternType, principal, host, operation, permission } = acl;
  return [resourceType, resourceName, patternType, principal, host, operation, permission];
}

/** Whether a filter means this rule. */
export function isMeant(filter: AclFilter, acl: Acl): boolean {
  return (
    (filter.resourceType === ResourceType.any || filter.resourceType === acl.resourceType) &&
    isPatternMeant(filter, acl) &&
    (filter.principal === null || filter.principal === acl.principal) &&
    (filter.host === null || filter.host === acl.host) &&
    (filter.operation === Operation.any || filter.operation === acl.operation) &&
    (filter.permission === Permission.any || filter.permission === acl.permission)
  );
}

function isPatternMeant({ resourceName, patternType }: AclFilter, acl: Acl): boolean {
  if (patternType !== Pattern.any && patternType !== Pattern.match && patternType !== acl.patternType) return false;
  if (resourceName === null) return true;
  if (patternType !== Pattern.match) return resourceName === acl.resourceName;
  return holdsFor(acl, resourceName);
}

/** Whether a rule holds for a resource of its type with this name. */
export function holdsFor({ patternType, resourceName }: Acl, name: string): boolean {
  if (patternType === Pattern.prefixed) return name.startsWith(resourceName);
  return resourceName === name || resourceName === WILDCARD;
}
