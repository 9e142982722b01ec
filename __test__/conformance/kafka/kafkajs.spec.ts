/** kafkajs writes the corpus into six partitions; a group whose members come and go reads every line once. */
import { compressionsAlgorithms } from '@platformatic/kafka';
import kafkajs, { type Consumer, type EachBatchPayload } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, createTopic, freshName, kafkaClient, openBroker } from '../../support/broker.ts';
import { readCorpus } from '../../support/corpus.ts';
import { codecOf, fetchRaw } from '../../support/fetch-raw.ts';
import { kcat } from '../../support/program.ts';

const { CompressionCodecs, CompressionTypes } = kafkajs;

/** kafkajs has gzip alone; the others are plugged in, as its users do, with what another client has. */
for (const [type, name] of [
  [CompressionTypes.Snappy, 'snappy'],
  [CompressionTypes.LZ4, 'lz4'],
] as const) {
  CompressionCodecs[type] = () => ({
    compress: async (encoder: { buffer: Buffer }) => compressionsAlgorithms[name].compressSync(encoder.buffer),
    decompress: async (bytes: Buffer) => compressionsAlgorithms[name].decompressSync(bytes),
  });
}
const codecs = [
  { codec: 'none', compression: CompressionTypes.None },
  { codec: 'gzip', compression: CompressionTypes.GZIP },
  { codec: 'snappy', compression: CompressionTypes.Snappy },
  { codec: 'lz4', compression: CompressionTypes.LZ4 },
];

const PARTITIONS = 6;
const LINES_PER_SEND = 2000;
const { lines } = readCorpus();

/** What a group has been handed: each record once, or the test says which came twice. */
class Harvest {
  readonly #offsets = new Set<string>();
  readonly values = new Map<number, Buffer>();
  readonly repeated: string[] = [];
  readonly members = new Map<string, number>();

  take(member: string, partition: number, offset: string, key: Buffer | null, value: Buffer | null): void {
    const place = `${partition}:${offset}`;
    if (this.#offsets.has(place)) this.repeated.push(place);
    this.#offsets.add(place);
    this.values.set(Number(key), value ?? Buffer.from('a null value'));
    this.members.set(member, (this.members.get(member) ?? 0) + 1);
  }

  async until(count: number): Promise<void> {
    while (this.values.size < count) await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function produceCorpus(broker: Broker, topic: string, from: number, to: number): Promise<void> {
  const producer = kafkaClient(broker).producer({ idempotent: true });
  await producer.connect();
  for (let start = from; start < to; start += LINES_PER_SEND) {
    const chunk = lines.slice(start, Math.min(start + LINES_PER_SEND, to));
    const messages = chunk.map((value, index) => ({ key: String(start + index), value }));
    await producer.send({ topic, acks: -1, messages });
  }
  await producer.disconnect();
}

async function join(broker: Broker, groupId: string, topic: string, member: string, into: Harvest): Promise<Consumer> {
  const consumer = kafkaClient(broker).consumer({
    groupId,
    heartbeatInterval: 200,
    sessionTimeout: 10_000,
    maxWaitTimeInMs: 200,
  });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const joined = new Promise<void>((resolve) => consumer.on(consumer.events.GROUP_JOIN, () => resolve()));
  await consumer.run({
    eachBatchAutoResolve: true,
    eachBatch: async ({ batch }: EachBatchPayload) => {
      for (const { offset, key, value } of batch.messages) into.take(member, batch.partition, offset, key, value);
    },
  });
  await joined;
  return consumer;
}

describe('kafkajs', () => {
  let broker: Broker;
  beforeAll(async () => {
    broker = await openBroker();
  });
  afterAll(() => broker[Symbol.asyncDispose]());

  it('hands every line once to a group of two that a third joins and one leaves', { timeout: 90_000 }, async () => {
    const topic = await createTopic(broker, 'group', PARTITIONS);
    const groupId = freshName('readers');
    const harvest = new Harvest();
    const third = Math.floor(lines.length / 3);
    await produceCorpus(broker, topic, 0, third);
    const one = await join(broker, groupId, topic, 'one', harvest);
    const two = await join(broker, groupId, topic, 'two', harvest);
    await harvest.until(third);
    const three = await join(broker, groupId, topic, 'three', harvest);
    await produceCorpus(broker, topic, third, 2 * third);
    await harvest.until(2 * third);
    await one.disconnect();
    await produceCorpus(broker, topic, 2 * third, lines.length);
    await harvest.until(lines.length);
    await Promise.all([two.disconnect(), three.disconnect()]);

    expect(harvest.repeated).toEqual([]);
    expect(harvest.values.size).toBe(lines.length);
    const wrong = lines.findIndex((line, index) => !harvest.values.get(index)?.equals(line));
    expect(wrong).toBe(-1);
    expect([...harvest.members.keys()].toSorted()).toEqual(['one', 'three', 'two']);
  });

  it('writes what kcat reads, empty values and headers included (rule 13)', async () => {
    const topic = await createTopic(broker, 'values');
    const producer = kafkaClient(broker).producer();
    await producer.connect();
    await producer.send({
      topic,
      messages: [
        { key: 'k', value: '' },
        { key: '', value: 'v', headers: { a: ['1', '2'], b: '' } },
        { key: null, value: null },
      ],
    });
    await producer.disconnect();
    const seen = await kcat(['-C', '-b', broker.address, '-t', topic, '-p', '0', '-e', '-q', '-f', '%K %S %h|']);
    expect(seen.toString()).toBe('1 0 |0 1 a=1,a=2,b=|-1 -1 |');
  });

  it.for(codecs)('writes and reads with codec $codec', async ({ codec, compression }) => {
    const topic = await createTopic(broker, codec);
    const producer = kafkaClient(broker).producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    const messages = lines.slice(0, 500).map((value, index) => ({ key: String(index), value }));
    await producer.send({ topic, acks: -1, compression, messages });
    await producer.disconnect();
    expect(codecOf(await fetchRaw(broker.address, topic, 0, 0))).toBe(compression);
    const harvest = new Harvest();
    const reader = await join(broker, freshName('codec'), topic, 'one', harvest);
    await harvest.until(500);
    await reader.disconnect();
    expect(messages.findIndex(({ value }, at) => !harvest.values.get(at)?.equals(value))).toBe(-1);
  });

  it('resumes a group where it stopped: what was committed is not handed out again', { timeout: 30_000 }, async () => {
    const topic = await createTopic(broker, 'resumed', 2);
    const groupId = freshName('again');
    await produceCorpus(broker, topic, 0, 5_000);
    const before = new Harvest();
    const first = await join(broker, groupId, topic, 'first', before);
    await before.until(5_000);
    await first.disconnect();
    await produceCorpus(broker, topic, 5_000, 6_000);
    const after = new Harvest();
    const second = await join(broker, groupId, topic, 'second', after);
    await after.until(1_000);
    await second.disconnect();
    expect([...after.values.keys()].toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 1_000 }, (_, i) => 5_000 + i),
    );
  });
});
