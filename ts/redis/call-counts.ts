/**
 * How often each command was called, under the names that redis_exporter gives them: `client|setinfo` for a subcommand.
 *
 * To remember: only names of the table occur, whatever clients send, so there are no more of them than commands.
 */

import type { Command } from './command.ts';
import { allCommands } from './command-table.ts';
import type { Statistics } from './statistics.ts';

const names: ReadonlyMap<Command, string> = new Map(
  allCommands.flatMap((command) => [
    [command, command.name] as const,
    ...(command.subcommands ?? []).map((sub) => [sub, `${command.name}|${sub.name}`] as const),
  ]),
);

/** Counts as `calls.<name>`; commands that were never called are left out. */
export function callsByName({ calls, directGets, directSets }: Statistics): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [command, count] of calls) counts[`calls.${names.get(command) ?? command.name}`] = count;
  if (directGets > 0) counts['calls.get'] = (counts['calls.get'] ?? 0) + directGets;
  if (directSets > 0) counts['calls.set'] = (counts['calls.set'] ?? 0) + directSets;
  return counts;
}
