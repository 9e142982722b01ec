/**
 * What a command is: one entry of the table that drives arity checks, COMMAND, the published page, and execution.
 *
 * To remember: `run` sees memory only and is undone when it throws; it writes exactly one reply.
 */

import type { Client } from './client.ts';
import type { Database } from './database.ts';
import type { ReplyWriter } from './protocol/reply-writer.ts';
import type { RedisHost } from './redis-host.ts';

/** One command that is being executed. */
export interface Call {
  readonly args: readonly Buffer[];
  readonly client: Client;
  readonly db: Database;
  readonly host: RedisHost;
  readonly reply: ReplyWriter;
  /** ms since 1970, the same for the whole command (and transaction). */
  readonly nowMs: number;
  /** Inside EXEC, where nothing waits. */
  readonly isInExec: boolean;
}

export type Flag =
  | 'write'
  | 'readonly'
  | 'denyoom'
  | 'admin'
  | 'pubsub'
  | 'noscript'
  | 'blocking'
  | 'loading'
  | 'stale'
  | 'skip_monitor'
  | 'fast'
  | 'no_auth'
  | 'no_multi'
  | 'movablekeys'
  | 'allow_busy'
  | 'no_async_loading';

export type Group =
  | 'string'
  | 'bitmap'
  | 'generic'
  | 'connection'
  | 'server'
  | 'transactions'
  | 'pubsub'
  | 'scripting'
  | 'hash'
  | 'set'
  | 'sorted-set'
  | 'list';

export interface Command {
  /** Lower case; of a subcommand without its container. */
  readonly name: string;
  /** Arguments with the name; negative: at least so many. */
  readonly arity: number;
  readonly flags: readonly Flag[];
  /** First key, last key (negative: from the end), step; nothing: no keys at fixed places. */
  readonly keys?: readonly [first: number, last: number, step: number];
  /** Where the keys are when `keys` does not say it. */
  readonly keysOf?: (args: readonly Buffer[]) => Buffer[];
  /** It does not look at what its keys hold: reading ahead would be wasted. */
  readonly isBlind?: boolean;
  readonly group: Group;
  /** Redis' version that had it first. */
  readonly since: string;
  readonly summary: string;
  /** What is different here, for the published page. */
  readonly note?: string;
  readonly subcommands?: readonly Command[];
  /** Nothing: it is only a container. */
  readonly run?: (call: Call) => void;
}

/** The keys a call of `command` names. */
export function keysOf(command: Command, args: readonly Buffer[]): readonly Buffer[] {
  if (command.keysOf) return command.keysOf(args);
  if (!command.keys) return [];
  const [first, last, step] = command.keys;
  if (first === 1 && last === 1) return args[1] === undefined ? [] : [args[1]];
  const end = last < 0 ? args.length + last : Math.min(last, args.length - 1);
  const keys: Buffer[] = [];
  for (let index = first; index <= end; index += step) keys.push(args[index] as Buffer);
  return keys;
}

/** Whether `count` arguments, the name included, are as many as it takes. */
export function arityFits({ arity }: Command, count: number): boolean {
  return arity >= 0 ? count === arity : count >= -arity;
}
