/** Promises of partitioners: loads, keys, and what happens to keys when partitions are added. */
import { describe, expect, it } from 'vitest';
import { byKey, consistentHash, leastLoaded, openLog, type Partitioner, roundRobin, weighted } from '../../ts/index.ts';
import { scratch } from '../support/scratch.ts';

const idle = (partitions: number) => ({ partitions, waitingBytes: () => 0 });

function counts(partitioner: Partitioner, partitions: number, records: number, key?: (number: number) => string) {
  const found = new Array<number>(partitions).fill(0);
  for (let number = 0; number < records; number += 1) {
    const partition = partitioner(key ? { key: key(number) } : {}, idle(partitions));
    found[partition] = (found[partition] as number) + 1;
  }
  return found;
}

describe('a partitioner', () => {
  it('in turn gives every partition as much', () => {
    expect(counts(roundRobin(), 4, 12)).toEqual([3, 3, 3, 3]);
  });

  it('by weights gives each its share, never in one run', () => {
    const partitioner = weighted([3, 1, 0]);
    expect(Array.from({ length: 8 }, () => partitioner({}, idle(3)))).toEqual([0, 0, 1, 0, 0, 0, 1, 0]);
    expect(() => weighted([0, 0])).toThrowError(/weights/);
    expect(() => weighted([1, -1])).toThrowError(/weights/);
  });

  it('by key finds keys where Java finds them, and asks for the others', () => {
    const partitioner = byKey(() => 9);
    // Of Java's own test of Utils.murmur2: "foobar" hashes to -790332482.
    expect(partitioner({ key: 'foobar' }, idle(100))).toBe((-790332482 & 0x7fff_ffff) % 100);
    expect(partitioner({ key: null }, idle(100))).toBe(9);
  });

  it('by load takes the partition with the fewest bytes waiting', () => {
    const waiting = [10, 3, 7];
    expect(leastLoaded()({}, { partitions: 3, waitingBytes: (partition) => waiting[partition] as number })).toBe(1);
  });

  it('by consistent hash spreads keys, and moves few of them when a partition is added', () => {
    const key = (number: number): string => `customer-${number}`;
    const loads = counts(consistentHash(), 8, 8000, key);
    expect(Math.min(...loads)).toBeGreaterThan(600);
    expect(Math.max(...loads)).toBeLessThan(1500);
    const [before, after] = [consistentHash(), consistentHash()];
    let moved = 0;
    for (let number = 0; number < 8000; number += 1) {
      const [from, to] = [before({ key: key(number) }, idle(8)), after({ key: key(number) }, idle(9))];
      if (from === to) continue;
      moved += 1;
      expect(to).toBe(8);
    }
    expect(moved).toBeGreaterThan(400);
    expect(moved).toBeLessThan(1600);
  });
});

describe('an append', () => {
  it('goes where its partitioner says, one record or many, and nowhere else', async () => {
    using folder = scratch('partitioners');
    await using log = await openLog(folder.path, { driver: 'pool', journalFileBytes: '1mb' });
    const topic = await log.topic('t', { partitions: 3 });
    const partitioner = roundRobin();
    await topic.append({ value: 'a' }, { partitioner });
    const { parts } = await topic.append([{ value: 'b' }, { value: 'c' }, { key: 'k', value: 'd' }], { partitioner });
    expect(parts.map(({ partition, count }) => [partition, count]).toSorted()).toEqual([
      [0, 1],
      [1, 1],
      [2, 1],
    ]);
    const own: Partitioner = ({ value }) => Number(value);
    expect(await topic.append({ value: '2' }, { partitioner: own })).toMatchObject({ partition: 2 });
    const wrong = topic.append({ value: '3' }, { partitioner: own });
    await expect(wrong).rejects.toMatchObject({ code: 'MILLRACE_UNKNOWN_PARTITION' });
  });
});
