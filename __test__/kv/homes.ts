/** Opens KV stores for tests that must hold on every driver: a directory of its own, reopened as often as wanted. */

import { afterEach } from 'vitest';
import { type KeyEncoding, type Kv, type KvOptions, openKv, type ValueEncoding } from '../../ts/kv/index.ts';
import { type Log, type LogOptions, openLog } from '../../ts/log/open-log.ts';
import { driversHere } from '../support/hardship.ts';
import { scratch } from '../support/scratch.ts';

/** All drivers a promise must hold on. */
export const drivers = driversHere('ring', 'pool', 'sim');
export type TestDriver = (typeof drivers)[number];

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A place where stores live, and how to open them again. Everything is closed and removed after the test. */
export interface Home {
  readonly path: string;
  open<KE extends KeyEncoding = 'utf8', VE extends ValueEncoding = 'buffer'>(
    options?: KvOptions<KE, VE>,
  ): Promise<Kv<KE, VE>>;
  openLog(options?: LogOptions): Promise<Log>;
}

/** Options that settle early and often, so that short tests read from data files as well. */
export const small = { memoryBytes: '8mb', settleBytes: '256kb', journalFileBytes: '1mb', journalFiles: 3 } as const;

/** A fresh place. */
export function home(driver: TestDriver, seed = 1): Home {
  const place = scratch('kv');
  cleanups.push(() => place[Symbol.dispose]());
  const sim = driver === 'sim' ? { sim: { seed, id: place.path } } : {};
  const path = `${place.path}/data`;
  return {
    path,
    async open(options = {}) {
      const kv = await openKv(path, { driver, ...sim, ...options });
      cleanups.push(() => kv.close());
      return kv;
    },
    async openLog(options = {}) {
      const log = await openLog(path, { driver, ...sim, ...options });
      cleanups.push(() => log.close());
      return log;
    },
  };
}
