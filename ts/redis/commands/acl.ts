/**
 * ACL: the one user there is, as tools ask for it.
 *
 * Not access control: there is the user `default`, with one password or none, who may do everything; what would change or
 * add users is an unknown subcommand, so that nobody takes a rule for kept that is not.
 */

import { createHash, randomBytes } from 'node:crypto';
import type { Call, Command } from '../command.ts';
import { CommandError } from '../protocol/errors.ts';
import { at, integer } from './arguments.ts';
import { categories } from './introspection.ts';

const USER = 'default';
const GENPASS_BITS = 256;
const GENPASS_MAX = 4096;

/** The passwords of the user as Redis shows them: hashed. */
function hashes({ host }: Call): string[] {
  const password = host.settings.text('requirepass');
  return password === '' ? [] : [createHash('sha256').update(password).digest('hex')];
}

function list(call: Call): void {
  const [hash] = hashes(call);
  call.reply.array(1);
  call.reply.text(`user ${USER} on ${hash === undefined ? 'nopass' : `#${hash}`} ~* &* +@all`);
}

function getUser(call: Call): void {
  const { args, reply } = call;
  if (at(args, 2).toString('latin1') !== USER) {
    reply.null();
    return;
  }
  const passwords = hashes(call);
  const flags = passwords.length === 0 ? ['on', 'nopass'] : ['on'];
  reply.map(6);
  reply.text('flags');
  reply.set(flags.length);
  for (const flag of flags) reply.text(flag);
  reply.text('passwords');
  reply.array(passwords.length);
  for (const password of passwords) reply.text(password);
  for (const [field, value] of [
    ['commands', '+@all'],
    ['keys', '~*'],
    ['channels', '&*'],
  ] as const) {
    reply.text(field);
    reply.text(value);
  }
  reply.text('selectors');
  reply.array(0);
}

/** Names of commands by category, subcommands as `container|name`. */
function byCategory(commands: readonly Command[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const add = (command: Command, prefix: string): void => {
    for (const category of categories(command)) {
      const names = found.get(category.slice(1));
      if (names) names.push(prefix + command.name);
      else found.set(category.slice(1), [prefix + command.name]);
    }
    for (const sub of command.subcommands ?? []) add(sub, `${command.name}|`);
  };
  for (const command of commands) add(command, '');
  return found;
}

function cat({ args, host, reply }: Call): void {
  const found = byCategory(host.commands);
  const wanted = args[2]?.toString('latin1');
  const names = wanted === undefined ? [...found.keys()] : found.get(wanted.toLowerCase());
  if (names === undefined || args.length > 3) throw new CommandError(`ERR Unknown category '${wanted}'`);
  reply.array(names.length);
  for (const name of names) reply.text(name);
}

function genpass({ args, reply }: Call): void {
  const bits = args.length > 2 ? integer(at(args, 2)) : GENPASS_BITS;
  if (bits <= 0 || bits > GENPASS_MAX) {
    throw new CommandError(
      'ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096',
    );
  }
  const digits = Math.ceil(bits / 4);
  reply.text(
    randomBytes(Math.ceil(digits / 2))
      .toString('hex')
      .slice(0, digits),
  );
}

const admin = { flags: ['admin', 'noscript', 'loading', 'stale'], group: 'server', since: '6.0.0' } as const;
const open = { ...admin, flags: ['noscript', 'loading', 'stale'] } as const;

export const aclCommands: readonly Command[] = [
  {
    name: 'acl',
    arity: -2,
    flags: [],
    group: 'server',
    since: '6.0.0',
    summary: 'A container for Access List Control commands.',
    note: 'one user, `default`, who may do everything: what would change users is an unknown subcommand',
    subcommands: [
      {
        ...open,
        name: 'whoami',
        arity: 2,
        summary: 'Returns the authenticated username of the current connection.',
        run: ({ reply }) => reply.text(USER),
      },
      { ...admin, name: 'list', arity: 2, summary: 'Dumps the effective rules in ACL file format.', run: list },
      {
        ...admin,
        name: 'users',
        arity: 2,
        summary: 'Lists all ACL users.',
        run: ({ reply }) => {
          reply.array(1);
          reply.text(USER);
        },
      },
      { ...admin, name: 'getuser', arity: 3, summary: 'Lists the ACL rules of a user.', run: getUser },
      {
        ...open,
        name: 'cat',
        arity: -2,
        summary: 'Lists the ACL categories, or the commands inside a category.',
        note: 'of the commands that are here',
        run: cat,
      },
      {
        ...open,
        name: 'genpass',
        arity: -2,
        summary: 'Generates a pseudorandom, secure password that can be used to identify ACL users.',
        run: genpass,
      },
    ],
  },
];
