/**
 * FindCoordinator (key 10), versions 0-6: this node coordinates every group and every transactional id.
 *
 * Any other type is INVALID_REQUEST with a text, which clients show and do not retry.
 * 1 key type; 3 flexible; 4 several keys, another shape; 6 share groups.
 */

import type { BrokerContext } from '../context.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode, type ErrorNumber } from '../protocol/error-codes.ts';
import {
  type FindCoordinatorRequest,
  type FindCoordinatorResponse,
  findCoordinatorApi,
} from '../protocol/gen/10-find-coordinator.gen.ts';

const SEVERAL_KEYS_SINCE = 4;
const GROUP = 0;
const TRANSACTION = 1;

interface Answer {
  errorCode: ErrorNumber;
  errorMessage: string | null;
  nodeId: number;
  host: string;
  port: number;
}

function refusalOf(keyType: number): string | undefined {
  if (keyType === GROUP || keyType === TRANSACTION) return undefined;
  return `coordinators of type ${keyType} are not supported`;
}

export function findCoordinatorHandler(
  context: BrokerContext,
): Handler<FindCoordinatorRequest, FindCoordinatorResponse> {
  return {
    api: findCoordinatorApi,
    minVersion: 0,
    maxVersion: 6,
    handle(request, exchange) {
      const { host, port } = context.node.address(exchange.peer);
      const refusal = refusalOf(request.keyType);
      const answer: Answer =
        refusal === undefined
          ? { errorCode: ErrorCode.NONE, errorMessage: null, nodeId: context.node.id, host, port }
          : { errorCode: ErrorCode.INVALID_REQUEST, errorMessage: refusal, nodeId: -1, host: '', port: -1 };
      if (exchange.apiVersion < SEVERAL_KEYS_SINCE) exchange.reply(answer);
      else exchange.reply({ coordinators: request.coordinatorKeys.map((key) => ({ key, ...answer })) });
    },
  };
}
