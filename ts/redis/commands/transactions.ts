/** MULTI, EXEC, DISCARD, WATCH: commands that happen together, in one frame, or not at all. */

import type { Client } from '../client.ts';
import type { Call, Command } from '../command.ts';
import { CommandError, errors } from '../protocol/errors.ts';
import type { RedisHost } from '../redis-host.ts';

/** A client is in no transaction any more, and watches nothing. */
export function forgetTransaction(host: RedisHost, client: Client): void {
  client.queue = null;
  client.queueBytes = 0;
  client.isQueueBad = false;
  host.unwatch(client);
}

function exec(call: Call): void {
  const { client, host, reply } = call;
  const { queue } = client;
  if (queue === null) throw new CommandError('ERR EXEC without MULTI');
  if (client.isQueueBad) {
    forgetTransaction(host, client);
    throw new CommandError(errors.execAbort);
  }
  if (host.eviction.isOut && queue.some(({ command }) => command.flags.includes('denyoom'))) {
    forgetTransaction(host, client);
    throw new CommandError(`EXECABORT Transaction discarded because of: ${errors.outOfMemory}`);
  }
  // A key that has expired since was changed, though nobody wrote.
  if (client.isDirty || client.watched.some(({ db, key, wasThere }) => wasThere && !db.has(key))) {
    forgetTransaction(host, client);
    reply.nullArray();
    return;
  }
  const { db, protocol } = client;
  try {
    reply.array(queue.length);
    for (const { command, args } of queue) host.perform(client, command, args);
  } catch (reason) {
    // It has to wait for the disk, and begins again.
    client.db = db;
    client.protocol = protocol;
    throw reason;
  }
  forgetTransaction(host, client);
}

export const transactionCommands: readonly Command[] = [
  {
    name: 'multi',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
    group: 'transactions',
    since: '1.2.0',
    summary: 'Starts a transaction.',
    note: 'at most 100,000 commands and 64 MiB',
    run: ({ client, reply }) => {
      if (client.queue !== null) throw new CommandError('ERR MULTI calls can not be nested');
      client.queue = [];
      reply.ok();
    },
  },
  {
    name: 'exec',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'skip_monitor'],
    group: 'transactions',
    since: '1.2.0',
    summary: 'Executes all commands in a transaction.',
    note: 'one frame of the journal: a crash leaves all of it or nothing',
    run: exec,
  },
  {
    name: 'discard',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
    group: 'transactions',
    since: '2.0.0',
    summary: 'Discards a transaction.',
    run: ({ client, host, reply }) => {
      if (client.queue === null) throw new CommandError('ERR DISCARD without MULTI');
      forgetTransaction(host, client);
      reply.ok();
    },
  },
  {
    name: 'watch',
    arity: -2,
    flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
    keys: [1, -1, 1],
    group: 'transactions',
    since: '2.2.0',
    summary: 'Monitors changes to keys to determine the execution of a transaction.',
    note: 'at most 100,000 keys',
    run: ({ args, client, host, reply }) => {
      if (client.queue !== null) throw new CommandError('ERR WATCH inside MULTI is not allowed');
      if (client.watched.length + args.length > WATCHED_MAX) throw new CommandError('ERR too many watched keys');
      for (const key of args.slice(1)) client.db.has(key);
      for (const key of args.slice(1)) host.watch(client, key);
      reply.ok();
    },
  },
  {
    name: 'unwatch',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast', 'allow_busy'],
    group: 'transactions',
    since: '2.2.0',
    summary: 'Forgets about watched keys of a transaction.',
    run: ({ client, host, reply }) => {
      host.unwatch(client);
      reply.ok();
    },
  },
];

const WATCHED_MAX = 100_000;
