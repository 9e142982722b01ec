/**
 * However much work an engine has that waits for no device, the event loop has its turns: timers and sockets go on.
 *
 * To remember: a libuv timer that its own callback starts again for now runs in the same pass of the loop, for ever.
 */

import { expect, test } from 'vitest';
import { drivers, home } from '../kv/homes.ts';

const KEYS = 60_000;
const BATCH = 2_000;
/** A step moves 2,000 keys, and an engine does four steps at most before the loop has its turn. */
const TURNS_MIN = Math.floor(KEYS / 2_000 / 4) - 1;
const TURNS_MAX = 100_000;

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test.each(drivers)('while the keys of a merge move, the loop goes on turning (%s)', async (driver) => {
  const kv = await home(driver).open({ valueEncoding: 'utf8', settleBytes: '1mb', memoryBytes: '64mb' });
  for (let first = 0; first < KEYS; first += BATCH) {
    const batch = kv.batch();
    for (let key = first; key < first + BATCH; key += 1) batch.put(String(key).padStart(8, '0'), 'v');
    await batch.write();
  }
  for (let left = TURNS_MAX; Number(kv.stats().files) < 2 && left > 0; left -= 1) await turn();
  kv.merge();
  let [turns, moving] = [0, 0];
  for (let stats = kv.stats(); stats.merging && turns < TURNS_MAX; stats = kv.stats()) {
    // The manifest names one file in place of all: from now on nothing is waited for.
    if (stats.files === 1) moving += 1;
    await turn();
    turns += 1;
  }
  expect(kv.stats()).toMatchObject({ merging: 0, files: 1, keys: KEYS });
  expect(moving).toBeGreaterThanOrEqual(TURNS_MIN);
  await kv.close();
});
