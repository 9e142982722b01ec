/** abstract-level's public suite, unmodified, inside a sublevel of a store. */

import { expect, test } from 'vitest';
import { freshDatabase, suite } from './databases.ts';
import { assertionCount, tapeTest } from './tape.ts';

suite({
  test: tapeTest,
  factory(options: object = {}) {
    const { createIfMissing: _create, errorIfExists: _error, ...sub } = options as Record<string, unknown>;
    return freshDatabase().sublevel('test', sub);
  },
});

test('the suite has checked as much as it does for others', () => {
  expect(assertionCount()).toBeGreaterThan(4000);
});
