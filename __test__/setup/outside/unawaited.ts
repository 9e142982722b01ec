/** A test that passes while something beside it fails: what `tally.spec.ts` runs in a run of its own. */
import { setTimeout } from 'node:timers/promises';
import { test } from 'vitest';

test('leaves a promise behind', async () => {
  void Promise.reject(new Error('nobody awaits this'));
  await setTimeout(10);
});
