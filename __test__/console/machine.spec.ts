/** Promises of the views of what lies below: segments with their indexes, the machine as doctor sees it, and commands. */

import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CommandsView, DoctorView, SegmentsView } from '../../ts/console/api.ts';
import { openLog, serve } from '../../ts/index.ts';
import type { MillraceServer } from '../../ts/serve.ts';
import { scratch } from '../support/scratch.ts';

const folder = scratch('console-machine');
const dir = join(folder.path, 'data');
const VALUE = 'x'.repeat(100);
let server: MillraceServer;

/** A large partition and a small one, of which most is settled. */
beforeAll(async () => {
  const log = await openLog(dir, { settleBytes: '1mb' });
  const [large, small] = [await log.topic('large', { partitions: 1 }), await log.topic('small', { partitions: 1 })];
  await small.append([{ value: 'one' }]);
  for (let batch = 0; batch < 400; batch += 1) {
    await large.append(
      Array.from({ length: 100 }, () => ({ value: VALUE })),
      { durability: 'written' },
    );
  }
  await log.close();
  server = await serve({ dir, kafka: { port: 0 }, redis: { port: 0 }, http: { port: 0 } });
}, 60_000);
afterAll(async () => {
  await server.close();
  folder[Symbol.dispose]();
});

async function view<T>(name: string): Promise<T> {
  return (await fetch(`http://127.0.0.1:${server.http?.port}/console/api/${name}`)).json() as Promise<T>;
}

async function send(command: string): Promise<void> {
  const socket = connect(server.redis?.port ?? 0, '127.0.0.1');
  const answered = new Promise((resolve) => socket.once('data', resolve));
  socket.write(`${command}\r\n`);
  await answered;
  socket.destroy();
}

it('segments are told with offsets, kind, and what is known of their index', async () => {
  const { segments, more } = await view<SegmentsView>('segments?topic=large');
  expect(more).toBe(0);
  const ends = segments.map(({ base, end }) => [base, end]).sort(([left = 0], [right = 0]) => left - right);
  expect(ends.length).toBeGreaterThan(0);
  for (const [index, [base]] of ends.entries()) expect(base).toBe(index === 0 ? 0 : ends[index - 1]?.[1]);
  for (const segment of segments) {
    expect(['own', 'shared', 'bulk']).toContain(segment.kind);
    expect(segment.bytes).toBeGreaterThan(0);
    expect(segment.index === 'not needed' || segment.indexEntries > 1 || segment.kind === 'bulk').toBe(true);
  }
  const tiny = await view<SegmentsView>('segments?topic=small');
  expect(tiny.segments).toMatchObject([{ partition: 0, base: 0, end: 1, index: 'not needed' }]);
});

it('an index that a read has wanted is in memory', async () => {
  const before = await view<SegmentsView>('segments?topic=large');
  expect(before.segments.map(({ index }) => index)).not.toContain('in memory');
  const { Kafka, logLevel } = await import('kafkajs');
  const client = new Kafka({ brokers: [`127.0.0.1:${server.kafka.port}`], logLevel: logLevel.NOTHING });
  const consumer = client.consumer({ groupId: 'reader' });
  await consumer.connect();
  await consumer.subscribe({ topic: 'large', fromBeginning: true });
  await new Promise<void>((resolve) => {
    void consumer.run({ eachMessage: async () => resolve() });
  });
  await consumer.disconnect();
  const after = await view<SegmentsView>('segments?topic=large');
  expect(after.segments.map(({ index }) => index)).toContain('in memory');
});

it('the machine is looked at as doctor does, once a minute, and nothing is written for it', async () => {
  const files = (): string[] => readdirSync(dir).sort();
  const before = files();
  const { findings, checkedMs } = await view<DoctorView>('doctor');
  const checks = findings.map(({ check }) => check);
  for (const check of ['kernel', 'driver', 'file system', 'free disk', 'open files', 'last recovery']) {
    expect(checks).toContain(check);
  }
  expect(findings.find(({ check }) => check === 'driver')?.detail).toContain(server.driver.driver);
  expect(findings.find(({ check }) => check === 'last recovery')?.verdict).toBe('OK');
  for (const { verdict, fix } of findings) expect(fix === '', fix).toBe(verdict === 'OK');
  expect((await view<DoctorView>('doctor')).checkedMs).toBe(checkedMs);
  expect(files()).toEqual(before);
});

it('commands are told with the time that was spent in them', async () => {
  await send('SET k v');
  await send('GET k');
  const { isServed, commands } = await view<CommandsView>('commands');
  expect(isServed).toBe(true);
  expect(commands.map(({ command, calls }) => [command, calls]).sort()).toEqual([
    ['get', 1],
    ['set', 1],
  ]);
  for (const { seconds, calls, meanUs } of commands) {
    expect(seconds).toBeGreaterThan(0);
    expect(meanUs).toBeCloseTo((seconds * 1e6) / calls);
  }
});
