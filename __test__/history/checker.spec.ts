/** The checker of histories finds each class of anomaly where one is planted, and nothing in a history that is right. */
import { describe, expect, it } from 'vitest';
import { ANOMALIES, type AnomalyKind } from './anomaly.ts';
import { anomaliesOf } from './checker.ts';
import type { Isolation, Operation, Outcome, Read, Send } from './history.ts';

type Seen = readonly [offset: number, value: string];

const operation = (process: string, start: number, more: Partial<Operation>): Operation => ({
  process,
  session: 0,
  start,
  end: start + 1,
  outcome: 'ok',
  sends: [],
  reads: [],
  ...more,
});

/** One value to one partition. */
const send = (process: string, at: number, partition: number, value: string, offset?: number, outcome?: Outcome) =>
  operation(process, at, { sends: [{ partition, value, offset }], outcome: outcome ?? 'ok' });

/** A transaction from `start` to `end` that asked for its commit right before its end. */
const transaction = (process: string, start: number, end: number, sends: Send[], more: Partial<Operation> = {}) =>
  operation(process, start, { end, sends, transaction: { commitAsked: end - 1 }, ...more });

const read = (
  at: number,
  partition: number,
  from: number,
  to: number,
  seen: readonly Seen[],
  more: Partial<Read> = {},
) => ({
  partition,
  isolation: 'committed' as Isolation,
  start: at,
  end: at + 1,
  from,
  to,
  stable: to,
  records: seen.map(([offset, value]) => ({ offset, value })),
  ...more,
});

const poll = (process: string, at: number, reads: readonly Read[], more: Partial<Operation> = {}) =>
  operation(process, at, { reads, ...more });

/** Two sends, a transaction over two partitions, one that was aborted, polls in the order of the log, a last read. */
const right = (): Operation[] => [
  send('a', 1, 0, 'a1', 0),
  send('a', 3, 0, 'a2', 1),
  transaction('t', 5, 10, [
    { partition: 0, value: 't1', offset: 2 },
    { partition: 1, value: 't2', offset: 0 },
  ]),
  operation('t', 11, {
    outcome: 'fail',
    sends: [{ partition: 1, value: 'x' }],
    transaction: { commitAsked: undefined },
  }),
  send('b', 12, 1, 'b1', undefined, 'info'),
  poll('r', 14, [
    read(
      14,
      0,
      0,
      2,
      [
        [0, 'a1'],
        [1, 'a2'],
      ],
      { stable: 4 },
    ),
  ]),
  poll('r', 16, [read(16, 0, 2, 4, [[2, 't1']]), read(16, 1, 0, 2, [[0, 't2']])]),
  operation('g', 18, { committed: [{ group: 'g', partition: 0, offset: 2 }] }),
  operation('g', 20, { found: [{ group: 'g', partition: 0, offset: 2 }] }),
  poll('u', 22, [
    read(
      22,
      1,
      0,
      5,
      [
        [0, 't2'],
        [2, 'x'],
      ],
      { isolation: 'uncommitted' },
    ),
  ]),
  poll(
    'last',
    30,
    [
      read(30, 0, 0, 4, [
        [0, 'a1'],
        [1, 'a2'],
        [2, 't1'],
      ]),
      read(30, 1, 0, 5, [[0, 't2']]),
    ],
    { isFinal: true },
  ),
];

const without = (process: string, start: number) =>
  right().filter((one) => one.process !== process || one.start !== start);

