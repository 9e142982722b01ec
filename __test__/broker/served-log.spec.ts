/** A log and its stores that this program has open, served to clients meanwhile: one directory, one truth. */
import { Kafka, logLevel } from 'kafkajs';
import { afterEach, describe, expect, it } from 'vitest';
import { type MillraceServer, openKv, openLog, type ServeOpenOptions, serve } from '../../ts/index.ts';
import { partsOf } from '../../ts/server-parts.ts';
import { RespConnection } from '../redis/support/resp-connection.ts';
import { scratch } from '../support/scratch.ts';

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const SMALL = { journalFileBytes: '1mb', journalFiles: 3, memoryBytes: '64mb' } as const;

/** An open log; `driver` says on what. */
async function open(driver: 'auto' | 'sim' = 'sim') {
  const place = scratch('served-log');
  cleanups.push(() => place[Symbol.dispose]());
  const dir = `${place.path}/data`;
  const options = { ...SMALL, driver, ...(driver === 'sim' ? { sim: { seed: 1, id: dir } } : {}) };
  const log = await openLog(dir, options);
  cleanups.push(() => log.close());
  return { dir, log, options };
}

async function served(options: ServeOpenOptions): Promise<MillraceServer> {
  const settings = { 'group.initial.rebalance.delay.ms': 0 };
  const server = await serve({ kafka: { port: 0 }, settings, ...options });
  cleanups.push(() => server.close());
  return server;
}

async function valuesOf(records: AsyncIterable<{ value: unknown }>): Promise<string[]> {
  const values: string[] = [];
  for await (const { value } of records) values.push(String(value));
  return values;
}

function kafkaOf(server: MillraceServer): Kafka {
  return new Kafka({ brokers: [`127.0.0.1:${server.kafka.port}`], logLevel: logLevel.NOTHING });
}

describe('a log that is open and served', () => {
  it.each(['auto', 'sim'] as const)('shows kafkajs and the program the records of each other (%s)', async (driver) => {
    const { log } = await open(driver);
    const server = await served({ log });
    const kafka = kafkaOf(server);
    const orders = await log.topic('orders', { partitions: 2 });
    const seen: string[] = [];
    const stop = new AbortController();
    const reading = (async () => {
      for await (const { value } of orders.read({ from: 'earliest', signal: stop.signal }).records()) {
        seen.push(String(value));
        if (seen.length === 4) return;
      }
    })();
    cleanups.push(() => stop.abort());

    const consumer = kafka.consumer({ groupId: 'g', maxWaitTimeInMs: 200 });
    await consumer.connect();
    cleanups.push(() => consumer.disconnect());
    await consumer.subscribe({ topic: 'orders', fromBeginning: true });
    const heard: string[] = [];
    const all = new Promise<void>((resolve) => {
      void consumer.run({
        eachMessage: async ({ message }) => {
          heard.push(String(message.value));
          if (heard.length === 4) resolve();
        },
      });
    });
    await orders.append([
      { key: 'a', value: 'of the program 1' },
      { key: 'b', value: 'of the program 2' },
    ]);
    const producer = kafka.producer();
    await producer.connect();
    cleanups.push(() => producer.disconnect());
    await producer.send({ topic: 'orders', messages: [{ key: 'a', value: 'of kafkajs 1' }] });
    await producer.send({ topic: 'orders', messages: [{ key: 'b', value: 'of kafkajs 2' }] });
    await Promise.all([all, reading]);
    const expected = ['of kafkajs 1', 'of kafkajs 2', 'of the program 1', 'of the program 2'];
    expect(heard.sort()).toEqual(expected);
    expect(seen.sort()).toEqual(expected);

    // It commits as it stops: the program's reader of the same group goes on behind that.
    await consumer.stop();
    await orders.append({ key: 'a', value: 'later' });
    const rest = orders.read({ group: 'g', from: 'committed', onMissing: 'earliest', follow: false });
    expect(await valuesOf(rest.records())).toEqual(['later']);
  });

  it('has topics made by either of them, at once', async () => {
    const { log } = await open();
    const server = await served({ log });
    const admin = kafkaOf(server).admin();
    await admin.connect();
    cleanups.push(() => admin.disconnect());
    await log.topic('of-the-program', { partitions: 3, config: { 'retention.ms': '86400000' } });
    const described = await admin.fetchTopicMetadata({ topics: ['of-the-program'] });
    expect(described.topics[0]?.partitions).toHaveLength(3);
    await admin.createTopics({ topics: [{ topic: 'of-kafkajs', numPartitions: 2 }] });
    expect((await log.topic('of-kafkajs')).partitions).toBe(2);
    await log.deleteTopic('of-the-program');
    expect(await admin.listTopics()).toEqual(['of-kafkajs']);
    await admin.deleteTopics({ topics: ['of-kafkajs'] });
    expect(log.topics()).toEqual([]);
  });

  it('has one position of a group, whoever commits it', async () => {
    const { log } = await open();
    const server = await served({ log });
    const admin = kafkaOf(server).admin();
    await admin.connect();
    cleanups.push(() => admin.disconnect());
    const topic = await log.topic('t', { partitions: 1 });
    for (const value of ['a', 'b', 'c']) await topic.append({ value });
    for await (const batch of topic.read({ group: 'g', from: 'earliest', follow: false })) await batch.commit();
    const committed = await admin.fetchOffsets({ groupId: 'g', topics: ['t'] });
    expect(committed[0]?.partitions[0]?.offset).toBe('3');
    expect((await admin.listGroups()).groups.map(({ groupId }) => groupId)).toEqual(['g']);
    await admin.deleteGroups(['g']);
    const again = topic.read({ group: 'g', from: 'committed', onMissing: 'earliest', follow: false });
    expect(await valuesOf(again.records())).toEqual(['a', 'b', 'c']);
  });

  it('stays open when the server closes, and can be served again', async () => {
    const { log } = await open('auto');
    const topic = await log.topic('t', { partitions: 1 });
    for (const value of ['a', 'b']) {
      const server = await serve({ log, kafka: { port: 0 } });
      const producer = kafkaOf(server).producer();
      await producer.connect();
      await producer.send({ topic: 't', messages: [{ value }] });
      await producer.disconnect();
      await server.close();
      await topic.append({ value: `${value} of the program` });
    }
    const values = await valuesOf(topic.read({ from: 'earliest', follow: false }).records());
    expect(values).toEqual(['a', 'a of the program', 'b', 'b of the program']);
  });

  it('serves on when the program closes the log first, and lets go of the directory with the server', async () => {
    const { log, dir, options } = await open();
    await log.topic('t', { partitions: 1 });
    const server = await served({ log });
    await log.close();
    const admin = kafkaOf(server).admin();
    await admin.connect();
    expect(await admin.listTopics()).toEqual(['t']);
    await admin.disconnect();
    await server.close();
    expect(partsOf(server).engine.isClosed).toBe(true);
    await using again = await openLog(dir, options);
    expect(again.recovery.clean).toBe(true);
    expect(again.topics()).toEqual(['t']);
  });

  it('tells clients the flush policy and sizes that whoever opened it has chosen', async () => {
    const { log } = await open();
    log.setFlushPolicy({ records: 7 });
    const server = await served({ log, durability: 'written' });
    const { settings } = partsOf(server).broker.context;
    expect(settings.text('log.flush.interval.messages')).toBe('7');
    expect(settings.text('min.durability')).toBe('written');
    expect(partsOf(server).flush).toEqual({ records: 7 });
    log.setFlushPolicy('os');
    expect(partsOf(server).flush).toBe('os');
  });

  it('takes a setting of a topic that no broker has checked as not given', async () => {
    const { log } = await open();
    await log.topic('before', { partitions: 1, config: { 'min.durability': 'nonsense' } });
    const server = await served({ log });
    await log.topic('after', { partitions: 1, config: { 'retention.ms': 'nonsense' } });
    const { settings, catalogue } = partsOf(server).broker.context;
    const limits = ['before', 'after']
      .map((name) => catalogue.get(name))
      .map((topic) => topic && settings.limitsOf(topic));
    expect(limits[0]?.floor).toBe(0);
    expect(limits[1]?.partitions.retentionMs).toBe(604_800_000);
  });
});

