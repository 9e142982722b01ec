/**
 * @confluentinc/kafka-javascript (librdkafka) against the built server, unmodified: a lane of its own, because it takes
 * minutes to install. `cd __test__/conformance/librdkafka && npm install`, then from the root
 * `npx vitest run --config __test__/conformance/librdkafka/lane-config.ts`.
 *
 * To remember: docs/conformance.md names these titles; a codec that the installed librdkafka was built without is said to
 * be missing and fails no test.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, freshName, openBroker } from '../../support/broker.ts';
import { type Admin, type Client, type Consumer, clientOf, librdkafka, type ReadMessage } from './client.ts';

const WAIT_MS = 60_000;
const built = librdkafka();

let broker: Broker;
let client: Client;
let admin: Admin;

beforeAll(async () => {
  broker = await openBroker(['group.initial.rebalance.delay.ms=0']);
  client = clientOf(broker.address);
  admin = client.admin();
  await admin.connect();
});

afterAll(async () => {
  await admin.disconnect();
  await broker[Symbol.asyncDispose]();
});

async function topicOf(stem: string, numPartitions = 1): Promise<string> {
  const topic = freshName(stem);
  await admin.createTopics({ topics: [{ topic, numPartitions }] });
  return topic;
}

/** Waits for a condition, bounded. */
async function until(what: string, isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A member of a group that is handed messages until it is told to leave. */
class Member {
  readonly messages: ReadMessage[] = [];
  readonly #consumer: Consumer;

  constructor(groupId: string, settings: Readonly<Record<string, unknown>> = {}, kafkaJS: object = {}) {
    const common = { groupId, fromBeginning: true, autoCommit: false, ...kafkaJS };
    this.#consumer = client.consumer({ kafkaJS: common, ...settings });
  }

  async join(topic: string): Promise<this> {
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topics: [topic] });
    await this.#consumer.run({
      eachMessage: async ({ message, partition }) => {
        this.messages.push(message);
        const offset = String(BigInt(message.offset) + 1n);
        await this.#consumer.commitOffsets([{ topic, partition, offset }]);
      },
    });
    return this;
  }

  get values(): string[] {
    return this.messages.map(({ value }) => String(value));
  }

  get partitions(): number {
    return this.#consumer.assignment().length;
  }

  leave(): Promise<void> {
    return this.#consumer.disconnect();
  }
}

/** Reads `count` messages from the beginning, as a group of its own. */
async function read(topic: string, count: number, kafkaJS: object = {}): Promise<ReadMessage[]> {
  const member = await new Member(freshName('reader'), {}, kafkaJS).join(topic);
  try {
    await until(`${count} messages`, () => member.messages.length >= count);
  } finally {
    await member.leave();
  }
  return member.messages;
}

async function write(topic: string, values: readonly string[], settings: object = {}): Promise<void> {
  const producer = client.producer({ kafkaJS: settings });
  await producer.connect();
  await producer.send({ topic, messages: values.map((value, index) => ({ key: String(index), value })) });
  await producer.disconnect();
}

const numbered = (count: number, stem = 'value'): string[] => Array.from({ length: count }, (_, n) => `${stem} ${n}`);
const MISSING = ['gzip', 'snappy', 'lz4', 'zstd'].filter((codec) => !built.features.includes(codec));

