/**
 * DeleteAcls (key 31), versions 1-3: there is no access control, so nothing is changed and that is said (rule 53).
 *
 * 2 flexible; 3 user resources.
 */

import type { Handler } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import { type DeleteAclsRequest, type DeleteAclsResponse, deleteAclsApi } from '../protocol/gen/31-delete-acls.gen.ts';

const errorCode = ErrorCode.SECURITY_DISABLED;
const errorMessage = 'No Authorizer is configured.';

export function deleteAclsHandler(): Handler<DeleteAclsRequest, DeleteAclsResponse> {
  return {
    api: deleteAclsApi,
    minVersion: 1,
    maxVersion: 3,
    handle(request, exchange) {
      exchange.reply({
        throttleTimeMs: 0,
        filterResults: request.filters.map(() => ({ errorCode, errorMessage, matchingAcls: [] })),
      });
    },
  };
}
