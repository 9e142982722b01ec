/** ListPartitionReassignments (key 46), version 0: with one node nothing is ever on its way to another one. */

import type { Handler } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type ListPartitionReassignmentsRequest,
  type ListPartitionReassignmentsResponse,
  listPartitionReassignmentsApi,
} from '../protocol/gen/46-list-partition-reassignments.gen.ts';

export function listPartitionReassignmentsHandler(): Handler<
  ListPartitionReassignmentsRequest,
  ListPartitionReassignmentsResponse
> {
  return {
    api: listPartitionReassignmentsApi,
    minVersion: 0,
    maxVersion: 0,
    handle(_request, exchange) {
      exchange.reply({ throttleTimeMs: 0, errorCode: ErrorCode.NONE, errorMessage: null, topics: [] });
    },
  };
}
