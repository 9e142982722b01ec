/**
 * DescribeUserScramCredentials (key 50), version 0: which users have which credentials; never the credentials.
 *
 * No list, or an empty one, asks for all users.
 */

import type { BrokerContext } from '../context.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type DescribeUserScramCredentialsRequest,
  type DescribeUserScramCredentialsResponse,
  type DescribeUserScramCredentialsResult,
  describeUserScramCredentialsApi,
} from '../protocol/gen/50-describe-user-scram-credentials.gen.ts';
import { SCRAM_NUMBERS } from './scram-mechanisms.ts';

function describe({ security }: BrokerContext, user: string, isTwice: boolean): DescribeUserScramCredentialsResult {
  const refuse = (errorCode: number, errorMessage: string): DescribeUserScramCredentialsResult => {
    return { user, errorCode, errorMessage, credentialInfos: [] };
  };
  if (isTwice) {
    return refuse(
      ErrorCode.DUPLICATE_RESOURCE,
      `Cannot describe SCRAM credentials for the same user twice in a single request: ${user}`,
    );
  }
  const credentials = security.users.get(user);
  if (credentials === undefined) {
    return refuse(ErrorCode.RESOURCE_NOT_FOUND, `Attempt to describe a user credential that does not exist: ${user}`);
  }
  const credentialInfos = Array.from(credentials, ([mechanism, { iterations }]) => {
    return { mechanism: SCRAM_NUMBERS[mechanism], iterations };
  });
  return { user, errorCode: ErrorCode.NONE, errorMessage: null, credentialInfos };
}

export function describeUserScramCredentialsHandler(
  context: BrokerContext,
): Handler<DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse> {
  return {
    api: describeUserScramCredentialsApi,
    minVersion: 0,
    maxVersion: 0,
    handle({ users }, exchange) {
      const seen = new Set<string>();
      const twice = new Set<string>();
      for (const { name } of users ?? []) {
        if (seen.has(name)) twice.add(name);
        seen.add(name);
      }
      const names = seen.size === 0 ? context.security.users.names() : [...seen];
      const results = names.map((name) => describe(context, name, twice.has(name)));
      exchange.reply({ throttleTimeMs: 0, errorCode: ErrorCode.NONE, errorMessage: null, results });
    },
  };
}
