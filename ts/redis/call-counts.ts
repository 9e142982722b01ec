/**
 * How often each command was called and how long it took, under the names that redis_exporter gives them: `client|setinfo` for a subcommand.
 *
 * To remember: only names of the table occur, whatever clients send, so there are no more of them than commands.
 */

import type { Command } from './command.ts';
import { allCommands } from './command-table.ts';
import type { Statistics } from './statistics.ts';

const MICROS_PER_SECOND = 1e6;

const names: ReadonlyMap<Command, string> = new Map(
  allCommands.flatMap((command) => [
    [command, command.name] as const,
    ...(command.subcommands ?? []).map((sub) => [sub, `${command.name}|${sub.name}`] as const),
  ]),
);

/** A command as it is counted: with its container's name in front. */
export function commandName(command: Command): string {
  return names.get(command) ?? command.name;
}

/** Counts as `calls.<name>`, seconds as `seconds.<name>`; commands that were never called are left out. */
export function callsByName(statistics: Statistics): Record<string, number> {
  const { calls, micros } = statistics;
  const counts: Record<string, number> = {};
  for (const [command, count] of calls) counts[`calls.${commandName(command)}`] = count;
  for (const [command, spent] of micros) counts[`seconds.${commandName(command)}`] = spent / MICROS_PER_SECOND;
  return counts;
}
