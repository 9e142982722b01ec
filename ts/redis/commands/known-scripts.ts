/**
 * Scripts that lock libraries send, run natively: there is no interpreter.
 *
 * To remember: a script is known by its text without comments and with single blanks, so that every edition of a library
 * is covered; its SHA-1 is that of the text a client sent, as EVALSHA demands.
 */

import type { Call } from '../command.ts';
import { at, integer, moment } from './arguments.ts';

/** What a script does with its keys and arguments; answers the integer it returns. */
export type NativeScript = (call: Call, keys: readonly Buffer[], args: readonly Buffer[]) => number;

function putAll(call: Call, keys: readonly Buffer[], args: readonly Buffer[]): number {
  const { db, nowMs } = call;
  const expiresMs = moment(at(args, 1), { isSeconds: false, isAbsolute: false }, nowMs, 'set', true);
  for (const key of keys) {
    db.setString(key, at(args, 0), expiresMs);
    db.notify('$', 'set', key);
    db.notify('g', 'expire', key);
  }
  return keys.length;
}

function isHeld({ db }: Call, key: Buffer, args: readonly Buffer[]): boolean {
  return db.string(key)?.value.equals(at(args, 0)) === true;
}

/** Takes every lock, if all are free. */
function acquire(call: Call, keys: readonly Buffer[], args: readonly Buffer[]): number {
  return keys.some((key) => call.db.has(key)) ? 0 : putAll(call, keys, args);
}

/** Prolongs every lock, if all are held by the same. */
function extend(call: Call, keys: readonly Buffer[], args: readonly Buffer[]): number {
  return keys.every((key) => isHeld(call, key, args)) ? putAll(call, keys, args) : 0;
}

/** Lets every lock go that is held by the same. */
function release(call: Call, keys: readonly Buffer[], args: readonly Buffer[]): number {
  let count = 0;
  for (const key of keys) {
    if (!isHeld(call, key, args)) continue;
    call.db.remove(key);
    call.db.notify('g', 'del', key);
    count += 1;
  }
  return count;
}

/** Lets one key expire at a moment, as PEXPIRE does: one that has passed removes it. */
function expireAt({ db, nowMs }: Call, key: Buffer, expiresMs: number): number {
  if (expiresMs <= nowMs) {
    db.remove(key);
    db.notify('g', 'del', key);
  } else {
    db.setExpiry(key, expiresMs);
    db.notify('g', 'expire', key);
  }
  return 1;
}

/** Holds one lock for so long from now on, if it is held by the same. */
function hold(call: Call, keys: readonly Buffer[], args: readonly Buffer[]): number {
  const key = at(keys, 0);
  if (!isHeld(call, key, args)) return 0;
  const unit = { isSeconds: false, isAbsolute: false };
  return expireAt(call, key, moment(at(args, 1), unit, call.nowMs, 'pexpire', false));
}

/** As `hold`, for so long more than it would be held, unless the third argument says otherwise. */
function holdLonger(call: Call, keys: readonly Buffer[], args: readonly Buffer[]): number {
  const key = at(keys, 0);
  if (!isHeld(call, key, args)) return 0;
  const expiresMs = call.db.string(key)?.expiresMs ?? 0;
  if (expiresMs === 0) return 0;
  if (at(args, 2).toString('latin1') !== '0') return hold(call, keys, args);
  return expireAt(call, key, expiresMs + integer(at(args, 1)));
}

const ifMine = "local token = redis.call('get', KEYS[1]) if not token or token ~= ARGV[1] then return 0 end";
const forKeys = 'for i, key in ipairs(KEYS) do';
const setAll = `${forKeys} redis.call("set", key, ARGV[1], "PX", ARGV[2]) end return #KEYS`;

/** By text, as `withoutComments` makes it. */
const scripts: ReadonlyMap<string, NativeScript> = new Map([
  [`${forKeys} if redis.call("exists", key) == 1 then return 0 end end ${setAll}`, acquire],
  [`${forKeys} if redis.call("get", key) ~= ARGV[1] then return 0 end end ${setAll}`, extend],
  [
    `local count = 0 ${forKeys} if redis.call("get", key) == ARGV[1] then redis.pcall("del", key) count = count + 1 end end return count`,
    release,
  ],
  [
    'if redis.call("get", KEYS[1]) == ARGV[1] then return redis.call("del", KEYS[1]) else return 0 end',
    (call, keys, args) => release(call, keys.slice(0, 1), args),
  ],
  // Lock of redis-py: release, reacquire, extend.
  [`${ifMine} redis.call('del', KEYS[1]) return 1`, (call, keys, args) => release(call, keys.slice(0, 1), args)],
  [`${ifMine} redis.call('pexpire', KEYS[1], ARGV[2]) return 1`, hold],
  [
    `${ifMine} local expiration = redis.call('pttl', KEYS[1]) if not expiration then expiration = 0 end if expiration < 0 then return 0 end local newttl = ARGV[2] if ARGV[3] == "0" then newttl = ARGV[2] + expiration end redis.call('pexpire', KEYS[1], newttl) return 1`,
    holdLonger,
  ],
]);

/** None of the scripts that are known has two dashes in a string. */
function withoutComments(text: string): string {
  return text
    .replaceAll(/--[^\n]*/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/,\s*/g, ', ')
    .trim();
}

/** Longest text that is looked at. */
const TEXT_MAX = 4096;

/** What a script does, if it is known. */
export function knownScript(text: Buffer): NativeScript | undefined {
  return text.length > TEXT_MAX ? undefined : scripts.get(withoutComments(text.toString('latin1')));
}
