/** The witness of the kill loop finds what it is there to find: a checker that cannot fail proves nothing. */
import { describe, expect, it } from 'vitest';
import { Witness } from './witness.ts';

/** Three acknowledged records in two batches, then a batch of two with unknown outcome; and the log as it should be. */
function scene() {
  const witness = new Witness(3);
  const first = witness.begin(2);
  witness.acknowledge(first, 0);
  const second = witness.begin(1);
  witness.acknowledge(second, 2);
  witness.begin(2);
  const log = [0, 1, 2, 3, 4].map((number) => ({ offset: number, value: witness.value(number) }));
  return { witness, log };
}

/** The log with numbers as given, at offsets 0, 1, 2 and so on. */
function logOf(witness: Witness, numbers: readonly number[]) {
  return numbers.map((number, offset) => ({ offset, value: witness.value(number) }));
}

describe('a witness', () => {
  it('accepts an unknown batch that is there as a whole, or not at all', () => {
    const { witness, log } = scene();
    expect(() => witness.check(log)).not.toThrow();
    expect(() => witness.check(log.slice(0, 3))).not.toThrow();
  });

  it('finds an acknowledged record that is lost', () => {
    const { witness, log } = scene();
    expect(() => witness.check(log.slice(0, 2))).toThrow('record 2, acknowledged at 2, is lost');
  });

  it('finds a record that moved', () => {
    const { witness } = scene();
    expect(() => witness.check(logOf(witness, [1, 2]))).toThrow('record 1, acknowledged at 1, is at 0');
  });

  it('finds a record that is there twice', () => {
    const { witness } = scene();
    expect(() => witness.check(logOf(witness, [0, 1, 2, 2]))).toThrow('record 2 behind record 2');
  });

  it('finds a torn batch', () => {
    const { witness, log } = scene();
    expect(() => witness.check(log.slice(0, 4))).toThrow('batch 3 is torn: 1 of 2');
  });

  it('finds a gap in the offsets', () => {
    const { witness, log } = scene();
    expect(() => witness.check([...log.slice(0, 2), ...log.slice(3)])).toThrow('offset 3 where 2 should be');
  });

  it('finds changed bytes and records that nobody sent', () => {
    const { witness, log } = scene();
    const changed = log.map(({ offset, value }) => ({
      offset,
      value: offset === 1 ? Buffer.from(`3:1:x${value}`) : value,
    }));
    expect(() => witness.check(changed)).toThrow('other bytes at offset 1');
    expect(() => witness.check(logOf(witness, [0, 1, 2, 3, 4, 5]))).toThrow('record 5 was never sent');
  });

  it('finds an offset that is given twice', () => {
    const { witness } = scene();
    const operation = witness.begin(1);
    expect(() => witness.acknowledge(operation, 2)).toThrow('offset 2 was given twice');
  });
});
