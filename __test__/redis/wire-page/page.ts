/** The page docs/wire/redis.md, written from the table of commands. */
import type { Command, Group } from '../../../ts/redis/command.ts';
import { allCommands } from '../../../ts/redis/command-table.ts';

const titles: readonly (readonly [Group, string])[] = [
  ['string', 'Strings'],
  ['bitmap', 'Bits'],
  ['generic', 'Keys'],
  ['hash', 'Hashes'],
  ['set', 'Sets'],
  ['sorted-set', 'Sorted sets'],
  ['list', 'Lists'],
  ['transactions', 'Transactions'],
  ['pubsub', 'Publish and subscribe'],
  ['scripting', 'Scripts'],
  ['connection', 'Connection'],
  ['server', 'Server'],
];

function row(command: Command, prefix: string): string {
  const cells = [`\`${`${prefix}${command.name}`.toUpperCase()}\``, command.since, String(command.arity)];
  return `| ${[...cells, command.summary, command.note ?? ''].join(' | ')} |`;
}

function rows(command: Command): string[] {
  const subcommands = (command.subcommands ?? []).map((sub) => row(sub, `${command.name} `));
  return command.run === undefined && subcommands.length > 0 ? subcommands : [row(command, ''), ...subcommands];
}

const introduction = `# Redis on the wire

Written from the table of commands (\`ts/redis/command-table.ts\`) by \`__test__/redis/wire-page/regenerate.ts\`; a test
compares it. RESP2 and RESP3, inline commands, 16 databases. A command that is not here gets Redis' own error.

## Promises

- **A reply leaves when what it tells of is as safe as \`appendfsync\` says**: \`always\` after the flush that covers it, also
  for reads that saw somebody else's write; \`everysec\` and \`no\` when it is written. \`CONFIG SET appendfsync\` switches it
  while running, for the whole data directory. All commands that arrive in a turn of the event loop are one frame of the
  journal, and so one flush.
- **MULTI/EXEC is one frame**: a crash leaves all of it or nothing. So is every command, on however many keys.
- **Whoever waits for a key** (\`BLPOP\` and its kin) is served in the turn that fills it, the longest waiting first; what it
  takes is part of the same frame, so an element that was received comes back only where \`appendfsync\` lets a power cut
  take a write back.
- **Keys** are stored as they are, so the embedded API reads the same bytes from the store \`redis-0\`.
- Commands run one after another, over memory; one that needs the disk waits, with its connection, and others go on.
- Expired keys are gone for every command at once. There is no event when the engine removes one that nobody asked for.

## Limits

\`proto-max-bulk-len\` an argument (512 MiB), 1 KiB more and 1,048,576 arguments a command, 10 arguments of 16 KiB before AUTH.
Memory is taken as bytes arrive; what has not come whole takes at most \`client-query-buffer-limit\` (1 GiB) of all connections
together, and who would pass that is closed. A command or transaction changes at most 24 MiB of keys and members, values of
\`largeValueBytes\` and more not counted. 100,000 commands in a
transaction, 100,000 watched keys. A client that leaves 1 MiB of replies unread is not served further until it reads; a
subscriber with 32 MiB waiting is closed. Patterns are at most 1 KiB long. \`FLUSHALL\` and \`SHUTDOWN\` mean what they say.

## Not here

Cluster, replication, ACL users beyond \`default\` and its password, modules, functions, streams, shard channels, CLIENT
PAUSE, the latency monitor, Lua (the scripts of lock libraries are known and run natively). SWAPDB is not here, because a database is three stores with names that the embedded API opens too: a swap would have to
rename them under whoever has them open.
`;

/** The whole page. */
export function redisPage(): string {
  const parts = titles.flatMap(([group, title]) => {
    const commands = allCommands.filter((command) => command.group === group);
    if (commands.length === 0) return [];
    const head = [`## ${title}`, '', '| command | since | arity | what it does | here |', '|---|---|---|---|---|'];
    return [[...head, ...commands.flatMap(rows)].join('\n')];
  });
  return `${[introduction, ...parts].join('\n')}\n`.replaceAll('\n## ', '\n\n## ').replaceAll('\n\n\n', '\n\n');
}
