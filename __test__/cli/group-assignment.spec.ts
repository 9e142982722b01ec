/** Promises of the range assignor and of what members of a group tell each other. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  assignRange,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from '../../ts/cli/group-assignment.ts';

const member = (memberId: string, ...topics: string[]) => ({ memberId, metadata: encodeSubscription(topics) });

describe('a consumer group', () => {
  it('what is written is read back', () => {
    expect(decodeSubscription(encodeSubscription(['a', 'b']))).toEqual(['a', 'b']);
    const assigned = [{ topic: 'a', partitions: [0, 2] }];
    expect(decodeAssignment(encodeAssignment(assigned))).toEqual(assigned);
    expect(decodeAssignment(new Uint8Array(0))).toEqual([]);
  });

  it('shares partitions in runs, the first members by id getting one more', () => {
    const assigned = assignRange([member('b', 't'), member('a', 't')], [{ topic: 't', partitions: [2, 0, 1] }]);
    expect(assigned.get('a')).toEqual([{ topic: 't', partitions: [0, 1] }]);
    expect(assigned.get('b')).toEqual([{ topic: 't', partitions: [2] }]);
  });

  it('gives every partition to exactly one member that subscribes to its topic', () => {
    const members = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(members, fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 20 }), (ids, left, right) => {
        const joined = ids.map((id, i) => (i === 0 ? member(id, 'l', 'r') : i % 2 ? member(id, 'l') : member(id, 'r')));
        const topics = [
          { topic: 'l', partitions: Array.from({ length: left }, (_, i) => i) },
          { topic: 'r', partitions: Array.from({ length: right }, (_, i) => i) },
        ];
        const assigned = assignRange(joined, topics);
        for (const { topic, partitions } of topics) {
          const given = [...assigned].flatMap(([id, parts]) => {
            return parts
              .filter((part) => part.topic === topic)
              .flatMap((part) => part.partitions.map((p) => [id, p] as const));
          });
          expect(given.map(([, p]) => p).sort((a, b) => a - b)).toEqual(partitions);
          for (const [id] of given) {
            const metadata = joined.find((one) => one.memberId === id)?.metadata ?? new Uint8Array(0);
            expect(decodeSubscription(metadata)).toContain(topic);
          }
        }
      }),
    );
  });
});
