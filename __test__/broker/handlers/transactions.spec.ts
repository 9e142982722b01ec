/** Transactions on the wire: what readers of committed data see, fencing, time-outs, offsets, power cuts. */
import { describe, expect, it } from 'vitest';
import { produceApi } from '../../../ts/broker/protocol/gen/00-produce.gen.ts';
import { fetchApi } from '../../../ts/broker/protocol/gen/01-fetch.gen.ts';
import { listOffsetsApi } from '../../../ts/broker/protocol/gen/02-list-offsets.gen.ts';
import { offsetFetchApi } from '../../../ts/broker/protocol/gen/09-offset-fetch.gen.ts';
import { findCoordinatorApi } from '../../../ts/broker/protocol/gen/10-find-coordinator.gen.ts';
import { deleteTopicsApi } from '../../../ts/broker/protocol/gen/20-delete-topics.gen.ts';
import { initProducerIdApi } from '../../../ts/broker/protocol/gen/22-init-producer-id.gen.ts';
import { addPartitionsToTxnApi } from '../../../ts/broker/protocol/gen/24-add-partitions-to-txn.gen.ts';
import { endTxnApi } from '../../../ts/broker/protocol/gen/26-end-txn.gen.ts';
import { describeTransactionsApi } from '../../../ts/broker/protocol/gen/65-describe-transactions.gen.ts';
import { listTransactionsApi } from '../../../ts/broker/protocol/gen/66-list-transactions.gen.ts';
import { Code } from '../../../ts/io/native-types.ts';
import { encodeBatch } from '../../support/record-batch.ts';
import { type Harness, openHarness } from '../support/harness.ts';
import { TransactionalProducer } from '../support/transactional-producer.ts';

const READ_COMMITTED = 1;
const READ_UNCOMMITTED = 0;
const ERROR = { fenced: 90, epoch: 47, state: 48, mapping: 49, timeout: 50, concurrent: 51, abortable: 120 };

interface Seen {
  /** `offset:value`; markers are `offset:commit` and `offset:abort`. */
  records: string[];
  highWatermark: number;
  lastStable: number;
  aborted: { producerId: number; firstOffset: number }[] | null;
}

/** Records, one batch after the other, as a client takes them apart. */
function recordsOf(bytes: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at < bytes.length; at += 12 + bytes.readInt32BE(at + 8)) {
    const base = Number(bytes.readBigInt64BE(at));
    const count = bytes.readInt32BE(at + 57);
    const end = at + 12 + bytes.readInt32BE(at + 8);
    if ((bytes.readInt16BE(at + 21) & 0x20) !== 0) {
      found.push(`${base}:${bytes.readInt16BE(at + 61 + 7) === 1 ? 'commit' : 'abort'}`);
      continue;
    }
    // Values of one letter, of records that are then eight bytes each.
    for (let index = 0; index < count; index += 1) {
      found.push(`${base + index}:${String.fromCharCode(bytes.readUInt8(end - 2 - (count - 1 - index) * 8))}`);
    }
  }
  return found;
}

async function fetch(harness: Harness, isolationLevel: number, partition = 0, offset = 0): Promise<Seen> {
  const partitions = [{ partition, fetchOffset: offset, partitionMaxBytes: 1_000_000, currentLeaderEpoch: -1 }];
  const topics = [{ topic: 't', partitions }];
  const request = { maxWaitMs: 0, minBytes: 0, maxBytes: 1_000_000, sessionEpoch: -1, isolationLevel, topics };
  const reply = await harness.ask(fetchApi, 11, request);
  const row = reply.responses[0]?.partitions[0];
  if (row?.errorCode !== 0) throw new Error(`fetch: error ${row?.errorCode}`);
  return {
    records: recordsOf(Buffer.from(row.records as Uint8Array)),
    highWatermark: row.highWatermark,
    lastStable: row.lastStableOffset,
    aborted: row.abortedTransactions,
  };
}

async function committedOffset(harness: Harness, group: string, requireStable: boolean): Promise<[number, number]> {
  const topics = [{ name: 't', partitionIndexes: [0] }];
  const reply = await harness.ask(offsetFetchApi, 7, { groupId: group, topics, requireStable });
  const row = reply.topics[0]?.partitions[0];
  return [row?.committedOffset ?? -2, row?.errorCode ?? -2];
}

