/** What a connection is: its protocol, its database, who it is, and whether it is there. */

import { createHash, timingSafeEqual } from 'node:crypto';
import { version } from '../../version.ts';
import type { Client } from '../client.ts';
import type { Call, Command } from '../command.ts';
import { CommandError, errors, wrongArity } from '../protocol/errors.ts';
import { parseInt64 } from '../protocol/numbers.ts';
import { at, word } from './arguments.ts';
import { databaseOf } from './keys.ts';
import { unsubscribeAll } from './pubsub.ts';
import { forgetTransaction } from './transactions.ts';

/** The level of Redis that is followed; ours is beside it. */
export const REDIS_VERSION = '7.2.4';

const WRONG_PASSWORD = 'WRONGPASS invalid username-password pair or user is disabled.';
const NO_PASSWORD =
  'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?';

/** Takes the same time whatever is wrong. */
function isSame(left: Buffer, right: Buffer): boolean {
  const digest = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();
  return timingSafeEqual(digest(left), digest(right));
}

function authenticate({ client, host }: Call, user: Buffer, password: Buffer): void {
  const wanted = host.settings.text('requirepass');
  const isUser = user.toString('latin1') === 'default';
  const isRight = isSame(password, Buffer.from(wanted)) || wanted === '';
  if (!isUser || !isRight) throw new CommandError(WRONG_PASSWORD);
  client.isAuthenticated = true;
  client.setLimits();
}

function auth(call: Call): void {
  const { args, host, reply } = call;
  if (args.length > 3) throw new CommandError(errors.syntax);
  if (args.length === 2 && host.settings.text('requirepass') === '') throw new CommandError(NO_PASSWORD);
  const user = args.length === 3 ? at(args, 1) : Buffer.from('default');
  authenticate(call, user, at(args, args.length - 1));
  reply.ok();
}

/** The name of a connection; throws when it holds what CLIENT LIST could not show. */
export function checkName(name: Buffer): void {
  for (const byte of name) {
    if (byte < 33 || byte > 126) {
      throw new CommandError('ERR Client names cannot contain spaces, newlines or special characters.');
    }
  }
}

function hello(call: Call): void {
  const { args, client, reply } = call;
  let protocol = client.protocol;
  if (args.length > 1) {
    const asked = parseInt64(at(args, 1));
    if (asked === undefined) throw new CommandError('ERR Protocol version is not an integer or out of range');
    if (asked !== 2n && asked !== 3n) throw new CommandError('NOPROTO unsupported protocol version');
    protocol = asked === 3n ? 3 : 2;
  }
  let name: Buffer | null = null;
  let credentials: [Buffer, Buffer] | null = null;
  for (let index = 2; index < args.length; index += 1) {
    const option = word(args[index]);
    if (option === 'AUTH' && index + 2 < args.length) {
      credentials = [at(args, index + 1), at(args, index + 2)];
      index += 2;
    } else if (option === 'SETNAME' && index + 1 < args.length) {
      name = at(args, index + 1);
      checkName(name);
      index += 1;
    } else {
      throw new CommandError(`ERR Syntax error in HELLO option '${word(args[index]).toLowerCase()}'`);
    }
  }
  if (credentials !== null) authenticate(call, ...credentials);
  if (!client.isAuthenticated) {
    throw new CommandError(
      'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time',
    );
  }
  if (name !== null) client.name = Buffer.from(name);
  client.protocol = protocol;
  reply.protocol = protocol;
  describe(call, client);
}

function describe({ reply }: Call, client: Client): void {
  reply.map(7);
  for (const [field, value] of [
    ['server', 'redis'],
    ['version', REDIS_VERSION],
  ] as const) {
    reply.text(field);
    reply.text(value);
  }
  reply.text('proto');
  reply.integer(client.protocol);
  reply.text('id');
  reply.integer(client.id);
  for (const [field, value] of [
    ['mode', 'standalone'],
    ['role', 'master'],
  ] as const) {
    reply.text(field);
    reply.text(value);
  }
  reply.text('modules');
  reply.array(0);
}

function ping({ args, client, reply }: Call): void {
  if (args.length > 2) throw new CommandError(wrongArity('ping'));
  if (client.protocol === 2 && client.isSubscribed) {
    reply.array(2);
    reply.text('pong');
    reply.bulk(args[1] ?? Buffer.alloc(0));
  } else if (args.length === 2) {
    reply.bulk(at(args, 1));
  } else {
    reply.simple('PONG');
  }
}

function reset({ client, host, reply }: Call): void {
  forgetTransaction(host, client);
  unsubscribeAll(host, client);
  host.tracking.stop(client);
  host.refreshWatched();
  client.db = host.databases[0] as Client['db'];
  client.name = Buffer.alloc(0);
  client.protocol = 2;
  client.replies = 'on';
  client.isNoEvict = false;
  client.isNoTouch = false;
  client.isAuthenticated = host.settings.text('requirepass') === '';
  client.setLimits();
  reply.protocol = 2;
  reply.simple('RESET');
}

export const connectionCommands: readonly Command[] = [
  {
    name: 'auth',
    arity: -2,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    group: 'connection',
    since: '1.0.0',
    summary: 'Authenticates the connection.',
    note: 'one password, for the user default',
    run: auth,
  },
  {
    name: 'hello',
    arity: -1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    group: 'connection',
    since: '6.0.0',
    summary: 'Handshakes with the server.',
    run: hello,
  },
  {
    name: 'ping',
    arity: -1,
    flags: ['fast'],
    group: 'connection',
    since: '1.0.0',
    summary: "Returns the server's liveliness response.",
    run: ping,
  },
  {
    name: 'echo',
    arity: 2,
    flags: ['loading', 'stale', 'fast'],
    group: 'connection',
    since: '1.0.0',
    summary: 'Returns the given string.',
    run: ({ args, reply }) => reply.bulk(at(args, 1)),
  },
  {
    name: 'quit',
    arity: -1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    group: 'connection',
    since: '1.0.0',
    summary: 'Closes the connection.',
    run: ({ client, host, reply }) => {
      reply.ok();
      host.end(client);
    },
  },
  {
    name: 'select',
    arity: 2,
    flags: ['loading', 'stale', 'fast'],
    group: 'connection',
    since: '1.0.0',
    summary: 'Changes the selected database.',
    run: (call) => {
      call.client.db = databaseOf(call, at(call.args, 1));
      call.reply.ok();
    },
  },
  {
    name: 'reset',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
    group: 'connection',
    since: '6.2.0',
    summary: 'Resets the connection.',
    run: reset,
  },
];

/** What CLIENT and INFO say of the program. */
export const ownVersion: string = version;
