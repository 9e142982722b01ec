/** What was acknowledged is there after closing and opening again, and the account of the opening says so. */

import { describe, expect, test } from 'vitest';
import { drivers, home, valuesOf } from './drivers.ts';

describe.each(drivers)('on driver %s', (driver) => {
  test('a log that was closed opens clean with everything in it', async () => {
    const place = home(driver);
    const log = await place.open();
    const topic = await log.topic('orders', { partitions: 3 });
    await Promise.all(Array.from({ length: 300 }, (_, i) => topic.append({ value: `${i}` }, { partition: i % 3 })));
    await log.close();
    const again = await place.open();
    expect(again.recovery.clean).toBe(true);
    expect(again.recovery.cutBytes).toBe(0);
    expect(again.topics()).toEqual(['orders']);
    expect((await valuesOf(again, 'orders', { partition: 2 })).map(Number)).toEqual(
      Array.from({ length: 100 }, (_, i) => i * 3 + 2),
    );
    const { baseOffset } = await (await again.topic('orders')).append({ value: 'next' }, { partition: 2 });
    expect(baseOffset).toBe(100n);
  });

  test('many openings lose nothing and count up', async () => {
    const place = home(driver);
    for (let round = 0; round < 5; round += 1) {
      const log = await place.open();
      const topic = await log.topic('rounds', { partitions: 1 });
      const { baseOffset } = await topic.append({ value: `${round}` });
      expect(baseOffset).toBe(BigInt(round));
      await log.close();
    }
    expect(await valuesOf(await place.open(), 'rounds')).toEqual(['0', '1', '2', '3', '4']);
  });

  test('a deleted topic stays deleted, and a new one of its name starts empty', async () => {
    const place = home(driver);
    const log = await place.open();
    await (await log.topic('gone', { partitions: 1 })).append({ value: 'old' });
    await log.deleteTopic('gone');
    await (await log.topic('gone', { partitions: 1 })).append({ value: 'new' });
    await log.close();
    expect(await valuesOf(await place.open(), 'gone')).toEqual(['new']);
  });
});

test.each(['ring', 'pool'] as const)('a directory that is open is refused a second time on %s', async (driver) => {
  const place = home(driver);
  await place.open();
  await expect(place.open()).rejects.toMatchObject({ code: 'MILLRACE_LOCKED', retriable: true });
});
