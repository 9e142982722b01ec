/**
 * How a command waits for one of its keys to hold something.
 *
 * To remember: inside EXEC nothing waits; a key whose older waiters are being served is passed over.
 */

import type { Call } from '../command.ts';
import { CommandError } from '../protocol/errors.ts';
import { Unfinished } from '../unfinished.ts';
import type { Waiter } from './blocked-clients.ts';

/** What a blocking command takes, from where, and for how long it waits. */
export interface Wish {
  readonly keys: readonly Buffer[];
  readonly type: Waiter['type'];
  /** ms, 0 = for ever. */
  readonly timeoutMs: number;
  readonly take: Waiter['take'];
  /** Its reply inside EXEC when there is nothing. */
  readonly nothing: (call: Call) => void;
}

/** Takes at once, or waits. */
export function blockOn(call: Call, { keys, type, timeoutMs, take, nothing }: Wish): void {
  const { client, db, host } = call;
  const free = keys.filter((key) => !host.blocked.isTaken(db, key));
  if (take(call, free)) return;
  if (call.isInExec) {
    nothing(call);
    return;
  }
  const kept = keys.map((key) => Buffer.from(key));
  throw new Unfinished((resume) => {
    const waiter: Waiter = { client, db, keys: kept, type, take, resume };
    host.blocked.add(waiter, timeoutMs, ({ reply }) => reply.nullArray());
    return () => host.blocked.remove(waiter);
  });
}

const LONGEST = 2 ** 63;

/** A time-out in seconds, as ms. */
export function timeoutOf(arg: Buffer): number {
  const text = arg.toString('latin1', 0, Math.min(arg.length, 256));
  const isInfinite = /^[+-]?inf(inity)?$/i.test(text);
  const seconds = Number(text);
  if (!isInfinite && (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) || Number.isNaN(seconds))) {
    throw new CommandError('ERR timeout is not a float or out of range');
  }
  if (isInfinite || seconds < 0 || seconds * 1000 >= LONGEST) throw new CommandError('ERR timeout is negative');
  return Math.ceil(seconds * 1000);
}
