/** Keys whatever they hold: DEL, EXISTS, TYPE, RENAME, COPY and what can be asked of an object. */

import { decodeHead } from '../collection-head.ts';
import type { Call, Command } from '../command.ts';
import type { Database } from '../database.ts';
import { walkKeys } from '../key-walk.ts';
import { CommandError, errors } from '../protocol/errors.ts';
import { parseSmall } from '../protocol/numbers.ts';
import { textOf } from '../store-view.ts';
import { at, integer, word } from './arguments.ts';
import { encodingOf } from './collection-traits.ts';

function remove({ args, db, reply }: Call): void {
  let count = 0;
  for (let index = 1; index < args.length; index += 1) {
    if (!db.remove(at(args, index))) continue;
    db.notify('g', 'del', at(args, index));
    count += 1;
  }
  reply.integer(count);
}

function count({ args, db, reply }: Call): void {
  let found = 0;
  for (let index = 1; index < args.length; index += 1) if (db.has(at(args, index))) found += 1;
  reply.integer(found);
}

function rename(isNewOnly: boolean): (call: Call) => void {
  return ({ args, db, reply }) => {
    const [from, to] = [at(args, 1), at(args, 2)];
    if (!db.has(from)) throw new CommandError(errors.noKey);
    const isTaken = isNewOnly && db.has(to);
    if (!isTaken && !from.equals(to)) {
      db.move(from, db, to);
      db.notify('g', 'rename_from', from);
      db.notify('g', 'rename_to', to);
    }
    if (!isNewOnly) reply.ok();
    else reply.integer(isTaken ? 0 : 1);
  };
}

/** The database an argument names. */
export function databaseOf({ host }: Call, arg: Buffer): Database {
  const db = host.databases[integer(arg, errors.integer)];
  if (db === undefined) throw new CommandError(errors.dbRange);
  return db;
}

function copy(call: Call): void {
  const { args, db, reply } = call;
  const [from, to] = [at(args, 1), at(args, 2)];
  let target = db;
  let replaces = false;
  for (let index = 3; index < args.length; index += 1) {
    const name = word(args[index]);
    if (name === 'REPLACE') replaces = true;
    else if (name === 'DB' && index + 1 < args.length) {
      index += 1;
      target = databaseOf(call, at(args, index));
    } else throw new CommandError(errors.syntax);
  }
  if (target === db && from.equals(to)) throw new CommandError(errors.sameObject);
  const found = db.entry(from);
  if (found === null || (!replaces && target.has(to))) {
    reply.integer(0);
    return;
  }
  if (found.type === 'string') target.setString(to, found.entry.value, found.entry.expiresMs);
  else call.host.collections.copy(call, db, from, target, to);
  target.notify('g', 'copy_to', to);
  reply.integer(1);
}

function move(call: Call): void {
  const { args, db, reply } = call;
  const key = at(args, 1);
  const target = databaseOf(call, at(args, 2));
  if (target === db) throw new CommandError(errors.sameObject);
  const found = db.entry(key);
  if (found === null || target.has(key)) {
    reply.integer(0);
    return;
  }
  if (found.type === 'string') {
    db.move(key, target, key);
  } else {
    // Members lie in the store of their database.
    call.host.collections.copy(call, db, key, target, key);
    db.remove(key);
  }
  db.notify('g', 'move_from', key);
  target.notify('g', 'move_to', key);
  reply.integer(1);
}

/** Keys looked at, from a place between the first and the last one. */
const RANDOM_PAGE = 16;

function randomkey({ db, nowMs, reply }: Call): void {
  const views = [db.strings, ...(db.mayHaveHeads ? [db.heads] : [])];
  const counts = views.map((view) => view.count(nowMs));
  const total = counts.reduce((sum, one) => sum + one, 0);
  if (total === 0) {
    reply.null();
    return;
  }
  const isInHeads = Math.random() * total >= (counts[0] as number);
  const view = isInHeads ? db.heads : db.strings;
  const request = { from: Buffer.alloc(0), keysOnly: true, limit: 1 };
  const first = view.range(request, nowMs).entries[0]?.key ?? Buffer.alloc(0);
  const last = view.range({ ...request, reverse: true }, nowMs).entries[0]?.key ?? first;
  const from = between(first, last);
  const page = walkKeys(db, { isInHeads, after: from }, RANDOM_PAGE, nowMs).keys.filter(
    ({ type }) => (type === 'string') !== isInHeads,
  );
  const keys = page.length > 0 ? page.map(({ key }) => key) : [first];
  reply.bulk(keys[Math.floor(Math.random() * keys.length)] as Buffer);
}

/** Bytes somewhere between two keys: their common beginning, and then any byte between theirs. */
function between(first: Buffer, last: Buffer): Buffer {
  let same = 0;
  while (same < first.length && first[same] === last[same]) same += 1;
  const [low, high] = [first[same] ?? 0, last[same] ?? 255];
  const bytes = Buffer.alloc(same + 6, 0);
  first.copy(bytes, 0, 0, same);
  bytes[same] = low + Math.floor(Math.random() * (high - low + 1));
  for (let index = same + 1; index < bytes.length; index += 1) bytes[index] = 32 + Math.floor(Math.random() * 95);
  return bytes;
}

const EMBEDDED_MAX = 44;

