/**
 * CreateAcls (key 30), versions 1-3: new rules, in one frame, in force when they are answered; without an authorizer
 * nothing is changed and that is said (rule 53).
 *
 * 2 flexible; 3 user resources. A rule that is there already is no error.
 */

import { Code } from '../../io/native-types.ts';
import type { BrokerContext } from '../context.ts';
import { kafkaErrorOf } from '../engine-codes.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type AclCreation,
  type AclCreationResult,
  type CreateAclsRequest,
  type CreateAclsResponse,
  createAclsApi,
} from '../protocol/gen/30-create-acls.gen.ts';
import type { Acl } from '../security/acl.ts';
import { creationProblem, NO_AUTHORIZER } from './acl-request.ts';

function aclOf(creation: AclCreation): Acl {
  const { resourceType, resourceName, resourcePatternType, principal, host, operation, permissionType } = creation;
  return {
    resourceType,
    resourceName,
    patternType: resourcePatternType,
    principal,
    host,
    operation,
    permission: permissionType,
  };
}

export function createAclsHandler({ security }: BrokerContext): Handler<CreateAclsRequest, CreateAclsResponse> {
  return {
    api: createAclsApi,
    minVersion: 1,
    maxVersion: 3,
    handle({ creations }, exchange) {
      if (!security.access.isEnabled) {
        exchange.reply({ throttleTimeMs: 0, results: creations.map(() => ({ ...NO_AUTHORIZER })) });
        return;
      }
      const acls: Acl[] = [];
      const accepted: AclCreationResult[] = [];
      const results = creations.map((creation): AclCreationResult => {
        const problem = creationProblem(creation);
        if (problem !== undefined) return { errorCode: ErrorCode.INVALID_REQUEST, errorMessage: problem };
        const row: AclCreationResult = { errorCode: ErrorCode.NONE, errorMessage: null };
        acls.push(aclOf(creation));
        accepted.push(row);
        return row;
      });
      security.acls.add(acls, (code) => {
        if (code !== Code.ok) for (const row of accepted) row.errorCode = kafkaErrorOf(code);
        exchange.reply({ throttleTimeMs: 0, results });
      });
    },
  };
}
