/**
 * Compacted topics with kafkajs and kcat, on ring and pool: of every key the newest committed record stays where it was,
 * nothing comes back over a restart, and readers reach the end.
 */
import type { Producer } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { type MillraceServer, serve } from '../../../ts/serve.ts';
import { type Broker, freshName, kafkaClient } from '../../support/broker.ts';
import { kcat } from '../../support/program.ts';
import { type Random, seeded } from '../../support/random.ts';
import { scratch } from '../../support/scratch.ts';

const KEYS = 60;
const ROUNDS = 120;
const RECORDS = 25;
/** Where nothing is: a tombstone. */
const GONE = -1;

interface Written {
  readonly key: string;
  /** `GONE`, or a number that no other record has. */
  readonly value: number;
}

/** Everything that was committed, by offset. */
type History = Map<number, Written>;

/** `cleaner`: whether anything is compacted; rounds of retention follow one another as quickly. */
function open(directory: string, driver: 'ring' | 'pool', cleaner = true): Promise<MillraceServer> {
  return serve({
    dir: directory,
    driver,
    kafka: { port: 0 },
    settings: {
      'settle.bytes': '256kb',
      'log.cleaner.backoff.ms': 20,
      'log.cleaner.enable': cleaner,
      'log.retention.check.interval.ms': 20,
    },
  });
}

function brokerOf(server: MillraceServer): Broker {
  return { address: `${server.kafka.host}:${server.kafka.port}`, [Symbol.asyncDispose]: async () => {} };
}

async function createCompacted(server: MillraceServer, config: Record<string, string> = {}): Promise<string> {
  const topic = freshName('compacted');
  const admin = kafkaClient(brokerOf(server)).admin();
  const entries = { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.2', ...config };
  const configEntries = Object.entries(entries).map(([name, value]) => ({ name, value }));
  await admin.connect();
  await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 1, configEntries }] });
  await admin.disconnect();
  return topic;
}

let values = 0;

function draw(random: Random): Written[] {
  return Array.from({ length: RECORDS }, () => {
    values += 1;
    const key = `k${random.between(1, KEYS)}`;
    return { key, value: random.between(1, 6) === 1 ? GONE : values };
  });
}

const messagesOf = (records: readonly Written[]) =>
  records.map(({ key, value }) => ({
    key,
    value: value === GONE ? null : `${value} ${'.'.repeat(400)}`,
    partition: 0,
  }));

/** Rounds of plain sends and of transactions, some of which are aborted. */
async function work(random: Random, topic: string, plain: Producer, inTransactions: Producer): Promise<History> {
  const history: History = new Map();
  for (let round = 0; round < ROUNDS; round += 1) {
    const records = draw(random);
    const kind = random.between(1, 3);
    const keep = (base: string | undefined) => {
      for (const [index, record] of records.entries()) history.set(Number(base) + index, record);
    };
    if (kind === 1) {
      keep((await plain.send({ topic, messages: messagesOf(records) }))[0]?.baseOffset);
      continue;
    }
    const transaction = await inTransactions.transaction();
    const base = (await transaction.send({ topic, messages: messagesOf(records) }))[0]?.baseOffset;
    if (kind === 2) {
      await transaction.commit();
      keep(base);
    } else {
      await transaction.abort();
    }
  }
  return history;
}

/** What kcat, a reader of committed data, gets from the start to the end: it stops there, or the test does not. */
async function readWithKcat(server: MillraceServer, topic: string): Promise<History> {
  const args = ['-C', '-b', brokerOf(server).address, '-t', topic, '-p', '0', '-e', '-q', '-f', '%o %k %S %s\n'];
  const lines = (await kcat(args)).toString().trimEnd().split('\n');
  const found: History = new Map();
  for (const line of lines.filter((text) => text !== '')) {
    const [offset, key, size, value] = line.split(' ');
    found.set(Number(offset), { key: String(key), value: size === '-1' ? GONE : Number(value) });
  }
  return found;
}

async function readWithKafkajs(server: MillraceServer, topic: string, last: number): Promise<History> {
  const kafka = kafkaClient(brokerOf(server));
  const consumer = kafka.consumer({ groupId: freshName('reader') });
  const found: History = new Map();
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    await new Promise<void>((resolve) => {
      void consumer.run({
        eachMessage: async ({ message }) => {
          const value = message.value === null ? GONE : Number(String(message.value).split(' ')[0]);
          found.set(Number(message.offset), { key: String(message.key), value });
          if (Number(message.offset) === last) resolve();
        },
      });
    });
  } finally {
    await consumer.disconnect();
  }
  return found;
}

function newest(history: History): Map<string, [number, number]> {
  const last = new Map<string, [number, number]>();
  for (const [offset, { key, value }] of [...history].sort(([a], [b]) => a - b)) last.set(key, [offset, value]);
  return last;
}

/** Every record was sent and committed at its offset, and the newest of every key is there. */
function check(found: History, history: History): void {
  for (const [offset, record] of found) expect(history.get(offset), `offset ${offset}`).toEqual(record);
  expect(newest(found)).toEqual(newest(history));
}

async function until(holds: () => boolean, what: string): Promise<void> {
  for (let tries = 0; tries < 750; tries += 1) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`it never came: ${what}`);
}

/** No byte was compacted between two looks at an interval of several rounds. */
async function untilQuiet(server: MillraceServer): Promise<void> {
  let before = -1;
  let same = 0;
  await until(() => {
    const { compactedBytes = 0, compactions = 0 } = server.counters();
    same = compactions === before ? same + 1 : 0;
    before = compactions;
    return compactedBytes > 0 && same >= 5;
  }, 'the end of compaction');
}

