/** Promises of the health page: it tells how the server came up, and when it cannot write any more. */
import { Kafka, logLevel } from 'kafkajs';
import { expect, it } from 'vitest';
import type { HealthView, OverviewView, StorageView } from '../../ts/console/api.ts';
import type { MillraceServer } from '../../ts/serve.ts';
import { SimulatedDisk } from '../../ts/testing/index.ts';

async function view<T>(server: MillraceServer, name: string): Promise<T> {
  return (await fetch(`http://127.0.0.1:${server.http?.port}/console/api/${name}`)).json() as Promise<T>;
}

/** Produces one record; rejects when the server does not take it. */
async function produce(server: MillraceServer): Promise<void> {
  const retry = { retries: 0 };
  const kafka = new Kafka({ brokers: [`127.0.0.1:${server.kafka.port}`], logLevel: logLevel.NOTHING, retry });
  const producer = kafka.producer();
  await producer.connect();
  try {
    await producer.send({ topic: 'orders', messages: [{ value: 'one' }] });
  } finally {
    await producer.disconnect();
  }
}

it('after a power cut the account of the opening is there, by topic', async () => {
  using disk = new SimulatedDisk();
  const before = await disk.serve();
  const kafka = new Kafka({ brokers: [`127.0.0.1:${before.kafka.port}`], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: 'orders' }] });
  await admin.disconnect();
  await produce(before);
  disk.cutPower();
  await before.close();
  await using server = await disk.serve({ http: { port: 0 } });
  const { recovery, isReady } = await view<HealthView>(server, 'health');
  expect(recovery).toMatchObject({ clean: false, verdict: server.recovery.verdict, damage: [], incarnation: 2 });
  expect(recovery.partitions).toEqual([
    expect.objectContaining({ topic: 'orders', partition: 0, logEnd: 1, lost: [] }),
  ]);
  expect(isReady).toBe(true);
  const { warnings } = await view<OverviewView>(server, 'overview');
  expect(warnings.map(({ text }) => text)).toContain('The server was not closed cleanly before this start.');
});

it('after a failed flush it says that nothing is written any more', async () => {
  using disk = new SimulatedDisk();
  await using server = await disk.serve({ http: { port: 0 } });
  disk.failFlushes();
  await expect(produce(server)).rejects.toThrow();
  expect(await view<HealthView>(server, 'health')).toMatchObject({ isReady: false, poisoned: true });
  const { warnings } = await view<OverviewView>(server, 'overview');
  expect(warnings[0]).toMatchObject({ level: 'bad', link: '#/health' });
});

it('the storage page counts what the journal has done', async () => {
  using disk = new SimulatedDisk();
  await using server = await disk.serve({ http: { port: 0 } });
  await produce(server).catch(() => produce(server));
  const storage = await view<StorageView>(server, 'storage');
  expect(storage.flush.p50).toBeGreaterThan(0);
  expect(storage.flush.p99).toBeGreaterThanOrEqual(storage.flush.p50 ?? 0);
  expect(storage.frameBars.reduce((sum, { count }) => sum + count, 0)).toBe(storage.commits);
  expect(storage.appendedLsn).toBe(storage.durableLsn);
});
