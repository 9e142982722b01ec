/** GET, SET and their kin: whole values. */

import type { Call, Command } from '../command.ts';
import { CommandError, errors, wrongArity } from '../protocol/errors.ts';
import { at, type ExpiryUnit, expiryOptions, moment, word } from './arguments.ts';

const OPTION = { none: 0, nx: 1, xx: 2, ifeq: 3 } as const;

/** What stands behind the value of SET. */
interface SetOptions {
  condition: number;
  isGet: boolean;
  keepsExpiry: boolean;
  unit: ExpiryUnit | null;
  time: Buffer | null;
  expected: Buffer | null;
}

function setOptions(args: readonly Buffer[]): SetOptions {
  const options: SetOptions = {
    condition: OPTION.none,
    isGet: false,
    keepsExpiry: false,
    unit: null,
    time: null,
    expected: null,
  };
  for (let index = 3; index < args.length; index += 1) {
    const name = word(args[index]);
    const next = args[index + 1];
    const unit = expiryOptions[name];
    if (unit && next !== undefined && (options.unit === null || options.unit === unit) && !options.keepsExpiry) {
      options.unit = unit;
      options.time = next;
      index += 1;
    } else if (name === 'KEEPTTL' && options.unit === null) {
      options.keepsExpiry = true;
    } else if (name === 'GET') {
      options.isGet = true;
    } else if (name === 'NX' && (options.condition === OPTION.none || options.condition === OPTION.nx)) {
      options.condition = OPTION.nx;
    } else if (name === 'XX' && (options.condition === OPTION.none || options.condition === OPTION.xx)) {
      options.condition = OPTION.xx;
    } else if (name === 'IFEQ' && options.condition === OPTION.none && next !== undefined) {
      options.condition = OPTION.ifeq;
      options.expected = next;
      index += 1;
    } else {
      throw new CommandError(errors.syntax);
    }
  }
  return options;
}

function set(call: Call): void {
  const { args, db, reply } = call;
  const key = at(args, 1);
  const value = at(args, 2);
  if (args.length === 3) {
    put(call, key, value, 0);
    reply.ok();
    return;
  }
  const options = setOptions(args);
  const expiresMs = options.unit && options.time ? moment(options.time, options.unit, call.nowMs, 'set', true) : 0;
  const isBlind = options.condition === OPTION.none && !options.isGet && !options.keepsExpiry;
  const found = isBlind ? null : db.entry(key);
  const old = found?.type === 'string' ? found.entry : null;
  if ((options.isGet || options.condition === OPTION.ifeq) && found !== null && old === null) {
    throw new CommandError(errors.wrongType);
  }
  // Copied: the reply comes after the write.
  const before = options.isGet && old !== null ? Buffer.from(old.value) : null;
  const isDone =
    options.condition === OPTION.none ||
    (options.condition === OPTION.nx && found === null) ||
    (options.condition === OPTION.xx && found !== null) ||
    (options.condition === OPTION.ifeq && old !== null && old.value.equals(options.expected as Buffer));
  if (isDone) put(call, key, value, options.keepsExpiry ? (found?.entry.expiresMs ?? 0) : expiresMs, expiresMs !== 0);
  if (options.isGet) reply.bulkOrNull(before);
  else if (isDone) reply.ok();
  else reply.null();
}

/** Puts a value and says so. A moment that has passed removes the key instead. */
function put({ db, nowMs }: Call, key: Buffer, value: Buffer, expiresMs: number, hasExpiry = false): void {
  if (expiresMs !== 0 && expiresMs <= nowMs) {
    // As in Redis, who watches the key hears of it though it was not there.
    if (!db.remove(key)) db.touched(key);
    db.notify('g', 'del', key);
    return;
  }
  db.setString(key, value, expiresMs);
  db.notify('$', 'set', key);
  if (hasExpiry) db.notify('g', 'expire', key);
}

function setWithExpiry(name: string, unit: ExpiryUnit): (call: Call) => void {
  return (call) => {
    const expiresMs = moment(at(call.args, 2), unit, call.nowMs, name, true);
    put(call, at(call.args, 1), at(call.args, 3), expiresMs, true);
    call.reply.ok();
  };
}

function getex(call: Call): void {
  const { args, db, nowMs, reply } = call;
  const key = at(args, 1);
  const name = word(args[2]);
  const unit = expiryOptions[name];
  const isPersist = name === 'PERSIST';
  if (args.length > 2 && !(isPersist ? args.length === 3 : unit && args.length === 4)) {
    throw new CommandError(errors.syntax);
  }
  const found = db.string(key);
  if (found === null) {
    reply.null();
    return;
  }
  const expiresMs = unit ? moment(at(args, 3), unit, nowMs, 'getex', true) : 0;
  reply.bulk(found.value);
  if (unit && expiresMs <= nowMs) {
    db.remove(key);
    db.notify('g', 'del', key);
  } else if (unit) {
    db.setExpiry(key, expiresMs);
    db.notify('g', 'expire', key);
  } else if (isPersist && found.expiresMs !== 0) {
    db.setExpiry(key, 0);
    db.notify('g', 'persist', key);
  }
}

function mset({ args, db, reply }: Call): void {
  if (args.length % 2 === 0) throw new CommandError(wrongArity('mset'));
  putPairs(args, db);
  reply.ok();
}

function putPairs(args: readonly Buffer[], db: Call['db']): void {
  for (let index = 1; index < args.length; index += 2) {
    db.setString(at(args, index), at(args, index + 1), 0);
    db.notify('$', 'set', at(args, index));
  }
}

