/** Mapped files: views with a life time, and never bytes of somebody else. */
import { renameSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mapFile } from '../../../ts/io/api/index.ts';
import { scratch } from '../../support/scratch.ts';
import { someBytes } from './drivers.ts';

test('a map shows the file, survives its removal, and empties its views when it is closed', () => {
  using folder = scratch('io-map');
  const [path, bytes] = [join(folder.path, 'file'), someBytes(100_001)];
  writeFileSync(path, bytes);
  const map = mapFile(path);
  const view = map.bytes.subarray(50, 60);
  renameSync(path, `${path}2`);
  unlinkSync(`${path}2`);
  expect([map.length, bytes.equals(map.bytes)]).toEqual([100_001, true]);
  const copy = map.copy(100_000, 1);
  map.close();
  map.close();
  expect([view.byteLength, copy[0]]).toEqual([0, bytes[100_000]]);
  for (const use of [() => map.bytes, () => map.isWhole(), () => map.advise('normal'), () => map.residency()]) {
    expect(use).toThrow(expect.objectContaining({ code: 'MILLRACE_STALE_HANDLE' }));
  }
});

test('what is resident can be asked for and advised, within the file', () => {
  using folder = scratch('io-map');
  const path = join(folder.path, 'file');
  writeFileSync(path, someBytes(40_960));
  using map = mapFile(path);
  for (const advice of ['normal', 'random', 'sequential', 'willNeed', 'dontNeed'] as const) map.advise(advice);
  expect(map.bytes.reduce((sum, byte) => sum + byte, 0)).toBeGreaterThan(0);
  expect(map.residency()).toEqual({ bytes: 40_960, residentBytes: 40_960 });
  expect(map.residency(5000, 100)).toEqual({ bytes: 100, residentBytes: expect.any(Number) });
  for (const [position, length] of [
    [0, 40_961],
    [-1, 5],
    [0.5, 1],
    [40_960, 1],
  ]) {
    const use = () => map.residency(position, length);
    expect(use).toThrow(expect.objectContaining({ code: 'MILLRACE_ARGUMENT' }));
  }
  expect(() => map.advise('free' as 'normal')).toThrow(expect.objectContaining({ code: 'MILLRACE_ARGUMENT' }));
});

test('a file that was made shorter is noticed before it is touched', () => {
  using folder = scratch('io-map');
  const path = join(folder.path, 'file');
  writeFileSync(path, someBytes(8192));
  using map = mapFile(path);
  expect(map.isWhole()).toBe(true);
  truncateSync(path, 100);
  expect(map.isWhole()).toBe(false);
});

test('what is no file, or has no bytes, is refused', () => {
  using folder = scratch('io-map');
  const empty = join(folder.path, 'empty');
  writeFileSync(empty, '');
  for (const path of [empty, folder.path, '/dev/null', join(folder.path, 'none'), 'a\0b']) {
    const code = path.includes('\0') ? 'MILLRACE_ARGUMENT' : 'MILLRACE_IO';
    expect(() => mapFile(path)).toThrow(expect.objectContaining({ code }));
  }
});

test('a map that was transferred away is told from a closed one, and closing it harms nobody', () => {
  using folder = scratch('io-map');
  const path = join(folder.path, 'file');
  writeFileSync(path, someBytes(8192));
  const map = mapFile(path);
  const { buffer } = map.bytes as { buffer: ArrayBuffer & { transfer?: () => ArrayBuffer } };
  const moved = buffer.transfer?.();
  if (moved !== undefined) expect(() => map.bytes).toThrow(expect.objectContaining({ code: 'MILLRACE_DETACHED' }));
  map.close();
  // Zeros took the file's place: the address is never unmapped.
  if (moved !== undefined) expect(new Uint8Array(moved).every((byte) => byte === 0)).toBe(true);
  expect(buffer.byteLength).toBe(0);
});
