/** The server-side assignors: complete, without overlap, even, and still where nothing has changed (rule 45). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ASSIGNORS, type AssignorInput } from '../../../ts/broker/consumer-groups/assignors.ts';
import { count, each, isSame, NO_PARTITIONS, type Partitions } from '../../../ts/broker/consumer-groups/partitions.ts';

const topicNames = ['t', 'u', 'v'];
const inputs = fc.record({
  sizes: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 3, maxLength: 3 }),
  subscriptions: fc.array(fc.subarray(topicNames), { minLength: 1, maxLength: 6 }),
});

function inputOf(sizes: number[], subscriptions: string[][], previous = new Map<string, Partitions>()): AssignorInput {
  const members = subscriptions.map((topics, at) => ({ id: `m${at}`, instanceId: null, topicIds: new Set(topics) }));
  const read = topicNames.filter((name) => subscriptions.some((topics) => topics.includes(name)));
  return { members, topics: new Map(read.map((name) => [name, sizes[topicNames.indexOf(name)] ?? 0])), previous };
}

function assign(name: string, input: AssignorInput): Map<string, Partitions> {
  const assignor = ASSIGNORS.get(name);
  if (assignor === undefined) throw new Error(`no assignor ${name}`);
  return assignor(input);
}

describe.each([...ASSIGNORS.keys()])('the assignor %s', (name) => {
  it('gives every partition to exactly one of its readers', () => {
    fc.assert(
      fc.property(inputs, ({ sizes, subscriptions }) => {
        const input = inputOf(sizes, subscriptions);
        const given = assign(name, input);
        const all: string[] = [];
        for (const { id, topicIds } of input.members) {
          for (const [topicId, partition] of each(given.get(id) ?? NO_PARTITIONS)) {
            expect(topicIds.has(topicId)).toBe(true);
            all.push(`${topicId}/${partition}`);
          }
        }
        const wanted = [...input.topics].flatMap(([id, size]) =>
          Array.from({ length: size }, (_, at) => `${id}/${at}`),
        );
        expect(all.sort()).toEqual(wanted.sort());
      }),
      { seed: 848, numRuns: 500 },
    );
  });

  it('gives the same again when nothing has changed', () => {
    fc.assert(
      fc.property(inputs, ({ sizes, subscriptions }) => {
        const first = assign(name, inputOf(sizes, subscriptions));
        const second = assign(name, inputOf(sizes, subscriptions, first));
        for (const [id, partitions] of first) expect(isSame(partitions, second.get(id) ?? NO_PARTITIONS)).toBe(true);
      }),
      { seed: 849, numRuns: 500 },
    );
  });
});

describe('the uniform assignor', () => {
  it('differs by one partition at most between members that read the same', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), inputs, (members, { sizes }) => {
        const given = assign(
          'uniform',
          inputOf(
            sizes,
            Array.from({ length: members }, () => topicNames),
          ),
        );
        const loads = [...given.values()].map(count);
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
      }),
      { seed: 850, numRuns: 300 },
    );
  });

  it('moves no more than a newcomer needs', () => {
    const before = assign('uniform', inputOf([9, 9, 9], [topicNames, topicNames]));
    const after = assign('uniform', inputOf([9, 9, 9], [topicNames, topicNames, topicNames], before));
    const moved = [...before].flatMap(([id, had]) => {
      const has = after.get(id) ?? NO_PARTITIONS;
      return [...each(had)].filter(([topicId, partition]) => has.get(topicId)?.has(partition) !== true);
    });
    expect(moved).toHaveLength(9);
  });
});
