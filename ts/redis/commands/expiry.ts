/** When keys expire: EXPIRE and TTL in all their units, PERSIST. */

import type { Call, Command } from '../command.ts';
import { CommandError, shown } from '../protocol/errors.ts';
import { at, type ExpiryUnit, moment, word } from './arguments.ts';

function conditions(args: readonly Buffer[]): Set<string> {
  const names = new Set<string>();
  for (let index = 3; index < args.length; index += 1) {
    const name = word(args[index]);
    if (!['NX', 'XX', 'GT', 'LT'].includes(name)) {
      throw new CommandError(`ERR Unsupported option ${shown(at(args, index))}`);
    }
    names.add(name);
  }
  if (names.has('NX') && names.size > 1) {
    throw new CommandError('ERR NX and XX, GT or LT options at the same time are not compatible');
  }
  if (names.has('GT') && names.has('LT')) {
    throw new CommandError('ERR GT and LT options at the same time are not compatible');
  }
  return names;
}

/** Whether an expiry may replace `present` (0: none, which is later than any). */
function isAllowed(names: ReadonlySet<string>, present: number, next: number): boolean {
  if (names.has('NX') && present !== 0) return false;
  if (names.has('XX') && present === 0) return false;
  if (names.has('GT') && (present === 0 || next <= present)) return false;
  return !(names.has('LT') && present !== 0 && next >= present);
}

function expire(name: string, unit: ExpiryUnit): (call: Call) => void {
  return ({ args, db, nowMs, reply }) => {
    const key = at(args, 1);
    const names = conditions(args);
    const expiresMs = moment(at(args, 2), unit, nowMs, name, false);
    const found = db.entry(key);
    if (found === null || !isAllowed(names, found.entry.expiresMs, expiresMs)) {
      reply.integer(0);
      return;
    }
    if (expiresMs <= nowMs) {
      db.remove(key);
      db.notify('g', 'del', key);
    } else {
      db.setExpiry(key, expiresMs);
      db.notify('g', 'expire', key);
    }
    reply.integer(1);
  };
}

function remaining({ isSeconds, isAbsolute }: ExpiryUnit): (call: Call) => void {
  return ({ args, db, nowMs, reply }) => {
    const found = db.entry(at(args, 1));
    if (found === null) {
      reply.integer(-2);
    } else if (found.entry.expiresMs === 0) {
      reply.integer(-1);
    } else {
      const ms = isAbsolute ? found.entry.expiresMs : Math.max(0, found.entry.expiresMs - nowMs);
      reply.integer(isSeconds ? Math.floor((ms + 500) / 1000) : ms);
    }
  };
}

function persist({ args, db, reply }: Call): void {
  const key = at(args, 1);
  const found = db.entry(key);
  const isDone = found !== null && found.entry.expiresMs !== 0;
  if (isDone) {
    db.setExpiry(key, 0);
    db.notify('g', 'persist', key);
  }
  reply.integer(isDone ? 1 : 0);
}

/** Name, unit, version, summary. */
const setters = [
  ['expire', true, false, '1.0.0', 'Sets the expiration time of a key in seconds.'],
  ['pexpire', false, false, '2.6.0', 'Sets the expiration time of a key in milliseconds.'],
  ['expireat', true, true, '1.2.0', 'Sets the expiration time of a key to a Unix timestamp.'],
  ['pexpireat', false, true, '2.6.0', 'Sets the expiration time of a key to a Unix milliseconds timestamp.'],
] as const;

const getters = [
  ['ttl', true, false, '1.0.0', 'Returns the expiration time in seconds of a key.'],
  ['pttl', false, false, '2.6.0', 'Returns the expiration time in milliseconds of a key.'],
  ['expiretime', true, true, '7.0.0', 'Returns the expiration time of a key as a Unix timestamp.'],
  ['pexpiretime', false, true, '7.0.0', 'Returns the expiration time of a key as a Unix milliseconds timestamp.'],
] as const;

export const expiryCommands: readonly Command[] = [
  ...setters.map(([name, isSeconds, isAbsolute, since, summary]): Command => {
    const run = expire(name, { isSeconds, isAbsolute });
    return { name, arity: -3, flags: ['write', 'fast'], keys: [1, 1, 1], group: 'generic', since, summary, run };
  }),
  ...getters.map(([name, isSeconds, isAbsolute, since, summary]): Command => {
    const run = remaining({ isSeconds, isAbsolute });
    return { name, arity: 2, flags: ['readonly', 'fast'], keys: [1, 1, 1], group: 'generic', since, summary, run };
  }),
  {
    name: 'persist',
    arity: 2,
    flags: ['write', 'fast'],
    keys: [1, 1, 1],
    group: 'generic',
    since: '2.2.0',
    summary: 'Removes the expiration time of a key.',
    run: persist,
  },
];