describe(`librdkafka ${built.librdkafkaVersion}${MISSING.length > 0 ? `, built without ${MISSING.join(', ')}` : ''}`, () => {
  it.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'].filter((codec) => !MISSING.includes(codec)))(
    'gives back every message it sent with codec %s',
    async (compression) => {
      const topic = await topicOf('codec');
      const values = numbered(500, 'a value that is compressed '.repeat(4));
      await write(topic, values, { compression });
      expect((await read(topic, values.length)).map(({ value }) => String(value))).toEqual(values);
    },
  );

  it('keeps headers, and values that are missing', async () => {
    const topic = await topicOf('headers');
    const producer = client.producer();
    await producer.connect();
    const headers = { one: 'first', two: Buffer.from([0, 255]) };
    const messages = [
      { key: 'k', value: 'v', headers },
      { key: null, value: null },
    ];
    await producer.send({ topic, messages });
    await producer.disconnect();
    const [first, second] = await read(topic, 2);
    expect([first?.key, first?.value].map(String)).toEqual(['k', 'v']);
    expect([String(first?.headers?.one), first?.headers?.two]).toEqual(['first', Buffer.from([0, 255])]);
    // An empty value would be written as none: that is this client's way.
    expect([second?.key ?? null, second?.value ?? null]).toEqual([null, null]);
  });

  it.each(['classic', 'consumer'])(
    'shares partitions in a group of the %s protocol whose members come and go',
    async (protocol) => {
      const topic = await topicOf('group', 4);
      const group = freshName('group');
      const first = await new Member(group, { 'group.protocol': protocol }).join(topic);
      await write(topic, numbered(200, 'early'));
      await until('all early messages', () => first.messages.length === 200);
      const second = await new Member(group, { 'group.protocol': protocol }).join(topic);
      await until('two members with two partitions each', () => first.partitions === 2 && second.partitions === 2);
      await write(topic, numbered(200, 'middle'));
      await until('all middle messages', () => first.messages.length + second.messages.length === 400);
      expect(second.messages.length).toBeGreaterThan(0);
      await first.leave();
      await until('one member with all partitions', () => second.partitions === 4);
      await write(topic, numbered(200, 'late'));
      await until('all late messages', () => first.messages.length + second.messages.length === 600);
      await second.leave();
      const expected = ['early', 'middle', 'late'].flatMap((stem) => numbered(200, stem));
      expect([...first.values, ...second.values].sort()).toEqual(expected.sort());
    },
  );

  it('resumes where it committed', async () => {
    const topic = await topicOf('resume');
    const group = freshName('group');
    await write(topic, numbered(10, 'before'));
    const first = await new Member(group).join(topic);
    await until('ten messages', () => first.messages.length === 10);
    await first.leave();
    await write(topic, numbered(10, 'after'));
    const second = await new Member(group).join(topic);
    await until('ten more', () => second.messages.length >= 10);
    await second.leave();
    expect(second.values).toEqual(numbered(10, 'after'));
  });

  it('is idempotent: many requests on their way, every message once and in order', async () => {
    const topic = await topicOf('idempotent');
    const producer = client.producer({ kafkaJS: { idempotent: true }, 'linger.ms': 0, 'batch.num.messages': 10 });
    await producer.connect();
    const sent = numbered(2000).map((value) => producer.send({ topic, messages: [{ key: 'k', value }] }));
    await Promise.all(sent);
    await producer.disconnect();
    expect((await read(topic, 2000)).map(({ value }) => String(value))).toEqual(numbered(2000));
  });

  it('copies in transactions with their offsets, aborts, and fences an older self', async () => {
    const [from, to] = [await topicOf('from'), await topicOf('to')];
    const [group, transactionalId] = [freshName('group'), freshName('transaction')];
    const consumer = client.consumer({ kafkaJS: { groupId: group, fromBeginning: true, autoCommit: false } });
    await consumer.connect();
    const producer = client.producer({ kafkaJS: { transactionalId } });
    await producer.connect();
    const aborted = await producer.transaction();
    await aborted.send({ topic: to, messages: [{ value: 'aborted' }] });
    await aborted.abort();
    await write(from, ['a', 'b']);
    const transaction = await producer.transaction();
    await transaction.send({ topic: to, messages: [{ value: 'a' }, { value: 'b' }] });
    const topics = [{ topic: from, partitions: [{ partition: 0, offset: '2' }] }];
    await transaction.sendOffsets({ consumer, topics });
    await transaction.commit();
    await consumer.disconnect();
    expect((await read(to, 2)).map(({ value }) => String(value))).toEqual(['a', 'b']);
    const committed = await admin.fetchOffsets({ groupId: group, topics: [from] });
    expect(Number(committed[0]?.partitions[0]?.offset)).toBe(2);

    const successor = client.producer({ kafkaJS: { transactionalId } });
    await successor.connect();
    const late = await producer.transaction();
    const fenced = (async () => {
      await late.send({ topic: to, messages: [{ value: 'of a fenced one' }] });
      await late.commit();
    })();
    await expect(fenced).rejects.toThrow();
    const next = await successor.transaction();
    await next.send({ topic: to, messages: [{ value: 'c' }] });
    await next.commit();
    expect((await read(to, 3)).map(({ value }) => String(value))).toEqual(['a', 'b', 'c']);
    await Promise.all([producer.disconnect(), successor.disconnect()]);
  });

  it('looks offsets up by time, and deletes records', async () => {
    const topic = await topicOf('times');
    const producer = client.producer();
    await producer.connect();
    const base = Date.now() - 60_000;
    for (const at of [0, 1000, 2000]) {
      await producer.send({ topic, messages: [{ value: String(at), timestamp: String(base + at) }] });
    }
    await producer.disconnect();
    const byTime = await admin.fetchTopicOffsetsByTimestamp(topic, base + 500);
    expect(byTime.map(({ offset }) => Number(offset))).toEqual([1]);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '2' }] });
    const [bounds] = await admin.fetchTopicOffsets(topic);
    expect([Number(bounds?.low), Number(bounds?.high)]).toEqual([2, 3]);
  });

  it('makes, lists, describes and deletes topics', async () => {
    const topic = await topicOf('topic', 3);
    expect(await admin.listTopics()).toContain(topic);
    const [described] = await admin.fetchTopicMetadata({ topics: [topic] });
    expect(described?.partitions.length).toBe(3);
    expect(described?.partitions.every(({ leader }) => leader >= 0)).toBe(true);
    await admin.deleteTopics({ topics: [topic] });
    expect(await admin.listTopics()).not.toContain(topic);
  });

  it('lists, describes and deletes groups', async () => {
    const topic = await topicOf('described');
    const group = freshName('group');
    await write(topic, ['a']);
    const member = await new Member(group).join(topic);
    await until('a message', () => member.messages.length === 1);
    expect((await admin.listGroups()).groups.map(({ groupId }) => groupId)).toContain(group);
    expect((await admin.describeGroups([group])).groups[0]?.members).toHaveLength(1);
    await member.leave();
    await admin.deleteGroups([group]);
    expect((await admin.listGroups()).groups.map(({ groupId }) => groupId)).not.toContain(group);
  });
});
