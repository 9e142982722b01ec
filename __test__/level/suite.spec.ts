/** abstract-level's public suite, unmodified, on a store. */

import { expect, test } from 'vitest';
import { freshDatabase, suite } from './databases.ts';
import { assertionCount, tapeTest } from './tape.ts';

suite({ test: tapeTest, factory: freshDatabase });

test('the suite has checked as much as it does for others', () => {
  expect(assertionCount()).toBeGreaterThan(4000);
});
