/** The server itself: INFO, flushes, time, slow log, memory, saving. */

import { decodeHead } from '../collection-head.ts';
import type { Call, Command } from '../command.ts';
import type { Database } from '../database.ts';
import { infoText } from '../info.ts';
import { CommandError, errors, wrongArity } from '../protocol/errors.ts';
import { Unfinished } from '../unfinished.ts';
import { at, integer, word } from './arguments.ts';
import { memberBytes } from './collection-traits.ts';

function flush(databases: (call: Call) => readonly Database[]): (call: Call) => void {
  return (call) => {
    const { args, reply } = call;
    const mode = word(args[1]);
    if (args.length > 2 || (args.length === 2 && mode !== 'SYNC' && mode !== 'ASYNC')) {
      throw new CommandError(errors.syntax);
    }
    for (const db of databases(call)) db.clear();
    reply.ok();
  };
}

/** Everything the connection (and anybody) has written before is made durable; then `answer` replies. */
function afterFlush(call: Call, answer: (call: Call, isDurable: boolean) => void, timeoutMs = 0): void {
  const { host } = call;
  throw new Unfinished((resume) => {
    let timer: NodeJS.Timeout | undefined;
    let isOver = false;
    const finish = (isDurable: boolean): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      resume((again) => answer(again, isDurable));
    };
    if (timeoutMs > 0) timer = setTimeout(finish, timeoutMs, false);
    // What this turn has written is handed over when it ends.
    setImmediate(() =>
      host.engine.flush().then(
        () => finish(true),
        () => finish(false),
      ),
    );
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  });
}

function waitAof(call: Call): void {
  const { args, isInExec } = call;
  const local = integer(at(args, 1));
  const replicas = integer(at(args, 2), 'ERR value is out of range, must be positive');
  const timeoutMs = integer(at(args, 3), 'ERR timeout is not an integer or out of range');
  if (local < 0 || local > 1) throw new CommandError('ERR value is out of range, value must between 0 and 1');
  if (replicas < 0) throw new CommandError('ERR value is out of range, must be positive');
  if (timeoutMs < 0) throw new CommandError('ERR timeout is negative');
  const answer = (call: Call, isDurable: boolean): void => {
    call.reply.array(2);
    call.reply.integer(isDurable ? 1 : 0);
    call.reply.integer(0);
  };
  if (isInExec) answer(call, false);
  else if (replicas === 0) afterFlush(call, answer, timeoutMs);
  else waitForNobody(call, answer, timeoutMs);
}

/** There are no replicas: only the time ends this. */
function waitForNobody(call: Call, answer: (call: Call, isDurable: boolean) => void, timeoutMs: number): void {
  const { host } = call;
  throw new Unfinished((resume) => {
    let isDurable = false;
    setImmediate(() =>
      host.engine.flush().then(
        () => {
          isDurable = true;
        },
        () => undefined,
      ),
    );
    const timer = timeoutMs > 0 ? setTimeout(() => resume((again) => answer(again, isDurable)), timeoutMs) : undefined;
    return () => clearTimeout(timer);
  });
}

function wait(call: Call): void {
  const { args, isInExec } = call;
  const replicas = integer(at(args, 1));
  const timeoutMs = integer(at(args, 2), 'ERR timeout is not an integer or out of range');
  if (timeoutMs < 0) throw new CommandError('ERR timeout is negative');
  if (isInExec || replicas <= 0) call.reply.integer(0);
  else waitForNobody(call, ({ reply }) => reply.integer(0), timeoutMs);
}

function save(text: string | null): (call: Call) => void {
  return (call) => {
    const done = ({ host, reply }: Call, isDurable: boolean): void => {
      if (!isDurable) throw new CommandError('ERR the flush failed');
      host.lastSaveSeconds = Math.floor(Date.now() / 1000);
      if (text === null) reply.ok();
      else reply.simple(text);
    };
    if (call.isInExec) done(call, true);
    else afterFlush(call, done);
  };
}

function time({ reply }: Call): void {
  const micros = Math.round((performance.timeOrigin + performance.now()) * 1000);
  reply.array(2);
  reply.text(String(Math.floor(micros / 1e6)));
  reply.text(String(micros % 1e6));
}

/** Beside key and value: what the ordered directory of keys needs. */
const KEY_OVERHEAD = 40;

