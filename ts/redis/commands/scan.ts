/** KEYS, SCAN and DBSIZE: all keys, in pieces that hold nobody up. */

import type { Call, Command } from '../command.ts';
import { type KeyPosition, type WalkedKey, walkKeys, walkStart } from '../key-walk.ts';
import { CommandError, errors } from '../protocol/errors.ts';
import { globMatches } from '../protocol/glob.ts';
import { Unfinished } from '../unfinished.ts';
import { at, integer, word } from './arguments.ts';

/** Keys looked at before others have their turn. */
const STEP = 2000;
/** Most keys one SCAN looks at, whatever its COUNT. */
const COUNT_MAX = 20_000;

interface KeysState {
  readonly pattern: Buffer;
  readonly found: Buffer[];
  position: KeyPosition | null;
}

function keys(call: Call, state: KeysState): void {
  const { db, nowMs, reply, isInExec } = call;
  let looked = 0;
  while (state.position !== null) {
    const { keys: page, next } = walkKeys(db, state.position, STEP, nowMs);
    for (const { key } of page) if (globMatches(state.pattern, key)) state.found.push(key);
    looked += page.length;
    state.position = next;
    if (next !== null && looked >= STEP && !isInExec) throw Unfinished.later((again) => keys(again, state));
  }
  reply.array(state.found.length);
  for (const key of state.found) reply.bulk(key);
}

/** What SCAN and its kin have behind the cursor. */
export interface ScanOptions {
  count: number;
  pattern: Buffer | null;
  type: string | null;
}

/** Reads the options behind index `from`. */
export function scanOptions(args: readonly Buffer[], from: number, takesType: boolean): ScanOptions {
  const options: ScanOptions = { count: 10, pattern: null, type: null };
  for (let index = from; index < args.length; index += 2) {
    const name = word(args[index]);
    const value = args[index + 1];
    if (value === undefined) throw new CommandError(errors.syntax);
    if (name === 'COUNT') {
      options.count = integer(value);
      if (options.count < 1) throw new CommandError(errors.syntax);
    } else if (name === 'MATCH') {
      options.pattern = value;
    } else if (name === 'TYPE' && takesType) {
      options.type = value.toString('latin1').toLowerCase();
    } else {
      throw new CommandError(errors.syntax);
    }
  }
  options.count = Math.min(options.count, COUNT_MAX);
  return options;
}

/** The number of a cursor, which is unsigned decimal. */
export function cursorOf(arg: Buffer): number {
  const text = arg.toString('latin1', 0, Math.min(arg.length, 21));
  if (!/^\d{1,20}$/.test(text)) throw new CommandError(errors.cursor);
  return Number(text);
}

function isWanted({ key, type }: WalkedKey, options: ScanOptions): boolean {
  if (options.type !== null && options.type !== type) return false;
  return options.pattern === null || globMatches(options.pattern, key);
}

function scan({ args, db, host, nowMs, reply }: Call): void {
  const cursor = cursorOf(at(args, 1));
  const options = scanOptions(args, 2, true);
  const position = cursor === 0 ? walkStart : host.cursors.get(cursor);
  if (position === undefined) throw new CommandError(errors.cursor);
  const { keys: page, next } = walkKeys(db, position, options.count, nowMs);
  const found = page.filter((one) => isWanted(one, options));
  reply.array(2);
  reply.text(String(next === null ? 0 : host.cursors.add(next)));
  reply.array(found.length);
  for (const { key } of found) reply.bulk(key);
}

export const scanCommands: readonly Command[] = [
  {
    name: 'keys',
    arity: 2,
    flags: ['readonly'],
    group: 'generic',
    since: '1.0.0',
    summary: 'Returns all key names that match a pattern.',
    note: 'others run in between, so it is no snapshot; in the order of bytes',
    run: (call) => keys(call, { pattern: Buffer.from(at(call.args, 1)), found: [], position: walkStart }),
  },
  {
    name: 'scan',
    arity: -2,
    flags: ['readonly'],
    group: 'generic',
    since: '2.8.0',
    summary: 'Iterates over the key names in the database.',
    note: 'the last 20,000 cursors are remembered; older ones are refused',
    run: scan,
  },
  {
    name: 'dbsize',
    arity: 1,
    flags: ['readonly', 'fast'],
    group: 'server',
    since: '1.0.0',
    summary: 'Returns the number of keys in the database.',
    run: ({ db, reply }) => reply.integer(db.count()),
  },
];
