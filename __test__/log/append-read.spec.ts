/** What is appended is read back: bytes, order, keys, headers, times; on every driver. */

import { describe, expect, test } from 'vitest';
import { drivers, home, valuesOf } from './drivers.ts';

describe.each(drivers)('on driver %s', (driver) => {
  test('records come back as they were appended: key, value, headers, timestamp', async () => {
    const log = await home(driver).open();
    const topic = await log.topic('orders', { partitions: 1 });
    const record = {
      key: 'ключ',
      value: Buffer.from([0, 1, 2, 255]),
      headers: [
        ['trace', 'äöü'],
        ['empty', ''],
        ['none', null],
      ] as const,
      timestamp: 1_700_000_000_123,
    };
    await topic.append([record, { key: null, value: null }, { key: '', value: '' }]);
    const records = [];
    for await (const batch of topic.read({ follow: false })) records.push(...batch.records());
    expect(records).toHaveLength(3);
    expect(records[0]).toMatchObject({ partition: 0, offset: 0n, timestamp: 1_700_000_000_123 });
    expect(records[0]?.key?.toString()).toBe('ключ');
    expect([...(records[0]?.value ?? [])]).toEqual([0, 1, 2, 255]);
    expect(records[0]?.headers.map(([name, value]) => [name, value?.toString() ?? null])).toEqual([
      ['trace', 'äöü'],
      ['empty', ''],
      ['none', null],
    ]);
    expect([records[1]?.key, records[1]?.value]).toEqual([null, null]);
    expect([records[2]?.key?.length, records[2]?.value?.length]).toEqual([0, 0]);
  });

  test('the order of calls is the order of offsets, across turns and batches', async () => {
    const log = await home(driver).open({ maxBatchBytes: '4kb' });
    const topic = await log.topic('order', { partitions: 1 });
    const results = [];
    for (let round = 0; round < 5; round += 1) {
      const turn = Array.from({ length: 200 }, (_, index) => topic.append({ value: `${round * 200 + index}` }));
      results.push(...(await Promise.all(turn)));
    }
    expect(results.map((result) => Number(result.baseOffset))).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(await valuesOf(log, 'order')).toEqual(Array.from({ length: 1000 }, (_, index) => `${index}`));
  });

  test('appends of one turn at any levels and of any size are told where their records lie', async () => {
    const log = await home(driver).open({ flush: 'os' });
    const topic = await log.topic('mixed', { partitions: 1 });
    const levels = ['durable', 'memory', 'written'] as const;
    const sent = Array.from({ length: 30 }, (_, index) =>
      Array.from({ length: 1 + (index % 4) }, (_, more) => ({ value: `${index}.${more}` })),
    );
    const results = await Promise.all(
      sent.map((records, index) => topic.append(records, { durability: levels[index % 3] ?? 'durable' })),
    );
    const values = await valuesOf(log, 'mixed');
    expect(values).toEqual(sent.flat().map(({ value }) => value));
    for (const [index, result] of results.entries()) {
      expect(result).toMatchObject({ partition: 0, count: sent[index]?.length, level: levels[index % 3] });
      expect(values[Number(result.baseOffset)]).toBe(`${index}.0`);
      expect(result.parts).toEqual([result]);
    }
  });

  test('records with the same key lie in the same partition, and one call may span several', async () => {
    const log = await home(driver).open();
    const topic = await log.topic('keys', { partitions: 4 });
    const records = Array.from({ length: 100 }, (_, index) => ({ key: `k${index % 10}`, value: `${index}` }));
    const result = await topic.append(records);
    expect(result.parts.reduce((total, part) => total + part.count, 0)).toBe(100);
    const seen = new Map<string, Set<number>>();
    for await (const batch of topic.read({ follow: false })) {
      for (const { key, partition } of batch.records()) {
        seen.set(String(key), (seen.get(String(key)) ?? new Set()).add(partition));
      }
    }
    expect(seen.size).toBe(10);
    for (const partitions of seen.values()) expect(partitions.size).toBe(1);
  });

  test('records of 1 byte to 1 MiB come back whole', async () => {
    const log = await home(driver).open({ maxBatchBytes: '2mb' });
    const topic = await log.topic('sizes', { partitions: 1 });
    const sizes = [1, 100, 4095, 4096, 4097, 65_536, 1024 * 1024];
    await Promise.all(sizes.map((size) => topic.append({ value: Buffer.alloc(size, size % 251) })));
    const read: number[] = [];
    for await (const batch of topic.read({ follow: false, maxBytes: 1000 })) {
      for (const { value } of batch.records()) {
        read.push(value?.length ?? -1);
        expect(value?.every((byte) => byte === value.length % 251)).toBe(true);
      }
    }
    expect(read).toEqual(sizes);
  });

  test.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)('batches compressed with %s come back', async (compression) => {
    const log = await home(driver).open({ compression });
    const topic = await log.topic('packed', { partitions: 1 });
    await topic.append(Array.from({ length: 500 }, (_, index) => ({ value: `the same words again ${index}` })));
    expect((await valuesOf(log, 'packed'))[499]).toBe('the same words again 499');
  });

  test('a reader that waits at the end gets what is appended next', async () => {
    const log = await home(driver).open();
    const topic = await log.topic('tail', { partitions: 2 });
    await topic.append({ value: 'before' }, { partition: 1 });
    const reader = topic.read({ from: 'latest' });
    const next = reader.next();
    await topic.append({ value: 'after' }, { partition: 1 });
    const { value: batch } = await next;
    expect(batch && [...batch.records()].map((record) => String(record.value))).toEqual(['after']);
    await reader.return();
  });
});
