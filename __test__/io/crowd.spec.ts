/** When half of the appends that come again together are committed by themselves. */
import { expect, test } from 'vitest';
import { Crowd } from '../../ts/io/crowd.ts';

/** The counts of collected appends at which a commit was asked for. */
function asked(crowd: Crowd, appends: number): number[] {
  const at: number[] = [];
  for (let count = 1; count <= appends; count += 1) if (crowd.collected()) at.push(count);
  return at;
}

test('the first half of a crowd that was answered together is committed by itself, once', () => {
  const crowd = new Crowd();
  crowd.answered(128, true);
  expect(asked(crowd, 200)).toEqual([64]);
});

test('batches that are answered in one callback are one crowd', () => {
  const crowd = new Crowd();
  for (let batch = 0; batch < 4; batch += 1) crowd.answered(30, true);
  expect(asked(crowd, 120)).toEqual([60]);
});

test('few appends are never made two commits', () => {
  const crowd = new Crowd();
  crowd.answered(64, true);
  expect(asked(crowd, 64)).toEqual([]);
});

test('nothing is split while something is on its way to the device', () => {
  const crowd = new Crowd();
  crowd.answered(128, false);
  expect(asked(crowd, 128)).toEqual([]);
});

test('a commit ends the count: what comes later that turn is not split again', () => {
  const crowd = new Crowd();
  crowd.answered(128, true);
  expect(asked(crowd, 64)).toEqual([64]);
  crowd.committed();
  expect(asked(crowd, 128)).toEqual([]);
});

test('appends that nobody was answered before are one commit, however many', () => {
  expect(asked(new Crowd(), 1000)).toEqual([]);
});
