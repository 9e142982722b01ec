/** The generated codecs are what the generator makes of the schemas, for exactly the versions that are to be served. */

import { expect, test } from 'vitest';
import { generateAll, outdatedFiles } from '../../../ts/broker/protocol/generate.ts';
import { ALL_APIS } from './all-messages.ts';

test('generating the codecs anew gives the committed bytes', () => {
  expect(outdatedFiles()).toEqual([]);
});

test('generating twice gives the same text', () => {
  expect([...generateAll()]).toEqual([...generateAll()]);
});

test('every generated file is below 800 lines, and each decoder follows its grammar', () => {
  for (const [file, text] of generateAll()) {
    expect(text.split('\n').length, file).toBeLessThan(800);
    for (const match of text.matchAll(/^(.*)\nexport function decode(\w+)/gm)) expect(match[1], file).toBe(' */');
  }
});

test('the codecs cover exactly the versions that are to be served', () => {
  const ranges = Object.fromEntries(
    ALL_APIS.map((api) => [api.key, [api.minVersion, api.maxVersion, api.flexibleFrom]]),
  );
  expect(ranges).toEqual({
    0: [3, 11, 9],
    1: [4, 17, 12],
    2: [1, 9, 6],
    3: [0, 12, 9],
    8: [2, 9, 8],
    9: [1, 9, 6],
    10: [0, 6, 3],
    11: [0, 9, 6],
    12: [0, 4, 4],
    13: [0, 5, 4],
    14: [0, 5, 4],
    18: [0, 4, 3],
    19: [0, 7, 5],
    20: [0, 6, 4],
    22: [0, 5, 2],
    23: [2, 4, 4],
    32: [1, 4, 4],
  });
});
