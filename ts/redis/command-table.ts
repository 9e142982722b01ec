/**
 * All commands, by name.
 *
 * To remember: what is not in here is an unknown command, with Redis' own error; nothing answers as if it had done what
 * it has not.
 */

import type { Command } from './command.ts';
import { aclCommands } from './commands/acl.ts';
import { backupCommands } from './commands/backup.ts';
import { bitAlgebraCommands } from './commands/bit-algebra.ts';
import { bitFieldCommands } from './commands/bit-fields.ts';
import { bitCommands } from './commands/bits.ts';
import { clientCommands } from './commands/clients.ts';
import { configCommands } from './commands/config.ts';
import { connectionCommands } from './commands/connection.ts';
import { dumpCommands } from './commands/dump.ts';
import { expiryCommands } from './commands/expiry.ts';
import { hashCommands } from './commands/hashes.ts';
import { withHelp } from './commands/help.ts';
import { introspectionCommands } from './commands/introspection.ts';
import { keyCommands } from './commands/keys.ts';
import { listMoveCommands } from './commands/list-moves.ts';
import { listCommands } from './commands/lists.ts';
import { pubsubCommands } from './commands/pubsub.ts';
import { scanCommands } from './commands/scan.ts';
import { scriptCommands } from './commands/scripts.ts';
import { serverCommands } from './commands/server.ts';
import { setAlgebraCommands } from './commands/set-algebra.ts';
import { setCommands } from './commands/sets.ts';
import { sortCommands } from './commands/sort.ts';
import { sortedSetAddCommands } from './commands/sorted-set-add.ts';
import { sortedSetAlgebraCommands } from './commands/sorted-set-algebra.ts';
import { sortedSetPopCommands } from './commands/sorted-set-pops.ts';
import { sortedSetRangeCommands } from './commands/sorted-set-ranges.ts';
import { sortedSetCommands } from './commands/sorted-sets.ts';
import { stringPartCommands } from './commands/string-parts.ts';
import { stringCommands } from './commands/strings.ts';
import { transactionCommands } from './commands/transactions.ts';

const ours: readonly Command[] = [
  ...stringCommands,
  ...stringPartCommands,
  ...bitCommands,
  ...bitAlgebraCommands,
  ...bitFieldCommands,
  ...hashCommands,
  ...setCommands,
  ...setAlgebraCommands,
  ...sortedSetAddCommands,
  ...sortedSetCommands,
  ...sortedSetRangeCommands,
  ...sortedSetPopCommands,
  ...sortedSetAlgebraCommands,
  ...listCommands,
  ...listMoveCommands,
  ...sortCommands,
  ...keyCommands,
  ...expiryCommands,
  ...dumpCommands,
  ...scanCommands,
  ...transactionCommands,
  ...pubsubCommands,
  ...scriptCommands,
  ...connectionCommands,
  ...clientCommands,
  ...serverCommands,
  ...backupCommands,
  ...configCommands,
  ...introspectionCommands,
  ...aclCommands,
];

export const allCommands: readonly Command[] = ours.map(withHelp);

/** By both usual spellings; any other is folded first. */
const byName = new Map<string, Command>(
  allCommands.flatMap((command): [string, Command][] => [
    [command.name, command],
    [command.name.toUpperCase(), command],
  ]),
);

/** The command of this name, in any case. */
export function commandNamed(name: string): Command | undefined {
  return byName.get(name) ?? byName.get(name.toLowerCase());
}

/** A subcommand by its name, in any case. */
export function subcommandNamed(container: Command, name: Buffer): Command | undefined {
  const wanted = name.toString('latin1').toLowerCase();
  return container.subcommands?.find((sub) => sub.name === wanted);
}
