/** The script, transactions: ids and epochs, what takes part, its end, what administrators see and do. */

import { produceApi } from '../../../../../ts/broker/protocol/gen/00-produce.gen.ts';
import { offsetFetchApi } from '../../../../../ts/broker/protocol/gen/09-offset-fetch.gen.ts';
import { findCoordinatorApi } from '../../../../../ts/broker/protocol/gen/10-find-coordinator.gen.ts';
import { createTopicsApi } from '../../../../../ts/broker/protocol/gen/19-create-topics.gen.ts';
import { initProducerIdApi } from '../../../../../ts/broker/protocol/gen/22-init-producer-id.gen.ts';
import { addPartitionsToTxnApi } from '../../../../../ts/broker/protocol/gen/24-add-partitions-to-txn.gen.ts';
import { addOffsetsToTxnApi } from '../../../../../ts/broker/protocol/gen/25-add-offsets-to-txn.gen.ts';
import { endTxnApi } from '../../../../../ts/broker/protocol/gen/26-end-txn.gen.ts';
import { writeTxnMarkersApi } from '../../../../../ts/broker/protocol/gen/27-write-txn-markers.gen.ts';
import { txnOffsetCommitApi } from '../../../../../ts/broker/protocol/gen/28-txn-offset-commit.gen.ts';
import { describeProducersApi } from '../../../../../ts/broker/protocol/gen/61-describe-producers.gen.ts';
import { describeTransactionsApi } from '../../../../../ts/broker/protocol/gen/65-describe-transactions.gen.ts';
import { listTransactionsApi } from '../../../../../ts/broker/protocol/gen/66-list-transactions.gen.ts';
import { encodeBatch } from '../../../../support/record-batch.ts';
import { type Notes, noted, type Step, step } from '../step.ts';

const TIME = 1_700_000_000_000;
const TOPIC = 'transactions';
/** The records are old. */
const FOR_EVER = [{ name: 'retention.ms', value: '-1' }];
const ONE = { versions: [1, 1] } as const;

/** Who `id` is by now. */
const claimOf = (notes: Notes, id: string) => ({
  producerId: Number(noted(notes, `producer of ${id}`)),
  producerEpoch: Number(noted(notes, `epoch of ${id}`)),
});

/** The producer begins, or another one takes its place. */
const init = (name: string, id: (v: number) => string, versions: readonly [number, number] = [0, 5]): Step =>
  step(
    initProducerIdApi,
    name,
    (v) => ({ transactionalId: id(v), transactionTimeoutMs: 60_000, producerId: -1, producerEpoch: -1 }),
    {
      versions,
      changes: true,
      keep: (answer, notes, v) => {
        notes.set(`producer of ${id(v)}`, answer.producerId);
        notes.set(`epoch of ${id(v)}`, answer.producerEpoch);
      },
    },
  );

/** Partitions that take part, in the form of clients. */
const enlist = (name: string, id: (v: number) => string, topic: string, partitions: number[], more = {}): Step =>
  step(
    addPartitionsToTxnApi,
    name,
    (v, notes) => {
      const { producerId, producerEpoch } = claimOf(notes, id(v));
      return {
        v3AndBelowTransactionalId: id(v),
        v3AndBelowProducerId: producerId,
        v3AndBelowProducerEpoch: producerEpoch,
        v3AndBelowTopics: [{ name: topic, partitions }],
      };
    },
    { changes: true, ...more },
  );

const write = (name: string, id: string, baseSequence: number, version: number): Step =>
  step(
    produceApi,
    name,
    (_, notes) => {
      const { producerId, producerEpoch } = claimOf(notes, id);
      const batch = { timestamp: TIME, producerId, producerEpoch, baseSequence, transactional: true };
      const records = encodeBatch([Buffer.from('t')], batch);
      const topicData = [{ name: TOPIC, partitionData: [{ index: 0, records }] }];
      return { transactionalId: id, acks: -1, timeoutMs: 10_000, topicData };
    },
    { versions: [version, version], changes: true },
  );

const end = (name: string, id: (v: number) => string, committed: boolean, versions: readonly [number, number]): Step =>
  step(endTxnApi, name, (v, notes) => ({ transactionalId: id(v), ...claimOf(notes, id(v)), committed }), {
    versions,
    changes: true,
    keep: (answer, notes, v) => {
      if (v < 5 || answer.errorCode !== 0) return;
      notes.set(`producer of ${id(v)}`, answer.producerId);
      notes.set(`epoch of ${id(v)}`, answer.producerEpoch);
    },
  });

const offsets = (name: string, id: string, group: string, offset: number, versions: readonly [number, number]): Step =>
  step(
    txnOffsetCommitApi,
    name,
    (_, notes) => ({
      transactionalId: id,
      groupId: group,
      ...claimOf(notes, id),
      generationId: -1,
      memberId: '',
      topics: [
        {
          name: TOPIC,
          partitions: [
            { partitionIndex: 0, committedOffset: offset, committedLeaderEpoch: -1, committedMetadata: 'm' },
          ],
        },
      ],
    }),
    { versions, changes: true },
  );

