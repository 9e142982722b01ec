/**
 * ListGroups (key 16), versions 0-5: every group that has members or committed offsets.
 *
 * 3 flexible; 4 a filter by state; 5 a filter by type. A filter that names nothing known
 * finds nothing, without an error.
 */

import type { BrokerContext } from '../context.ts';
import type { Handler } from '../handler.ts';
import { ErrorCode } from '../protocol/error-codes.ts';
import {
  type ListedGroup,
  type ListGroupsRequest,
  type ListGroupsResponse,
  listGroupsApi,
} from '../protocol/gen/16-list-groups.gen.ts';

const CLASSIC = 'classic';
const CONSUMER = 'consumer';

function allGroups(context: BrokerContext): ListedGroup[] {
  const { groups, consumerGroups, offsets } = context;
  const rows = new Map<string, ListedGroup>();
  for (const { id, state } of consumerGroups.all()) {
    rows.set(id, { groupId: id, protocolType: CONSUMER, groupState: state, groupType: CONSUMER });
  }
  for (const group of groups.all()) {
    if (rows.has(group.id) || (group.isIdle && !offsets.has(group.id))) continue;
    const protocolType = group.protocolType ?? '';
    rows.set(group.id, { groupId: group.id, protocolType, groupState: group.state, groupType: CLASSIC });
  }
  for (const groupId of offsets.groups()) {
    if (!rows.has(groupId)) rows.set(groupId, { groupId, protocolType: '', groupState: 'Empty', groupType: CLASSIC });
  }
  return [...rows.values()];
}

/** Whether `value` is wanted; an empty filter wants everything. Names count whatever their case. */
function isWanted(filter: readonly string[], value: string | undefined): boolean {
  return filter.length === 0 || filter.some((wanted) => wanted.toLowerCase() === value?.toLowerCase());
}

export function listGroupsHandler(context: BrokerContext): Handler<ListGroupsRequest, ListGroupsResponse> {
  return {
    api: listGroupsApi,
    minVersion: 0,
    maxVersion: 5,
    handle({ statesFilter, typesFilter }, exchange) {
      const groups = allGroups(context).filter(
        (row) => isWanted(statesFilter, row.groupState) && isWanted(typesFilter, row.groupType),
      );
      exchange.reply({ errorCode: ErrorCode.NONE, groups });
    },
  };
}