/** Members of a collection that are looked at without SAMPLES. */
const SAMPLES = 5;

function memoryUsage(call: Call): void {
  const { args, db, reply } = call;
  if (args.length > 3 && !(args.length === 5 && word(args[3]) === 'SAMPLES')) throw new CommandError(errors.syntax);
  const samples = args.length === 5 ? integer(at(args, 4)) : SAMPLES;
  if (samples < 0) throw new CommandError(errors.syntax);
  const found = db.entry(at(args, 2));
  if (found === null) {
    reply.null();
    return;
  }
  const { type, entry } = found;
  const own = at(args, 2).length + entry.value.length + KEY_OVERHEAD;
  reply.integer(type === 'string' ? own : own + memberBytes(call, decodeHead(entry), samples, KEY_OVERHEAD));
}

function slowlogGet({ args, host, reply }: Call): void {
  const count = args.length > 2 ? integer(at(args, 2)) : 10;
  if (count < -1) throw new CommandError('ERR count should be greater than or equal to -1');
  const entries = count === -1 ? host.slowLog.entries : host.slowLog.entries.slice(0, count);
  reply.array(entries.length);
  for (const entry of entries) {
    reply.array(6);
    reply.integer(entry.id);
    reply.integer(entry.at);
    reply.integer(entry.micros);
    reply.array(entry.args.length);
    for (const arg of entry.args) reply.bulk(arg);
    reply.text(entry.address);
    reply.bulk(entry.name);
  }
}

function shutdown({ args, client, host }: Call): void {
  for (const arg of args.slice(1)) {
    if (!['NOSAVE', 'SAVE', 'NOW', 'FORCE', 'ABORT'].includes(word(arg))) throw new CommandError(errors.syntax);
  }
  if (args.slice(1).some((arg) => word(arg) === 'ABORT')) throw new CommandError('ERR No shutdown in progress.');
  if (host.shutdown === undefined) throw new CommandError('ERR SHUTDOWN is not enabled on this server');
  host.end(client);
  host.shutdown();
}

const server = 'server' as const;
const read = { flags: ['admin', 'loading', 'stale'], group: server } as const;

