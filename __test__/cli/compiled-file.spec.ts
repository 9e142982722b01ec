/**
 * The command line's compiled code, kept between starts. Not how long a start takes: that is
 * measured (docs/decisions/0002), not tested.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { requireCompiled } from '../../ts/cli/compiled-file.ts';

let folder = '';
let kept = { folder: '', kind: 'verb', short: true };

beforeEach(() => {
  vi.useFakeTimers();
  folder = mkdtempSync(join(tmpdir(), 'millrace-compiled-'));
  kept = { folder: join(folder, 'kept'), kind: 'verb', short: true };
  mkdirSync(kept.folder, { mode: 0o700 });
});

afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

/** Loads a file with this text, as a start does. */
function load(text: string): unknown {
  const file = join(folder, 'main.js');
  writeFileSync(file, text);
  return requireCompiled(file, kept, createRequire(file));
}

/** The same, and the two seconds after which its code is kept; gives the place of the code. */
function loadAndKeep(text: string): string {
  load(text);
  vi.advanceTimersByTime(2_000);
  return join(kept.folder, readdirSync(kept.folder)[0] ?? 'nothing was kept');
}

test('a file is given its exports, its folder and a require of its own', () => {
  writeFileSync(join(folder, 'beside.json'), '[1]');
  const loaded = load(
    'exports.all = [require("./beside.json")[0], __filename, __dirname, module.exports === exports];',
  );
  expect(loaded).toEqual({ all: [1, join(folder, 'main.js'), folder, true] });
});

test('letters beyond ASCII stay what they are', () => {
  expect(load('exports.letter = "é\u{1f980}";')).toEqual({ letter: 'é\u{1f980}' });
});

/** The place of the code of `text`, which was never compiled here, when the code of `other` lies at `place`. */
function placeOf(text: string, other: string, place: string): string {
  const digest = (source: string): string => createHash('sha256').update(source).digest('hex').slice(0, 32);
  expect(place).toContain(digest(other));
  return place.replace(digest(other), digest(text));
}

const one = 'exports.number = (() => 1)();';
const two = 'exports.number = (() => 2)();';

test('code that is kept is what runs at the next start: that of other bytes of the same length shows it', () => {
  const place = loadAndKeep(one);
  renameSync(place, placeOf(two, one, place));
  expect(load(two)).toEqual({ number: 1 });
});

test('a file that has changed has no code yet, and the code of the old one goes', () => {
  loadAndKeep('exports.number = 1;');
  expect(load('exports.number = 2;')).toEqual({ number: 2 });
  loadAndKeep('exports.number = 2;');
  expect(readdirSync(kept.folder)).toHaveLength(1);
});

test('code with a flipped byte is not used, and kept anew', () => {
  const place = placeOf(two, one, loadAndKeep(one));
  const foreign = readFileSync(loadAndKeep(one));
  for (let at = 0; at < foreign.length; at += 7) {
    const flipped = Buffer.from(foreign);
    flipped[at] = (flipped[at] ?? 0) ^ 0x10;
    writeFileSync(place, flipped);
    expect(load(two)).toEqual({ number: 2 });
    vi.advanceTimersByTime(2_000);
    expect(readFileSync(place).equals(flipped)).toBe(false);
  }
});

test.each([0o770, 0o707])('a folder that others may write to (mode %o) is neither read nor written', (mode) => {
  const first = loadAndKeep(one);
  const place = placeOf(two, one, first);
  renameSync(first, place);
  chmodSync(kept.folder, mode);
  expect(load(two)).toEqual({ number: 2 });
  const foreign = readFileSync(place);
  vi.advanceTimersByTime(2_000);
  expect(readFileSync(place).equals(foreign)).toBe(true);
});

test('what a start needed is kept for its kind alone', () => {
  loadAndKeep('exports.number = 1;');
  kept = { ...kept, kind: 'serve' };
  loadAndKeep('exports.number = 1;');
  expect(readdirSync(kept.folder).map((name) => name.split('-')[0])).toEqual(['serve', 'verb']);
});

test('code that cannot be put in its place leaves nothing behind', () => {
  const place = loadAndKeep(one);
  rmSync(place);
  mkdirSync(join(place, 'in-the-way'), { recursive: true });
  load(one);
  vi.advanceTimersByTime(2_000);
  expect(readdirSync(kept.folder)).toEqual([basename(place)]);
});

test('where the folder cannot be made, the file runs all the same', () => {
  kept = { ...kept, folder: join(folder, 'main.js', 'below-a-file') };
  expect(load('exports.number = 3;')).toEqual({ number: 3 });
  vi.advanceTimersByTime(2_000);
});

test.each([
  [true, 1],
  [false, 0],
])('a process that ends at once keeps its code only when such are short (%s)', (short, files) => {
  kept = { ...kept, short };
  const before = new Set(process.listeners('exit'));
  load('exports.number = 4;');
  for (const listener of process.listeners('exit')) if (!before.has(listener)) listener(0);
  expect(readdirSync(kept.folder)).toHaveLength(files);
});