function msetnx({ args, db, reply }: Call): void {
  if (args.length % 2 === 0) throw new CommandError(wrongArity('msetnx'));
  for (let index = 1; index < args.length; index += 2) {
    if (db.has(at(args, index))) {
      reply.integer(0);
      return;
    }
  }
  putPairs(args, db);
  reply.integer(1);
}

function removeIfEqual({ db, reply }: Call, key: Buffer, fits: (value: Buffer) => boolean): void {
  const found = db.string(key);
  if (found === null || !fits(found.value)) {
    reply.integer(0);
    return;
  }
  db.remove(key);
  db.notify('g', 'del', key);
  reply.integer(1);
}

function delex(call: Call): void {
  const { args, db, reply } = call;
  const key = at(args, 1);
  if (args.length === 2) {
    const isThere = db.remove(key);
    if (isThere) db.notify('g', 'del', key);
    reply.integer(isThere ? 1 : 0);
    return;
  }
  const condition = word(args[2]);
  if (args.length !== 4 || (condition !== 'IFEQ' && condition !== 'IFNE')) throw new CommandError(errors.syntax);
  removeIfEqual(call, key, (value) => value.equals(at(args, 3)) === (condition === 'IFEQ'));
}

const one = [1, 1, 1] as const;

export const stringCommands: readonly Command[] = [
  {
    name: 'get',
    arity: 2,
    flags: ['readonly', 'fast'],
    keys: one,
    group: 'string',
    since: '1.0.0',
    summary: 'Returns the string value of a key.',
    run: ({ args, db, reply }) => reply.bulkOrNull(db.string(args[1] as Buffer)?.value),
  },
  {
    name: 'set',
    arity: -3,
    flags: ['write', 'denyoom'],
    keys: one,
    isBlind: true,
    group: 'string',
    since: '1.0.0',
    summary: 'Sets the string value of a key, ignoring its type.',
    note: 'IFEQ as in Valkey 8.1 and Redis 8.4',
    run: set,
  },
  {
    name: 'setnx',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    keys: one,
    group: 'string',
    since: '1.0.0',
    summary: 'Sets the string value of a key only when the key does not exist.',
    run: (call) => {
      const isNew = !call.db.has(at(call.args, 1));
      if (isNew) put(call, at(call.args, 1), at(call.args, 2), 0);
      call.reply.integer(isNew ? 1 : 0);
    },
  },
  {
    name: 'setex',
    arity: 4,
    flags: ['write', 'denyoom'],
    keys: one,
    isBlind: true,
    group: 'string',
    since: '2.0.0',
    summary: 'Sets the string value and expiration time of a key.',
    run: setWithExpiry('setex', { isSeconds: true, isAbsolute: false }),
  },
  {
    name: 'psetex',
    arity: 4,
    flags: ['write', 'denyoom'],
    keys: one,
    isBlind: true,
    group: 'string',
    since: '2.6.0',
    summary: 'Sets both string value and expiration time in milliseconds of a key.',
    run: setWithExpiry('psetex', { isSeconds: false, isAbsolute: false }),
  },
  {
    name: 'getset',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    keys: one,
    group: 'string',
    since: '1.0.0',
    summary: 'Returns the previous string value of a key after setting it to a new value.',
    run: (call) => {
      call.reply.bulkOrNull(call.db.string(at(call.args, 1))?.value);
      put(call, at(call.args, 1), at(call.args, 2), 0);
    },
  },
  {
    name: 'getex',
    arity: -2,
    flags: ['write', 'fast'],
    keys: one,
    group: 'string',
    since: '6.2.0',
    summary: 'Returns the string value of a key after setting its expiration time.',
    run: getex,
  },
  {
    name: 'getdel',
    arity: 2,
    flags: ['write', 'fast'],
    keys: one,
    group: 'string',
    since: '6.2.0',
    summary: 'Returns the string value of a key after deleting the key.',
    run: ({ args, db, reply }) => {
      const found = db.string(at(args, 1));
      reply.bulkOrNull(found?.value);
      if (found === null) return;
      db.remove(at(args, 1));
      db.notify('g', 'del', at(args, 1));
    },
  },
  {
    name: 'mget',
    arity: -2,
    flags: ['readonly', 'fast'],
    keys: [1, -1, 1],
    group: 'string',
    since: '1.0.0',
    summary: 'Atomically returns the string values of one or more keys.',
    run: ({ args, db, reply }) => {
      reply.array(args.length - 1);
      for (let index = 1; index < args.length; index += 1) reply.bulkOrNull(db.stringOrNull(at(args, index))?.value);
    },
  },
  {
    name: 'mset',
    arity: -3,
    flags: ['write', 'denyoom'],
    keys: [1, -1, 2],
    isBlind: true,
    group: 'string',
    since: '1.0.1',
    summary: 'Atomically creates or modifies the string values of one or more keys.',
    run: mset,
  },
  {
    name: 'msetnx',
    arity: -3,
    flags: ['write', 'denyoom'],
    keys: [1, -1, 2],
    group: 'string',
    since: '1.0.1',
    summary: 'Atomically modifies the string values of one or more keys only when all keys do not exist.',
    run: msetnx,
  },
  {
    name: 'delifeq',
    arity: 3,
    flags: ['write', 'fast'],
    keys: one,
    group: 'string',
    since: 'Valkey 9.0',
    summary: 'Deletes a key when its string value is the given one.',
    run: (call) => removeIfEqual(call, at(call.args, 1), (value) => value.equals(at(call.args, 2))),
  },
  {
    name: 'delex',
    arity: -2,
    flags: ['write', 'fast'],
    keys: one,
    group: 'string',
    since: '8.4.0',
    summary: 'Deletes a key, on a condition about its string value.',
    note: 'IFEQ and IFNE only',
    run: delex,
  },
];
