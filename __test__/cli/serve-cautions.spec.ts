/** What a server says of the place of its data when that is no good place. */
import { expect, it } from 'vitest';
import { memoryCaution, serveCautions, spaceCaution } from '../../ts/cli/serve-cautions.ts';

const MIB = 1024 ** 2;

it('says that a directory in memory is gone with the machine', () => {
  expect(memoryCaution(0x01021994)).toEqual([
    'this is memory (tmpfs): what it holds is gone when the machine goes down',
  ]);
  expect(memoryCaution(0xef53)).toEqual([]);
});

it('says how much the journal comes to where that is not free', () => {
  expect(spaceCaution(40 * MIB, 8 * MIB, 256 * MIB)).toEqual([
    '40.0 MiB are free, and the journal comes to 256 MiB: make room, or lower journal.file.bytes',
  ]);
  expect(spaceCaution(250 * MIB, 8 * MIB, 256 * MIB)).toEqual([]);
});

it('says nothing of a directory that cannot be looked at', () => {
  expect(serveCautions('/nowhere/at/all', new Map())).toEqual([]);
});
