/**
 * Where a server's data is: a directory that it opens and closes, or an engine that the process has open and keeps.
 *
 * Not what is served. To remember: what whoever opened the directory has decided cannot be decided again by the server,
 * so it is refused and never ignored.
 */

import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { engineSetting } from './engine-settings.ts';
import { MillraceError } from './errors.ts';
import { type NodeEngine, openEngine } from './io/engine.ts';
import { type EngineShare, joinEngine } from './io/shared-engine.ts';
import type { EngineOptions } from './options.ts';
import type { ServeOpenOptions, ServeOptions } from './serve-options.ts';

/** An engine to serve, and how to let go of it. */
export interface ServedEngine {
  readonly engine: NodeEngine;
  /** Undefined on a simulated disk, which has no room to be asked for. */
  readonly dir: string | undefined;
  /** Closes it, or gives it back to those who still have it. */
  release(): Promise<void>;
}

/** Opens the directory of `options`; `defaults` are engine options that it does not name. Throws as `openEngine` does. */
export function openServed(options: ServeOptions, defaults: EngineOptions): ServedEngine {
  const { dir, kafka, http, redis, tls, insecure, settings, print, durability, ...engineOptions } = options;
  if (!options.sim) mkdirSync(dirname(dir), { recursive: true });
  const engine = openEngine(dir, { ...defaults, ...engineOptions });
  return { engine, dir: options.sim ? undefined : dir, release: () => engine.close() };
}

/**
 * Joins the engine of `options.log` and `options.kv`. Throws MILLRACE_CLOSED, MILLRACE_LOCKED when this process serves it
 * already, and MILLRACE_OPTION when both are of two directories or an option is not the server's to decide.
 */
export function joinServed(options: ServeOpenOptions): ServedEngine & { readonly share: EngineShare } {
  const { log, kv } = options;
  const engine = log?.engine ?? kv?.engine;
  if (!engine) throw new MillraceError('MILLRACE_OPTION', 'there is no open log or kv');
  if (log && kv && log.engine !== kv.engine) {
    throw new MillraceError('MILLRACE_OPTION', 'log and kv are of two directories');
  }
  log?.assertOpen();
  kv?.stores();
  refuseDecided(options);
  const share = joinEngine(engine, 'server');
  const dir = share.native.driver === 'sim' ? undefined : share.dir;
  return { engine, dir, share, release: () => share.release() };
}

const LISTENING: ReadonlySet<string> = new Set([
  'log',
  'kv',
  'kafka',
  'redis',
  'http',
  'tls',
  'insecure',
  'settings',
  'durability',
  'print',
]);

/** Settings that a server hands to the engine it opens. */
const ENGINE_SIZES = ['log.segment.bytes', 'log.index.interval.bytes', 'logSegmentBytes', 'logIndexIntervalBytes'];

function refuseDecided(options: ServeOpenOptions): void {
  const names = Object.entries(options).flatMap(([name, value]) =>
    LISTENING.has(name) || value === undefined ? [] : [name],
  );
  const settings = Object.keys(options.settings ?? {}).filter(
    (name) => engineSetting(name) !== undefined || ENGINE_SIZES.includes(name),
  );
  const [first] = [...names, ...settings];
  if (first === undefined) return;
  throw new MillraceError('MILLRACE_OPTION', `${first} belongs to whoever opened the directory, not to its server`);
}