const committed = (name: string, groupId: string): Step =>
  step(
    offsetFetchApi,
    name,
    () => ({ groupId, topics: [{ name: TOPIC, partitionIndexes: [0] }], requireStable: true }),
    { versions: [7, 7] },
  );

const producers = (name: string, topic: string, partitionIndexes: number[]): Step =>
  step(describeProducersApi, name, () => ({ topics: [{ name: topic, partitionIndexes }] }));

const each = (v: number) => `each-${v}`;
const old = () => 'old';
const fresh = () => 'fresh';
const [OLD_END, NEW_END] = [
  [4, 4],
  [5, 5],
] as const;

/** The protocol in which everything that takes part is named first. */
const named: readonly Step[] = [
  step(
    createTopicsApi,
    'ground for transactions',
    () => ({
      topics: [{ name: TOPIC, numPartitions: 1, replicationFactor: 1, assignments: [], configs: FOR_EVER }],
      timeoutMs: 10_000,
    }),
    { versions: [2, 2], changes: true },
  ),
  step(findCoordinatorApi, 'coordinator of a transactional id', () => ({ key: 'old', keyType: 1 }), {
    versions: [2, 2],
    changes: true,
  }),
  init('transactional id', each),
  enlist('enlist what is not', () => each(5), TOPIC, [0, 9]),
  enlist('enlist without an id', () => each(5), 'nowhere', [0]),
  end('end what was not begun', () => each(5), true, [0, 4]),
  init('transactional id, in the older way', old, [4, 4]),
  write('write before enlisting', 'old', 0, 9),
  enlist('enlist', old, TOPIC, [0]),
  write('write', 'old', 0, 11),
  write('write again', 'old', 0, 11),
  producers('producers while one is open', TOPIC, [0]),
  producers('producers of what is not', 'nowhere', [0]),
  step(describeTransactionsApi, 'transactions described', () => ({ transactionalIds: ['old', 'nobody'] })),
  step(listTransactionsApi, 'transactions listed', () => ({ durationFilter: -1 })),
  step(listTransactionsApi, 'transactions listed by state', () => ({
    stateFilters: ['Ongoing', 'Nonsense'],
    durationFilter: -1,
  })),
  step(
    listTransactionsApi,
    'transactions listed by name',
    () => ({ durationFilter: -1, transactionalIdPattern: 'o.d' }),
    { versions: [2, 2] },
  ),
  step(
    listTransactionsApi,
    'transactions listed by what is no pattern',
    () => ({ durationFilter: -1, transactionalIdPattern: 'o(' }),
    { versions: [2, 2] },
  ),
  step(addOffsetsToTxnApi, 'enlist a group', (_, notes) => ({
    transactionalId: 'old',
    groupId: 'of-old',
    ...claimOf(notes, 'old'),
  })),
  offsets('commit in a transaction', 'old', 'of-old', 5, [0, 4]),
  committed('offsets that wait', 'of-old'),
  end('commit', old, true, OLD_END),
  end('commit again', old, true, OLD_END),
  end('abort what was committed', old, false, OLD_END),
  committed('offsets that were committed', 'of-old'),
  init('transactional id, taken over', old, [4, 4]),
];

/** The protocol in which writing enlists, and each transaction has its epoch. */
const implicit: readonly Step[] = [
  init('transactional id, in the newer way', fresh, [5, 5]),
  write('write without enlisting', 'fresh', 0, 12),
  producers('producers after that', TOPIC, [0]),
  offsets('commit without enlisting', 'fresh', 'of-fresh', 7, [5, 5]),
  end('commit and go on', fresh, true, NEW_END),
  write('write in the next epoch', 'fresh', 0, 12),
  end('abort and go on', fresh, false, NEW_END),
  end('abort nothing', fresh, false, NEW_END),
  end('commit nothing', fresh, true, NEW_END),
  committed('offsets that were committed with it', 'of-fresh'),
  step(describeTransactionsApi, 'a transaction described that has ended', () => ({ transactionalIds: ['fresh'] })),
];

/** What is ended by force. */
const forced: readonly Step[] = [
  init('transactional id of one that hangs', () => 'hangs', [4, 4]),
  enlist('enlist one that hangs', () => 'hangs', TOPIC, [0], { versions: [3, 3] }),
  write('write one that hangs', 'hangs', 0, 11),
  step(
    writeTxnMarkersApi,
    'end by force',
    (_, notes) => ({
      markers: [
        {
          ...claimOf(notes, 'hangs'),
          transactionResult: false,
          topics: [
            { name: TOPIC, partitionIndexes: [0, 9] },
            { name: 'nowhere', partitionIndexes: [0] },
          ],
          coordinatorEpoch: 0,
        },
      ],
    }),
    { ...ONE, changes: true },
  ),
  producers('producers after an end by force', TOPIC, [0]),
];

export const transactionSteps: readonly Step[] = [...named, ...implicit, ...forced];
