/**
 * Plain Produce requests that the addon appends where they arrive, over sockets in a ring: they mean what they mean on the
 * usual way, and mix with everything else. Which way a request took is counted by the addon.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Api, Sparse } from '../../ts/broker/protocol/api.ts';
import { ErrorCode } from '../../ts/broker/protocol/error-codes.ts';
import { type ProduceResponse, produceApi } from '../../ts/broker/protocol/gen/00-produce.gen.ts';
import { metadataApi } from '../../ts/broker/protocol/gen/03-metadata.gen.ts';
import { apiVersionsApi } from '../../ts/broker/protocol/gen/18-api-versions.gen.ts';
import { createTopicsApi } from '../../ts/broker/protocol/gen/19-create-topics.gen.ts';
import { deleteTopicsApi } from '../../ts/broker/protocol/gen/20-delete-topics.gen.ts';
import { incrementalAlterConfigsApi } from '../../ts/broker/protocol/gen/44-incremental-alter-configs.gen.ts';
import { alterClientQuotasApi } from '../../ts/broker/protocol/gen/49-alter-client-quotas.gen.ts';
import { Reader } from '../../ts/broker/protocol/reader.ts';
import { Writer } from '../../ts/broker/protocol/writer.ts';
import { type KafkaRequestNews, kafkaRequests } from '../../ts/channels.ts';
import { type MillraceServer, serve } from '../../ts/serve.ts';
import { type BatchFields, encodeBatch } from '../support/record-batch.ts';
import { scratch } from '../support/scratch.ts';
import { framedRequest, RawClient } from './server/raw-client.ts';

const TOPIC_IDS_SINCE = 13;
const place = scratch('produce-way');
let server: MillraceServer;
let topics = 0;

beforeAll(async () => {
  server = await serve({ dir: `${place.path}/data`, driver: 'ring', kafka: { port: 0, sockets: 'ring' } });
});
afterAll(async () => {
  await server.close();
  place[Symbol.dispose]();
});

interface Batch {
  readonly partition?: number;
  readonly records?: Buffer;
  readonly version?: number;
  readonly acks?: number;
  readonly id?: string;
  readonly correlation?: number;
}

const one = (fields: BatchFields = {}) => encodeBatch([Buffer.from('value')], fields);

/** One connection, and one topic of its own to produce into. */
class Producer implements Disposable {
  readonly client: RawClient;
  readonly topic: string;
  readonly topicId: string;

  private constructor(client: RawClient, topic: string, topicId: string) {
    this.client = client;
    this.topic = topic;
    this.topicId = topicId;
  }

  static async open(config: Record<string, string> = {}): Promise<Producer> {
    topics += 1;
    const client = await RawClient.open(server.kafka.port);
    const name = `topic-${topics}`;
    const configs = Object.entries(config).map(([key, value]) => ({ name: key, value }));
    const wish = { topics: [{ name, numPartitions: 3, replicationFactor: 1, configs }] };
    const created = await ask(client, createTopicsApi, 7, wish);
    return new Producer(client, name, created.topics[0]?.topicId ?? '');
  }

  /** Another connection to the same topic. */
  async beside(): Promise<Producer> {
    return new Producer(await RawClient.open(server.kafka.port), this.topic, this.topicId);
  }

  request({ partition = 0, records = one(), version = 9, acks = -1, id, correlation = 7 }: Batch = {}): Buffer {
    const name = version < TOPIC_IDS_SINCE ? this.topic : '';
    const topicId = version < TOPIC_IDS_SINCE ? undefined : this.topicId;
    const partitionData = [{ index: partition, records }];
    const topicData = [topicId === undefined ? { name, partitionData } : { topicId, partitionData }];
    return framedRequest(produceApi, version, correlation, {
      transactionalId: id ?? null,
      acks,
      timeoutMs: 1000,
      topicData,
    });
  }

