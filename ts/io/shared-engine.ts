/**
 * One engine for a data directory and process, shared by whoever opens the directory: a log, any number of KV handles, a
 * server on top of them.
 *
 * Not the lock between processes, which is the directory's own. To remember: the first who opens decides the engine's
 * options, the last who closes closes the engine.
 */

import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { MillraceError } from '../errors.ts';
import { decideOptions, type EngineOptions } from '../options.ts';
import { type NodeEngine, openEngine } from './engine.ts';
import type { NativeOptions } from './native-types.ts';

/** What an opener is: there is one log and one server on an engine, and any number of KV handles. */
export type EngineUse = 'log' | 'kv' | 'server';

/** An engine and the promise to give it back. */
export interface EngineShare {
  readonly engine: NodeEngine;
  /** The directory, as an absolute path. */
  readonly dir: string;
  /** What the engine runs with; its flush policy may have been changed since. */
  readonly native: NativeOptions;
  /** Gives it back; resolves when this handle has nothing to do with it any more: closed, when it was the last. */
  release(): Promise<void>;
}

interface Shared {
  readonly engine: NodeEngine;
  readonly native: NativeOptions;
  readonly uses: EngineUse[];
}

const open = new Map<string, Shared>();

/**
 * The engine of `dir`, opened when nobody in this process has it open. Throws MILLRACE_LOCKED when it has a log already
 * and `use` is another, MILLRACE_OPTION when it is open with other options, and whatever `openEngine` throws.
 */
export function shareEngine(dir: string, use: EngineUse, options: EngineOptions): EngineShare {
  const { native } = decideOptions(dir, options);
  const name = nameOf(native);
  let shared = open.get(name);
  if (shared && !shared.engine.isClosed) {
    if (use === 'log' && shared.uses.includes('log')) {
      throw new MillraceError('MILLRACE_LOCKED', 'it is open as a log in this process', { path: dir });
    }
    assertSame(shared.native, native, options);
  } else {
    shared = { engine: openEngine(dir, options), native, uses: [] };
    open.set(nameOf(native), shared);
  }
  return share(shared, use);
}

/**
 * One use more of an engine that somebody in this process has opened and not given back. Throws MILLRACE_CLOSED when nobody
 * has, MILLRACE_LOCKED when `use` is there already and can be there once.
 */
export function joinEngine(engine: NodeEngine, use: EngineUse): EngineShare {
  const shared = [...open.values()].find((one) => one.engine === engine);
  if (!shared || engine.isClosed) throw new MillraceError('MILLRACE_CLOSED');
  if (use === 'server' && shared.uses.includes('server')) {
    throw new MillraceError('MILLRACE_LOCKED', 'it is served already by this process', { path: shared.native.dir });
  }
  return share(shared, use);
}

function share(mine: Shared, use: EngineUse): EngineShare {
  mine.uses.push(use);
  let released: Promise<void> | undefined;
  return {
    engine: mine.engine,
    dir: resolve(mine.native.dir),
    native: mine.native,
    release() {
      released ??= release(mine, use);
      return released;
    },
  };
}

/** Gives a share back; the last one closes. Until the engine is closed the directory counts as locked by it. */
async function release(shared: Shared, use: EngineUse): Promise<void> {
  shared.uses.splice(shared.uses.indexOf(use), 1);
  if (shared.uses.length > 0) return;
  for (const [name, other] of open) if (other === shared) open.delete(name);
  await shared.engine.close();
}

/** One name for a directory, however it is spelled. */
function nameOf(native: NativeOptions): string {
  if (native.driver === 'sim') return `sim:${native.simId}`;
  try {
    return realpathSync(native.dir);
  } catch {
    return resolve(native.dir);
  }
}

/** An option that is given explicitly must be what the engine runs with. */
function assertSame(running: NativeOptions, wanted: NativeOptions, options: EngineOptions): void {
  const fields: readonly (readonly [option: keyof EngineOptions, field: keyof NativeOptions])[] = [
    ['driver', 'driver'],
    ['journalFileBytes', 'journalFileBytes'],
    ['journalFiles', 'journalFiles'],
    ['memoryBytes', 'memoryBytes'],
    ['settleBytes', 'settleBytes'],
    ['ownSegmentBytes', 'ownSegmentBytes'],
    ['segmentBytes', 'segmentBytes'],
    ['largeValueBytes', 'largeValueBytes'],
    ['indexIntervalBytes', 'indexIntervalBytes'],
    ['readAheadBytes', 'readAheadBytes'],
    ['flush', 'flushAlways'],
    ['flush', 'flushRecords'],
    ['flush', 'flushBytes'],
    ['flush', 'flushIntervalMs'],
  ];
  for (const [option, field] of fields) {
    if (options[option] !== undefined && running[field] !== wanted[field]) {
      throw new MillraceError('MILLRACE_OPTION', `the directory is open in this process with another ${option}`);
    }
  }
}