export const serverCommands: readonly Command[] = [
  {
    name: 'info',
    arity: -1,
    flags: ['loading', 'stale'],
    group: server,
    since: '1.0.0',
    summary: 'Returns information and statistics about the server.',
    run: ({ args, host, reply }) =>
      reply.verbatim(
        infoText(
          host,
          args.slice(1).map((arg) => arg.toString('latin1').toLowerCase()),
        ),
      ),
  },
  {
    name: 'flushdb',
    arity: -1,
    flags: ['write'],
    group: server,
    since: '1.0.0',
    summary: 'Removes all keys from the current database.',
    note: 'one record, whatever the size',
    run: flush(({ db }) => [db]),
  },
  {
    name: 'flushall',
    arity: -1,
    flags: ['write'],
    group: server,
    since: '1.0.0',
    summary: 'Removes all keys from all databases.',
    note: 'one record a database, in one frame',
    run: flush(({ host }) => host.databases),
  },
  {
    name: 'time',
    arity: 1,
    flags: ['loading', 'stale', 'fast'],
    group: server,
    since: '2.6.0',
    summary: 'Returns the server time.',
    run: time,
  },
  {
    name: 'role',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast'],
    group: server,
    since: '2.8.12',
    summary: 'Returns the replication role.',
    note: 'a master without replicas',
    run: ({ reply }) => {
      reply.array(3);
      reply.text('master');
      reply.integer(0);
      reply.array(0);
    },
  },
  {
    name: 'lastsave',
    arity: 1,
    flags: ['loading', 'stale', 'fast'],
    group: server,
    since: '1.0.0',
    summary: 'Returns the Unix timestamp of the last successful save to disk.',
    note: 'of the last SAVE or BGSAVE, or the start',
    run: ({ host, reply }) => reply.integer(host.lastSaveSeconds),
  },
  {
    name: 'save',
    arity: 1,
    flags: ['admin', 'noscript', 'no_async_loading'],
    group: server,
    since: '1.0.0',
    summary: 'Synchronously saves the database(s) to disk.',
    note: 'everything written before is durable when it answers',
    run: save(null),
  },
  {
    name: 'bgsave',
    arity: -1,
    flags: ['admin', 'noscript', 'no_async_loading'],
    group: server,
    since: '1.0.0',
    summary: 'Asynchronously saves the database(s) to disk.',
    note: 'as SAVE, others go on meanwhile',
    run: save('Background saving started'),
  },
  {
    name: 'bgrewriteaof',
    arity: 1,
    flags: ['admin', 'noscript', 'no_async_loading'],
    group: server,
    since: '1.0.0',
    summary: 'Asynchronously rewrites the append-only file to disk.',
    note: 'begins a merge of the data files of every database',
    run: ({ host, reply }) => {
      for (const { strings, heads, members } of host.databases) {
        for (const view of [strings, heads, members]) view.store.merge();
      }
      reply.simple('Background append only file rewriting started');
    },
  },
  {
    name: 'waitaof',
    arity: 4,
    flags: ['noscript'],
    group: 'generic',
    since: '7.2.0',
    summary: 'Blocks until all of the preceding write commands sent by the connection are written to the journal.',
    note: 'durable, whatever appendfsync says; there are no replicas',
    run: waitAof,
  },
  {
    name: 'wait',
    arity: 3,
    flags: ['noscript'],
    group: 'generic',
    since: '3.0.0',
    summary:
      'Blocks until the asynchronous replication of all preceding write commands sent by the connection is completed.',
    note: 'there are no replicas: 0, after the timeout where one is asked for',
    run: wait,
  },
  {
    name: 'monitor',
    arity: 1,
    flags: ['admin', 'noscript', 'loading', 'stale', 'no_multi'],
    group: server,
    since: '1.0.0',
    summary: 'Listens for all requests received by the server in real-time.',
    run: ({ client, host, reply }) => {
      host.monitor(client);
      reply.ok();
    },
  },
  {
    name: 'shutdown',
    arity: -1,
    flags: ['admin', 'noscript', 'loading', 'stale', 'allow_busy', 'no_multi'],
    group: server,
    since: '1.0.0',
    summary: 'Synchronously saves the database(s) to disk and shuts down the server.',
    note: 'ends the whole process in order, Kafka included; refused where serve is embedded',
    run: shutdown,
  },
  {
    name: 'memory',
    arity: -2,
    flags: [],
    group: server,
    since: '4.0.0',
    summary: 'A container for memory diagnostics commands.',
    subcommands: [
      {
        name: 'usage',
        arity: -3,
        flags: ['readonly'],
        keys: [2, 2, 1],
        group: server,
        since: '4.0.0',
        summary: 'Estimates the memory usage of a key.',
        note: 'key, value and 40 bytes; for each member of a collection the same, by the first 5 or SAMPLES of them',
        run: memoryUsage,
      },
    ],
  },
  {
    name: 'slowlog',
    arity: -2,
    flags: [],
    group: server,
    since: '2.2.12',
    summary: 'A container for slow log commands.',
    subcommands: [
      { ...read, name: 'get', arity: -2, since: '2.2.12', summary: "Returns the slow log's entries.", run: slowlogGet },
      {
        ...read,
        name: 'len',
        arity: 2,
        since: '2.2.12',
        summary: 'Returns the number of entries in the slow log.',
        run: ({ host, reply }) => reply.integer(host.slowLog.entries.length),
      },
      {
        ...read,
        name: 'reset',
        arity: 2,
        since: '2.2.12',
        summary: 'Clears all entries from the slow log.',
        run: ({ host, reply }) => {
          host.slowLog.reset();
          reply.ok();
        },
      },
    ],
  },
  {
    name: 'module',
    arity: -2,
    flags: [],
    group: server,
    since: '4.0.0',
    summary: 'A container for module commands.',
    subcommands: [
      {
        name: 'list',
        arity: 2,
        flags: ['admin', 'noscript'],
        group: server,
        since: '4.0.0',
        summary: 'Returns all loaded modules.',
        note: 'there are none',
        run: ({ reply }) => reply.array(0),
      },
    ],
  },
  {
    name: 'debug',
    arity: -2,
    flags: ['admin', 'noscript', 'loading', 'stale'],
    group: server,
    since: '1.0.0',
    summary: 'A container for debugging commands.',
    note: 'refused: enable-debug-command is off',
    run: ({ args }) => {
      if (args.length < 2) throw new CommandError(wrongArity('debug'));
      throw new CommandError(
        'ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.',
      );
    },
  },
];
