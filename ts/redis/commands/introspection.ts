/** COMMAND: the table of commands, told to clients from the one that is executed. */

import { arityFits, type Call, type Command, keysOf } from '../command.ts';
import { commandNamed, subcommandNamed } from '../command-table.ts';
import { CommandError } from '../protocol/errors.ts';
import type { ReplyWriter } from '../protocol/reply-writer.ts';

/** The categories of a command, as Redis names them. */
export function categories({ flags, group, keys }: Command): string[] {
  const names = new Set<string>();
  if (flags.includes('write')) names.add('write');
  if (flags.includes('readonly') && group !== 'scripting') names.add('read');
  if (flags.includes('admin')) names.add('admin').add('dangerous');
  if (flags.includes('pubsub')) names.add('pubsub');
  names.add(flags.includes('fast') ? 'fast' : 'slow');
  if (flags.includes('blocking')) names.add('blocking');
  const named: Partial<Record<Command['group'], string>> = {
    string: 'string',
    bitmap: 'bitmap',
    connection: 'connection',
    transactions: 'transaction',
    hash: 'hash',
    set: 'set',
    'sorted-set': 'sortedset',
    list: 'list',
    scripting: 'scripting',
  };
  const own = named[group];
  if (own !== undefined) names.add(own);
  if (group === 'generic' && keys !== undefined) names.add('keyspace');
  return [...names].map((name) => `@${name}`);
}

function describe(reply: ReplyWriter, command: Command, prefix: string): void {
  const [first, last, step] = command.keys ?? [0, 0, 0];
  reply.array(10);
  reply.text(prefix + command.name);
  reply.integer(command.arity);
  reply.set(command.flags.length);
  for (const flag of command.flags) reply.simple(flag);
  for (const number of [first, last, step]) reply.integer(number);
  const names = categories(command);
  reply.set(names.length);
  for (const name of names) reply.simple(name);
  reply.array(0);
  describeKeys(reply, command);
  const subcommands = command.subcommands ?? [];
  reply.array(subcommands.length);
  for (const sub of subcommands) describe(reply, sub, `${command.name}|`);
}

/** The key specification that says the same as the three numbers. */
function describeKeys(reply: ReplyWriter, { keys, flags }: Command): void {
  reply.array(keys === undefined ? 0 : 1);
  if (keys === undefined) return;
  const [first, last, step] = keys;
  reply.map(3);
  reply.text('flags');
  reply.set(1);
  reply.simple(flags.includes('write') ? 'RW' : 'RO');
  reply.text('begin_search');
  reply.map(2);
  reply.text('type');
  reply.text('index');
  reply.text('spec');
  reply.map(1);
  reply.text('index');
  reply.integer(first);
  reply.text('find_keys');
  reply.map(2);
  reply.text('type');
  reply.text('range');
  reply.text('spec');
  reply.map(3);
  reply.text('lastkey');
  reply.integer(last < 0 ? last : last - first);
  reply.text('keystep');
  reply.integer(step);
  reply.text('limit');
  reply.integer(0);
}

/** A command, or `container|subcommand`. */
function named(arg: Buffer): { command: Command; prefix: string } | undefined {
  const [name = '', sub] = arg.toString('latin1').split('|');
  const command = commandNamed(name);
  if (command === undefined || sub === undefined) return command && { command, prefix: '' };
  const found = subcommandNamed(command, Buffer.from(sub));
  return found && { command: found, prefix: `${command.name}|` };
}

function info({ args, host, reply }: Call): void {
  if (args.length === 2) {
    all({ host, reply });
    return;
  }
  reply.array(args.length - 2);
  for (const arg of args.slice(2)) {
    const found = named(arg);
    if (found === undefined) reply.null();
    else describe(reply, found.command, found.prefix);
  }
}

function all({ host, reply }: Pick<Call, 'host' | 'reply'>): void {
  reply.array(host.commands.length);
  for (const command of host.commands) describe(reply, command, '');
}

function docs({ args, host, reply }: Call): void {
  const found =
    args.length > 2
      ? args.slice(2).flatMap((arg) => named(arg) ?? [])
      : host.commands.map((command) => ({ command, prefix: '' }));
  reply.map(found.length);
  for (const { command, prefix } of found) document(reply, command, prefix);
}

function document(reply: ReplyWriter, command: Command, prefix: string): void {
  const subcommands = command.subcommands ?? [];
  reply.text(prefix + command.name);
  reply.map(subcommands.length > 0 ? 4 : 3);
  for (const [field, value] of [
    ['summary', command.summary],
    ['since', command.since],
    ['group', command.group],
  ] as const) {
    reply.text(field);
    reply.text(value);
  }
  if (subcommands.length === 0) return;
  reply.text('subcommands');
  reply.map(subcommands.length);
  for (const sub of subcommands) document(reply, sub, `${command.name}|`);
}

function getKeys({ args, reply }: Call): void {
  const rest = args.slice(2);
  const container = commandNamed((rest[0] as Buffer).toString('latin1'));
  if (container === undefined) throw new CommandError('ERR Invalid command specified');
  const command =
    container.subcommands !== undefined && rest[1] !== undefined
      ? (subcommandNamed(container, rest[1]) ?? container)
      : container;
  if (command.keys === undefined && command.keysOf === undefined) {
    throw new CommandError('ERR The command has no key arguments');
  }
  if (!arityFits(command, rest.length)) throw new CommandError('ERR Invalid number of arguments specified for command');
  const keys = keysOf(command, rest);
  reply.array(keys.length);
  for (const key of keys) reply.bulk(key);
}

const shared = { flags: ['loading', 'stale'], group: 'server' } as const;

export const introspectionCommands: readonly Command[] = [
  {
    name: 'command',
    arity: -1,
    flags: ['loading', 'stale'],
    group: 'server',
    since: '2.8.13',
    summary: 'Returns detailed information about all commands.',
    run: all,
    subcommands: [
      {
        ...shared,
        name: 'count',
        arity: 2,
        since: '2.8.13',
        summary: 'Returns a count of commands.',
        run: ({ host, reply }) => reply.integer(host.commands.length),
      },
      {
        ...shared,
        name: 'docs',
        arity: -2,
        since: '7.0.0',
        summary: 'Returns documentary information about one, multiple or all commands.',
        run: docs,
      },
      {
        ...shared,
        name: 'info',
        arity: -2,
        since: '2.8.13',
        summary: 'Returns information about one, multiple or all commands.',
        run: info,
      },
      {
        ...shared,
        name: 'getkeys',
        arity: -4,
        since: '2.8.13',
        summary: 'Extracts the key names from an arbitrary command.',
        run: getKeys,
      },
      {
        ...shared,
        name: 'list',
        arity: 2,
        since: '7.0.0',
        summary: 'Returns a list of command names.',
        run: ({ host, reply }) => {
          reply.set(host.commands.length);
          for (const { name } of host.commands) reply.text(name);
        },
      },
    ],
  },
];
