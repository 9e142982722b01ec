/** Promises are budgeted: an append costs the one that its caller gets, and nothing is promised per append besides. */

import { promiseHooks } from 'node:v8';
import { expect, test } from 'vitest';
import { openLog } from '../../ts/index.ts';
import { scratch } from '../support/scratch.ts';

/** Promises made while `work` runs. */
async function promisesOf(work: () => Promise<unknown>): Promise<number> {
  let made = 0;
  const stop = promiseHooks.onInit(() => {
    made += 1;
  });
  try {
    await work();
  } finally {
    stop();
  }
  return made;
}

test.each(['memory', 'written', 'durable'] as const)('an append at level %s costs one promise', async (durability) => {
  using place = scratch('promises');
  const log = await openLog(`${place.path}/data`, { driver: 'pool', durability });
  const topic = await log.topic('promises', { partitions: 1 });
  await topic.append({ value: 'warm' });
  const count = 1000;
  const made = await promisesOf(async () => {
    let last: Promise<unknown> | undefined;
    for (let index = 0; index < count; index += 1) last = topic.append({ value: 'v' });
    await last;
  });
  await log.close();
  // The few besides are the test's own, and those of whoever runs it. A second one per append would be a thousand.
  expect(made).toBeGreaterThanOrEqual(count);
  expect(made).toBeLessThan(count * 1.1);
});
