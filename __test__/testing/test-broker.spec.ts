/** Promises of the test broker: quick, apart from each other, and as unreliable as it is asked to be. */
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { type Kafka, logLevel } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { startTestBroker, type TestBroker } from '../../ts/testing/index.ts';
import { slowness } from '../support/slowness.ts';

async function client(broker: TestBroker, retries = 0): Promise<Kafka> {
  const { Kafka } = await import('kafkajs');
  return new Kafka({ brokers: broker.brokers, logLevel: logLevel.NOTHING, retry: { retries, initialRetryTime: 20 } });
}

async function send(broker: TestBroker, topic: string, ...values: string[]): Promise<void> {
  const producer = (await client(broker)).producer();
  await producer.connect();
  try {
    await producer.send({ topic, acks: -1, messages: values.map((value) => ({ value })) });
  } finally {
    await producer.disconnect();
  }
}

async function values(broker: TestBroker, topic: string): Promise<(string | undefined)[]> {
  return (await broker.records(topic)).map(({ value }) => value?.toString());
}

/** The middle of several tries: one that met a busy machine says nothing. */
async function middle(tries: number, once: () => Promise<number>): Promise<number> {
  const taken: number[] = [];
  for (let count = 0; count < tries; count += 1) taken.push(await once());
  return taken.toSorted((a, b) => a - b)[Math.floor(tries / 2)] as number;
}

describe('startTestBroker', () => {
  it('is usable within 50 ms', async () => {
    await (await startTestBroker()).close();
    const took = await middle(9, async () => {
      const began = performance.now();
      const broker = await startTestBroker({ topics: ['orders'] });
      const ms = performance.now() - began;
      await broker.close();
      return ms;
    });
    expect(took).toBeLessThan(50 * slowness());
  });

  it('takes everything out within 5 ms, and connections stay', async () => {
    await using broker = await startTestBroker();
    const kafka = await client(broker);
    const producer = kafka.producer();
    await producer.connect();
    const took = await middle(9, async () => {
      await broker.createTopics({ orders: 3 });
      await producer.send({ topic: 'orders', messages: [{ value: 'x' }] });
      const began = performance.now();
      await broker.reset();
      return performance.now() - began;
    });
    expect(took).toBeLessThan(5 * slowness());
    expect(broker.faults.dropConnections()).toBeGreaterThan(0);
    await producer.disconnect();
  });

  it('forgets topics, groups and offsets when it is reset', async () => {
    await using broker = await startTestBroker({ topics: { orders: 2 } });
    await send(broker, 'orders', 'one');
    const kafka = await client(broker);
    const consumer = kafka.consumer({ groupId: 'readers' });
    await consumer.connect();
    await consumer.subscribe({ topic: 'orders', fromBeginning: true });
    await new Promise<void>((resolve) => {
      void consumer.run({ eachMessage: async () => resolve() });
    });
    await consumer.disconnect();
    const admin = kafka.admin();
    await admin.connect();
    expect((await admin.listGroups()).groups.map(({ groupId }) => groupId)).toEqual(['readers']);
    await broker.reset();
    expect(await admin.listTopics()).toEqual([]);
    expect((await admin.listGroups()).groups).toEqual([]);
    await admin.disconnect();
    await broker.createTopics(['orders']);
    expect(await broker.records('orders')).toEqual([]);
  });

  it('runs beside others that know nothing of it', async () => {
    await using one = await startTestBroker({ topics: ['mine'] });
    await using other = await startTestBroker({ topics: ['mine'] });
    expect(one.port).not.toBe(other.port);
    await Promise.all([send(one, 'mine', 'a'), send(other, 'mine', 'b')]);
    expect([await values(one, 'mine'), await values(other, 'mine')]).toEqual([['a'], ['b']]);
  });

  it('leaves nothing behind in the temporary directory', async () => {
    const made = () => readdirSync(tmpdir()).filter((name) => name.startsWith('millrace-test-'));
    const before = made();
    const broker = await startTestBroker({ storage: 'directory', topics: ['orders'] });
    const [mine = ''] = made().filter((name) => !before.includes(name));
    expect(existsSync(`${tmpdir()}/${mine}/data/journal`)).toBe(true);
    await send(broker, 'orders', 'one');
    expect(await values(broker, 'orders')).toEqual(['one']);
    await broker.restart();
    expect(await values(broker, 'orders')).toEqual(['one']);
    await broker.close();
    expect(made()).not.toContain(mine);
  });

  it('takes records and shows them without a client', async () => {
    await using broker = await startTestBroker({ topics: { orders: 2 } });
    await broker.produce('orders', [{ key: 'a', value: 'one', headers: { kind: 'new' } }, { value: null }]);
    const records = await broker.records('orders');
    expect(records.map(({ value }) => value?.toString()).toSorted()).toEqual(['one', undefined]);
    await expect(broker.records('nothing')).rejects.toMatchObject({ code: 'MILLRACE_UNKNOWN_TOPIC' });
  });

  it('refuses what it does not know', async () => {
    await expect(startTestBroker({ storage: 'cloud' as 'memory' })).rejects.toMatchObject({ code: 'MILLRACE_OPTION' });
    await expect(startTestBroker({ topics: ['a/b'] })).rejects.toMatchObject({ code: 'MILLRACE_INVALID_TOPIC' });
    await expect(startTestBroker({ topics: { a: 0 } })).rejects.toMatchObject({ code: 'MILLRACE_ARGUMENT' });
  });
});

