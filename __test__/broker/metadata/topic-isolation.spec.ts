/** What bounds a read of a topic of isolation `durable`, also when partition or engine have gone meanwhile. */
import { expect, it } from 'vitest';
import { isolationNow } from '../../../ts/broker/metadata/topic-isolation.ts';
import { Isolation } from '../../../ts/io/native-types.ts';
import { openWatchedEngine } from '../support/watched-engine.ts';

const BOTH = { isCommitted: true, isDurable: true };

it('a partition that is gone leaves the answer to the read', async () => {
  const engine = openWatchedEngine();
  expect(isolationNow(engine, 999, BOTH)).toBe(Isolation.durable);
  await engine.close();
});

it('an engine that has lost its power leaves the answer to the read', () => {
  const engine = openWatchedEngine();
  engine.cutPower();
  expect(isolationNow(engine, 1, BOTH)).toBe(Isolation.durable);
});
