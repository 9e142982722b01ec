/** The script, records: produce, fetch, offsets by time, leader epochs, records deleted. */
import type { Sparse } from '../../../../../ts/broker/protocol/api.ts';
import {
  type ProduceRequest,
  type ProduceResponse,
  produceApi,
} from '../../../../../ts/broker/protocol/gen/00-produce.gen.ts';
import { type FetchRequest, fetchApi } from '../../../../../ts/broker/protocol/gen/01-fetch.gen.ts';
import { listOffsetsApi } from '../../../../../ts/broker/protocol/gen/02-list-offsets.gen.ts';
import { deleteRecordsApi } from '../../../../../ts/broker/protocol/gen/21-delete-records.gen.ts';
import { initProducerIdApi } from '../../../../../ts/broker/protocol/gen/22-init-producer-id.gen.ts';
import { offsetForLeaderEpochApi } from '../../../../../ts/broker/protocol/gen/23-offset-for-leader-epoch.gen.ts';
import { encodeBatch } from '../../../../support/record-batch.ts';
import { type Notes, noted, type Step, step } from '../step.ts';

const TIME = 1_700_000_000_000;
const batch = (...values: string[]) =>
  encodeBatch(
    values.map((value) => Buffer.from(value)),
    { timestamp: TIME },
  );

function produce(name: string, rows: readonly (readonly [number, Uint8Array])[], acks = -1): Sparse<ProduceRequest> {
  return {
    transactionalId: null,
    acks,
    timeoutMs: 10_000,
    topicData: [{ name, partitionData: rows.map(([index, records]) => ({ index, records })) }],
  };
}

/** A step whose topics are named by their ids from version 13 on. */
function produceStep(
  name: string,
  ask: (version: number, notes: Notes) => Sparse<ProduceRequest>,
  more: Parameters<typeof step<ProduceRequest, ProduceResponse>>[3] = {},
): Step {
  const byId = (version: number, notes: Notes): Sparse<ProduceRequest> => {
    const request = ask(version, notes);
    const topicData = request.topicData?.map((topic) => ({
      ...topic,
      topicId: String(notes.get(`id of ${topic.name}`) ?? '2'.repeat(32)),
    }));
    return { ...request, topicData: topicData ?? [] };
  };
  return step(produceApi, name, byId, more);
}

/** A batch with one byte changed. */
function damaged(at: number, value: number): Uint8Array {
  const bytes = Uint8Array.from(batch('damaged'));
  bytes[at] = value;
  return bytes;
}

interface Wish {
  readonly partition?: number;
  readonly fetchOffset: number;
  readonly currentLeaderEpoch?: number;
}

function fetch(v: number, notes: Notes, name: string, wishes: readonly Wish[], more: Sparse<FetchRequest> = {}) {
  const topicId = v < 13 ? {} : { topicId: String(notes.get(`id of ${name}`) ?? '2'.repeat(32)) };
  const partitions = wishes.map((wish) => ({
    partition: 0,
    partitionMaxBytes: 100_000,
    currentLeaderEpoch: -1,
    ...wish,
  }));
  return {
    replicaId: -1,
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 100_000,
    sessionId: 0,
    sessionEpoch: -1,
    topics: [{ topic: name, ...topicId, partitions }],
    ...more,
  };
}

