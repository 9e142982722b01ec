/** Fresh databases for abstract-level's suite: thousands of them, each in a directory of its own, not open yet. */

import { createRequire } from 'node:module';
import { afterAll } from 'vitest';
import { MillraceLevel } from '../../ts/level/index.ts';
import { scratch } from '../support/scratch.ts';
import type { tapeTest } from './tape.ts';

/** What the suite wants to know. */
export interface SuiteOptions {
  test: typeof tapeTest;
  /** Makes a database that is not open. */
  factory(options?: object): unknown;
}

/** abstract-level's public suite. */
export const suite = createRequire(import.meta.url)('abstract-level/test') as (options: SuiteOptions) => void;

const place = scratch('level');
let made = 0;
afterAll(() => place[Symbol.dispose]());

/** A database in a new directory, with a journal as small as can be. */
export function freshDatabase(options: object = {}): MillraceLevel {
  made += 1;
  const small = { journalFileBytes: '1mb', journalFiles: 3, memoryBytes: '8mb', driver: 'pool' } as const;
  return new MillraceLevel(`${place.path}/${made}`, { ...small, ...options });
}