describe('stores that are open and served', () => {
  it('are those of Redis clients, read and written by both', async () => {
    const { log, dir, options } = await open();
    const kv = await openKv(dir, { ...options, store: 'redis-0', valueEncoding: 'utf8' });
    cleanups.push(() => kv.close());
    const server = await served({ log, kv, redis: { port: 0 } });
    using client = await RespConnection.open(server.redis?.port ?? 0);
    await kv.put('of-the-program', 'one');
    expect(String(await client.run('GET', 'of-the-program'))).toBe('one');
    expect(await client.run('SET', 'of-a-client', 'two')).toBe('OK');
    expect(await kv.get('of-a-client')).toBe('two');
    // In one turn: what is queued here is read there.
    const queued = kv.put('of-the-program', 'three');
    expect(String(await client.run('GET', 'of-the-program'))).toBe('three');
    await queued;
    await server.close();
    expect(await kv.get('of-a-client')).toBe('two');
  });

  it('are served without a log', async () => {
    const place = scratch('served-kv');
    cleanups.push(() => place[Symbol.dispose]());
    const kv = await openKv(`${place.path}/data`, { ...SMALL, sim: { seed: 1, id: place.path }, store: 'redis-0' });
    cleanups.push(() => kv.close());
    const server = await served({ kv, redis: { port: 0 } });
    using client = await RespConnection.open(server.redis?.port ?? 0);
    expect(await client.run('SET', 'k', 'v')).toBe('OK');
    expect(String(await kv.get('k'))).toBe('v');
  });
});

describe('a second opinion', () => {
  it('on who serves is refused', async () => {
    const { log } = await open();
    await served({ log });
    await expect(serve({ log, kafka: { port: 0 } })).rejects.toMatchObject({ code: 'MILLRACE_LOCKED' });
    await log.topic('t', { partitions: 1 });
  });

  it.each([
    [{ flush: 'os' }, 'flush'],
    [{ memoryBytes: '64mb' }, 'memoryBytes'],
    [{ settings: { 'memory.bytes': '64mb' } }, 'memory.bytes'],
    [{ settings: { 'log.segment.bytes': 1_048_576 } }, 'log.segment.bytes'],
    [{ dir: '/somewhere' }, 'dir'],
  ])('on what the engine runs with is refused (%j)', async (more, name) => {
    const { log } = await open();
    const refused = serve({ log, kafka: { port: 0 }, ...more } as ServeOpenOptions);
    await expect(refused).rejects.toMatchObject({ code: 'MILLRACE_OPTION', message: expect.stringContaining(name) });
  });

  it('on the directory is refused, and a log that is closed too', async () => {
    const [one, other] = [await open(), await open()];
    const kv = await openKv(other.dir, other.options);
    cleanups.push(() => kv.close());
    await expect(serve({ log: one.log, kv, kafka: { port: 0 } })).rejects.toMatchObject({ code: 'MILLRACE_OPTION' });
    await other.log.close();
    await expect(serve({ log: other.log, kafka: { port: 0 } })).rejects.toMatchObject({ code: 'MILLRACE_CLOSED' });
    await expect(serve({} as ServeOpenOptions)).rejects.toMatchObject({ code: 'MILLRACE_OPTION' });
  });
});