async function connected(server: MillraceServer): Promise<[Producer, Producer]> {
  const kafka = kafkaClient(brokerOf(server));
  const plain = kafka.producer({ idempotent: true });
  const transactional = kafka.producer({ transactionalId: freshName('tx'), idempotent: true, maxInFlightRequests: 1 });
  await plain.connect();
  await transactional.connect();
  return [plain, transactional];
}

describe.for(['ring', 'pool'] as const)('a compacted topic on driver %s', (driver) => {
  it('keeps the newest committed record of every key at its offset, over a restart as well', async () => {
    await seeded('keeps the newest committed record', async (random) => {
      using directory = scratch('compaction');
      let server = await open(directory.path, driver);
      try {
        const topic = await createCompacted(server);
        const [plain, transactional] = await connected(server);
        const history = await work(random, topic, plain, transactional);
        // Readers of committed data end with a record that is there.
        const [last] = await plain.send({ topic, messages: [{ key: 'last', value: '1', partition: 0 }] });
        history.set(Number(last?.baseOffset), { key: 'last', value: 1 });
        await Promise.all([plain.disconnect(), transactional.disconnect()]);
        await untilQuiet(server);
        const { compactedBytes = 0, compactedBytesLeft = 0 } = server.counters();
        expect(compactedBytesLeft).toBeLessThan(compactedBytes / 2);

        const first = await readWithKcat(server, topic);
        check(first, history);
        expect(first.size).toBeLessThan(history.size);
        await server.close();
        server = await open(directory.path, driver);
        check(await readWithKcat(server, topic), history);
        check(await readWithKafkajs(server, topic, Number(last?.baseOffset)), history);
      } finally {
        await server.close();
      }
    });
  }, 60_000);
});

async function logStart(server: MillraceServer, topic: string): Promise<number> {
  const admin = kafkaClient(brokerOf(server)).admin();
  await admin.connect();
  const [partition] = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  return Number(partition?.low);
}

describe('a topic with compact,delete', () => {
  it('loses what retention takes, and of what stays every key has its newest record', async () => {
    using directory = scratch('compact-delete');
    let server = await open(directory.path, 'pool');
    try {
      const config = { 'cleanup.policy': 'compact,delete', 'retention.bytes': '300000', 'retention.ms': '-1' };
      const topic = await createCompacted(server, config);
      const [plain, transactional] = await connected(server);
      const history: History = new Map();
      let start = 0;
      // Half of the keys come again and again, the others never: without retention the log would only grow.
      for (let round = 0; round < 400 && (start === 0 || server.counters().compactions === 0); round += 1) {
        const records = Array.from({ length: 50 }, (_, index) => {
          values += 1;
          return { key: index % 2 === 0 ? `again-${index}` : `once-${values}`, value: values };
        });
        const [sent] = await plain.send({ topic, messages: messagesOf(records) });
        for (const [index, record] of records.entries()) history.set(Number(sent?.baseOffset) + index, record);
        if (round % 10 === 9) start = await logStart(server, topic);
      }
      await Promise.all([plain.disconnect(), transactional.disconnect()]);
      await untilQuiet(server);
      await server.close();
      server = await open(directory.path, 'pool');
      start = await logStart(server, topic);
      expect(start).toBeGreaterThan(0);
      const found = await readWithKcat(server, topic);
      const kept = new Map([...history].filter(([offset]) => offset >= start));
      check(found, kept);
      expect(Math.min(...found.keys())).toBeGreaterThanOrEqual(start);
      // It was compacted as well: superseded records above the start are gone.
      expect(found.size).toBeLessThan(kept.size);
    } finally {
      await server.close();
    }
  }, 60_000);
});

describe('a compacted topic', () => {
  it('of which every record was deleted is read to its end, where nothing is (rule 25)', async () => {
    using directory = scratch('compaction');
    await using server = await open(directory.path, 'pool');
    const topic = await createCompacted(server, { 'delete.retention.ms': '0' });
    const [plain, transactional] = await connected(server);
    const keys = Array.from({ length: 40 }, (_, key) => `k${key}`);
    for (let round = 0; round < 30; round += 1) {
      await plain.send({ topic, messages: keys.map((key) => ({ key, value: '.'.repeat(400), partition: 0 })) });
    }
    await plain.send({ topic, messages: keys.map((key) => ({ key, value: null, partition: 0 })) });
    // What follows is aborted, and it is what makes passes due that remove tombstones, and aborted data before it.
    const abort = async () => {
      const transaction = await transactional.transaction();
      for (let part = 0; part < 20; part += 1) {
        await transaction.send({ topic, messages: [{ key: 'x', value: '.'.repeat(20_000), partition: 0 }] });
      }
      await transaction.abort();
    };
    let found: History = new Map();
    for (let tries = 0; tries < 20 && (tries === 0 || found.size > 0); tries += 1) {
      await abort();
      await untilQuiet(server);
      found = await readWithKcat(server, topic);
    }
    await Promise.all([plain.disconnect(), transactional.disconnect()]);
    expect([...found]).toEqual([]);
  }, 60_000);

  it('keeps every record while log.cleaner.enable is false', async () => {
    using directory = scratch('compaction');
    await using server = await open(directory.path, 'pool', false);
    const topic = await createCompacted(server, { 'min.cleanable.dirty.ratio': '0' });
    const [plain] = await connected(server);
    for (let round = 0; round < 30; round += 1) {
      await plain.send({ topic, messages: [{ key: 'k', value: '.'.repeat(20_000), partition: 0 }] });
    }
    await plain.disconnect();
    await until(() => (server.counters().settles ?? 0) > 0, 'a settle');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(server.counters().compactions).toBe(0);
    expect((await readWithKcat(server, topic)).size).toBe(30);
  });
});
