/** @platformatic/kafka, unmodified: codecs, headers, groups whose members come and go, idempotence, transactions. */
import {
  Consumer,
  type ConsumerOptions,
  type Message,
  type MessagesStream,
  MessagesStreamModes,
  ProduceAcks,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, createTopic, freshName, openBroker } from '../../support/broker.ts';
import { codecOf, fetchRaw } from '../../support/fetch-raw.ts';

type Text = Message<string, string, string, string>;
type TextConsumer = Consumer<string, string, string, string>;
type TextStream = MessagesStream<string, string, string, string>;

/** zstd needs a Node that has it. */
const codecs = [
  { codec: 'none', id: 0 },
  { codec: 'gzip', id: 1 },
  { codec: 'snappy', id: 2 },
  { codec: 'lz4', id: 3 },
] as const;
const PATIENCE_MS = 20_000;

let broker: Broker;
beforeAll(async () => {
  broker = await openBroker();
});
afterAll(() => broker[Symbol.asyncDispose]());

const base = () => ({ clientId: 'conformance', bootstrapBrokers: [broker.address], autocreateTopics: false });

function open(more: Partial<ConsumerOptions<string, string, string, string>> = {}, groupId = freshName('group')) {
  const timeouts = { sessionTimeout: 10_000, heartbeatInterval: 200, rebalanceTimeout: 10_000, maxWaitTime: 100 };
  return new Consumer({ ...base(), ...timeouts, groupId, deserializers: stringDeserializers, ...more });
}

function producer(more: { idempotent?: boolean; transactionalId?: string } = {}) {
  return new Producer({ ...base(), serializers: stringSerializers, ...more });
}

const numbered = (topic: string, count: number, partitions = 1) =>
  Array.from({ length: count }, (_, at) => ({
    topic,
    partition: at % partitions,
    key: `k${at}`,
    value: `value ${at}`,
  }));

/** Everything of a topic, until there are `count` records. */
async function read(topic: string, count: number, isolationLevel: 0 | 1 = 0): Promise<Text[]> {
  const consumer = open({ isolationLevel });
  try {
    const stream = await consumer.consume({ topics: [topic], mode: MessagesStreamModes.EARLIEST, autocommit: false });
    const found: Text[] = [];
    for await (const message of stream) {
      found.push(message);
      if (found.length >= count) break;
    }
    return found;
  } finally {
    await consumer.close(true);
  }
}

/** One member: what it was handed goes into `seen`. */
async function join(topic: string, groupId: string, seen: string[], protocol: 'classic' | 'consumer') {
  const more = protocol === 'consumer' ? { groupProtocol: protocol } : {};
  const consumer: TextConsumer = open(more, groupId);
  const mode = MessagesStreamModes.COMMITTED;
  const stream: TextStream = await consumer.consume({
    topics: [topic],
    mode,
    fallbackMode: 'earliest',
    autocommit: 50,
  });
  stream.on('data', (message) => seen.push(`${message.partition}:${message.offset}`));
  // The client calls itself closed before it leaves its group and closes its streams: a fetch in between fails its stream.
  stream.on('error', (error) => {
    if (!consumer.closed) throw error;
  });
  return consumer;
}

async function until(what: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!what()) {
    if (performance.now() > end) throw new Error('it does not come to it');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('@platformatic/kafka', () => {
  it.for(codecs)('writes and reads with codec $codec', async ({ codec, id }) => {
    const topic = await createTopic(broker, codec);
    const writer = producer();
    await writer.send({ messages: numbered(topic, 200), acks: ProduceAcks.ALL, compression: codec });
    await writer.close();
    expect(codecOf(await fetchRaw(broker.address, topic, 0, 0))).toBe(id);
    expect((await read(topic, 200)).map(({ value }) => value)).toEqual(numbered(topic, 200).map(({ value }) => value));
  });

  it('keeps headers, and values that are empty', async () => {
    const topic = await createTopic(broker, 'headers');
    const writer = producer();
    const headers = new Map([['a', '1']]);
    await writer.send({ messages: [{ topic, key: '', value: '', headers }], acks: ProduceAcks.ALL });
    await writer.close();
    const [found] = await read(topic, 1);
    expect([found?.key, found?.value, found?.headers.get('a')]).toEqual(['', '', '1']);
  });

  it('is idempotent: sequences of its own, every record once and in order', async () => {
    const topic = await createTopic(broker, 'idempotence');
    const writer = producer({ idempotent: true });
    const messages = numbered(topic, 100);
    for (let at = 0; at < messages.length; at += 5) {
      await writer.send({ messages: messages.slice(at, at + 5), acks: ProduceAcks.ALL });
    }
    expect(writer.producerId).toBeGreaterThanOrEqual(0n);
    await writer.close();
    const found = await read(topic, 100);
    expect(found.map(({ value }) => value)).toEqual(messages.map(({ value }) => value));
  });

  it('shows readers of committed data what was committed, and nothing that was aborted', async () => {
    const topic = await createTopic(broker, 'transactions');
    const writer = producer({ idempotent: true, transactionalId: freshName('tx') });
    for (const [value, committed] of [
      ['a', true],
      ['b', false],
      ['c', true],
    ] as const) {
      const transaction = await writer.beginTransaction();
      await transaction.send({ messages: [{ topic, partition: 0, key: 'k', value }], acks: ProduceAcks.ALL });
      if (committed) await transaction.commit();
      else await transaction.abort();
    }
    await writer.close();
    expect((await read(topic, 2, 1)).map(({ value }) => value)).toEqual(['a', 'c']);
    expect((await read(topic, 3, 0)).map(({ value }) => value)).toEqual(['a', 'b', 'c']);
  });

  const protocols = ['classic', 'consumer'] as const;
  it.for(protocols)('shares partitions in a group of the %s protocol whose members come and go', async (protocol) => {
    const topic = await createTopic(broker, 'shared', 4);
    const groupId = freshName('members');
    const seen: string[] = [];
    const writer = producer();
    const write = () => writer.send({ messages: numbered(topic, 100, 4), acks: ProduceAcks.ALL });
    const one = await join(topic, groupId, seen, protocol);
    const two = await join(topic, groupId, seen, protocol);
    await write();
    await until(() => new Set(seen).size === 100);
    await one.close(true);
    await write();
    await until(() => new Set(seen).size === 200);
    const three = await join(topic, groupId, seen, protocol);
    await write();
    await until(() => new Set(seen).size === 300);
    await Promise.all([two.close(true), three.close(true), writer.close()]);
  });
});