export const recordSteps: readonly Step[] = [
  produceStep(
    'produce',
    () =>
      produce('plain', [
        [0, batch('a', 'b')],
        [1, batch('c')],
      ]),
    {
      keep: (_, notes) => notes.set('produced', 1),
    },
  ),
  produceStep('produce with acks 1', () => produce('plain', [[0, batch('d')]], 1)),
  produceStep('produce with acks that mean nothing', () => produce('plain', [[0, batch('x')]], 2)),
  produceStep('produce to unknown places', () => ({
    ...produce('plain', [
      [7, batch('x')],
      [-1, batch('x')],
    ]),
    topicData: [
      { name: 'nowhere', partitionData: [{ index: 0, records: batch('x') }] },
      { name: 'plain', partitionData: [{ index: 7, records: batch('x') }] },
    ],
  })),
  produceStep('produce too much', () => produce('small', [[0, batch('x'.repeat(500))]])),
  produceStep('produce without a key where one is needed', () => produce('compacted', [[0, batch('x')]])),
  produceStep('produce damage: checksum', () =>
    produce('plain', [
      [2, damaged(20, 1)],
      [0, batch('fine')],
    ]),
  ),
  produceStep('produce damage: magic 1', () => produce('plain', [[2, damaged(16, 1)]])),
  produceStep('produce damage: magic 9', () => produce('plain', [[2, damaged(16, 9)]])),
  produceStep('produce nothing', () => produce('plain', [[2, new Uint8Array(0)]])),
  produceStep('produce two batches', () => produce('plain', [[2, Buffer.concat([batch('x'), batch('y')])]])),
  produceStep('produce with a wrong count', () => {
    const wrong = encodeBatch([Buffer.from('x')], { timestamp: TIME, count: 2, lastOffsetDelta: 1 });
    return produce('plain', [[2, wrong]]);
  }),
  produceStep('produce with a wrong last delta', () => {
    const wrong = encodeBatch([Buffer.from('x')], { timestamp: TIME, lastOffsetDelta: 4 });
    return produce('plain', [[2, wrong]]);
  }),
  produceStep('produce zstd before its version', () => produce('plain', [[2, damaged(22, 4)]]), {
    versions: [3, 6],
  }),
  produceStep('produce no codec', () => produce('plain', [[2, damaged(22, 7)]])),
  step(
    initProducerIdApi,
    'producer id',
    () => ({
      transactionalId: null,
      transactionTimeoutMs: 60_000,
      producerId: -1,
      producerEpoch: -1,
    }),
    { keep: (answer, notes) => notes.set('producer', answer.producerId) },
  ),
  produceStep('produce in sequence, again, and with a gap', (v, notes) => {
    const producerId = Number(noted(notes, 'producer'));
    const row = (baseSequence: number) =>
      encodeBatch([Buffer.from(`i${v}`)], { timestamp: TIME, producerId, producerEpoch: 0, baseSequence });
    return produce('plain', [
      [0, row(v - 3)],
      [1, row(v === 3 ? 0 : v + 20)],
    ]);
  }),
  step(fetchApi, 'fetch', (v, notes) =>
    fetch(v, notes, 'plain', [{ fetchOffset: 0 }, { fetchOffset: 0, partition: 1 }]),
  ),
  step(fetchApi, 'fetch committed', (v, notes) =>
    fetch(v, notes, 'plain', [{ fetchOffset: 0 }], { isolationLevel: 1 }),
  ),
  step(fetchApi, 'fetch inside a batch', (v, notes) => fetch(v, notes, 'plain', [{ fetchOffset: 1 }])),
  step(fetchApi, 'fetch one byte', (v, notes) => fetch(v, notes, 'plain', [{ fetchOffset: 0 }], { maxBytes: 1 })),
  step(fetchApi, 'fetch from an empty partition', (v, notes) => fetch(v, notes, 'compacted', [{ fetchOffset: 0 }])),
  step(fetchApi, 'fetch outside', (v, notes) =>
    fetch(v, notes, 'plain', [
      { fetchOffset: 9_999 },
      { fetchOffset: -1, partition: 1 },
      { fetchOffset: 0, partition: 7 },
    ]),
  ),
  step(fetchApi, 'fetch an unknown topic', (v, notes) => fetch(v, notes, 'nowhere', [{ fetchOffset: 0 }])),
  step(
    fetchApi,
    'fetch in an epoch to come',
    (v, notes) => fetch(v, notes, 'plain', [{ fetchOffset: 0, currentLeaderEpoch: 99 }]),
    { versions: [9, 18] },
  ),
  step(fetchApi, 'fetch nothing', (v, notes) => ({ ...fetch(v, notes, 'plain', []), topics: [] })),
  step(
    fetchApi,
    'session, first',
    (v, notes) => fetch(v, notes, 'plain', [{ fetchOffset: 0 }, { fetchOffset: 0, partition: 2 }], { sessionEpoch: 0 }),
    {
      versions: [7, 18],
      keep: (answer, notes, v) => notes.set(`session ${v}`, answer.sessionId),
    },
  ),
  step(
    fetchApi,
    'session, next',
    (v, notes) => ({
      ...fetch(v, notes, 'plain', [], { sessionId: Number(noted(notes, `session ${v}`)), sessionEpoch: 1 }),
      topics: [],
    }),
    { versions: [7, 18] },
  ),
  step(
    fetchApi,
    'session, next with a partition more',
    (v, notes) =>
      fetch(v, notes, 'plain', [{ fetchOffset: 0, partition: 1 }], {
        sessionId: Number(noted(notes, `session ${v}`)),
        sessionEpoch: 2,
      }),
    { versions: [7, 18] },
  ),
  step(
    fetchApi,
    'session, wrong epoch',
    (v, notes) => fetch(v, notes, 'plain', [], { sessionId: Number(noted(notes, `session ${v}`)), sessionEpoch: 9 }),
    {
      versions: [7, 18],
    },
  ),
  step(fetchApi, 'session that is not', (v, notes) => fetch(v, notes, 'plain', [], { sessionId: 5, sessionEpoch: 1 }), {
    versions: [7, 18],
  }),
  ...[-1n, -2n, BigInt(TIME - 1), BigInt(TIME), BigInt(TIME + 1), -3n, -4n, -5n, -9n].map((timestamp) =>
    step(listOffsetsApi, `offsets at ${timestamp}`, () => ({
      replicaId: -1,
      topics: [
        {
          name: 'plain',
          partitions: [0, 1, 2].map((partitionIndex) => ({ partitionIndex, currentLeaderEpoch: -1, timestamp })),
        },
      ],
    })),
  ),
  step(
    listOffsetsApi,
    'offsets committed',
    () => ({
      replicaId: -1,
      isolationLevel: 1,
      topics: [{ name: 'plain', partitions: [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp: -1n }] }],
    }),
    { versions: [2, 11] },
  ),
  step(listOffsetsApi, 'offsets of unknown places', () => ({
    replicaId: -1,
    topics: [
      { name: 'nowhere', partitions: [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp: -1n }] },
      { name: 'plain', partitions: [{ partitionIndex: 9, currentLeaderEpoch: -1, timestamp: -1n }] },
    ],
  })),
  step(offsetForLeaderEpochApi, 'epochs', () => ({
    replicaId: -1,
    topics: [
      { topic: 'plain', partitions: [{ partition: 0, currentLeaderEpoch: -1, leaderEpoch: 99 }] },
      { topic: 'nowhere', partitions: [{ partition: 0, currentLeaderEpoch: -1, leaderEpoch: 0 }] },
    ],
  })),
  step(deleteRecordsApi, 'delete records', (v) => ({
    topics: [
      {
        name: 'plain',
        partitions: [
          { partitionIndex: 0, offset: v + 1 },
          { partitionIndex: 1, offset: 99_999 },
          { partitionIndex: 2, offset: -1 },
          { partitionIndex: 9, offset: 0 },
        ],
      },
      { name: 'nowhere', partitions: [{ partitionIndex: 0, offset: 0 }] },
    ],
    timeoutMs: 10_000,
  })),
  step(fetchApi, 'fetch what was deleted', (v, notes) => fetch(v, notes, 'plain', [{ fetchOffset: 0 }])),
];
