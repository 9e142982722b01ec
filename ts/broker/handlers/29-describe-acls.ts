/**
 * DescribeAcls (key 29), versions 1-3: there is no access control, and that is what is answered (rule 53): user
 * interfaces ask in order to know.
 *
 * 2 flexible; 3 user resources.
 */

import type { Handler } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type DescribeAclsRequest,
  type DescribeAclsResponse,
  describeAclsApi,
} from '../protocol/gen/29-describe-acls.gen.ts';

export function describeAclsHandler(): Handler<DescribeAclsRequest, DescribeAclsResponse> {
  return {
    api: describeAclsApi,
    minVersion: 1,
    maxVersion: 3,
    handle(_request, exchange) {
      const errorMessage = 'No Authorizer is configured.';
      exchange.reply({ throttleTimeMs: 0, errorCode: ErrorCode.SECURITY_DISABLED, errorMessage, resources: [] });
    },
  };
}
