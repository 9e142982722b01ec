/**
 * CreateAcls (key 30), versions 1-3: there is no access control, so nothing is changed and that is said (rule 53).
 *
 * 2 flexible; 3 user resources.
 */

import type { Handler } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { type CreateAclsRequest, type CreateAclsResponse, createAclsApi } from '../protocol/gen/30-create-acls.gen.ts';

const errorCode = ErrorCode.SECURITY_DISABLED;
const errorMessage = 'No Authorizer is configured.';

export function createAclsHandler(): Handler<CreateAclsRequest, CreateAclsResponse> {
  return {
    api: createAclsApi,
    minVersion: 1,
    maxVersion: 3,
    handle(request, exchange) {
      exchange.reply({ throttleTimeMs: 0, results: request.creations.map(() => ({ errorCode, errorMessage })) });
    },
  };
}