function encoding(call: Call): void {
  const { args, db, reply } = call;
  const found = db.entry(at(args, 2));
  if (found === null) {
    reply.null();
    return;
  }
  const { type, entry } = found;
  if (type !== 'string') reply.text(encodingOf(call, decodeHead(entry)));
  else if (parseSmall(entry.value) !== undefined) reply.text('int');
  else reply.text(entry.value.length <= EMBEDDED_MAX ? 'embstr' : 'raw');
}

function objectOf(answer: (call: Call) => void): (call: Call) => void {
  return (call) => {
    if (!call.db.has(at(call.args, 2))) call.reply.null();
    else answer(call);
  };
}

const FREQ =
  'ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.';

const IDLE =
  'ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.';

function idleTime({ args, db, host, nowMs, reply }: Call): void {
  const { access } = host.eviction;
  if (access?.tracked === 'lfu') throw new CommandError(IDLE);
  reply.integer(Math.floor((access?.idleMs(db.index, textOf(at(args, 2)), nowMs) ?? 0) / 1000));
}

function frequency({ args, db, host, nowMs, reply }: Call): void {
  const { access } = host.eviction;
  if (access?.tracked !== 'lfu') throw new CommandError(FREQ);
  reply.integer(access.frequency(db.index, textOf(at(args, 2)), nowMs));
}

const objectKey = { keys: [2, 2, 1], flags: ['readonly'], group: 'generic' } as const;
const one = [1, 1, 1] as const;

export const keyCommands: readonly Command[] = [
  {
    name: 'del',
    arity: -2,
    flags: ['write'],
    keys: [1, -1, 1],
    group: 'generic',
    since: '1.0.0',
    summary: 'Deletes one or more keys.',
    run: remove,
  },
  {
    name: 'unlink',
    arity: -2,
    flags: ['write', 'fast'],
    keys: [1, -1, 1],
    group: 'generic',
    since: '4.0.0',
    summary: 'Deletes one or more keys.',
    run: remove,
  },
  {
    name: 'exists',
    arity: -2,
    flags: ['readonly', 'fast'],
    keys: [1, -1, 1],
    group: 'generic',
    since: '1.0.0',
    summary: 'Determines whether one or more keys exist.',
    run: count,
  },
  {
    name: 'touch',
    arity: -2,
    flags: ['readonly', 'fast'],
    keys: [1, -1, 1],
    group: 'generic',
    since: '3.2.1',
    summary: 'Returns the number of existing keys out of those specified.',
    run: count,
  },
  {
    name: 'type',
    arity: 2,
    flags: ['readonly', 'fast'],
    keys: one,
    group: 'generic',
    since: '1.0.0',
    summary: 'Determines the type of value stored at a key.',
    run: ({ args, db, reply }) => reply.simple(db.entry(at(args, 1))?.type ?? 'none'),
  },
  {
    name: 'rename',
    arity: 3,
    flags: ['write'],
    keys: [1, 2, 1],
    group: 'generic',
    since: '1.0.0',
    summary: 'Renames a key and overwrites the destination.',
    run: rename(false),
  },
  {
    name: 'renamenx',
    arity: 3,
    flags: ['write', 'fast'],
    keys: [1, 2, 1],
    group: 'generic',
    since: '1.0.0',
    summary: 'Renames a key only when the target key name does not exist.',
    run: rename(true),
  },
  {
    name: 'copy',
    arity: -3,
    flags: ['write', 'denyoom'],
    keys: [1, 2, 1],
    group: 'generic',
    since: '6.2.0',
    summary: 'Copies the value of a key to a new key.',
    run: copy,
  },
  {
    name: 'move',
    arity: 3,
    flags: ['write', 'fast'],
    keys: one,
    group: 'generic',
    since: '1.0.0',
    summary: 'Moves a key to another database.',
    run: move,
  },
  {
    name: 'randomkey',
    arity: 1,
    flags: ['readonly'],
    group: 'generic',
    since: '1.0.0',
    summary: 'Returns a random key name from the database.',
    note: 'not every key is equally likely',
    run: randomkey,
  },
  {
    name: 'object',
    arity: -2,
    flags: [],
    group: 'generic',
    since: '2.2.3',
    summary: 'A container for object introspection commands.',
    subcommands: [
      {
        ...objectKey,
        name: 'encoding',
        arity: 3,
        since: '2.2.3',
        summary: 'Returns the internal encoding of an object.',
        note: 'by value and length, as Redis would have stored it anew',
        run: encoding,
      },
      {
        ...objectKey,
        name: 'refcount',
        arity: 3,
        since: '2.2.3',
        summary: 'Returns the reference count of a value of a key.',
        run: objectOf(({ reply }) => reply.integer(1)),
      },
      {
        ...objectKey,
        name: 'idletime',
        arity: 3,
        since: '2.2.3',
        summary: 'Returns the time since the last access to an object.',
        note: 'recorded while `maxmemory-policy` is one of LRU, else 0; keys may share what is recorded',
        run: objectOf(idleTime),
      },
      {
        ...objectKey,
        name: 'freq',
        arity: 3,
        since: '4.0.0',
        summary: 'Returns the logarithmic access frequency counter of an object.',
        note: 'keys may share what is recorded',
        run: objectOf(frequency),
      },
    ],
  },
];
