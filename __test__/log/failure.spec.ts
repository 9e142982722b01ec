/** What callers learn when the disk fails, is full of waiting work, or the call is aborted. */

import { describe, expect, test } from 'vitest';
import type { MillraceError } from '../../ts/index.ts';
import { home, valuesOf } from './drivers.ts';

describe('a failed flush', () => {
  test('fails every waiter with an unknown outcome and refuses what comes after, and reads go on', async () => {
    const log = await home('sim').open();
    const topic = await log.topic('poison', { partitions: 1 });
    await topic.append({ value: 'kept' });
    const told: MillraceError[] = [];
    log.onFailure((error) => told.push(error));
    log.engine.failDisk();
    const waiting = await Promise.allSettled([topic.append({ value: 'a' }), topic.append({ value: 'b' })]);
    for (const outcome of waiting) {
      expect(outcome).toMatchObject({ reason: { code: 'MILLRACE_OUTCOME_UNKNOWN', retriable: false } });
    }
    await expect(topic.append({ value: 'c' })).rejects.toMatchObject({ code: 'MILLRACE_POISONED', retriable: false });
    await expect(log.flush()).rejects.toMatchObject({ code: 'MILLRACE_POISONED' });
    expect(told.map((error) => error.code)).toEqual(['MILLRACE_POISONED']);
    expect(await valuesOf(log, 'poison')).toEqual(['kept']);
  });

  test('does not keep close() from ending', async () => {
    const log = await home('sim').open();
    const topic = await log.topic('poison', { partitions: 1 });
    log.engine.failDisk();
    await expect(topic.append({ value: 'a' })).rejects.toMatchObject({ code: 'MILLRACE_OUTCOME_UNKNOWN' });
    await log.close();
  });
});

describe('an aborted append', () => {
  test('ends the wait at once, and the record is stored all the same', async () => {
    const log = await home('pool').open();
    const topic = await log.topic('abort', { partitions: 1 });
    const stop = new AbortController();
    const append = topic.append({ value: 'x' }, { signal: stop.signal });
    stop.abort(new Error('changed my mind'));
    await expect(append).rejects.toMatchObject({ code: 'MILLRACE_ABORTED', cause: new Error('changed my mind') });
    await log.flush();
    expect(await valuesOf(log, 'abort')).toEqual(['x']);
  });

  test('does nothing when the signal had fired before', async () => {
    const log = await home('pool').open();
    const topic = await log.topic('abort', { partitions: 1 });
    await expect(topic.append({ value: 'x' }, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'MILLRACE_ABORTED',
    });
    expect(await valuesOf(log, 'abort')).toEqual([]);
  });
});

describe('what cannot be appended', () => {
  test('a record above the limit is refused, and the others of its turn are stored', async () => {
    const log = await home('pool').open({ maxBatchBytes: '64kb' });
    const topic = await log.topic('limits', { partitions: 1 });
    const [first, large, second] = await Promise.allSettled([
      topic.append({ value: 'first' }),
      topic.append({ value: Buffer.alloc(100_000) }),
      topic.append({ value: 'second' }),
    ]);
    expect(first.status).toBe('fulfilled');
    expect(large).toMatchObject({ reason: { code: 'MILLRACE_TOO_LARGE' } });
    expect(second.status).toBe('fulfilled');
    expect(await valuesOf(log, 'limits')).toEqual(['first', 'second']);
  });

  test('a call with one bad record among good ones stores none of them', async () => {
    const log = await home('pool').open();
    const topic = await log.topic('whole', { partitions: 1 });
    const bad = [{ value: 'good' }, { value: 42 as unknown as string }];
    await expect(topic.append(bad)).rejects.toMatchObject({ code: 'MILLRACE_ARGUMENT' });
    await topic.append({ value: 'later' });
    expect(await valuesOf(log, 'whole')).toEqual(['later']);
  });

  test('a closed log refuses everything with one clear code', async () => {
    const log = await home('pool').open();
    const topic = await log.topic('closed', { partitions: 1 });
    await log.close();
    await log.close();
    await expect(topic.append({ value: 'x' })).rejects.toMatchObject({ code: 'MILLRACE_CLOSED' });
    await expect(log.topic('closed')).rejects.toMatchObject({ code: 'MILLRACE_CLOSED' });
    expect(() => topic.read()).toThrow(expect.objectContaining({ code: 'MILLRACE_CLOSED' }));
  });
});

test.each(['ring', 'pool'] as const)(
  'more than the memory budget appended at once is stored in order, and read back from the disk (%s)',
  async (driver) => {
    const place = home(driver);
    const options = { memoryBytes: '8mb', settleBytes: '1mb', journalFileBytes: '4mb', segmentBytes: '4mb' };
    const log = await place.open(options);
    const topic = await log.topic('pressure', { partitions: 1 });
    const count = 480;
    let index = 0;
    const writer = async (): Promise<void> => {
      while (index < count) {
        const value = Buffer.alloc(50_000, index % 256);
        value.writeUInt32BE(index);
        const expected = BigInt(index);
        index += 1;
        expect((await topic.append({ value })).baseOffset).toBe(expected);
      }
    };
    await Promise.all(Array.from({ length: 200 }, writer));
    expect(log.engine.counters().settles).toBeGreaterThan(0);
    let next = 0;
    for await (const batch of topic.read({ follow: false })) {
      for (const { value } of batch.records()) {
        expect(value?.readUInt32BE(0)).toBe(next);
        expect(value?.[49_999]).toBe(next % 256);
        next += 1;
      }
    }
    expect(next).toBe(count);
    expect(log.engine.counters().reads).toBeGreaterThan(0);
  },
);
