/**
 * EVAL and its kin, for the scripts that are known (known-scripts.ts).
 *
 * To remember: any other script is refused in words; nothing is ever answered as if it had run.
 */

import { createHash } from 'node:crypto';
import type { Call, Command } from '../command.ts';
import { CommandError, errors } from '../protocol/errors.ts';
import { at, integer, word } from './arguments.ts';
import { knownScript, type NativeScript } from './known-scripts.ts';

const NO_INTERPRETER =
  'ERR scripts are not interpreted by this server: only those of lock libraries are known, see docs/wire/redis.md';

/** Scripts that were loaded, by the SHA-1 of their text: as many as there are spellings of what is known. */
const loaded = new Map<string, NativeScript>();
const LOADED_MAX = 1000;

function load(text: Buffer): { sha: string; script: NativeScript } {
  const script = knownScript(text);
  if (script === undefined) throw new CommandError(NO_INTERPRETER);
  const sha = createHash('sha1').update(text).digest('hex');
  if (loaded.size < LOADED_MAX) loaded.set(sha, script);
  return { sha, script };
}

function run(call: Call, script: () => NativeScript): void {
  const { args, reply } = call;
  const count = integer(at(args, 2));
  if (count > args.length - 3) throw new CommandError("ERR Number of keys can't be greater than number of args");
  if (count < 0) throw new CommandError("ERR Number of keys can't be negative");
  reply.integer(script()(call, args.slice(3, 3 + count), args.slice(3 + count)));
}

function scriptKeys(args: readonly Buffer[]): Buffer[] {
  const count = Number(args[2]?.toString('latin1'));
  return Number.isInteger(count) && count > 0 ? args.slice(3, 3 + count) : [];
}

function sha(arg: Buffer): string {
  return arg.toString('latin1').toLowerCase();
}

function flushMode({ args }: Call): void {
  if (args.length > 2 && !['SYNC', 'ASYNC'].includes(word(args[2]))) {
    throw new CommandError('ERR SCRIPT FLUSH only support SYNC|ASYNC option');
  }
}

const shared = { flags: ['noscript'], group: 'scripting' } as const;

export const scriptCommands: readonly Command[] = [
  {
    name: 'eval',
    arity: -3,
    flags: ['write', 'noscript', 'stale', 'movablekeys'],
    keysOf: scriptKeys,
    group: 'scripting',
    since: '2.6.0',
    summary: 'Executes a server-side Lua script.',
    note: 'the scripts of redlock 4 and 5, those of the Lock of redis-py and the usual compare-and-delete only; others are refused',
    run: (call) => run(call, () => load(at(call.args, 1)).script),
  },
  {
    name: 'evalsha',
    arity: -3,
    flags: ['write', 'noscript', 'stale', 'movablekeys'],
    keysOf: scriptKeys,
    group: 'scripting',
    since: '2.6.0',
    summary: 'Executes a server-side Lua script by SHA1 digest.',
    note: 'as EVAL',
    run: (call) =>
      run(call, () => {
        const script = loaded.get(sha(at(call.args, 1)));
        if (script === undefined) throw new CommandError(errors.noScript);
        return script;
      }),
  },
  {
    name: 'script',
    arity: -2,
    flags: [],
    group: 'scripting',
    since: '2.6.0',
    summary: 'A container for Lua scripts management commands.',
    subcommands: [
      {
        ...shared,
        name: 'load',
        arity: 3,
        since: '2.6.0',
        summary: 'Loads a server-side Lua script to the script cache.',
        note: 'as EVAL',
        run: ({ args, reply }) => reply.text(load(at(args, 2)).sha),
      },
      {
        ...shared,
        name: 'exists',
        arity: -3,
        since: '2.6.0',
        summary: 'Determines whether server-side Lua scripts exist in the script cache.',
        run: ({ args, reply }) => {
          reply.array(args.length - 2);
          for (const arg of args.slice(2)) reply.integer(loaded.has(sha(arg)) ? 1 : 0);
        },
      },
      {
        ...shared,
        name: 'flush',
        arity: -2,
        since: '2.6.0',
        summary: 'Removes all server-side Lua scripts from the script cache.',
        run: (call) => {
          flushMode(call);
          loaded.clear();
          call.reply.ok();
        },
      },
    ],
  },
  {
    name: 'function',
    arity: -2,
    flags: [],
    group: 'scripting',
    since: '7.0.0',
    summary: 'A container for function commands.',
    subcommands: [
      {
        ...shared,
        name: 'flush',
        arity: -2,
        since: '7.0.0',
        summary: 'Deletes all libraries and functions.',
        note: 'there are none',
        run: ({ reply }) => reply.ok(),
      },
    ],
  },
];