async function opened(partitions = 1): Promise<{ harness: Harness; producer: TransactionalProducer }> {
  const harness = openHarness();
  await harness.topic('t', partitions);
  const producer = new TransactionalProducer(harness, 'x');
  expect(await producer.init()).toBe(0);
  return { harness, producer };
}

/** Cuts the power under a broker and opens another one on the same disk. */
async function cutAndReopen(harness: Harness): Promise<Harness> {
  const { disk } = harness.engine;
  harness.engine.cutPower();
  await harness.broker.close();
  return openHarness({}, { sim: disk });
}

describe('transactions', () => {
  it('are not seen by readers of committed data before they are committed, and then whole (rules 20, 21)', async () => {
    const { harness, producer } = await opened(2);
    await using _ = harness;
    expect(await producer.add('t', 0, 1)).toBe(0);
    expect(await producer.produce('t', 0, 'a', 'b')).toBe(0);
    expect(await producer.produce('t', 1, 'c')).toBe(0);
    expect(await fetch(harness, READ_COMMITTED)).toEqual({ records: [], highWatermark: 2, lastStable: 0, aborted: [] });
    const open = { records: ['0:a', '1:b'], highWatermark: 2, lastStable: 0, aborted: null };
    expect(await fetch(harness, READ_UNCOMMITTED)).toEqual(open);
    expect(await producer.end(true)).toBe(0);
    const ended = { records: ['0:a', '1:b', '2:commit'], highWatermark: 3, lastStable: 3, aborted: [] };
    expect(await fetch(harness, READ_COMMITTED)).toEqual(ended);
    expect((await fetch(harness, READ_COMMITTED, 1)).records).toEqual(['0:c', '1:commit']);
  });

  it('that are aborted are told to readers of committed data, who alone skip them (rule 22)', async () => {
    const { harness, producer } = await opened();
    await using _ = harness;
    await producer.add('t', 0);
    await producer.produce('t', 0, 'a');
    expect(await producer.end(false)).toBe(0);
    await producer.add('t', 0);
    await producer.produce('t', 0, 'b');
    expect(await producer.end(true)).toBe(0);
    const all = ['0:a', '1:abort', '2:b', '3:commit'];
    const seen = await fetch(harness, READ_COMMITTED);
    expect(seen.records).toEqual(all);
    expect(seen.aborted).toEqual([{ producerId: producer.producerId, firstOffset: 0 }]);
    expect(await fetch(harness, READ_UNCOMMITTED)).toMatchObject({ records: all, aborted: null });
    const behind = await fetch(harness, READ_COMMITTED, 0, 2);
    expect(behind.aborted).toEqual([]);
  });

  it('hold the end of the log for readers of committed data at the oldest open one (rule 21)', async () => {
    const { harness, producer } = await opened();
    await using _ = harness;
    await producer.add('t', 0);
    await producer.produce('t', 0, 'a');
    const plain = [{ name: 't', partitionData: [{ index: 0, records: encodeBatch([Buffer.from('p')]) }] }];
    await harness.ask(produceApi, 9, { acks: -1, topicData: plain });
    const latest = async (isolationLevel: number) => {
      const partitions = [{ partitionIndex: 0, timestamp: -1n, currentLeaderEpoch: -1 }];
      const reply = await harness.ask(listOffsetsApi, 5, { isolationLevel, topics: [{ name: 't', partitions }] });
      return reply.topics[0]?.partitions[0]?.offset;
    };
    expect([await latest(READ_COMMITTED), await latest(READ_UNCOMMITTED)]).toEqual([0, 2]);
    await producer.end(true);
    expect([await latest(READ_COMMITTED), await latest(READ_UNCOMMITTED)]).toEqual([3, 3]);
  });

  it('wake a reader of committed data that waits when they end (rule 28)', async () => {
    const { harness, producer } = await opened();
    await using _ = harness;
    await producer.add('t', 0);
    await producer.produce('t', 0, 'a');
    const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000, currentLeaderEpoch: -1 }];
    const topics = [{ topic: 't', partitions }];
    const request = { maxWaitMs: 60_000, minBytes: 1, maxBytes: 1000, sessionEpoch: -1, isolationLevel: 1, topics };
    const waiting = harness.send(fetchApi, 11, request);
    expect(waiting.ended).toBe(false);
    await producer.end(true);
    const row = (await waiting.reply()).responses[0]?.partitions[0];
    expect(recordsOf(Buffer.from(row?.records as Uint8Array))).toEqual(['0:a', '1:commit']);
  });

  it('take part in order: a batch without one, or outside of it, is refused', async () => {
    const { harness, producer } = await opened(2);
    await using _ = harness;
    expect(await producer.produce('t', 0, 'a')).toBe(ERROR.abortable);
    await producer.add('t', 0);
    expect(await producer.produce('t', 1, 'a')).toBe(ERROR.abortable);
    expect(await producer.produce('t', 0, 'a')).toBe(0);
    await producer.end(true);
    expect(await producer.produce('t', 0, 'b'), 'it has ended').toBe(ERROR.abortable);
    producer.producerId = 999;
    expect(await producer.produce('t', 0, 'a')).toBe(ERROR.mapping);
  });

  it('of a producer that is followed by another are aborted, and it is fenced (rules 18, 19)', async () => {
    const { harness, producer } = await opened();
    await using _ = harness;
    await producer.add('t', 0);
    await producer.produce('t', 0, 'a');
    const next = new TransactionalProducer(harness, 'x');
    expect(await next.init()).toBe(ERROR.concurrent);
    expect(await next.init()).toBe(0);
    expect([next.producerId, next.epoch]).toEqual([producer.producerId, producer.epoch + 2]);
    expect(await producer.produce('t', 0, 'b')).toBe(ERROR.epoch);
    expect(await producer.end(true)).toBe(ERROR.fenced);
    const old = { transactionalId: 'x', producerId: producer.producerId, producerEpoch: 0, committed: true };
    expect((await harness.ask(endTxnApi, 1, old)).errorCode).toBe(ERROR.epoch);
    expect(await fetch(harness, READ_COMMITTED)).toMatchObject({
      records: ['0:a', '1:abort'],
      aborted: [{ firstOffset: 0 }],
    });
    await next.add('t', 0);
    expect(await next.produce('t', 0, 'c')).toBe(0);
    expect(await next.end(true)).toBe(0);
  });

  it('go on with a new epoch for a producer that says who it was, and refuse who is not (rule 19)', async () => {
    const { harness, producer } = await opened();
    await using _ = harness;
    const again = async (producerId: number, producerEpoch: number) => {
      const request = { transactionalId: 'x', transactionTimeoutMs: 1000, producerId, producerEpoch };
      const reply = await harness.ask(initProducerIdApi, 4, request);
      return [reply.errorCode, reply.producerEpoch];
    };
    expect(await again(producer.producerId, 0)).toEqual([0, 1]);
    expect(await again(producer.producerId, 0), 'the answer was lost').toEqual([0, 1]);
    expect(await again(producer.producerId, 1)).toEqual([0, 2]);
    expect(await again(producer.producerId, 0)).toEqual([ERROR.fenced, -1]);
    expect(await again(producer.producerId + 7, 2)).toEqual([ERROR.fenced, -1]);
    expect(await again(0, 0), 'a client that says 0 for nobody').toEqual([0, 3]);
  });

  it('refuse time-outs that are no time and those above the limit (rule 19)', async () => {
    await using harness = openHarness({ 'transaction.max.timeout.ms': 1000 });
    const producer = new TransactionalProducer(harness, 'x');
    expect([await producer.init(0), await producer.init(1001), await producer.init(1000)]).toEqual([
      ERROR.timeout,
      ERROR.timeout,
      0,
    ]);
  });

  it('whose time is over are aborted, and their producer is fenced (rule 19)', async () => {
    const { harness, producer } = await opened();
    await using _ = harness;
    const short = new TransactionalProducer(harness, 'short');
    await short.init(30);
    await short.add('t', 0);
    await short.produce('t', 0, 'a');
    await expect.poll(() => harness.broker.context.transactions.get('short')?.state).toBe('CompleteAbort');
    expect(await short.end(true)).toBe(ERROR.fenced);
    expect((await fetch(harness, READ_COMMITTED)).records).toEqual(['0:a', '1:abort']);
    expect(producer.epoch).toBe(0);
  });

  it('answer the same end twice, and no other end (EndTxn 0 too, rule 24)', async () => {
    const { harness, producer } = await opened();
    await using _ = harness;
    expect(await producer.end(true)).toBe(ERROR.state);
    await producer.add('t', 0);
    const { id: transactionalId, producerId, epoch: producerEpoch } = producer;
    const request = { transactionalId, producerId, producerEpoch, committed: true };
    expect((await harness.ask(endTxnApi, 0, request)).errorCode).toBe(0);
    expect(await producer.end(true)).toBe(0);
    expect(await producer.end(false)).toBe(ERROR.state);
  });

  it('take all partitions of a request or none', async () => {
    const { harness, producer } = await opened();
    await using _ = harness;
    const reply = await harness.ask(addPartitionsToTxnApi, 0, {
      v3AndBelowTransactionalId: 'x',
      v3AndBelowProducerId: producer.producerId,
      v3AndBelowProducerEpoch: 0,
      v3AndBelowTopics: [{ name: 't', partitions: [0, 5] }],
    });
    const rows = reply.resultsByTopicV3AndBelow[0]?.resultsByPartition.map((row) => row.partitionErrorCode);
    expect(rows).toEqual([55, 3]);
    expect(harness.broker.context.transactions.get('x')?.state).toBe('Empty');
  });

  it('commit offsets with everything else, and keep who asks for stable ones waiting (rule 23)', async () => {
    const { harness, producer } = await opened();
    await using _ = harness;
    expect(await producer.commitOffset('g', 't', 0, 5), 'before AddOffsetsToTxn').toBe(ERROR.state);
    expect(await producer.addGroup('g')).toBe(0);
    expect(await producer.commitOffset('g', 't', 0, 5)).toBe(0);
    expect(await committedOffset(harness, 'g', true)).toEqual([-1, 88]);
    expect(await committedOffset(harness, 'g', false)).toEqual([-1, 0]);
    expect(await producer.commitOffset('g', 't', 0, 6)).toBe(0);
    expect(await producer.end(true)).toBe(0);
    expect(await committedOffset(harness, 'g', true)).toEqual([6, 0]);
    await producer.addGroup('g');
    await producer.commitOffset('g', 't', 0, 9);
    expect(await producer.end(false)).toBe(0);
    expect(await committedOffset(harness, 'g', true)).toEqual([6, 0]);
  });

  it('end without the partitions and offsets of a topic that was deleted meanwhile', async () => {
    const { harness, producer } = await opened();
    await using _ = harness;
    await harness.topic('gone');
    await producer.add('t', 0);
    await producer.add('gone', 0);
    await producer.addGroup('g');
    await producer.commitOffset('g', 'gone', 0, 3);
    await producer.produce('t', 0, 'a');
    const deleting = harness.send(deleteTopicsApi, 5, { topicNames: ['gone'], timeoutMs: 1000 });
    expect(await producer.end(true)).toBe(0);
    await deleting.reply();
    expect((await fetch(harness, READ_COMMITTED)).records).toEqual(['0:a', '1:commit']);
    expect(harness.broker.context.offsets.get('g', 'gone', 0)).toBe(undefined);
  });

  it('are offered to the journal again while it has no room', async () => {
    const { harness, producer } = await opened();
    await using _ = harness;
    harness.engine.refuseNext.push(Code.busy, Code.busy);
    expect(await producer.add('t', 0)).toBe(0);
    await producer.produce('t', 0, 'a');
    harness.engine.refuseNext.push(Code.busy);
    expect(await producer.end(true)).toBe(0);
    expect((await fetch(harness, READ_COMMITTED)).records).toEqual(['0:a', '1:commit']);
  });

  it('are described and listed', async () => {
    const { harness, producer } = await opened(3);
    await using _ = harness;
    await producer.add('t', 0, 2);
    const { transactionStates } = await harness.ask(describeTransactionsApi, 0, { transactionalIds: ['x', 'y'] });
    expect(transactionStates).toMatchObject([
      { errorCode: 0, transactionState: 'Ongoing', topics: [{ topic: 't', partitions: [0, 2] }] },
      { errorCode: 105, transactionalId: 'y' },
    ]);
    const list = async (request: object) =>
      (await harness.ask(listTransactionsApi, 1, { durationFilter: -1, ...request })).transactionStates.length;
    expect(await list({})).toBe(1);
    expect(await list({ stateFilters: ['Empty'] })).toBe(0);
    expect(await list({ producerIdFilters: [producer.producerId] })).toBe(1);
    expect(await list({ durationFilter: 3_600_000 })).toBe(0);
    const reply = await harness.ask(listTransactionsApi, 0, { stateFilters: ['Nonsense'] });
    expect(reply.unknownStateFilters).toEqual(['Nonsense']);
  });

  it('have this node as their coordinator', async () => {
    await using harness = openHarness();
    const reply = await harness.ask(findCoordinatorApi, 2, { key: 'x', keyType: 1 });
    expect([reply.errorCode, reply.nodeId]).toEqual([0, harness.broker.context.node.id]);
  });

  it('that were committed are seen after a power cut, those that were open go on and can be committed', async () => {
    const { harness: before, producer } = await opened(2);
    await producer.add('t', 0);
    await producer.produce('t', 0, 'a');
    await producer.end(true);
    await producer.add('t', 0, 1);
    await producer.addGroup('g');
    await producer.produce('t', 0, 'b');
    await producer.produce('t', 1, 'c');
    await producer.commitOffset('g', 't', 0, 7);
    const after = await cutAndReopen(before);
    await using _ = after;
    producer.harness = after;
    expect((await fetch(after, READ_COMMITTED)).records).toEqual(['0:a', '1:commit']);
    expect((await fetch(after, READ_COMMITTED, 1)).records).toEqual([]);
    expect(await committedOffset(after, 'g', true)).toEqual([-1, 88]);
    expect(await producer.produce('t', 1, 'd')).toBe(0);
    expect(await producer.end(true)).toBe(0);
    expect((await fetch(after, READ_COMMITTED)).records).toEqual(['0:a', '1:commit', '2:b', '3:commit']);
    expect((await fetch(after, READ_COMMITTED, 1)).records).toEqual(['0:c', '1:d', '2:commit']);
    expect(await committedOffset(after, 'g', true)).toEqual([7, 0]);
  });

  it('that were aborted stay aborted after a power cut, also when the next producer is the one to abort', async () => {
    const { harness: before, producer } = await opened();
    await producer.add('t', 0);
    await producer.produce('t', 0, 'a');
    await producer.end(false);
    await producer.add('t', 0);
    await producer.produce('t', 0, 'b');
    const after = await cutAndReopen(before);
    await using _ = after;
    const next = new TransactionalProducer(after, 'x');
    expect([await next.init(), await next.init()]).toEqual([ERROR.concurrent, 0]);
    const { producerId } = producer;
    expect(await fetch(after, READ_COMMITTED)).toMatchObject({
      records: ['0:a', '1:abort', '2:b', '3:abort'],
      aborted: [
        { producerId, firstOffset: 0 },
        { producerId, firstOffset: 2 },
      ],
    });
  });

  it('whose time has run out while nobody served them are aborted at once', async () => {
    const { harness: before, producer } = await opened();
    const short = new TransactionalProducer(before, 'short');
    await short.init(500);
    await short.add('t', 0);
    // Durable, and with it all that came before.
    await short.produce('t', 0, 'a');
    before.engine.cutPower();
    await before.broker.close();
    await new Promise((resolve) => setTimeout(resolve, 500));
    const after = openHarness({}, { sim: before.engine.disk });
    await using _ = after;
    await expect.poll(() => after.broker.context.transactions.get('short')?.state).toBe('CompleteAbort');
    producer.harness = after;
    expect(await producer.add('t', 0)).toBe(0);
  });
});
