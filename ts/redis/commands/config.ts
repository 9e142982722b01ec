/** CONFIG: the settings by Redis' names, changed while running. */

import type { Call, Command } from '../command.ts';
import { CommandError, wrongArity } from '../protocol/errors.ts';
import { globMatches } from '../protocol/glob.ts';

function get({ args, host, reply }: Call): void {
  const names = [...host.settings.names].filter((name) => {
    const bytes = Buffer.from(name);
    return args.slice(2).some((pattern) => globMatches(pattern, bytes, true));
  });
  reply.map(names.length);
  for (const name of names) {
    reply.text(name);
    reply.bulk(Buffer.from(host.settings.text(name)));
  }
}

function set({ args, host, reply }: Call): void {
  if (args.length % 2 === 1) throw new CommandError(wrongArity('config|set'));
  const pairs: [string, string][] = [];
  for (let index = 2; index < args.length; index += 2) {
    pairs.push([(args[index] as Buffer).toString('latin1').toLowerCase(), String(args[index + 1])]);
  }
  const problem = host.settings.change(pairs);
  if (problem !== undefined) throw new CommandError(problem);
  reply.ok();
}

const shared = { flags: ['admin', 'noscript', 'loading', 'stale'], group: 'server' } as const;

export const configCommands: readonly Command[] = [
  {
    name: 'config',
    arity: -2,
    flags: [],
    group: 'server',
    since: '2.0.0',
    summary: 'A container for server configuration commands.',
    subcommands: [
      {
        ...shared,
        name: 'get',
        arity: -3,
        since: '2.0.0',
        summary: 'Returns the effective values of configuration parameters.',
        run: get,
      },
      {
        ...shared,
        name: 'set',
        arity: -4,
        since: '2.0.0',
        summary: 'Sets configuration parameters in-flight.',
        note: 'until the server ends; appendonly no is refused',
        run: set,
      },
      {
        ...shared,
        name: 'resetstat',
        arity: 2,
        since: '2.0.0',
        summary: "Resets the server's statistics.",
        run: ({ host, reply }) => {
          host.statistics.expiredBefore += host.expiredKeys;
          host.statistics.reset();
          reply.ok();
        },
      },
    ],
  },
];
