/** Promises of batches that are made already, and of readers taken record by record. */
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Log, type LogBatch, type LogTopic, openLog } from '../../ts/index.ts';
import { scratch } from '../support/scratch.ts';

let folder: ReturnType<typeof scratch>;
let log: Log;
let from: LogTopic;
beforeEach(async () => {
  folder = scratch('made');
  log = await openLog(folder.path, { driver: 'pool', journalFileBytes: '1mb' });
  from = await log.topic('from', { partitions: 1 });
  await from.append([{ key: 'k', value: 'one', headers: { a: 'b' }, timestamp: 1234 }, { value: 'two' }]);
  await from.append({ value: 'three' });
});
afterEach(async () => {
  await log.close();
  folder[Symbol.dispose]();
});

async function values(topic: LogTopic): Promise<string[]> {
  const found: string[] = [];
  for await (const { value } of topic.read({ from: 'earliest', follow: false }).records()) found.push(String(value));
  return found;
}

it('copies a topic batch by batch, keys, headers and times as they were, offsets as they come', async () => {
  const to = await log.topic('to', { partitions: 2 });
  await to.append({ value: 'first' }, { partition: 1 });
  for await (const batch of from.read({ from: 'earliest', follow: false })) {
    const { partition, count, level } = await to.appendBatch(batch.bytes, { partition: 1, durability: 'durable' });
    expect([partition, count, level]).toEqual([1, batch.count, 'durable']);
  }
  const records = [];
  for await (const record of to.read({ from: 'earliest', follow: false }).records()) records.push(record);
  expect(records.map(({ offset, value }) => `${offset} ${value}`)).toEqual(['0 first', '1 one', '2 two', '3 three']);
  expect(records[1]).toMatchObject({ timestamp: 1234, key: Buffer.from('k'), headers: [['a', Buffer.from('b')]] });
});

it('refuses bytes that are not one batch, and a batch that was changed', async () => {
  const { value: batch } = await from.read({ from: 'earliest', follow: false }).next();
  const { bytes } = batch as LogBatch;
  for (const wrong of [Buffer.alloc(0), Buffer.alloc(61), bytes.subarray(0, -1), Buffer.concat([bytes, bytes])]) {
    await expect(from.appendBatch(wrong)).rejects.toMatchObject({ code: 'MILLRACE_ARGUMENT' });
  }
  const changed = Buffer.from(bytes);
  changed[changed.length - 1] = (changed.at(-1) as number) ^ 1;
  await expect(from.appendBatch(changed)).rejects.toThrow();
  await expect(from.appendBatch(bytes, { partition: 5 })).rejects.toMatchObject({ code: 'MILLRACE_UNKNOWN_PARTITION' });
  expect(await values(from)).toEqual(['one', 'two', 'three']);
});

it('gives records one by one, from a time or an offset on', async () => {
  expect(await values(from)).toEqual(['one', 'two', 'three']);
  const found: string[] = [];
  for await (const { value } of from.read({ from: { offset: 1n }, follow: false }).records()) found.push(String(value));
  expect(found).toEqual(['two', 'three']);
});

it('ends its reader when the loop over records ends early', async () => {
  const reader = from.read({ from: 'earliest' });
  for await (const { value } of reader.records()) {
    expect(String(value)).toBe('one');
    break;
  }
  expect((await reader.next()).done).toBe(true);
});

it('is a source for streams', async () => {
  const stream = Readable.from(from.read({ from: 'earliest', follow: false }).records());
  const found: string[] = [];
  for await (const { value } of stream) found.push(String(value));
  expect(found).toEqual(['one', 'two', 'three']);
});
