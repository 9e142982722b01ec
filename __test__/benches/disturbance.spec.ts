/** Promises of what a bench says of the machine under it. */
import { expect, test } from 'vitest';
import { processorTime, stolenSentence, stolenShare } from '../../benches/disturbance.ts';

const before = 'cpu  100 0 50 800 10 0 5 35 20 0\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 5\n';
const after = 'cpu  150 0 70 820 10 0 5 45 60 0\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 5\n';

test('what a hypervisor took is a share of all time of all processors, that of guests not counted twice', () => {
  expect(stolenShare(processorTime(before), processorTime(after))).toBe(0.1);
});

test('two looks in the same tick tell of nothing stolen', () => {
  expect(stolenShare(processorTime(before), processorTime(before))).toBe(0);
});

test('this kernel can be asked', () => {
  expect(processorTime().all).toBeGreaterThan(0);
});

test.each([
  [undefined, ''],
  [0.004, ''],
  [0.02, 'The hypervisor took 2.0 % of the processors meanwhile.'],
  [0.3, 'The hypervisor took 30.0 % of the processors meanwhile: do not rely on these figures.'],
])('a share of %s is told as it deserves', (share, sentence) => {
  expect(stolenSentence(share)).toBe(sentence);
});
