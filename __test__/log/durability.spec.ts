/** Durability levels and flush policies: what an append waits for, and what a power cut leaves. */

import { describe, expect, test } from 'vitest';
import type { FlushInput } from '../../ts/index.ts';
import { drivers, home, valuesOf } from './drivers.ts';

describe.each(drivers)('on driver %s', (driver) => {
  test.each(['memory', 'written', 'durable'] as const)(
    'an append at level %s resolves with that level',
    async (durability) => {
      const log = await home(driver).open({ flush: { intervalMs: 10_000 } });
      const topic = await log.topic('levels', { partitions: 1 });
      const result = await topic.append({ value: 'x' }, { durability });
      expect(result.level).toBe(durability);
      if (durability !== 'memory') expect(topic.watermarks().highWatermark).toBe(1n);
      if (durability === 'durable') expect(topic.watermarks().durable).toBe(1n);
    },
  );

  test.each<FlushInput>(['os', { intervalMs: 60_000 }, { records: 1_000_000 }])(
    'under policy %j a durable append is flushed all the same',
    async (flush) => {
      const log = await home(driver).open({ flush });
      const topic = await log.topic('forced', { partitions: 1 });
      await topic.append({ value: 'x' }, { durability: 'durable' });
      expect(topic.watermarks().durable).toBe(1n);
    },
  );

  test('`durable` of a weaker append resolves once it is durable, forcing a flush', async () => {
    const log = await home(driver).open({ flush: 'os' });
    const topic = await log.topic('lazy', { partitions: 1 });
    const result = await topic.append({ value: 'x' }, { durability: 'written' });
    await result.durable;
    expect(topic.watermarks().durable).toBe(1n);
  });

  test('flush() makes everything appended so far durable', async () => {
    const log = await home(driver).open({ flush: 'os' });
    const topic = await log.topic('flush', { partitions: 1 });
    await Promise.all(Array.from({ length: 50 }, () => topic.append({ value: 'x' }, { durability: 'memory' })));
    await log.flush();
    expect(topic.watermarks().durable).toBe(50n);
  });

  test('the watermarks are never out of order while appends at all levels run', async () => {
    const log = await home(driver).open({ flush: { records: 7 } });
    const topic = await log.topic('marks', { partitions: 1 });
    const levels = ['memory', 'written', 'durable'] as const;
    const appends = Array.from({ length: 60 }, async (_, index) => {
      const durability = levels[index % 3] ?? 'durable';
      await topic.append({ value: 'x' }, { durability });
      const marks = topic.watermarks();
      expect(marks.logStart <= marks.durable && marks.durable <= marks.highWatermark).toBe(true);
      expect(marks.highWatermark <= marks.logEnd && marks.lastStable <= marks.highWatermark).toBe(true);
    });
    await Promise.all(appends);
  });
});

describe('a power cut on the simulated disk', () => {
  test.each(Array.from({ length: 25 }, (_, seed) => seed + 1))(
    'loses nothing acknowledged durable (seed %i)',
    async (seed) => {
      const place = home('sim', seed);
      const log = await place.open({ journalFileBytes: '1mb', memoryBytes: '8mb', settleBytes: '256kb' });
      const topic = await log.topic('cut', { partitions: 2 });
      const acknowledged: number[] = [];
      const append = (value: number): void => {
        topic.append({ value: `${value}` }, { partition: 0 }).then(
          () => acknowledged.push(value),
          () => undefined,
        );
      };
      let next = 0;
      for (let turn = 0; turn < 3 + (seed % 7); turn += 1) {
        for (let count = 0; count < 1 + ((seed * 7 + turn) % 20); count += 1) append(next++);
        await new Promise((resolve) => setImmediate(resolve));
      }
      log.engine.cutPower();
      const kept = [...acknowledged];
      const again = await place.open();
      const found = (await valuesOf(again, 'cut')).map(Number);
      expect(found).toEqual(Array.from({ length: found.length }, (_, index) => index));
      expect(found.slice(0, kept.length)).toEqual(kept);
      expect(again.recovery.damage).toEqual([]);
    },
  );

  test('tells whoever waits that the outcome is unknown, never that it may be retried', async () => {
    const log = await home('sim').open();
    const topic = await log.topic('waiting', { partitions: 1 });
    const waiting = topic.append({ value: 'x' });
    await new Promise((resolve) => process.nextTick(resolve));
    log.engine.commitNow();
    log.engine.cutPower();
    await expect(waiting).rejects.toMatchObject({ code: 'MILLRACE_OUTCOME_UNKNOWN', retriable: false });
  });
});