/** A history for each class, and what else follows from what was planted. */
const planted: Record<AnomalyKind, { history: Operation[]; also?: AnomalyKind[] }> = {
  'aborted read': {
    history: [...right(), send('c', 40, 2, 'c1', undefined, 'fail'), poll('s', 42, [read(42, 2, 0, 1, [[0, 'c1']])])],
  },
  phantom: { history: [...right(), poll('s', 40, [read(40, 2, 0, 1, [[0, 'nobody']])])] },
  divergence: {
    history: [...right(), send('c', 40, 2, 'c1', 0, 'info'), send('d', 42, 2, 'd1', 0, 'info')],
  },
  duplicate: {
    history: [...right(), send('c', 40, 2, 'c1', 0, 'info'), poll('s', 42, [read(42, 2, 0, 2, [[1, 'c1']])])],
    also: ['unseen', 'skipped poll'],
  },
  'lost write': {
    history: [send('a', 1, 0, 'a1', 0), send('b', 3, 0, 'b1', 1), poll('r', 5, [read(5, 0, 1, 2, [[1, 'b1']])])],
  },
  unseen: { history: [...right(), send('c', 28, 0, 'c1', 4)] },
  'skipped poll': {
    history: without('r', 14).map((one) =>
      one.process === 'r'
        ? poll('r', 16, [
            read(16, 0, 0, 4, [
              [0, 'a1'],
              [2, 't1'],
            ]),
          ])
        : one,
    ),
  },
  'non-monotonic poll': {
    history: [...right(), poll('r', 40, [read(40, 0, 4, 5, [[1, 'a2']])])],
  },
  'non-monotonic send': {
    history: [
      send('a', 1, 0, 'a1', 1),
      send('a', 3, 0, 'a2', 0),
      poll('r', 5, [
        read(5, 0, 0, 2, [
          [0, 'a2'],
          [1, 'a1'],
        ]),
      ]),
    ],
  },
  'precommitted read': {
    history: [
      transaction('t', 1, 10, [{ partition: 0, value: 't1', offset: 0 }]),
      poll('r', 4, [read(4, 0, 0, 1, [[0, 't1']])]),
    ],
  },
  'intermediate read': {
    history: [
      transaction('t', 1, 6, [
        { partition: 0, value: 't1', offset: 0 },
        { partition: 1, value: 't2', offset: 0 },
      ]),
      poll('r', 8, [read(8, 0, 0, 2, [[0, 't1']])]),
      poll('s', 12, [read(12, 1, 0, 0, [])]),
    ],
  },
  G0: {
    history: [
      transaction('t', 1, 8, [
        { partition: 0, value: 't1', offset: 0 },
        { partition: 1, value: 't2', offset: 1 },
      ]),
      transaction('u', 2, 9, [
        { partition: 0, value: 'u1', offset: 1 },
        { partition: 1, value: 'u2', offset: 0 },
      ]),
    ],
  },
  G1c: {
    history: [
      transaction('t', 1, 4, [{ partition: 0, value: 't1', offset: 0 }], { reads: [read(7, 1, 0, 1, [[0, 'u1']])] }),
      transaction('u', 2, 5, [{ partition: 1, value: 'u1', offset: 0 }], { reads: [read(7, 0, 0, 1, [[0, 't1']])] }),
    ],
  },
  'G-single': {
    history: [
      transaction('t', 1, 6, [
        { partition: 0, value: 't1', offset: 0 },
        { partition: 1, value: 't2', offset: 0 },
      ]),
      poll('r', 8, [read(8, 0, 0, 2, [[0, 't1']]), read(8, 1, 0, 0, [])]),
    ],
  },
  'lost commit': {
    history: [...right(), operation('g', 40, { found: [{ group: 'g', partition: 0, offset: -1 }] })],
  },
};

const kindsIn = (history: readonly Operation[]) => [...new Set(anomaliesOf(history).map(({ kind }) => kind))].sort();

describe('the checker of histories', () => {
  it('finds nothing in a history that is right', () => {
    expect(anomaliesOf(right())).toEqual([]);
  });

  it.each(ANOMALIES)('finds what is planted: %s', (kind) => {
    const { history, also = [] } = planted[kind];
    expect(kindsIn(history)).toEqual([kind, ...also].sort());
  });

  it('takes a send of unknown outcome as done once somebody saw it, and as not done until then', () => {
    const unknown = send('c', 28, 0, 'c1', undefined, 'info');
    expect(kindsIn([...right(), unknown])).toEqual([]);
    const seen = poll('s', 26, [
      read(26, 0, 0, 6, [
        [0, 'a1'],
        [1, 'a2'],
        [2, 't1'],
        [5, 'c1'],
      ]),
    ]);
    expect(kindsIn([...right(), unknown, seen])).toEqual(['unseen']);
  });
});
