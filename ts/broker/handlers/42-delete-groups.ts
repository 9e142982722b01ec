/**
 * DeleteGroups (key 42), versions 0-2: forgets groups without members, with all their offsets (rule 44).
 *
 * 2 flexible.
 */

import { Code } from '../../io/native-types.ts';
import type { BrokerContext } from '../context.ts';
import type { Exchange, Handler } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type DeletableGroupResult,
  type DeleteGroupsRequest,
  type DeleteGroupsResponse,
  deleteGroupsApi,
} from '../protocol/gen/42-delete-groups.gen.ts';

/** One request until every group is deleted or refused. */
class OpenDeleteGroups {
  readonly #context: BrokerContext;
  readonly #exchange: Exchange<DeleteGroupsResponse>;
  readonly #results: DeletableGroupResult[];
  #open = 1;

  constructor(context: BrokerContext, groups: Iterable<string>, exchange: Exchange<DeleteGroupsResponse>) {
    this.#context = context;
    this.#exchange = exchange;
    this.#results = Array.from(groups, (groupId) => ({ groupId, errorCode: ErrorCode.NONE }));
    for (const row of this.#results) this.#delete(row);
    this.#close();
  }

  #delete(row: DeletableGroupResult): void {
    const { groups, consumerGroups, offsets, keptGroups } = this.#context;
    const group = groups.get(row.groupId);
    if ((group && !group.isIdle) || consumerGroups.get(row.groupId) !== undefined) {
      row.errorCode = ErrorCode.NON_EMPTY_GROUP;
      return;
    }
    if (!offsets.has(row.groupId) && !keptGroups.has(row.groupId)) {
      row.errorCode = ErrorCode.GROUP_ID_NOT_FOUND;
      return;
    }
    this.#open++;
    offsets.delete(
      row.groupId,
      () => true,
      (code) => {
        if (code === Code.ok) {
          keptGroups.drop(row.groupId);
          groups.forgetUnused(row.groupId);
          consumerGroups.forgetUnused(row.groupId);
        } else row.errorCode = ErrorCode.COORDINATOR_NOT_AVAILABLE;
        this.#close();
      },
    );
  }

  #close(): void {
    this.#open--;
    if (this.#open === 0) this.#exchange.reply({ throttleTimeMs: 0, results: this.#results });
  }
}

export function deleteGroupsHandler(context: BrokerContext): Handler<DeleteGroupsRequest, DeleteGroupsResponse> {
  return {
    api: deleteGroupsApi,
    minVersion: 0,
    maxVersion: 2,
    handle(request, exchange) {
      new OpenDeleteGroups(context, new Set(request.groupsNames), exchange);
    },
  };
}
