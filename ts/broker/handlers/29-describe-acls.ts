/**
 * DescribeAcls (key 29), versions 1-3: the rules that a filter means; without an authorizer that is said instead
 * (rule 53): user interfaces ask in order to know.
 *
 * 2 flexible; 3 user resources.
 */

import type { BrokerContext } from '../context.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type DescribeAclsRequest,
  type DescribeAclsResource,
  type DescribeAclsResponse,
  describeAclsApi,
} from '../protocol/gen/29-describe-acls.gen.ts';
import type { Acl } from '../security/acl.ts';
import { filterOf, isFilterKnown, NO_AUTHORIZER } from './acl-request.ts';

/** Rules of one resource stand together. */
function byResource(acls: readonly Acl[]): DescribeAclsResource[] {
  const resources = new Map<string, DescribeAclsResource>();
  for (const { resourceType, resourceName, patternType, principal, host, operation, permission } of acls) {
    const id = `${resourceType} ${patternType} ${resourceName}`;
    const resource = resources.get(id) ?? { resourceType, resourceName, patternType, acls: [] };
    resources.set(id, resource);
    resource.acls.push({ principal, host, operation, permissionType: permission });
  }
  return [...resources.values()];
}

export function describeAclsHandler({ security }: BrokerContext): Handler<DescribeAclsRequest, DescribeAclsResponse> {
  return {
    api: describeAclsApi,
    minVersion: 1,
    maxVersion: 3,
    handle(request, exchange) {
      if (!security.access.isEnabled) {
        exchange.reply({ throttleTimeMs: 0, ...NO_AUTHORIZER, resources: [] });
        return;
      }
      if (!isFilterKnown(request)) {
        const errorMessage = 'The filter has unknown elements.';
        exchange.reply({ throttleTimeMs: 0, errorCode: ErrorCode.INVALID_REQUEST, errorMessage, resources: [] });
        return;
      }
      const resources = byResource(security.acls.find(filterOf(request)));
      exchange.reply({ throttleTimeMs: 0, errorCode: ErrorCode.NONE, errorMessage: null, resources });
    },
  };
}
