/**
 * Scripts that lock libraries send, run natively: there is no interpreter.
 *
 * To remember: a script is known by its text without comments and with single blanks, so that every edition of a library
 * is covered; its SHA-1 is that of the text a client sent, as EVALSHA demands.
 */

import type { Call } from '../command.ts';
import { at, moment } from './arguments.ts';

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
