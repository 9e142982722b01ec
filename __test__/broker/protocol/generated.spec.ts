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
    0: [3, 13, 9],
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
    15: [0, 5, 5],
    16: [0, 5, 3],
    17: [0, 1, 32_767],
    18: [0, 4, 3],
    19: [0, 7, 5],
    20: [0, 6, 4],
    21: [0, 2, 2],
    22: [0, 5, 2],
    23: [2, 4, 4],
    24: [0, 3, 3],
    25: [0, 4, 3],
    26: [0, 5, 3],
    27: [1, 1, 1],
    28: [0, 5, 3],
    29: [1, 3, 2],
    30: [1, 3, 2],
    31: [1, 3, 2],
    32: [1, 4, 4],
    33: [0, 2, 2],
    35: [1, 4, 2],
    36: [0, 2, 2],
    37: [0, 3, 2],
    42: [0, 2, 2],
    43: [0, 2, 2],
    44: [0, 1, 1],
    45: [0, 1, 0],
    46: [0, 0, 0],
    47: [0, 0, 32_767],
    48: [0, 1, 1],
    49: [0, 1, 1],
    50: [0, 0, 0],
    51: [0, 0, 0],
    55: [0, 2, 0],
    57: [0, 2, 0],
    60: [0, 2, 0],
    61: [0, 0, 0],
    65: [0, 0, 0],
    66: [0, 2, 0],
    68: [0, 1, 0],
    69: [0, 1, 0],
    74: [0, 1, 0],
    75: [0, 0, 0],
  });
});
