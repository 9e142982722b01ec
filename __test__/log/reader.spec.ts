/** Where readers start, how they end, and what they commit. */

import { describe, expect, test } from 'vitest';
import type { LogTopic, ReadOptions } from '../../ts/index.ts';
import { home } from './drivers.ts';

async function read(topic: LogTopic, options: ReadOptions): Promise<string[]> {
  const values: string[] = [];
  for await (const batch of topic.read({ follow: false, ...options })) {
    for (const record of batch.records()) values.push(String(record.value));
  }
  return values;
}

async function filled(): Promise<LogTopic> {
  const log = await home('pool').open();
  const topic = await log.topic('reads', { partitions: 1 });
  for (let index = 0; index < 10; index += 1) await topic.append({ value: `${index}`, timestamp: 1000 + index * 10 });
  return topic;
}

describe('where a reader starts', () => {
  test('earliest is the first record, latest is behind the last', async () => {
    const topic = await filled();
    expect(await read(topic, { from: 'earliest' })).toHaveLength(10);
    expect(await read(topic, { from: 'latest' })).toEqual([]);
  });

  test('an offset inside a batch yields the records from there on', async () => {
    const topic = await filled();
    await topic.append([{ value: 'a' }, { value: 'b' }, { value: 'c' }]);
    expect(await read(topic, { from: { offset: 11n } })).toEqual(['b', 'c']);
  });

  test('a timestamp is the first record at or after it', async () => {
    const topic = await filled();
    expect(await read(topic, { from: { timestamp: 1051 } })).toEqual(['6', '7', '8', '9']);
    expect(await read(topic, { from: { timestamp: new Date(1050) } })).toEqual(['5', '6', '7', '8', '9']);
  });

  test('a group goes on behind the batch it has committed, also after a restart', async () => {
    const place = home('pool');
    const log = await place.open();
    const topic = await log.topic('jobs', { partitions: 1 });
    for (let index = 0; index < 5; index += 1) await topic.append({ value: `${index}` });
    for await (const batch of topic.read({ group: 'workers', onMissing: 'earliest' })) {
      await batch.commit();
      if (batch.lastOffset === 2n) break;
    }
    await log.close();
    const again = await (await place.open()).topic('jobs');
    expect(await read(again, { group: 'workers' })).toEqual(['3', '4']);
    expect(await read(again, { group: 'others', onMissing: 'earliest' })).toHaveLength(5);
  });

  test('a group whose name holds slashes does not see another one', async () => {
    const log = await home('pool').open();
    const topic = await log.topic('jobs', { partitions: 1 });
    await topic.append({ value: 'x' });
    for await (const batch of topic.read({ group: 'a/b', onMissing: 'earliest', follow: false })) await batch.commit();
    await expect(read(topic, { group: 'a' })).rejects.toMatchObject({ code: 'MILLRACE_NO_COMMITTED_OFFSET' });
    expect(await read(topic, { group: 'a/b' })).toEqual([]);
  });

  test('an offset beyond the log is an error, unless onMissing says where to go', async () => {
    const topic = await filled();
    await expect(read(topic, { from: { offset: 99 } })).rejects.toMatchObject({ code: 'MILLRACE_OFFSET_OUT_OF_RANGE' });
    expect(await read(topic, { from: { offset: 99 }, onMissing: 'earliest' })).toHaveLength(10);
    expect(await read(topic, { from: { offset: 99 }, onMissing: 'latest' })).toEqual([]);
  });
});

describe('how a reader ends', () => {
  test('a signal ends the wait at the end of the log', async () => {
    const topic = await filled();
    const stop = new AbortController();
    const seen: number[] = [];
    const reading = (async () => {
      for await (const batch of topic.read({ signal: stop.signal })) seen.push(batch.count);
    })();
    setTimeout(() => stop.abort(), 30);
    await expect(reading).rejects.toMatchObject({ code: 'MILLRACE_ABORTED' });
    expect(seen).toHaveLength(10);
  });

  test('closing the log ends a waiting reader with a clear error', async () => {
    const log = await home('pool').open();
    const topic = await log.topic('closing', { partitions: 1 });
    const reading = topic.read().next();
    setTimeout(() => void log.close(), 20);
    await expect(reading).rejects.toMatchObject({ code: 'MILLRACE_CLOSED' });
  });

  test('commit without a group is refused', async () => {
    const topic = await filled();
    for await (const batch of topic.read()) {
      await expect(batch.commit()).rejects.toMatchObject({ code: 'MILLRACE_ARGUMENT' });
      break;
    }
  });

  test('partitions that do not exist are refused at once', async () => {
    const topic = await filled();
    expect(() => topic.read({ partition: 5 })).toThrow(expect.objectContaining({ code: 'MILLRACE_UNKNOWN_PARTITION' }));
  });
});
