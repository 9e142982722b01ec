/** abstract-level's public suite, unmodified, on a store: as it is, and again inside a sublevel. */

import { createRequire } from 'node:module';
import { afterAll, describe, expect, test } from 'vitest';
import { MillraceLevel } from '../../ts/level/index.ts';
import { scratch } from '../support/scratch.ts';
import { assertionCount, tapeTest } from './tape.ts';

type Suite = (options: { test: typeof tapeTest; factory: (options?: object) => unknown }) => void;
const suite = createRequire(import.meta.url)('abstract-level/test') as Suite;

const place = scratch('level');
let made = 0;

/** A fresh database that is not open yet. */
function factory(options: object = {}): MillraceLevel {
  made += 1;
  const small = { journalFileBytes: '1mb', journalFiles: 3, memoryBytes: '8mb', driver: 'pool' } as const;
  return new MillraceLevel(`${place.path}/${made}`, { ...small, ...options });
}

afterAll(() => place[Symbol.dispose]());

describe('as it is', () => {
  suite({ test: tapeTest, factory });
});

describe('inside a sublevel', () => {
  suite({
    test: tapeTest,
    factory(options: object = {}) {
      const { createIfMissing: _create, errorIfExists: _error, ...sub } = options as Record<string, unknown>;
      return factory().sublevel('test', sub);
    },
  });
});

test('the suite has checked as much as it does for others', () => {
  expect(assertionCount()).toBeGreaterThan(8000);
});
