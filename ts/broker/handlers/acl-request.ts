/**
 * What the three ACL APIs have in common: filters, checks of a new rule, and the answer without an authorizer.
 *
 * To remember: what Kafka refuses is refused with its words, because tools print them.
 */

import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import type { DescribeAclsRequest } from '../protocol/gen/29-describe-acls.gen.ts';
import type { AclCreation } from '../protocol/gen/30-create-acls.gen.ts';
import { isWellFormed } from '../protocol/utf8.ts';
import {
  type AclFilter,
  CLUSTER_NAME,
  OPERATION_LAST,
  Operation,
  Pattern,
  Permission,
  RESOURCE_TYPE_LAST,
  ResourceType,
} from '../security/acl.ts';

export const NO_AUTHORIZER: { readonly errorCode: ErrorNumber; readonly errorMessage: string } = {
  errorCode: ErrorCode.SECURITY_DISABLED,
  errorMessage: 'No Authorizer is configured.',
};

/** Whether every number of a filter means something. */
export function isFilterKnown(filter: DescribeAclsRequest): boolean {
  const { resourceTypeFilter, patternTypeFilter, operation, permissionType } = filter;
  return (
    isBetween(resourceTypeFilter, ResourceType.any, RESOURCE_TYPE_LAST) &&
    isBetween(patternTypeFilter, Pattern.any, Pattern.prefixed) &&
    isBetween(operation, Operation.any, OPERATION_LAST) &&
    isBetween(permissionType, Permission.any, Permission.allow)
  );
}

/** The filter in a request. */
export function filterOf(filter: DescribeAclsRequest): AclFilter {
  return {
    resourceType: filter.resourceTypeFilter,
    resourceName: filter.resourceNameFilter,
    patternType: filter.patternTypeFilter,
    principal: filter.principalFilter,
    host: filter.hostFilter,
    operation: filter.operation,
    permission: filter.permissionType,
  };
}

/** Why a rule cannot be made; undefined when it can. */
export function creationProblem(creation: AclCreation): string | undefined {
  const { resourceType, resourceName, resourcePatternType, principal, host, operation, permissionType } = creation;
  if (!isBetween(resourceType, ResourceType.topic, RESOURCE_TYPE_LAST)) return 'Invalid resource type';
  if (resourceType === ResourceType.cluster && resourceName !== CLUSTER_NAME) {
    return `The only valid name for the CLUSTER resource is ${CLUSTER_NAME}`;
  }
  if (resourceName === '') return 'Invalid empty resource name';
  if (resourcePatternType !== Pattern.literal && resourcePatternType !== Pattern.prefixed)
    return 'Invalid pattern type';
  if (!isBetween(operation, Operation.all, OPERATION_LAST)) return 'Invalid operation type';
  if (permissionType !== Permission.allow && permissionType !== Permission.deny) return 'Invalid permission type';
  if (!/^[^:]+:/.test(principal)) {
    return `Could not parse principal from \`${principal}\` (no colon is present separating the principal type from the principal name)`;
  }
  if (host === '') return 'Invalid empty host';
  return [resourceName, principal, host].every(isWellFormed) ? undefined : 'A name is no UTF-8';
}

function isBetween(value: number, least: number, most: number): boolean {
  return value >= least && value <= most;
}