describe('faults of the test broker', () => {
  it('close every connection, and clients that retry come back', async () => {
    await using broker = await startTestBroker({ topics: ['orders'] });
    const producer = (await client(broker, 5)).producer();
    await producer.connect();
    await producer.send({ topic: 'orders', messages: [{ value: 'before' }] });
    expect(broker.faults.dropConnections()).toBeGreaterThan(0);
    await producer.send({ topic: 'orders', messages: [{ value: 'after' }] });
    await producer.disconnect();
    expect(await values(broker, 'orders')).toEqual(['before', 'after']);
  });

  it('let every acks=all fail after a failed flush, until it is started again', async () => {
    await using broker = await startTestBroker({ topics: ['orders'] });
    await send(broker, 'orders', 'kept');
    broker.faults.failFlushes();
    await expect(send(broker, 'orders', 'unknown')).rejects.toThrow();
    await expect(send(broker, 'orders', 'refused')).rejects.toThrow();
    await broker.restart();
    await send(broker, 'orders', 'again');
    const left = await values(broker, 'orders');
    expect([left[0], left.at(-1), left.includes('refused')]).toEqual(['kept', 'again', false]);
  });

  it('make producers wait for a disk that stands still, and go on with it', async () => {
    await using broker = await startTestBroker({ topics: ['orders'] });
    broker.faults.holdDisk();
    let answered = false;
    const sent = send(broker, 'orders', 'late').then(() => {
      answered = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(answered).toBe(false);
    broker.faults.heal();
    await sent;
    expect(await values(broker, 'orders')).toEqual(['late']);
  });

  it('slow the disk down', async () => {
    await using broker = await startTestBroker({ topics: ['orders'] });
    broker.faults.slowDisk(80);
    const began = performance.now();
    for (const value of ['a', 'b', 'c', 'd']) await broker.produce('orders', [{ value }]);
    // Four waits for a beat; the first may have been due at once.
    expect(performance.now() - began).toBeGreaterThan(200);
    broker.faults.heal();
    expect(await values(broker, 'orders')).toEqual(['a', 'b', 'c', 'd']);
  });

  it('keep what was acknowledged through a power cut, at any seed, on the same port', async () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      await using broker = await startTestBroker({ topics: ['orders'], seed });
      const { port } = broker;
      await broker.produce('orders', [{ value: 'one' }, { value: 'two' }]);
      await broker.cutPower();
      expect(broker.port).toBe(port);
      expect(await values(broker, 'orders'), `seed ${seed}`).toEqual(['one', 'two']);
      expect(broker.server.recovery.clean).toBe(false);
    }
  });

  it('cannot be had on a real disk, but for dropped connections', async () => {
    await using broker = await startTestBroker({ storage: 'directory' });
    expect(() => broker.faults.failFlushes()).toThrowError(/storage: 'memory'/);
    expect(broker.faults.dropConnections()).toBe(0);
  });
});