  async bytes(batch: Batch = {}): Promise<Buffer> {
    this.client.send(this.request(batch));
    return (await this.client.frame()) as Buffer;
  }

  async row(batch: Batch = {}) {
    const { version = 9 } = batch;
    const reply = decode(await this.bytes(batch), version);
    const row = reply.responses[0]?.partitionResponses[0];
    if (row === undefined) throw new Error('no row');
    return { ...row, throttleTimeMs: reply.throttleTimeMs };
  }

  /** From now on the next plain request goes the short way: one has been answered. */
  async warm(): Promise<void> {
    const { errorCode } = await this.row();
    expect(errorCode).toBe(ErrorCode.NONE);
  }

  [Symbol.dispose](): void {
    this.client.destroy();
  }
}

function decode(reply: Buffer, version: number): ProduceResponse {
  return produceApi.decodeResponse(new Reader(reply, version >= 9 ? 5 : 4), version);
}

async function ask<Request, Response>(
  client: RawClient,
  api: Api<Request, Response>,
  version: number,
  request: Sparse<Request>,
): Promise<Response> {
  client.send(framedRequest(api as Api<Request, unknown>, version, 1, request));
  const reply = (await client.frame()) as Buffer;
  const head = api.key !== 18 && version >= api.flexibleFrom ? 5 : 4;
  return api.decodeResponse(new Reader(reply, head), version) as Response;
}

/** Requests that took the short way during `work`. */
async function placed(work: () => Promise<unknown>): Promise<number> {
  const before = server.counters()['sockets.placed'] ?? Number.NaN;
  await work();
  return (server.counters()['sockets.placed'] ?? Number.NaN) - before;
}

async function alter(producer: Producer, name: string, value: string): Promise<void> {
  const other = await RawClient.open(server.kafka.port);
  const configs = [{ name, configOperation: 0, value }];
  const resources = [{ resourceType: 2, resourceName: producer.topic, configs }];
  const { responses } = await ask(other, incrementalAlterConfigsApi, 1, { resources, validateOnly: false });
  expect(responses[0]?.errorCode).toBe(ErrorCode.NONE);
  other.destroy();
}

describe('an answer of the short way', () => {
  it('is that of the usual way, byte for byte but for its offset, in every version', async () => {
    using first = await Producer.open();
    for (let version = 3; version <= 13; version += 1) {
      using producer = await first.beside();
      const usual = await producer.bytes({ version, acks: 1 });
      let short: Buffer = Buffer.alloc(0);
      const count = await placed(async () => {
        short = await producer.bytes({ version, acks: 1 });
      });
      expect([version, count]).toEqual([version, 1]);
      const reply = decode(short, version);
      const row = reply.responses[0]?.partitionResponses[0];
      if (row === undefined) throw new Error('no row');
      row.baseOffset -= 1;
      const writer = new Writer();
      produceApi.encodeResponse(writer, version, reply);
      const head = version >= 9 ? 5 : 4;
      expect(short.subarray(0, head)).toEqual(usual.subarray(0, head));
      expect(Buffer.from(writer.bytes())).toEqual(usual.subarray(head));
    }
  });

  it('has the time of the append where the topic stamps it', async () => {
    using producer = await Producer.open({ 'message.timestamp.type': 'LogAppendTime' });
    await producer.warm();
    const before = Date.now() - 1000;
    let stamped = 0;
    expect(await placed(async () => (stamped = (await producer.row()).logAppendTimeMs ?? 0))).toBe(1);
    expect(stamped).toBeGreaterThanOrEqual(before);
  });

  it('comes to a half-closed connection before its end', async () => {
    using producer = await Producer.open();
    await producer.warm();
    producer.client.socket.end(producer.request({ correlation: 99 }));
    expect(await producer.client.correlations(1)).toEqual([99]);
    expect(await producer.client.frame()).toBeNull();
  });
});

