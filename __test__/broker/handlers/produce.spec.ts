/** Produce: durability by acks, one frame a partition, errors by rule. */
import { describe, expect, it } from 'vitest';
import type { Sparse } from '../../../ts/broker/protocol/api.ts';
import { type ProduceRequest, produceApi } from '../../../ts/broker/protocol/gen/00-produce.gen.ts';
import { Code, Level } from '../../../ts/io/native-types.ts';
import { encodeBatch } from '../../support/record-batch.ts';
import { openHarness } from '../support/harness.ts';

const batch = () => encodeBatch([Buffer.from('one'), Buffer.from('two')]);

/** A batch with a wrong checksum. */
function damaged(): Buffer {
  const bytes = batch();
  bytes[bytes.length - 1] = 77;
  return bytes;
}

function request(topic: string, records: (Uint8Array | null)[], acks = -1): Sparse<ProduceRequest> {
  return {
    acks,
    timeoutMs: 1000,
    topicData: [{ name: topic, partitionData: records.map((r, index) => ({ index, records: r })) }],
  };
}

describe('produce', () => {
  it('waits for durable with acks=all, for written with 1 and for nothing with 0', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    harness.engine.levels.length = 0;
    await harness.ask(produceApi, 9, request('t', [batch()], -1));
    await harness.ask(produceApi, 9, request('t', [batch()], 1));
    await harness.send(produceApi, 9, request('t', [batch()], 0)).outcome;
    expect(harness.engine.levels).toEqual([Level.durable, Level.written, Level.memory]);
  });

  it('never acknowledges below the floor of the topic, min.durability', async () => {
    await using harness = openHarness();
    await harness.topic('t', 1, { 'min.durability': 'durable' });
    harness.engine.levels.length = 0;
    await harness.ask(produceApi, 9, request('t', [batch()], 1));
    expect(harness.engine.levels).toEqual([Level.durable]);
  });

  it('takes the floor of the broker where the topic has none', async () => {
    await using harness = openHarness({ 'min.durability': 'durable' });
    await harness.topic('t');
    harness.engine.levels.length = 0;
    await harness.ask(produceApi, 9, request('t', [batch()], 1));
    expect(harness.engine.levels).toEqual([Level.durable]);
  });

  it('answers each partition with its own offset and error', async () => {
    await using harness = openHarness();
    await harness.topic('t', 2);
    await harness.ask(produceApi, 9, request('t', [batch()]));
    const reply = await harness.ask(produceApi, 9, request('t', [batch(), damaged(), batch()]));
    const rows = reply.responses[0]?.partitionResponses.map((row) => [row.errorCode, row.baseOffset]);
    // 2 CORRUPT_MESSAGE, 3 UNKNOWN_TOPIC_OR_PARTITION (there are only two partitions)
    expect(rows).toEqual([
      [0, 2],
      [2, -1],
      [3, -1],
    ]);
  });

  it('sends no reply to acks=0, and closes the connection when a partition was refused (rule 2)', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    expect(await harness.send(produceApi, 7, request('t', [batch()], 0)).outcome).toEqual({ kind: 'nothing' });
    expect((await harness.send(produceApi, 7, request('t', [Buffer.alloc(70)], 0)).outcome).kind).toBe('closed');
  });

  it('refuses acks that mean nothing with INVALID_REQUIRED_ACKS (rule 2)', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const reply = await harness.ask(produceApi, 9, request('t', [batch()], 2));
    expect(reply.responses[0]?.partitionResponses[0]).toMatchObject({ errorCode: 21, baseOffset: -1 });
  });

  it('refuses an unknown topic at once and does not create it (rule 14)', async () => {
    await using harness = openHarness();
    const reply = await harness.ask(produceApi, 9, request('nowhere', [batch()]));
    expect(reply.responses[0]?.partitionResponses[0]).toMatchObject({ errorCode: 3, currentLeader: { leaderId: -1 } });
    expect(harness.broker.context.catalogue.size).toBe(0);
  });

  it('refuses a producer whose epoch is older than one that was seen (rule 18)', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const errorOf = async (producerEpoch: number, baseSequence: number) => {
      const records = encodeBatch([Buffer.from('a')], { producerId: 7, producerEpoch, baseSequence });
      const reply = await harness.ask(produceApi, 9, request('t', [records]));
      return reply.responses[0]?.partitionResponses[0]?.errorCode;
    };
    expect([await errorOf(2, 0), await errorOf(1, 0), await errorOf(2, 1)]).toEqual([0, 47, 0]);
  });

  it('enforces max.message.bytes of the topic (rule 10)', async () => {
    await using harness = openHarness();
    await harness.topic('t', 1, { 'max.message.bytes': '80' });
    const reply = await harness.ask(produceApi, 9, request('t', [encodeBatch([Buffer.alloc(100)])]));
    expect(reply.responses[0]?.partitionResponses[0]?.errorCode).toBe(10);
  });

  it('takes zstd from version 7 only (rule 5)', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const zstd = batch();
    zstd[22] = 4;
    const errorOf = async (version: number) => {
      const reply = await harness.ask(produceApi, version, request('t', [zstd]));
      return reply.responses[0]?.partitionResponses[0]?.errorCode;
    };
    // From version 7 on it is looked at, and found to be none.
    expect([await errorOf(6), await errorOf(7)]).toEqual([76, 2]);
  });

  it('refuses a partition without records with INVALID_RECORD', async () => {
    await using harness = openHarness();
    await harness.topic('t', 2);
    const reply = await harness.ask(produceApi, 9, request('t', [null, new Uint8Array(0)]));
    expect(reply.responses[0]?.partitionResponses.map((row) => row.errorCode)).toEqual([87, 87]);
  });

  it('refuses transactional batches of a producer that nobody knows', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    const transactional = batch();
    transactional[22] = 0x10;
    const reply = await harness.ask(produceApi, 9, request('t', [transactional]));
    expect(reply.responses[0]?.partitionResponses[0]?.errorCode).toBe(49);
  });

  it('answers KAFKA_STORAGE_ERROR when the journal is poisoned', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    harness.engine.refuseNext.push(Code.poisoned);
    const reply = await harness.ask(produceApi, 9, request('t', [batch()]));
    expect(reply.responses[0]?.partitionResponses[0]?.errorCode).toBe(56);
  });

  it('waits for room when the engine is full, and keeps the order of what waits', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    // Two rounds of three: the engine never takes what comes behind something it refused in the same turn.
    harness.engine.refuseNext.push(...Array.from({ length: 6 }, () => Code.busy));
    const asks = [1, 2, 3].map(() => harness.ask(produceApi, 9, request('t', [batch()])));
    const replies = await Promise.all(asks);
    const rows = replies.map((reply) => reply.responses[0]?.partitionResponses[0]);
    expect(rows.map((row) => [row?.errorCode, row?.baseOffset])).toEqual([
      [0, 0],
      [0, 2],
      [0, 4],
    ]);
  });

  it('answers a retriable error when there was no room for the time the client gave', async () => {
    await using harness = openHarness();
    await harness.topic('t');
    harness.engine.refuseNext.push(...Array.from({ length: 1000 }, () => Code.busy));
    const reply = await harness.ask(produceApi, 9, { ...request('t', [batch()]), timeoutMs: 30 });
    expect(reply.responses[0]?.partitionResponses[0]?.errorCode).toBe(7);
  });

  it('answers an empty request', async () => {
    await using harness = openHarness();
    expect(await harness.ask(produceApi, 9, { acks: -1, topicData: [] })).toMatchObject({ responses: [] });
  });
});
