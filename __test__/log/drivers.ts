/** Opens logs for tests that must hold on every driver: a directory of its own, reopened as often as wanted. */

import { afterEach } from 'vitest';
import { type Log, type LogOptions, openLog } from '../../ts/index.ts';
import { driversHere } from '../support/hardship.ts';
import { scratch } from '../support/scratch.ts';

/** All drivers a promise must hold on. */
export const drivers = driversHere('ring', 'pool', 'sim');
export type TestDriver = (typeof drivers)[number];

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A place where one log lives, and how to open it again. Everything is closed and removed after the test. */
export function home(driver: TestDriver, seed = 1): { open(options?: LogOptions): Promise<Log> } {
  const place = scratch('log');
  cleanups.push(() => place[Symbol.dispose]());
  const sim = driver === 'sim' ? { sim: { seed, id: place.path } } : {};
  return {
    async open(options = {}) {
      const log = await openLog(`${place.path}/data`, { driver, ...sim, ...options });
      cleanups.push(() => log.close());
      return log;
    },
  };
}

/** Values of all records of a topic, in the order read. */
export async function valuesOf(log: Log, name: string, options: { partition?: number } = {}): Promise<string[]> {
  const topic = await log.topic(name);
  const values: string[] = [];
  for await (const batch of topic.read({ from: 'earliest', follow: false, ...options })) {
    for (const record of batch.records()) values.push(String(record.value));
  }
  return values;
}
