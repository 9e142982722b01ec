/** What is called slower: a loss over the limit however one looks at the rounds, and nothing else. */
import { expect, it } from 'vitest';
import { changesOf, describeChanges } from '../../benches/comparison.ts';

/** A work whose fastest repetition took nine tenths of its median. */
const at = (median: number) => ({ least: median * 0.9, median });
/** Rounds in which one work took so long. */
const rounds = (...times: readonly number[]) => times.map((time) => new Map([['work', at(time)]]));
const verdict = (before: readonly number[], after: readonly number[]) =>
  changesOf(rounds(...before), rounds(...after), 15)[0]?.verdict;

it('a loss of more than the limit in every round is slower', () => {
  expect(verdict([100, 102, 101], [120, 119, 121])).toBe('slower');
  expect(verdict([100, 102, 101], [110, 109, 112])).toBe('same');
  expect(verdict([100, 102, 101], [70, 71, 69])).toBe('faster');
});

it('a machine that is busy in some rounds is no loss', () => {
  expect(verdict([100, 101, 102], [100, 300, 400])).toBe('same');
  expect(verdict([100, 300, 400], [100, 101, 102])).toBe('same');
  expect(verdict([90, 100, 101], [120, 99, 100])).toBe('same');
});

it('a loss that the fastest repetition does not share is noise', () => {
  const same = { least: 80, median: 100 };
  const [change] = changesOf([new Map([['work', same]])], [new Map([['work', { least: 80, median: 140 }]])], 15);
  expect(change?.verdict).toBe('same');
});

it('a work that one commit does not have is compared with nothing', () => {
  const [gone, added] = changesOf([new Map([['a', at(1)]])], [new Map([['b', at(1)]])], 15);
  expect([gone?.verdict, added?.verdict]).toEqual(['gone', 'new']);
});

it('tells times, the change and how many are slower', () => {
  const before = [
    new Map([
      ['quick', at(1500)],
      ['slow', at(2e6)],
    ]),
  ];
  const after = [
    new Map([
      ['quick', at(1500)],
      ['slow', at(3e6)],
    ]),
  ];
  expect(describeChanges(changesOf(before, after, 15), 15)).toBe(
    `${[
      'quick      1.50 us      1.50 us     0.0 %',
      'slow       2.00 ms      3.00 ms   +50.0 % SLOWER',
      '1 of 2 are slower by more than 15 %',
    ].join('\n')}\n`,
  );
});
