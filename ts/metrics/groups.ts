/**
 * The names of all consumer groups of a broker, of either protocol, and of those that have only committed.
 *
 * Not what is in them. To remember: a group that nobody is in and that has committed nothing is none.
 */

import type { BrokerContext } from '../broker/context.ts';

/** Sorted, each once. */
export function groupIds({ groups, consumerGroups, offsets }: BrokerContext): string[] {
  const ids = new Set<string>(offsets.groups());
  for (const { id } of consumerGroups.all()) ids.add(id);
  for (const group of groups.all()) if (!group.isIdle) ids.add(group.id);
  return [...ids].sort();
}
