/**
 * DeleteAcls (key 31), versions 1-3: the rules that filters mean go, in one frame, and are told; without an authorizer
 * nothing is changed and that is said (rule 53).
 *
 * 2 flexible; 3 user resources.
 */

import { Code } from '../../io/native-types.ts';
import type { BrokerContext } from '../context.ts';
import { kafkaErrorOf } from '../engine-codes.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type DeleteAclsFilterResult,
  type DeleteAclsMatchingAcl,
  type DeleteAclsRequest,
  type DeleteAclsResponse,
  deleteAclsApi,
} from '../protocol/gen/31-delete-acls.gen.ts';
import type { Acl } from '../security/acl.ts';
import { filterOf, isFilterKnown, NO_AUTHORIZER } from './acl-request.ts';

function rowOf({ permission, ...acl }: Acl): DeleteAclsMatchingAcl {
  return { errorCode: ErrorCode.NONE, errorMessage: null, ...acl, permissionType: permission };
}

export function deleteAclsHandler({ security }: BrokerContext): Handler<DeleteAclsRequest, DeleteAclsResponse> {
  return {
    api: deleteAclsApi,
    minVersion: 1,
    maxVersion: 3,
    handle({ filters }, exchange) {
      if (!security.access.isEnabled) {
        const filterResults = filters.map(() => ({ ...NO_AUTHORIZER, matchingAcls: [] }));
        exchange.reply({ throttleTimeMs: 0, filterResults });
        return;
      }
      const meant = new Set<Acl>();
      const filterResults = filters.map((filter): DeleteAclsFilterResult => {
        if (!isFilterKnown(filter)) {
          const errorMessage = 'The filter has unknown elements.';
          return { errorCode: ErrorCode.INVALID_REQUEST, errorMessage, matchingAcls: [] };
        }
        const found = security.acls.find(filterOf(filter));
        for (const acl of found) meant.add(acl);
        return { errorCode: ErrorCode.NONE, errorMessage: null, matchingAcls: found.map(rowOf) };
      });
      security.acls.remove([...meant], (code) => {
        if (code !== Code.ok) {
          for (const { matchingAcls } of filterResults) {
            for (const row of matchingAcls) row.errorCode = kafkaErrorOf(code);
          }
        }
        exchange.reply({ throttleTimeMs: 0, filterResults });
      });
    },
  };
}