describe('requests of both ways on one connection', () => {
  it('are answered in their order, and append in it', async () => {
    using producer = await Producer.open();
    await producer.warm();
    const two = [0, 1].map((index) => ({ index, records: one() }));
    const pipeline: Buffer[] = [];
    for (let round = 0; round < 8; round += 1) {
      const at = round * 10;
      pipeline.push(
        producer.request({ correlation: at + 1 }),
        producer.request({ correlation: at + 2, acks: 1 }),
        framedRequest(metadataApi, 9, at + 3, { topics: null }),
        producer.request({ correlation: at + 4 }),
        producer.request({ correlation: 0, acks: 0 }),
        framedRequest(produceApi, 9, at + 5, {
          acks: -1,
          timeoutMs: 1000,
          topicData: [{ name: producer.topic, partitionData: two }],
        }),
        producer.request({ correlation: at + 6 }),
        framedRequest(apiVersionsApi, 3, at + 7, { clientSoftwareName: 'test', clientSoftwareVersion: '1' }),
        producer.request({ correlation: at + 8, partition: 2 }),
      );
    }
    const offsets: number[] = [];
    const seen: number[] = [];
    const count = await placed(async () => {
      // In pieces, so that some find the connection without anything open.
      for (let at = 0; at < pipeline.length; at += 9) {
        producer.client.send(Buffer.concat(pipeline.slice(at, at + 9)));
        for (let left = 8; left > 0; left -= 1) {
          const frame = (await producer.client.frame()) as Buffer;
          const correlation = frame.readInt32BE(0);
          seen.push(correlation);
          if ([1, 2, 4, 5, 6].includes(correlation % 10)) {
            offsets.push(decode(frame, 9).responses[0]?.partitionResponses[0]?.baseOffset ?? -1);
          }
        }
        await producer.warm();
      }
    });
    expect(seen).toEqual(
      Array.from({ length: 8 }, (_, round) => [1, 2, 3, 4, 5, 6, 7, 8].map((n) => round * 10 + n)).flat(),
    );
    // Six appends to partition 0 a round, one of them without an answer, and one more behind it.
    expect(offsets).toEqual(Array.from({ length: 8 }, (_, round) => [1, 2, 3, 5, 6].map((n) => round * 7 + n)).flat());
    expect(count).toBeGreaterThanOrEqual(16);
  });

  it('keep the sequence of an idempotent producer, its repetitions and its gaps', async () => {
    using producer = await Producer.open();
    const batch = (baseSequence: number) => one({ producerId: 4711, producerEpoch: 0, baseSequence });
    expect(await producer.row({ records: batch(0) })).toMatchObject({ errorCode: 0, baseOffset: 0 });
    expect(await placed(() => producer.row({ records: batch(1) }))).toBe(1);
    const repeated = await producer.row({ records: batch(1) });
    expect(repeated).toMatchObject({ errorCode: 0, baseOffset: 1 });
    const gap = await producer.row({ records: batch(5) });
    expect(gap.errorCode).toBe(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER);
    expect(await producer.row({ records: batch(2) })).toMatchObject({ errorCode: 0, baseOffset: 2 });
  });

  it('refuse what is refused: a transactional batch, damage, an unknown partition', async () => {
    using producer = await Producer.open();
    await producer.warm();
    const transactional = one({ producerId: 4712, producerEpoch: 0, baseSequence: 0, transactional: true });
    const count = await placed(async () => {
      expect((await producer.row({ records: transactional })).errorCode).toBe(ErrorCode.INVALID_PRODUCER_ID_MAPPING);
      await producer.warm();
      const damaged = one();
      damaged[damaged.length - 1] = (damaged.at(-1) as number) ^ 1;
      expect((await producer.row({ records: damaged })).errorCode).toBe(ErrorCode.CORRUPT_MESSAGE);
      await producer.warm();
      expect((await producer.row({ partition: 3 })).errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    });
    expect(count).toBeLessThanOrEqual(2);
    expect((await producer.row()).baseOffset).toBe(3);
  });
});

describe('a connection on the short way', () => {
  it('follows every change of its topic at once', async () => {
    using producer = await Producer.open();
    await producer.warm();
    await alter(producer, 'max.message.bytes', '100');
    const large = encodeBatch([Buffer.alloc(200)]);
    expect((await producer.row({ records: large })).errorCode).toBe(ErrorCode.MESSAGE_TOO_LARGE);
    await producer.warm();
    await alter(producer, 'cleanup.policy', 'compact');
    expect((await producer.row()).errorCode).toBe(ErrorCode.INVALID_RECORD);
  });

  it('finds its topic deleted, and the new one of that name empty', async () => {
    using producer = await Producer.open();
    await producer.warm();
    expect(await placed(() => producer.row())).toBe(1);
    const other = await RawClient.open(server.kafka.port);
    const gone = { topics: [{ name: producer.topic }], timeoutMs: 1000 };
    expect((await ask(other, deleteTopicsApi, 6, gone)).responses[0]?.errorCode).toBe(ErrorCode.NONE);
    expect((await producer.row()).errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION);
    const again = { topics: [{ name: producer.topic, numPartitions: 1, replicationFactor: 1 }] };
    await ask(other, createTopicsApi, 7, again);
    other.destroy();
    expect((await producer.row()).baseOffset).toBe(0);
    expect(await placed(() => producer.row())).toBe(1);
  });

  it('is told to wait when its client is over a quota', async () => {
    using producer = await Producer.open();
    await producer.warm();
    const other = await RawClient.open(server.kafka.port);
    const quota = (remove: boolean) => ({
      entries: [
        {
          entity: [{ entityType: 'client-id', entityName: 'test' }],
          ops: [{ key: 'producer_byte_rate', value: 100, remove }],
        },
      ],
      validateOnly: false,
    });
    expect((await ask(other, alterClientQuotasApi, 1, quota(false))).entries[0]?.errorCode).toBe(ErrorCode.NONE);
    let longest = 0;
    for (let again = 0; again < 40 && longest === 0; again += 1) longest = (await producer.row()).throttleTimeMs ?? 0;
    await ask(other, alterClientQuotasApi, 1, quota(true));
    other.destroy();
    expect(longest).toBeGreaterThan(0);
  });

  it('is seen by who listens to requests, with the name of its client', async () => {
    using producer = await Producer.open();
    await producer.warm();
    const news: KafkaRequestNews[] = [];
    const listener = (one: unknown) => void news.push(one as KafkaRequestNews);
    subscribe(kafkaRequests.name, listener);
    const request = producer.request();
    expect(await placed(() => producer.row())).toBe(1);
    unsubscribe(kafkaRequests.name, listener);
    expect(news).toHaveLength(1);
    expect(news[0]).toMatchObject({ apiKey: 0, apiVersion: 9, clientId: 'test', requestBytes: request.length - 4 });
  });

  it('holds no memory of requests when it has been answered, also when it has gone meanwhile', async () => {
    using producer = await Producer.open();
    await producer.warm();
    using other = await producer.beside();
    await other.warm();
    other.client.send(Buffer.concat(Array.from({ length: 20 }, () => other.request())));
    other.client.reset();
    await producer.warm();
    await expect.poll(() => server.counters()['sockets.slotsHeld'], { timeout: 30_000 }).toBe(0);
  });

  it('loses nothing of a thousand requests in flight', async () => {
    using producer = await Producer.open();
    await producer.warm();
    producer.client.send(Buffer.concat(Array.from({ length: 1000 }, (_, at) => producer.request({ correlation: at }))));
    const seen = await producer.client.correlations(1000);
    expect(seen).toEqual(Array.from({ length: 1000 }, (_, at) => at));
    expect((await producer.row()).baseOffset).toBe(1001);
  });
});
